"""Training: steps a second of the batched environment beside gymnasium's, and what 100,000 steps of a gate cost.

Ratios within one run, CPU time, one thread. The data is made up, with a planted edge: speed does not depend on it.
Needs `pip install -e plugins/trainers[ppo]`.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import time
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import gymnasium
import numpy as np
import torch
from darwin_trainers.environment import RecordedEnv
from darwin_trainers.ppo import Ppo
from stable_baselines3.common.vec_env import DummyVecEnv

from darwin_core import Lesson, Rows, TrainingPlan

ROWS, COLUMNS, STEPS, REPEATS = 5_000, 9, 100_000, 3


class OneCandidate(gymnasium.Env):
    """The same task as its users write it: one candidate an episode, one Python call a step."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (COLUMNS,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, rows: Rows) -> None:
        self.rows, self.rng, self.at = rows, np.random.default_rng(0), 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:  # noqa: ARG002 - gymnasium's signature
        self.at = int(self.rng.integers(ROWS))
        return self.rows.observations[self.at], {}

    def step(self, action: int) -> Any:
        reward = float(self.rows.rewards[self.at, action])
        self.at = int(self.rng.integers(ROWS))
        return self.rows.observations[self.at], reward, True, False, {}


def steps_a_second(env: Any, slots: int, calls: int) -> float:
    """Return environment steps in a CPU second, the best of some."""
    actions = np.random.default_rng(1).integers(0, 2, (64, slots))
    best = 0.0
    for _ in range(REPEATS):
        env.reset()
        started = time.process_time()
        for call in range(calls):
            env.step(actions[call % 64])
        best = max(best, slots * calls / (time.process_time() - started))
    return best


def learn(lesson: Lesson, steps: int) -> None:
    Ppo().train(lesson, TrainingPlan(steps, 10_000, 0), lambda *_: None)


def share_of_torch(lesson: Lesson) -> float:
    """Return the share of a training's time that is spent inside torch, by its own functions."""
    profile = cProfile.Profile()
    profile.enable()
    learn(lesson, STEPS)
    profile.disable()
    stats: Any = pstats.Stats(profile)
    inside = sum(
        row[2] for (file, _, name), row in stats.stats.items() if "torch" in file or "torch" in name or "Tensor" in name
    )
    return inside / stats.total_tt


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    rows = Rows(seen, np.column_stack([np.zeros(ROWS), rng.normal(size=ROWS) + 0.3 * seen[:, 0]]))
    ours = steps_a_second(RecordedEnv(rows, 256, 16, 0), 256, 2_000)
    print(f"environment steps a CPU second: darwin {ours:,.0f}")
    for slots, calls in ((8, 4_000), (256, 150)):
        theirs = steps_a_second(DummyVecEnv([lambda: OneCandidate(rows)] * slots), slots, calls)
        print(
            f"  gymnasium + DummyVecEnv({slots}) {theirs:,.0f}: darwin is {ours / theirs:.0f} times as fast (goal 20)"
        )
    lesson = Lesson(rows, Rows(rows.observations[:1_000], rows.rewards[:1_000]), 1)
    learn(lesson, 8_192)
    costs = []
    for _ in range(REPEATS):
        started = time.process_time()
        learn(lesson, STEPS)
        costs.append(time.process_time() - started)
    inside = share_of_torch(lesson)
    print(f"gate, {STEPS:,} steps: {min(costs):.2f} CPU s (goal 60), inside torch {inside:.0%} of it (goal 85 %)")


if __name__ == "__main__":
    main()
