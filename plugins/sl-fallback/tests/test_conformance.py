"""The standard cases, on a policy with random weights."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from darwin_onnx.backend import OnnxBackend
from darwin_sl_fallback.task import FallbackTask
from darwin_trainers.graph import perceptron

from darwin_core.options import Options
from darwin_core.source import Source
from darwin_core.testing import AgentTests
from darwin_core.training.sample import publish

_PLACE = TemporaryDirectory()


@cache
def registry() -> str:
    rng = np.random.default_rng(3)
    task = FallbackTask(short=True)
    columns = dict.fromkeys(task.columns, (0.1, 0.7))
    sizes = (len(columns), 8, len(task.actions))
    layers = [(rng.normal(size=(a, b)), rng.normal(size=b) * 0.1) for a, b in pairwise(sizes)]
    return publish(Path(_PLACE.name), task, perceptron(layers), columns, OnnxBackend())


class TestTarget(AgentTests):
    use = "sl-fallback"
    options: ClassVar[dict[str, Any]] = {"threshold": 0.0, "weight": 0.25}

    def backend(self) -> OnnxBackend:
        return OnnxBackend()

    def _make(self, options: Options) -> Any:
        source = Source.parse(f"{options.source.text}\n{registry()}", options.source.path)
        made = Options(source.tables["plugin"], source, options.key)
        try:
            return super()._make(made)
        finally:
            options.resolved.update(made.resolved)

    def actions(self) -> set[float]:
        return {-0.25, 0.0, 0.25}

    def test_it_uses_each_of_its_actions_and_no_other(self) -> None:
        agent = self.make()
        assert set(agent.decide(self.observation(agent)).tolist()) == self.actions()

    def test_its_baseline_stands_on_the_time_that_it_has_learnt_from(self) -> None:
        agent = self.make()
        asked = self.observation(agent)
        object.__setattr__(agent.policy, "since", int(asked.time[50]))
        actions = agent.decide(asked)
        learnt = asked.time < asked.time[50]
        assert (actions[learnt] == agent.baseline).all()
        assert (actions[~learnt] != agent.baseline).any()


class TestScale(TestTarget):
    options: ClassVar[dict[str, Any]] = {"threshold": 0.0, "effect": "scale"}

    def actions(self) -> set[float]:
        return {0.0, 1.0}

    def test_it_takes_what_is_on_the_side_that_it_foretells(self) -> None:
        agent = self.make()
        asked = self.observation(agent)
        side = agent._side(asked)
        expected = (side != 0.0) & (side == asked["strategy.side"])
        assert agent.decide(asked).tolist() == expected.astype(float).tolist()
        assert expected.any()
        assert not expected.all()
