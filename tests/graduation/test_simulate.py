"""How often the ladder is wrong. The short form; the full one is marked slow and prints its table."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from attrs import evolve

from darwin_core.graduation import study
from darwin_core.graduation.climb import NEVER
from darwin_core.graduation.simulate import Gate, Trial, at_most, measure, t_tests

RUNS, SEED = 300, 20_240_501
QUICK = {trial.name: evolve(trial, gate=evolve(trial.gate, days=250)) for trial in study.WORTHLESS}


@pytest.mark.parametrize("name", QUICK)
def test_a_gate_without_an_edge_is_promoted_in_fewer_than_five_percent_of_runs(name: str) -> None:
    measured = measure(QUICK[name], RUNS, SEED)
    promoted = int((measured.canary < NEVER).sum())
    # So few promotions would be a chance of less than 1 in 100 if the true rate were 5 % or more.
    assert at_most(promoted, RUNS, 0.05) < 0.01
    assert at_most(int((measured.active < NEVER).sum()), RUNS, 0.05) < 0.01


def test_the_same_gates_are_promoted_by_a_t_test_that_is_looked_at_every_day() -> None:
    independent = measure(Trial("", Gate(days=250)), RUNS, SEED)
    correlated = measure(Trial("", Gate(days=250, shared=0.6)), RUNS, SEED)
    assert (independent.t_test < NEVER).mean() > 0.2
    assert (correlated.t_test < NEVER).mean() > 0.4


def test_an_edge_is_found_the_sooner_the_larger_it_is() -> None:
    days = [measure(trial, 100, SEED).canary for trial in study.EDGES[1:]]
    medians = [float(np.median(each)) for each in days]
    assert 200 < medians[0] < 400
    assert 80 < medians[1] < 160
    assert 40 < medians[2] < 80
    assert all((each < NEVER).mean() > 0.7 for each in days)


def test_a_gate_that_turns_harmful_is_demoted_and_one_that_stays_well_is_left_alone() -> None:
    healthy, *_, bad, worse = study.DECAYS
    late, early = study.delays(measure(healthy, 100, SEED), study.CHANGE)
    assert (late == NEVER).all()
    assert early == 0.0
    medians = []
    for trial in (bad, worse):
        late, _ = study.delays(measure(trial, 100, SEED), study.CHANGE)
        assert (late < NEVER).all()
        medians.append(float(np.median(late)))
    assert medians[1] < medians[0] < 100


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    trial = study.EDGES[3]
    one, same, other = (measure(trial, 50, seed) for seed in (1, 1, 2))
    assert one.canary.tolist() == same.canary.tolist()
    assert one.canary.tolist() != other.canary.tolist()


@pytest.mark.parametrize("edge", [-0.2, 0.0, 0.045, 0.165])
def test_made_up_gates_have_the_edge_and_the_bounds_that_they_claim(edge: float) -> None:
    gate = Gate(edge=edge, shared=0.3, held=2, trade_to_trade=0.3, days=250)
    uplift = gate.uplift(np.random.default_rng(3), 200)
    error = uplift.mean(axis=(1, 2)).std() / np.sqrt(200)
    assert abs(uplift.mean() - edge) < 4 * error
    assert -3.0 <= uplift.min() < uplift.max() <= 1.0
    assert (uplift != 0).mean() == pytest.approx(0.3, abs=0.01)


def test_a_gate_whose_fates_could_not_be_made_as_claimed_is_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        Gate(day_to_day=0.3, held=2)


def test_made_up_fates_are_as_correlated_as_they_claim() -> None:
    def lags(gate: Gate) -> list[float]:
        daily = gate.uplift(np.random.default_rng(4), 200).mean(axis=2)
        return [float(np.corrcoef(daily[:, k:].ravel(), daily[:, :-k].ravel())[0, 1]) for k in (1, 4, 6)]

    assert lags(Gate(shared=0.6)) == pytest.approx([0.0, 0.0, 0.0], abs=0.02)
    held = lags(Gate(shared=0.6, held=5))
    assert held[0] > 2.5 * held[1] > 0.05
    assert held[2] == pytest.approx(0.0, abs=0.02)
    chained = lags(Gate(shared=0.6, day_to_day=0.6))
    assert chained[0] > 0.2
    assert chained[0] > 3 * chained[1] > 0.05


def test_the_binomial_bound_is_that_of_the_table() -> None:
    assert at_most(0, 100, 0.05) == pytest.approx(0.95**100)
    assert at_most(5, 100, 0.05) == pytest.approx(0.6160, abs=1e-4)
    assert at_most(100, 100, 0.05) == pytest.approx(1.0)


def test_the_t_test_looks_after_every_decision() -> None:
    uplift = np.zeros((2, 30, 10))
    uplift[0, 12:, :] = 1.0
    uplift[0, 12, 1:] = -1.0
    uplift[0, 12, 3:] = 0.0
    assert t_tests(uplift, 100).tolist() == [14, NEVER]


@pytest.mark.slow
def test_the_full_study_of_ten_thousand_runs(capsys: pytest.CaptureFixture[str]) -> None:
    measured = cache(lambda trial: measure(trial, 10_000, SEED))
    with capsys.disabled():
        for line in study.table(measured):
            print(line, flush=True)  # noqa: T201 - the table is what it is for
    for trial in study.WORTHLESS:
        canary, active = (int((each < NEVER).sum()) for each in (measured(trial).canary, measured(trial).active))
        assert at_most(canary, 10_000, 0.05) < 1e-6
        assert at_most(active, 10_000, 0.01) < 1e-6


def test_the_table_says_what_was_measured() -> None:
    lines = list(study.table(lambda trial: measure(evolve(trial, gate=evolve(trial.gate, days=260)), 4, SEED)))
    trials = (*study.WORTHLESS, *study.BEYOND, *study.EDGES, *study.DECAYS)
    assert all(any(line.startswith(trial.name) for line in lines) for trial in trials)
