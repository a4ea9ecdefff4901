"""An agent, its task and a trainer of somebody's own, in one file."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from darwin_trainers.graph import perceptron

from darwin_core import LearnedAgent, Trained, hookimpl


@frozen
class HalfTask:
    """Half the weight, or all of it."""

    share: float = 0.5

    name = "own"
    baseline = 1.0
    against = "the whole weight"
    columns = ("signal",)
    least = (100, "candidates")
    trades_only = False
    expert = ""
    criterion = "uplift"
    most_changed = 1.0

    @property
    def actions(self):
        return (self.share, 1.0)

    def rewards(self, examples):
        return examples.outcome[:, None] * np.array(self.actions)

    def allowed(self, names, values):
        return None


def make_task(options):
    return options.into(HalfTask)


@hookimpl
def make_agent(options, backend):
    return LearnedAgent.load(options, backend, HalfTask)


class Mean:
    """Scores each action by what it was worth on average."""

    def train(self, lesson, plan, tell):
        columns = lesson.train.observations.shape[1]
        mean = lesson.train.rewards.mean(axis=0)
        tell(1, 1)
        return Trained(perceptron([(np.zeros((columns, 2)), mean)]), {"mean": mean.tolist()}, {})


def make_trainers():
    return {"mean": Mean()}
