"""The confidence sequence says the same as the e-value, and covers at all times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import DataError
from darwin_core.graduation.eprocess import BETS, Bounds, Evidence
from darwin_core.graduation.sequence import interval, lower

BOUNDS = Bounds(1.5, 1.0)
BLOCKS = st.lists(st.floats(-1.4, 1.5), min_size=1, max_size=60).map(np.array)


@given(BLOCKS)
def test_the_lower_end_is_above_zero_exactly_when_the_e_value_has_reached_one_over_alpha(blocks: np.ndarray) -> None:
    evidence = Evidence.of(BOUNDS, blocks.tolist())
    if abs(evidence.e_value / 20.0 - 1.0) > 1e-9:
        assert (lower(blocks, BOUNDS, 0.05) > 0.0) == (evidence.e_value >= 20.0)


@given(BLOCKS)
def test_the_lower_end_is_the_largest_refused_mean_of_a_plain_search(blocks: np.ndarray) -> None:
    candidates = np.linspace(-1.5, 1.0, 251)[1:-1]
    gains = (np.minimum(blocks, 1.0)[None, :] - candidates[:, None]) / (1.5 + candidates[:, None])
    capital = (1.0 + BETS[:, None, None] * gains[None]).prod(axis=2).mean(axis=0)
    refused = candidates[capital >= 20.0]
    assert lower(blocks, BOUNDS, 0.05) == pytest.approx(refused[-1] if len(refused) else -1.5, abs=0.0101)


@given(BLOCKS)
def test_both_ends_mirror_each_other_and_lie_within_the_bounds(blocks: np.ndarray) -> None:
    low, high = interval(blocks, BOUNDS, 0.1)
    other = interval(-np.minimum(blocks, 1.0), Bounds(1.0, 1.5), 0.1)
    assert (low, high) == (-other[1], -other[0])
    assert -1.5 <= low <= high <= 1.0


def test_a_stricter_level_is_wider_and_more_blocks_are_narrower() -> None:
    blocks = np.random.default_rng(4).uniform(-0.5, 0.7, 300)
    wide, narrow = interval(blocks, BOUNDS, 0.01), interval(blocks, BOUNDS, 0.05)
    early = interval(blocks[:40], BOUNDS, 0.05)
    assert wide[0] < narrow[0] < blocks.mean() < narrow[1] < wide[1]
    assert early[0] < narrow[0] < narrow[1] < early[1]


def test_nothing_is_known_before_the_first_block() -> None:
    assert interval(np.empty(0), BOUNDS, 0.05) == (-1.5, 1.0)


@pytest.mark.parametrize("wrong", [-1.6, float("nan"), float("inf")])
def test_a_block_that_breaks_the_declaration_is_refused(wrong: float) -> None:
    with pytest.raises(DataError, match="block 3"):
        lower(np.array([0.1, 0.2, wrong, 0.3]), BOUNDS, 0.05)


def test_the_sequence_holds_the_true_mean_at_all_times_at_once() -> None:
    rng = np.random.default_rng(11)
    missed = 0
    for _ in range(100):
        blocks = np.where(rng.random(120) < 0.4, 0.7, -0.4)  # mean 0.04
        ends = [interval(blocks[:n], BOUNDS, 0.1) for n in range(10, 121, 10)]
        missed += any(not low <= 0.04 <= high for low, high in ends)
    assert missed <= 10
