"""The ladder: its steps, its budget, and its twin over arrays."""

from __future__ import annotations

import numpy as np
import pytest

from darwin_core import ConfigError
from darwin_core.graduation.climb import climb
from darwin_core.graduation.eprocess import Bounds
from darwin_core.graduation.rule import Ladder, Step, Terms, share

BOUNDS = Bounds(1.0, 1.0)
STAGES = ("observe", "canary", "active")


def good(number: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).uniform(0.2, 0.9, number).tolist()


def climbed(stage: str) -> Ladder:
    ladder = Ladder(BOUNDS)
    for uplift in good(200):
        ladder = ladder.after(uplift)
        step = ladder.step(True)
        if step:
            ladder = ladder.moved(step)
        if ladder.stage == stage:
            return ladder
    raise AssertionError(stage)


def test_the_shares_of_endless_attempts_never_sum_to_more_than_one() -> None:
    shares = [share(k) for k in range(1, 100_001)]
    assert 0.99999 < sum(shares) < 1.0
    assert shares == sorted(shares, reverse=True)


def test_the_first_promotion_wants_twenty_blocks_and_the_second_five_more() -> None:
    ladder, stages = Ladder(BOUNDS), []
    for uplift in good(60):
        ladder = ladder.after(uplift)
        step = ladder.step(True)
        ladder = ladder.moved(step) if step else ladder
        stages.append(ladder.stage)
    assert stages.index("canary") == 19
    assert stages.index("active") == 24
    assert ladder.attempt == 1


def test_a_promotion_wants_every_criterion_met_and_evidence_that_is_still_there() -> None:
    ladder = Ladder(BOUNDS)
    for uplift in good(40):
        ladder = ladder.after(uplift)
    assert ladder.step(False) is None
    assert ladder.step(True) is not None
    for _ in range(40):
        ladder = ladder.after(-0.4)
    assert ladder.evidence.peak >= ladder.wanted  # it was there once
    assert ladder.step(True) is None


def promoted(blocks: np.ndarray, retrained: int) -> np.ndarray:
    paths = climb(blocks, BOUNDS, Terms(), np.ones(blocks.shape, np.bool_), retrained)
    return paths.canary < blocks.shape[1] + 1


def test_retraining_for_ever_buys_no_promotion_which_it_would_without_the_budget() -> None:
    # As rough as the bounds allow, so that nothing is lost to caution.
    blocks = np.where(np.random.default_rng(2).random((300, 1800)) < 0.5, 1.0, -1.0)
    assert promoted(blocks, retrained=60).mean() < 0.05
    each_as_the_first = promoted(blocks.reshape(300 * 30, 60), retrained=10**9).reshape(300, 30)
    assert each_as_the_first.any(axis=1).mean() > 0.1


def test_each_attempt_wants_more_evidence_than_the_one_before() -> None:
    first = Ladder(BOUNDS)
    assert first.wanted == pytest.approx(20.0 * np.pi**2 / 6.0)
    assert first.again().wanted == pytest.approx(4.0 * first.wanted)
    assert first.again().again().wanted == pytest.approx(9.0 * first.wanted)
    assert climbed("canary").wanted == pytest.approx(100.0 * np.pi**2 / 6.0)


@pytest.mark.parametrize("stage", ["canary", "active"])
def test_the_detector_demotes_whatever_the_criteria_say_and_a_fresh_start_costs_an_attempt(stage: str) -> None:
    ladder = climbed(stage)
    for _ in range(100):
        ladder = ladder.after(-0.5)
        step = ladder.step(False)
        if step:
            break
    assert step is not None
    assert (step.before, step.after) == (stage, "observe")
    assert "detector" in step.why
    assert ladder.moved(step) == Ladder(BOUNDS, attempt=2)


@pytest.mark.parametrize("stage", ["canary", "active"])
def test_a_block_below_the_floor_demotes_at_once(stage: str) -> None:
    step = climbed(stage).after(-1.01).step(True)
    assert step is not None
    assert step.after == "observe"
    assert "below the declared floor" in step.why


def test_void_evidence_never_promotes_and_says_what_to_do() -> None:
    ladder = Ladder(BOUNDS).after(-1.5)
    for uplift in good(200):
        ladder = ladder.after(uplift)
        assert ladder.step(True) is None
    assert ladder.waits()[0].startswith(
        "block 1 fell below the declared floor of -1, which voids the evidence: declare a wider"
    )


def test_blocks_that_foretell_one_another_keep_an_agent_where_it_is() -> None:
    ladder = Ladder(BOUNDS)
    for number in range(60):
        ladder = ladder.after(0.6 if number // 10 % 2 else 0.1)
    assert ladder.evidence.e_value > 1e4
    assert ladder.step(True) is None
    assert any("longer than the holding times" in each for each in ladder.waits())


def test_an_observing_agent_is_not_watched_and_a_promoted_one_starts_its_watch_fresh() -> None:
    ladder = climbed("canary")
    assert ladder.detector.blocks == 0
    assert ladder.after(-0.3).detector.blocks == 1


def test_a_step_from_another_stage_is_refused() -> None:
    with pytest.raises(ConfigError, match="the agent is in observe"):
        Ladder(BOUNDS).moved(Step("canary", "active", "because"))


@pytest.mark.parametrize("wrong", [{"canary": 0.0}, {"active": 1.0}, {"least_blocks": 19}, {"run_length": 0.0}])
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Terms(**wrong)  # type: ignore[arg-type]


def test_many_ladders_over_arrays_take_the_same_steps_as_each_ladder_alone() -> None:
    rng = np.random.default_rng(21)
    runs, days = 40, 220
    drift = np.repeat(rng.choice([-0.3, 0.0, 0.15, 0.3], (runs, 4)), days // 4, axis=1)
    blocks = drift + rng.uniform(-0.65, 0.8, (runs, days)) + np.where(rng.random((runs, days)) < 0.004, -1.5, 0.0)
    ready = rng.random((runs, days)) < 0.9
    retrained = 70
    paths = climb(blocks, BOUNDS, Terms(), ready, retrained)
    seen = set()
    for run in range(runs):
        ladder = Ladder(BOUNDS)
        for day in range(days):
            ladder = ladder.after(float(blocks[run, day]))
            step = ladder.step(bool(ready[run, day]))
            if step:
                seen.add((step.before, step.after, "floor" in step.why))
                ladder = ladder.moved(step)
            elif ladder.stage == "observe" and ladder.evidence.blocks >= retrained:
                ladder = ladder.again()
            assert STAGES[paths.stage[run, day]] == ladder.stage
        assert paths.attempt[run] == ladder.attempt
    assert seen >= {("observe", "canary", False), ("canary", "active", False), ("active", "observe", False)}
    assert any(floor for _, _, floor in seen)
    assert paths.attempt.max() >= 3
