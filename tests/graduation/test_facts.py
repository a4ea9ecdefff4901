"""Blocks of days: complete, in order, at fixed places."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import DataError
from darwin_core.graduation.facts import Facts, GateFacts, MetaFacts, PortfolioFacts, day_blocks

NAN = float("nan")


def test_a_block_is_the_mean_of_its_decisions_and_empty_days_are_left_out() -> None:
    starts, means = day_blocks(np.array([10, 10, 12, 13]), np.array([0.5, -0.1, 0.3, 0.9]), today=13)
    assert starts.tolist() == [10, 12]
    assert means.tolist() == [0.2, 0.3]


def test_blocks_stop_at_the_first_unresolved_decision_though_later_ones_have_resolved() -> None:
    starts, _ = day_blocks(np.array([1, 2, 2, 3]), np.array([0.1, 0.2, NAN, 0.4]), today=9)
    assert starts.tolist() == [1]


def test_a_week_runs_from_monday_to_sunday_and_counts_once_it_is_over() -> None:
    monday = (dt.date(2024, 3, 4) - dt.date(1970, 1, 1)).days
    day = np.array([monday - 1, monday, monday + 6, monday + 7])
    uplift = np.array([0.1, 0.2, 0.4, 0.8])
    starts, means = day_blocks(day, uplift, monday + 8, 7)
    assert starts.tolist() == [monday - 7, monday]
    assert means == pytest.approx([0.1, 0.3])
    assert len(day_blocks(day, uplift, monday + 6, 7)[0]) == 1


def test_no_decisions_are_no_blocks() -> None:
    assert [len(each) for each in day_blocks(np.empty(0, np.int64), np.empty(0), 5)] == [0, 0]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.one_of(st.just(NAN), st.floats(-3, 1))), max_size=40).map(sorted),
    st.integers(0, 45),
    st.sampled_from([1, 5, 7]),
)
def test_what_was_a_block_stays_that_block_as_days_go_by(
    rows: list[tuple[int, float]], today: int, length: int
) -> None:
    day = np.array([each[0] for each in rows], np.int64)
    uplift = np.array([each[1] for each in rows])
    known = day < today
    early, late = day_blocks(day[known], uplift[known], today, length), day_blocks(day, uplift, 60, length)
    for before, after in zip(early, late, strict=True):
        assert before.tolist() == after[: len(before)].tolist()


def test_facts_that_do_not_fit_together_are_refused_with_what_is_wrong() -> None:
    day, two = np.array([1, 2]), np.zeros(2)
    with pytest.raises(DataError, match="row 1 is of an earlier day"):
        Facts(day[::-1], two)
    with pytest.raises(DataError, match=r"uplift has \(3,\) rows"):
        Facts(day, np.zeros(3))
    with pytest.raises(DataError, match="row 1 is infinite"):
        Facts(day, np.array([0.0, np.inf]))
    with pytest.raises(DataError, match="skipped has"):
        GateFacts(day, two, np.zeros(1, np.bool_), two)
    with pytest.raises(DataError, match="overridden has"):
        MetaFacts(day, two, np.zeros(3, np.bool_))
    with pytest.raises(DataError, match="1 daily returns beside 2"):
        PortfolioFacts(day, two, np.zeros(1), np.zeros(2))
    with pytest.raises(DataError, match="not a finite number"):
        PortfolioFacts(day, two, np.array([0.0, NAN]), np.zeros(2))
