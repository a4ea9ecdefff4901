"""Where an agent stands, and how long it may take."""

from __future__ import annotations

import numpy as np
import pytest

from darwin_core.graduation import criteria
from darwin_core.graduation.eprocess import Bounds, Evidence
from darwin_core.graduation.facts import Facts, GateFacts, day_blocks
from darwin_core.graduation.rule import Ladder
from darwin_core.graduation.standing import Standing, blocks_more, stand

BOUNDS = Bounds(1.5, 1.0)


def made(days: int, edge: float = 0.2, skip_one_in: int = 4, seed: int = 5) -> GateFacts:
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days) + 20_000, 8)
    skipped = np.arange(len(day)) % skip_one_in == 0
    outcome = np.where(skipped, -1.0, rng.choice([-1.0, 2.0], len(day)))
    noise = rng.uniform(-0.4, 0.4, len(day))
    return GateFacts(day, edge + noise, skipped, outcome)


def standing(facts: Facts, wanted: tuple[object, ...] = criteria.GATE) -> Standing:
    _, blocks = day_blocks(facts.day, facts.uplift, 30_000)
    ladder = Ladder(BOUNDS)
    for uplift in blocks.tolist():
        ladder = ladder.after(uplift)
    return stand(ladder, blocks, facts, wanted)  # type: ignore[arg-type]


def test_an_agent_with_everything_has_nothing_missing_and_a_step_due() -> None:
    now = standing(made(60))
    assert now.missing == ()
    assert now.days == 0.0
    assert now.step is not None
    assert now.step.after == "canary"
    assert now.low < 0.2 < now.high
    assert [each.met for each in now.findings] == [True] * 5


def test_the_estimate_of_days_comes_true_for_an_agent_that_goes_on_as_it_was() -> None:
    early = standing(made(15))
    assert early.step is None
    assert any("15 of at least 20 blocks" in each for each in early.missing)
    assert any("evidence of" in each for each in early.missing)
    assert early.days is not None
    assert standing(made(15 + round(early.days * 0.5))).step is None
    assert standing(made(15 + round(early.days * 1.5))).step is not None


def test_a_rate_on_the_wrong_side_is_not_a_matter_of_days() -> None:
    now = standing(made(60, skip_one_in=8))
    assert now.step is None
    assert now.days is None
    assert now.missing == ("12.5% of the calls are saved, 20% to 40% are wanted",)


def test_without_an_edge_no_number_of_days_is_promised() -> None:
    now = standing(made(60, edge=-0.05))
    assert now.days is None
    assert now.e_value < 1.0
    assert now.p_value <= 1.0


def test_a_new_agent_lacks_everything_and_nothing_fails() -> None:
    empty = np.empty(0)
    facts = GateFacts(np.empty(0, np.int64), empty, np.empty(0, np.bool_), empty)
    now = standing(facts)
    assert now.days is None
    assert len(now.missing) == 6
    assert (now.low, now.high) == (-1.5, 1.0)


def test_void_evidence_has_no_interval_and_no_estimate() -> None:
    facts = made(30)
    facts.uplift[:8] = -1.6
    now = standing(facts)
    assert np.isnan(now.low)
    assert now.days is None
    assert now.p_value == 1.0
    assert any("voids the evidence" in each for each in now.missing)


def test_an_active_agent_is_told_about_its_watch_and_lacks_nothing() -> None:
    facts = made(120)
    _, blocks = day_blocks(facts.day, facts.uplift, 30_000)
    ladder = Ladder(BOUNDS)
    for uplift in blocks.tolist():
        ladder = ladder.after(uplift)
        step = ladder.step(True)
        ladder = ladder.moved(step) if step else ladder
    now = stand(ladder, blocks, facts, criteria.GATE)
    assert now.stage == "active"
    assert now.missing == ()
    assert now.days == 0.0
    assert 0.0 < now.detector < now.alarm == 250.0


def test_the_estimate_counts_the_days_on_which_nothing_is_decided() -> None:
    daily = made(15)
    sparse = GateFacts((daily.day - 20_000) * 4 + 20_000, daily.uplift, daily.skipped, daily.outcome)
    every_day, every_fourth = standing(daily).days, standing(sparse).days
    assert every_day is not None
    assert every_fourth == pytest.approx(every_day * 57 / 15)


def test_blocks_that_resemble_one_another_take_longer() -> None:
    rng = np.random.default_rng(7)
    chained = 0.1 + np.convolve(rng.uniform(-0.5, 0.5, 41), [0.7, 0.3], "valid")
    evidence = Evidence.of(BOUNDS, chained.tolist())
    assert evidence.ratio > 1.1
    assert not evidence.dependent
    more = blocks_more(evidence, chained, 1e4)
    assert more is not None
    assert more == blocks_more(Evidence(BOUNDS, 19, evidence.wealth), chained, 1e4**evidence.ratio)
    assert more > (blocks_more(Evidence(BOUNDS, 19, evidence.wealth), chained, 1e4) or 0)


@pytest.mark.parametrize("uplift", [0.05, 0.2, 0.6])
def test_more_blocks_are_exact_for_blocks_that_are_all_the_same(uplift: float) -> None:
    evidence = Evidence.of(BOUNDS, [uplift] * 8)
    more = blocks_more(evidence, np.full(8, uplift), 1e6)
    assert more is not None
    assert Evidence.of(BOUNDS, [uplift] * (8 + more)).e_value >= 1e6 * (1 - 1e-9)
    assert Evidence.of(BOUNDS, [uplift] * (8 + more - 1)).e_value < 1e6


def test_too_few_blocks_say_nothing_about_the_pace() -> None:
    assert blocks_more(Evidence.of(BOUNDS, [0.5] * 4), np.full(4, 0.5), 100.0) is None
    assert blocks_more(Evidence.of(BOUNDS, [0.5] * 5), np.full(5, 0.5), 1.0) == 0
