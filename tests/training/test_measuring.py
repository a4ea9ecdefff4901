"""The table's figures, against plain loops and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import Examples
from darwin_core.cli.train import _rows as rows_of
from darwin_core.training.choosing import choose
from darwin_core.training.measuring import Judged, auc, bootstrap, curve, table, threshold_for

DAY = 86_400 * 10**9


@frozen
class TwoActions:
    actions: tuple[float, ...] = (0.0, 1.0)
    baseline: float = 1.0


def judged(seed: int, count: int = 400, knowledge: float = 1.0, a_day: int = 1) -> Judged:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(0.05, 1.0, count)
    time = np.arange(count) // a_day * DAY
    examples = Examples(
        ("x",), outcome[:, None], time, time + DAY, np.full(count, "A"), outcome, np.full(count, np.nan)
    )
    rewards = np.column_stack([np.zeros(count), outcome])
    seen = knowledge * outcome + rng.normal(0.0, 1.0, count)
    return Judged(examples, rewards, np.column_stack([np.zeros(count), seen]).astype(np.float32), None, 1)


@given(seed=st.integers(0, 1000), levels=st.integers(2, 50))
def test_auc_is_the_share_of_pairs_in_the_right_order_ties_halved(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, 60).astype(float)
    positive = rng.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive].tolist() for b in scores[~positive].tolist()]
    found = auc(scores, positive)
    assert found is None if not pairs else found == pytest.approx(np.mean(pairs))


@given(seed=st.integers(0, 1000), cap=st.floats(0.0, 1.0), winners=st.floats(0.0, 1.0))
def test_a_threshold_keeps_to_both_caps_and_no_smaller_one_does(seed: int, cap: float, winners: float) -> None:
    rows, task = judged(seed, 120), TwoActions()
    found = threshold_for(rows, task, cap, winners)

    def kept(level: float) -> bool:
        changed = choose(rows.scores, 1, level) != 1
        won = rows.examples.outcome > 0.0
        return changed.sum() <= cap * len(changed) and (changed & won).sum() <= winners * won.sum()

    assert kept(found)
    smaller = [0.0, *[lead for lead in rows.leads().tolist() if 0.0 < lead < found]]
    assert found == 0.0 or not any(kept(level) for level in smaller)


def test_the_table_counts_what_a_loop_counts() -> None:
    rows, task = judged(3), TwoActions()
    found = table(rows, task, 0.0)
    skipped = [bool(score[0] > score[1]) for score in rows.scores]
    outcome = rows.examples.outcome
    assert found["uplift_r"] == pytest.approx(
        np.mean([-r if s else 0.0 for r, s in zip(outcome, skipped, strict=True)])
    )
    assert found["changed"] == found["skipped"] == pytest.approx(np.mean(skipped))
    won = [s for r, s in zip(outcome, skipped, strict=True) if r > 0]
    assert found["winners_reduced"] == pytest.approx(np.mean(won))
    assert found["uplift_low"] < found["uplift_r"] < found["uplift_high"]
    sizes = np.array([0.0 if s else 1.0 for s in skipped]) * outcome
    assert found["sharpe_per_trade"] == pytest.approx(sizes.mean() / sizes.std())


def test_what_is_earned_stands_beside_a_worth_that_counts_variance() -> None:
    rows, task = judged(3), TwoActions()
    r = rows.examples.outcome
    costly = Judged(rows.examples, rows.rewards - 0.1 * rows.rewards**2, rows.scores, None, 1)
    plain, found = table(rows, task, 0.0), table(costly, task, 0.0)
    chosen = choose(rows.scores, 1, 0.0)
    assert found["baseline_earned_r"] == pytest.approx(r.mean())
    assert found["earned_r"] == pytest.approx(np.where(chosen == 1, r, 0.0).mean())
    assert found["policy_r"] < found["earned_r"] == plain["earned_r"] == pytest.approx(plain["policy_r"])
    assert [text for text, key, _ in rows_of([plain]) if key.endswith("_r")][:3] == [
        "baseline, R a decision", "policy, R a decision", "uplift, R a decision"
    ]  # fmt: skip
    said = {key: text for text, key, _ in rows_of([plain, found])}
    assert (said["policy_r"], said["earned_r"]) == ("policy, worth in R", "policy, R earned")


def test_a_policy_that_never_leaves_its_baseline_gains_exactly_nothing() -> None:
    found = table(judged(4), TwoActions(), 1e9)
    assert found["uplift_r"] == found["uplift_low"] == found["uplift_high"] == found["changed"] == 0.0
    assert found["sharpe_uplift"] == 0.0
    assert found["right_when_changed"] is None


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(0.3, 1.0, (80, 1))
        low, high = bootstrap(lambda s: s[:, 0] / 80, values, np.arange(80), 0.95)
        inside += low <= 0.3 <= high
    assert 0.89 <= inside / 200 <= 0.99


def test_decisions_of_one_day_count_as_one_piece_of_evidence() -> None:
    one, many = judged(5, 400, a_day=1), judged(5, 400, a_day=20)
    twins = many.examples.outcome.copy()
    twins[:] = np.repeat(twins[::20], 20)  # what happens to one happens to all of its day
    rewards = np.column_stack([np.zeros(400), twins])
    copied = Judged(many.examples, rewards, many.scores, None, 1)
    wide, narrow = table(copied, TwoActions(), 0.0), table(one, TwoActions(), 0.0)
    assert wide["blocks"] == 20
    assert wide["uplift_high"] - wide["uplift_low"] > 1.5 * (narrow["uplift_high"] - narrow["uplift_low"])


def test_too_few_blocks_give_no_interval() -> None:
    found = table(judged(6, 60, a_day=10), TwoActions(), 0.0)
    assert found["uplift_low"] is None
    assert found["uplift_r"] is not None


def test_the_trade_off_curve_rises_where_the_scores_know_and_takes_the_surest_first() -> None:
    points = curve(judged(7, 2000, knowledge=3.0), TwoActions())
    assert [round(point["changed"], 2) for point in points][:3] == [0.05, 0.1, 0.15]
    assert points[2]["uplift_r"] > points[0]["uplift_r"] > 0.0
    missed = [point["winners_reduced"] for point in points]
    assert missed == sorted(missed)
    assert missed[0] < 0.01


def test_an_action_that_is_not_allowed_is_never_chosen() -> None:
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(500, 5)).astype(np.float32)
    allowed = rng.random((500, 5)) < 0.5
    allowed[:, 2] = True
    chosen = choose(scores, 2, 0.0, allowed)
    assert allowed[np.arange(500), chosen].all()
    assert len(set(chosen.tolist())) == 5


def test_a_score_that_is_not_a_number_leaves_the_baseline() -> None:
    scores = np.array([[np.nan, 1.0], [5.0, np.nan], [5.0, 1.0]], np.float32)
    assert choose(scores, 1, 0.0).tolist() == [1, 1, 0]
