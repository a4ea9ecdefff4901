"""The meta-learner in service: the expert's word, or its opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from attrs import frozen

from darwin_core import LearnedAgent
from darwin_meta_learner.task import OVERRIDE, opposite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Observation
    from darwin_meta_learner.task import MetaTask

DECLINE = 0.0


@frozen(eq=False)
class MetaLearner(LearnedAgent):
    """The agent: it acts on what an expert says that only observes."""

    task: MetaTask

    max_overrides: ClassVar[float] = 0.2
    """The largest share of its decisions that may differ from the expert's and be applied, unless the deployment says
    otherwise; the core keeps to it."""

    @property
    def fallback(self) -> str:
        """The earlier agent whose decision stands in for its own, and against which it is measured: the expert."""
        return self.task.expert

    @property
    def baseline(self) -> float:
        """What stands where there is not even a word of the expert: nothing is taken."""
        return DECLINE

    def decide(self, observation: Observation) -> NDArray[np.float64]:
        """Return the expert's word, or its opposite, as a scale of each row, (N,)."""
        chosen = super().decide(observation)
        word = observation[self.task.word]
        action = np.where(chosen == OVERRIDE, opposite(word), word)
        return np.where(np.isnan(chosen), np.nan, action)
