"""The override limit: never more than it allows, in any window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core.graduation.overrides import Overrides

WISHES = st.lists(st.booleans(), max_size=200)


@given(WISHES, st.floats(0.0, 1.0), st.integers(1, 40))
def test_never_more_than_the_limit_is_applied_in_any_window(wishes: list[bool], limit: float, window: int) -> None:
    start = Overrides(limit, window)
    applied, _ = start.admit(np.array(wishes, np.bool_))
    counts = np.convolve([*applied, False], np.ones(window), "full")
    assert max(counts.tolist()) <= start.most <= limit * window + 1e-6


@given(WISHES, st.floats(0.0, 1.0), st.integers(1, 40))
def test_a_departure_is_held_back_only_when_one_more_would_exceed_the_limit(
    wishes: list[bool], limit: float, window: int
) -> None:
    start = Overrides(limit, window)
    applied, _ = start.admit(np.array(wishes, np.bool_))
    for row, wish in enumerate(wishes):
        latest = applied[max(0, row - window + 1) : row].sum()
        assert applied[row] == (wish and latest + 1 <= start.most)


@given(WISHES, st.integers(0, 200))
def test_many_decisions_at_once_are_the_same_as_one_by_one(wishes: list[bool], cut: int) -> None:
    start = Overrides(0.3, 10)
    whole, end = start.admit(np.array(wishes, np.bool_))
    first, middle = start.admit(np.array(wishes[:cut], np.bool_))
    second, last = middle.admit(np.array(wishes[cut:], np.bool_))
    assert np.concatenate([first, second]).tolist() == whole.tolist()
    assert last == end


def test_a_fifth_of_a_hundred_is_twenty_and_the_rest_waits_until_they_have_passed() -> None:
    applied, state = Overrides().admit(np.ones(150, np.bool_))
    assert np.flatnonzero(applied).tolist() == [*range(20), *range(100, 120)]
    assert state.wanted_rate == 1.0


@pytest.mark.parametrize(("limit", "most"), [(0.29, 29), (0.2, 20), (0.999, 99), (0.0, 0), (1.0, 100)])
def test_the_limit_is_counted_in_whole_departures(limit: float, most: int) -> None:
    assert Overrides(limit, 100).most == most


def test_the_rate_is_unknown_until_the_window_is_full_and_after_it_was_begun_anew() -> None:
    state = Overrides(0.25, 4)
    for departs in (False, True, True):
        state = state.after(departs)
        assert state.wanted_rate is None
    state = state.after(True)
    assert state.wanted_rate == 0.75
    assert state.anew().wanted_rate is None
    assert not state.anew().allows()  # what was applied is not forgotten


@pytest.mark.parametrize("wrong", [{"limit": 1.1}, {"limit": -0.1}, {"window": 0}])
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Overrides(**wrong)  # type: ignore[arg-type]
