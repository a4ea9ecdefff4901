"""The standard cases, on a policy with random weights."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from darwin_meta_learner.task import MetaTask
from darwin_onnx.backend import OnnxBackend
from darwin_trainers.graph import perceptron

from darwin_core.options import Options
from darwin_core.source import Source
from darwin_core.testing import AgentTests
from darwin_core.training.sample import publish

_PLACE = TemporaryDirectory()


@cache
def registry() -> str:
    rng = np.random.default_rng(3)
    task = MetaTask()
    columns = dict.fromkeys(task.columns, (0.1, 0.7))
    sizes = (len(columns), 8, len(task.actions))
    layers = [(rng.normal(size=(a, b)), rng.normal(size=b) * 0.1) for a, b in pairwise(sizes)]
    return publish(Path(_PLACE.name), task, perceptron(layers), columns, OnnxBackend())


class TestMetaLearner(AgentTests):
    use = "meta-learner"
    options: ClassVar[dict[str, Any]] = {"threshold": 0.0}
    columns: ClassVar[dict[str, Any]] = {"agent.llm-expert": (0, 0.75, 1)}

    def backend(self) -> OnnxBackend:
        return OnnxBackend()

    def _make(self, options: Options) -> Any:
        source = Source.parse(f"{options.source.text}\n{registry()}", options.source.path)
        made = Options(source.tables["plugin"], source, options.key)
        try:
            return super()._make(made)
        finally:
            options.resolved.update(made.resolved)

    def test_it_says_what_the_expert_says_or_the_opposite_in_both_directions(self) -> None:
        agent = self.make()
        asked = self.observation(agent)
        word, actions = asked["agent.llm-expert"], agent.decide(asked)
        assert ((actions == word) | (actions == 1.0 - word)).all()
        for said in (0.0, 0.75, 1.0):
            assert set(actions[word == said].tolist()) == {said, 1.0 - said}

    def test_it_follows_on_the_time_that_it_has_learnt_from(self) -> None:
        agent = self.make()
        asked = self.observation(agent)
        object.__setattr__(agent.policy, "since", int(asked.time[50]))
        actions, word = agent.decide(asked), asked["agent.llm-expert"]
        learnt = asked.time < asked.time[50]
        assert (actions[learnt] == word[learnt]).all()
        assert (actions[~learnt] != word[~learnt]).any()

    def test_the_expert_stands_in_and_a_fifth_may_differ(self) -> None:
        agent = self.make()
        assert agent.fallback == "llm-expert"
        assert agent.max_overrides == 0.2
        assert agent.baseline == 0.0
