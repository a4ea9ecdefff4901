"""Evidence by betting: exact where it can be counted out, bit for bit where it is folded."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import DataError
from darwin_core.graduation import eprocess
from darwin_core.graduation.eprocess import BETS, LAGS, Bounds, Evidence

BOUNDS = Bounds(1.5, 1.0)
BLOCKS = st.lists(st.floats(-1.5, 3.0), max_size=60)


def restored(evidence: Evidence) -> Evidence:
    """What comes back from a JSON column."""
    table = json.loads(json.dumps(asdict(evidence)))
    table["bounds"] = Bounds(**table["bounds"])
    return Evidence(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


@given(BLOCKS, st.integers(0, 60))
def test_a_run_that_stops_and_goes_on_has_the_same_bits_as_one_that_never_stopped(
    blocks: list[float], cut: int
) -> None:
    live = restored(Evidence.of(BOUNDS, blocks[:cut]))
    for uplift in blocks[cut:]:
        live = restored(live.after(uplift))
    assert live == Evidence.of(BOUNDS, blocks)


@given(st.lists(st.lists(st.floats(-1.5, 1.0), min_size=3, max_size=3), min_size=1, max_size=30))
def test_one_run_and_the_same_run_among_others_have_the_same_bits(rows: list[list[float]]) -> None:
    blocks = np.array(rows)
    wealth, products, recent = np.ones((len(BETS), 3)), np.zeros((LAGS + 1, 3)), np.zeros((LAGS, 3))
    for row in blocks:
        wealth = eprocess.grow(wealth, row, BOUNDS.floor)
        products, recent = eprocess.multiply_up(products, recent, row)
    for run in range(3):
        alone = Evidence.of(BOUNDS, blocks[:, run].tolist())
        assert alone.wealth == tuple(wealth[:, run])
        assert alone.products == tuple(products[:, run])
        assert alone.recent == tuple(recent[:, run])
        assert alone.e_value == eprocess.average(wealth)[run]


@pytest.mark.parametrize(("down", "up"), [(-1.5, 1.0), (-1.5, 0.1), (-0.2, 1.0), (-0.5, 0.5)])
def test_the_expected_e_value_without_an_edge_is_one_counted_over_all_paths(down: float, up: float) -> None:
    chance_up = -down / (up - down)
    expected = 0.0
    for path in product([down, up], repeat=8):
        ups = sum(each == up for each in path)
        expected += chance_up**ups * (1 - chance_up) ** (8 - ups) * Evidence.of(BOUNDS, path).e_value
    assert expected == pytest.approx(1.0, abs=1e-12)


def test_the_chance_of_ever_reaching_one_over_alpha_is_below_alpha_counted_over_all_paths() -> None:
    crossed = sum(Evidence.of(Bounds(1.0, 1.0), path).peak >= 4.0 for path in product([-1.0, 1.0], repeat=12))
    assert 0 < crossed / 2**12 <= 0.25


@given(BLOCKS)
def test_the_p_value_is_one_over_the_highest_e_value_so_far_and_never_rises(blocks: list[float]) -> None:
    evidence, highest, before = Evidence(BOUNDS), 1.0, 1.0
    for uplift in blocks:
        evidence = evidence.after(uplift)
        highest = max(highest, evidence.e_value)
        assert evidence.p_value == min(1.0, 1.0 / highest) <= before
        before = evidence.p_value


def test_what_is_above_the_cap_counts_as_the_cap() -> None:
    assert Evidence.of(BOUNDS, [0.1, 9.0]) == Evidence.of(BOUNDS, [0.1, 1.0])


def test_a_block_below_the_floor_voids_the_evidence_for_good() -> None:
    evidence = Evidence.of(BOUNDS, [*[0.8] * 30, -1.6, *[1.0] * 200])
    assert evidence.void == 31
    assert evidence.e_value == evidence.worth == 0.0
    assert evidence.p_value == 1.0
    assert Evidence.of(BOUNDS, [*[0.8] * 30, -1.5]).void == 0


@pytest.mark.parametrize("uplift", [float("nan"), float("inf"), -float("inf")])
def test_an_uplift_that_is_no_number_is_refused(uplift: float) -> None:
    with pytest.raises(DataError, match="block 2 has an uplift of"):
        Evidence(BOUNDS).after(0.1).after(uplift)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_bounds_that_bound_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="floor"):
        Bounds(wrong, 1.0)
    with pytest.raises(ValueError, match="cap"):
        Bounds(1.0, wrong)


def test_capital_stays_finite_on_the_longest_winning_run() -> None:
    evidence = Evidence.of(Bounds(1.0, 1.0), [1.0] * 2000)
    assert max(evidence.wealth) == 1e300
    assert np.isfinite(evidence.e_value)


@given(st.lists(st.floats(-1.5, 1.0), min_size=20, max_size=60))
def test_the_long_run_variance_is_that_of_its_formula_and_discounting_never_adds(blocks: list[float]) -> None:
    evidence = Evidence.of(BOUNDS, blocks)
    x = np.array(blocks)
    n, mean = len(x), x.mean()
    variance = (x**2).mean() - mean**2
    if variance > 1e-9:
        ratio = 1.0
        for k in range(1, 5):
            covariance = (x[k:] * x[:-k]).sum() / n - mean**2 * (n - k) / n
            ratio += 2 * (1 - k / 5) * covariance / variance
        assert evidence.ratio == pytest.approx(ratio, abs=1e-5)
    assert evidence.worth <= evidence.e_value
    if evidence.ratio <= 1.0 or evidence.e_value <= 1.0:
        assert evidence.worth == evidence.e_value


def test_overlapping_blocks_are_found_dependent_and_independent_ones_are_not() -> None:
    shocks = np.random.default_rng(0).uniform(-0.3, 0.3, 204)
    overlapping = Evidence.of(BOUNDS, np.convolve(shocks, np.full(5, 0.5), "valid").tolist())
    independent = Evidence.of(BOUNDS, shocks.tolist())
    assert overlapping.dependent
    assert overlapping.ratio == pytest.approx(1 + 2 * (0.8**2 + 0.6**2 + 0.4**2 + 0.2**2), rel=0.3)
    assert not independent.dependent
    assert not Evidence.of(BOUNDS, [0.1] * 100).dependent
