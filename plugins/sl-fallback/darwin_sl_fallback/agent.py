"""The threshold strategy on a forecast, as an agent of its own and as what stands in for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

from darwin_core import Observation, Policy, PolicyOptions
from darwin_sl_fallback.task import FLAT, FallbackTask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Backend, Options

    Floats = NDArray[np.float64]

SIDE = "strategy.side"
SKIP, TAKE = 0.0, 1.0


@frozen
class FallbackOptions(PolicyOptions):
    """The options: those of every trained agent, and these.

    Parameters
    ----------
    effect
        target: at every bar, a signed weight, in place of the strategy's. scale: at each candidate, 1 where the
        forecast is on the strategy's side and 0 where not.
    weight
        Share of equity of a position, for ``target``; 0: an equal share, one over the number of symbols.
    """

    effect: Literal["target", "scale"] = "target"
    weight: float = field(default=0.0, validator=ge(0.0))


def fallback_of(options: Options, backend: Backend | None) -> SlFallback:
    """Return the agent, its policy verified; see `darwin_core.Policy.load` for what is refused."""
    own = options.into(FallbackOptions)
    policy = Policy.load(options, backend, FallbackTask.name, own)
    return SlFallback(policy, FallbackTask(**policy.task), own.effect, own.weight)


@frozen(eq=False)
class SlFallback:
    """The agent.

    Parameters
    ----------
    policy, task
        What it has learnt, and for what.
    effect, weight
        As `FallbackOptions` has them.
    """

    policy: Policy
    task: FallbackTask
    effect: Literal["target", "scale"]
    weight: float

    @property
    def baseline(self) -> float:
        """Without a forecast nothing is held as a target, and as a scale the strategy's word stands."""
        return FLAT if self.effect == "target" else TAKE

    @property
    def when(self) -> Literal["bar", "candidate"]:
        """At every bar as a target, at candidates as a scale."""
        return "bar" if self.effect == "target" else "candidate"

    @property
    def requires(self) -> tuple[str, ...]:
        """The observation that the policy was trained on; a scale sees the strategy's side besides."""
        names = self.policy.schema.names
        return names if self.effect == "target" or SIDE in names else (*names, SIDE)

    @property
    def version(self) -> str:
        """The policy's version in the registry."""
        return self.policy.version

    def decide(self, observation: Observation) -> Floats:
        """Return signed weights, or 1 and 0, (N,); the baseline on the time that the policy has learnt from."""
        side = self._side(observation)
        if self.effect == "target":
            action = side * (self.weight or 1.0 / len(observation.symbols))
        else:
            agrees = (side != FLAT) & (side == observation[SIDE])
            action = np.where(np.isnan(side), np.nan, np.where(agrees, TAKE, SKIP))
        return np.where(observation.time < self.policy.since, self.baseline, action)

    def _side(self, observation: Observation) -> Floats:
        names = self.policy.schema.names
        values = np.ascontiguousarray(observation.values[:, : len(names)])
        asked = Observation(names, values, observation.time, observation.symbol, observation.symbols)
        return self.policy.decide(asked)
