"""Nothing that came later is in what was learnt earlier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from darwin_core import TrainingPlan
from darwin_core.plugins import Plugins
from darwin_core.store import Store
from darwin_core.training import plugged
from darwin_core.training.examples import Collected, collect
from darwin_core.training.splitting import split
from darwin_core.training.task import Examples
from darwin_core.training.teaching import Caps, teach


@pytest.fixture
def teaching(home):
    home.write()
    run = home.record()
    plugins = Plugins(home.folder)
    task = plugged.task_of(plugins, "gate", {})
    trainers = plugged.trainers_of(plugins, "trainers")
    backend = plugged.backend_of(plugins, "onnx")
    store = Store(run.folder.parent)
    collected = collect([store.get("last")], home.deployment, task, ("signal", "change(1)"), "gate")

    def learn(examples: Examples, trainer: str, folder: str):
        plans = {name: TrainingPlan(8000, 4000, 0) for name in trainers}
        given = Collected(examples, collected.candidates, collected.left_out, collected.origins)
        return teach(
            task, given, trainers, trainer, plans, backend, Caps(), home.folder / folder, ("x",), lambda *_: None
        )

    return collected.examples, learn


def shuffled(examples: Examples, rows: np.ndarray) -> Examples:
    outcome = examples.outcome.copy()
    outcome[rows] = np.random.default_rng(0).permutation(outcome[rows])
    return Examples(
        examples.names, examples.values, examples.time, examples.resolved, examples.symbol, outcome, examples.expert
    )


@pytest.mark.parametrize("trainer", ["regression", "ppo"])
def test_outcomes_after_the_test_boundary_change_nothing_but_the_verdict(teaching, trainer) -> None:
    examples, learn = teaching
    boundary = split(examples.time, examples.resolved).boundaries[1]
    one = learn(examples, trainer, "one")
    other = learn(shuffled(examples, examples.resolved >= boundary), trainer, "other")
    assert one.chosen.trained.policy == other.chosen.trained.policy
    assert one.chosen.threshold == other.chosen.threshold
    assert one.chosen.validation == other.chosen.validation
    assert one.schema.digest == other.schema.digest
    assert one.beats
    assert not other.beats
    assert other.test["uplift_r"] < one.test["uplift_r"] - 0.03


def test_outcomes_after_the_training_window_change_nothing_in_a_regression(teaching) -> None:
    examples, learn = teaching
    boundary = split(examples.time, examples.resolved).boundaries[0]
    one = learn(examples, "regression", "one")
    other = learn(shuffled(examples, examples.resolved >= boundary), "regression", "other")
    assert one.chosen.trained.policy == other.chosen.trained.policy


def test_observations_after_the_training_window_do_not_move_the_normalisation(teaching) -> None:
    examples, learn = teaching
    found = split(examples.time, examples.resolved)
    values = np.where(found.train[:, None], examples.values, examples.values * 3.0 + 1.0)
    changed = Examples(
        examples.names, values, examples.time, examples.resolved, examples.symbol, examples.outcome, examples.expert
    )
    assert learn(examples, "regression", "one").schema.digest == learn(changed, "regression", "other").schema.digest


def test_examples_are_ordered_by_when_their_outcome_was_known(teaching) -> None:
    examples, _ = teaching
    assert (np.diff(examples.resolved) >= 0).all()
    assert (examples.resolved > examples.time).all()


def test_a_task_of_another_kind_gets_other_rewards(teaching) -> None:
    examples, _ = teaching
    task = plugged.task_of(Plugins(Path()), "gate", {"cost": 0.25})
    free = evolve(task, cost=0.0)
    assert np.allclose(free.rewards(examples)[:, 1] - task.rewards(examples)[:, 1], 0.25)
    assert (task.rewards(examples)[:, 0] == 0.0).all()
