"""No row knows anything of the window after it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import DataError
from darwin_core.training.splitting import split

DAY = 86_400 * 10**9


def rows(seed: int, count: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(0, 4000, count)) * DAY
    return time, time + rng.integers(1, longest + 1, count) * DAY


@given(seed=st.integers(0, 10_000), count=st.integers(800, 1500), longest=st.integers(1, 60))
def test_windows_are_apart_by_the_longest_holding_time_and_share_no_row(seed: int, count: int, longest: int) -> None:
    time, resolved = rows(seed, count, longest)
    found = split(time, resolved)
    first, second = found.boundaries
    assert not (found.train & found.validation).any()
    assert not ((found.train | found.validation) & found.test).any()
    assert resolved[found.train].max() < first
    assert resolved[found.validation].max() < second
    assert found.embargo == (resolved - time)[found.train].max()
    assert time[found.validation].min() >= first + found.embargo
    assert time[found.test].min() >= second + found.embargo


@given(seed=st.integers(0, 10_000))
def test_the_split_does_not_depend_on_how_long_later_positions_were_held(seed: int) -> None:
    time, resolved = rows(seed, 1000, 30)
    found = split(time, resolved)
    late = time >= found.boundaries[1]
    changed = np.where(late, resolved + 5 * DAY, resolved)
    again = split(time, changed)
    assert again.boundaries == found.boundaries
    assert again.embargo == found.embargo
    assert np.array_equal(again.train, found.train)
    assert np.array_equal(again.validation, found.validation)


def test_positions_that_are_held_too_long_for_the_data_are_refused_with_what_is_left() -> None:
    time, resolved = rows(1, 1000, 30)
    resolved[0] = time[0] + 900 * DAY
    with pytest.raises(DataError, match=r"the validation window is left with 0 of 1,000 rows.*held 900.0 days"):
        split(time, resolved)


def test_the_facts_count_every_row_once() -> None:
    time, resolved = rows(2, 1000, 10)
    facts = split(time, resolved).facts(time, resolved)
    assert sum(facts[name]["rows"] for name in ("train", "validation", "test")) + facts["left_out"] == 1000
