"""The e-detector: what it guarantees, counted out and simulated."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import DataError
from darwin_core.graduation.climb import NEVER
from darwin_core.graduation.detector import BETS, Detector, accrue
from darwin_core.graduation.eprocess import Bounds, average

BOUNDS = Bounds(1.5, 1.0)


def alarms(blocks: np.ndarray, run_length: float = 250.0) -> np.ndarray:
    """The block of the first alarm of each run, from 1."""
    sums, first = np.zeros((len(BETS), len(blocks))), np.full(len(blocks), NEVER)
    for t in range(blocks.shape[1]):
        sums = accrue(sums, blocks[:, t], 1.0)
        first[(average(sums) >= run_length) & (first == NEVER)] = t + 1
    return first


@given(st.lists(st.floats(-2.0, 1.5), max_size=50), st.integers(0, 50))
def test_a_fold_that_stops_and_goes_on_has_the_same_bits(blocks: list[float], cut: int) -> None:
    first = Detector.of(BOUNDS, blocks[:cut])
    again = Detector(BOUNDS, 250.0, first.blocks, tuple(float(repr(each)) for each in first.sums))
    for uplift in blocks[cut:]:
        again = again.after(uplift)
    assert again == Detector.of(BOUNDS, blocks)


def test_it_is_the_recursion_of_shiryaev_and_roberts() -> None:
    sums = [0.0] * len(BETS)
    for uplift in (0.3, -0.8, 1.0, -0.1):
        sums = [(m + 1.0) * (1.0 - bet * uplift) for m, bet in zip(sums, BETS, strict=True)]
    assert Detector.of(BOUNDS, [0.3, -0.8, 2.5, -0.1]).sums == pytest.approx(sums, rel=1e-12)


@pytest.mark.parametrize("down", [-1.0, -0.25])
def test_without_a_change_its_expectation_grows_by_one_a_block_counted_over_all_paths(down: float) -> None:
    chance_up = -down / (1.0 - down)
    expected = 0.0
    for path in product([down, 1.0], repeat=8):
        ups = sum(each == 1.0 for each in path)
        expected += chance_up**ups * (1.0 - chance_up) ** (8 - ups) * Detector.of(BOUNDS, path).value
    assert expected == pytest.approx(8.0, abs=1e-9)


def test_false_alarms_take_at_least_the_run_length_on_average_and_come_no_sooner_than_promised() -> None:
    rng = np.random.default_rng(8)
    first = alarms(np.where(rng.random((400, 1500)) < 1 / 3, 1.0, -0.5))  # mean 0
    # Runs that were never disturbed count as 1500: the true average is higher still.
    length = np.minimum(first, 1500)
    assert length.mean() - 3.0 * length.std() / np.sqrt(len(first)) > 200.0
    assert length.mean() >= 250.0
    for n in (25, 50, 100):
        assert (first <= n).mean() <= n / 250.0


def test_harm_is_found_and_a_healthy_agent_is_left_alone() -> None:
    noise = np.random.default_rng(9).uniform(-0.5, 0.5, (100, 400))
    assert np.median(alarms(noise - 0.2)) < 40
    assert (alarms(noise + 0.1) == NEVER).all()
    assert (alarms(noise - 0.1) < NEVER).all()


def test_an_uplift_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="block 1"):
        Detector(BOUNDS).after(float("nan"))


def test_a_run_length_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="run_length"):
        Detector(BOUNDS, 0.5)
