"""What every trainer owes: the contract, the same bytes from the same seed, and nothing left behind."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
from darwin_onnx.backend import OnnxBackend
from darwin_trainers import make_trainers

from darwin_core import Trainer, TrainingPlan

NAMES = sorted(make_trainers())


def learn(name: str, lesson, **more):
    told: list[tuple[int, int]] = []
    plan = TrainingPlan(steps=more.pop("steps", 8192), eval_every=4096, seed=more.pop("seed", 1), **more)
    return make_trainers()[name].train(lesson, plan, lambda done, total: told.append((done, total))), told


def test_the_names_are_those_that_the_command_line_knows() -> None:
    assert NAMES == ["ppo", "regression"]
    assert all(isinstance(each, Trainer) for each in make_trainers().values())


def test_asking_for_the_trainers_imports_nothing_heavy() -> None:
    code = "import sys, darwin_trainers; darwin_trainers.make_trainers(); print({'torch', 'stable_baselines3', 'onnx', 'gymnasium'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_runs_on_the_backend_that_serves_and_finds_a_planted_edge(name, lesson) -> None:
    given = lesson()
    made, told = learn(name, given)
    model = OnnxBackend().load(made.policy)  # proves that rows do not depend on their batch
    assert (model.inputs, model.outputs) == (4, 2)
    chosen = model.predict(given.validation.observations).argmax(axis=1)
    gain = given.validation.rewards[np.arange(len(chosen)), chosen] - given.validation.rewards[:, 1]
    assert gain.mean() > 0.1
    assert told[-1][0] == told[-1][1]
    assert {"numpy", "onnx", "darwin-trainers"} <= set(made.libraries)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name, lesson) -> None:
    first, _ = learn(name, lesson())
    again, _ = learn(name, lesson())
    other, _ = learn(name, lesson(), seed=2)
    assert first.policy == again.policy
    assert dict(first.details) == dict(again.details)
    assert first.policy != other.policy


@pytest.mark.parametrize("name", NAMES)
def test_global_randomness_and_threads_are_left_as_they_were(name, lesson) -> None:
    import torch

    shared = np.random.get_state
    before = random.getstate(), repr(shared()), torch.get_rng_state(), torch.get_num_threads()
    learn(name, lesson())
    assert random.getstate() == before[0]
    assert repr(shared()) == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.get_num_threads() == before[3]


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_not_written_to(name, lesson) -> None:
    given = lesson(masked=True)
    kept = [given.train.observations.copy(), given.train.rewards.copy(), given.train.allowed.copy()]
    learn(name, given)
    for before, now in zip(kept, (given.train.observations, given.train.rewards, given.train.allowed), strict=True):
        assert np.array_equal(before, now)
