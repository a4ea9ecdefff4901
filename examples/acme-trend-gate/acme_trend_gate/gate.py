"""Trade with the long trend or not at all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, le

if TYPE_CHECKING:
    from darwin_core import Observation
    from numpy.typing import NDArray


@frozen
class TrendGate:
    """Passes a long candidate when the close is above its long average, a short one when it is below.

    Parameters
    ----------
    window
        Bars of the average.
    margin
        How far beyond the average the close must be, as a share of the average.
    otherwise
        Scale of a candidate against the trend: 0 skips it.
    """

    window: int = field(default=200, validator=ge(2))
    margin: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    otherwise: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    when: ClassVar[Literal["candidate"]] = "candidate"
    effect: ClassVar[Literal["scale"]] = "scale"
    baseline: ClassVar[float] = 1.0

    @property
    def requires(self) -> tuple[str, str, str]:
        """The side of the candidate, the close and its average."""
        return "strategy.side", "level", f"sma({self.window})"

    def decide(self, observation: Observation) -> NDArray[np.float64]:
        """Return 1 for each row that goes with the trend and `otherwise` for the others, (N,)."""
        side, close, average = (observation[name] for name in self.requires)
        return np.where(side * (close - average) > self.margin * average, 1.0, self.otherwise)

    @property
    def compiled(self) -> Any:
        """The same for the compiled loop: the same operations in the same order."""
        return _compiled(self.margin, self.otherwise)


@cache
def _compiled(margin: float, otherwise: float) -> Any:
    from numba import njit

    @njit("void(float64[:, ::1], float64[::1])", error_model="numpy")
    def gate(observation: NDArray[np.float64], actions: NDArray[np.float64]) -> None:
        for i in range(len(actions)):
            with_trend = observation[i, 0] * (observation[i, 1] - observation[i, 2])
            actions[i] = 1.0 if with_trend > margin * observation[i, 2] else otherwise

    return gate
