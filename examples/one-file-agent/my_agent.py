"""An agent in one file: it halves what has already run away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

from darwin_core import hookimpl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Agent, Observation, Options


@frozen
class DoNotChase:
    """Makes candidates smaller whose close is far above its 20-bar mean.

    Parameters
    ----------
    stretch
        How far above the mean, in standard deviations of the close.
    otherwise
        Scale of such a candidate: 0 skips it, 0.5 halves it.
    """

    stretch: float = field(default=1.5, validator=gt(0.0))
    otherwise: float = field(default=0.5, validator=and_(ge(0.0), le(1.0)))

    when: ClassVar[Literal["candidate"]] = "candidate"
    requires: ClassVar[tuple[str, ...]] = ("zscore(20)",)
    effect: ClassVar[Literal["scale"]] = "scale"
    baseline: ClassVar[float] = 1.0

    def decide(self, observation: Observation) -> NDArray[np.float64]:
        """Return one scale a row, (N,)."""
        return np.where(observation["zscore(20)"] > self.stretch, self.otherwise, 1.0)


@hookimpl
def make_agent(options: Options) -> Agent:
    """Make the agent from its table in the deployment."""
    return options.into(DoNotChase)
