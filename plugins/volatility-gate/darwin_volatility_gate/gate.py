"""A rule-based gate: a candidate passes while its symbol is calm.

It shows the whole of an agent: what it wants to see, when it is asked, what its answer does, and what stands
when it cannot answer.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, lt, optional

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Observation

    Floats: TypeAlias = NDArray[np.float64]


@frozen
class VolatilityGate:
    """The agent.

    Parameters
    ----------
    window
        Bars of the volatility: the standard deviation of one-bar returns.
    cap
        Highest volatility at which a candidate passes, per bar (0.02 = 2 %).
    quantile
        Instead of `cap`: the highest share of the past at which a candidate passes (0.8: not in the most volatile
        fifth of the symbol's own past).
    past
        Values that the quantile is about.
    otherwise
        Scale of a candidate that does not pass: 0 skips it, 0.5 halves it.
    """

    window: int = field(default=20, validator=ge(2))
    cap: float | None = field(default=None, validator=optional(gt(0.0)))
    quantile: float | None = field(default=None, validator=optional(and_(gt(0.0), lt(1.0))))
    past: int = field(default=252, validator=ge(2))
    otherwise: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    when: ClassVar[Literal["candidate"]] = "candidate"
    effect: ClassVar[Literal["scale"]] = "scale"
    baseline: ClassVar[float] = 1.0

    def __attrs_post_init__(self) -> None:
        """Refuse a gate without a limit, and one with two."""
        if (self.cap is None) == (self.quantile is None):
            msg = "set either `cap` (a volatility per bar) or `quantile` (a share of the symbol's own past)"
            raise ValueError(msg)

    @property
    def requires(self) -> tuple[str]:
        """The volatility, or its place in its own past, which `ranks` of this plugin offers."""
        if self.cap is not None:
            return (f"volatility({self.window})",)
        return (f"volatility_rank({self.window}, {self.past})",)

    @property
    def limit(self) -> float:
        """The largest value of the column that passes."""
        return self.cap if self.cap is not None else self.quantile or 0.0

    def decide(self, observation: Observation) -> Floats:
        """Return 1 for each row that passes and `otherwise` for the others, (N,)."""
        return np.where(observation[self.requires[0]] <= self.limit, 1.0, self.otherwise)

    @property
    def compiled(self) -> Any:
        """The same for the compiled loop."""
        return _compiled(self.limit, self.otherwise)


@cache
def _compiled(limit: float, otherwise: float) -> Any:
    """Return a function that is compiled when it is first run."""
    from numba import njit

    @njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
    def gate(observation: Floats, actions: Floats) -> None:
        for i in range(len(actions)):
            actions[i] = 1.0 if observation[i, 0] <= limit else otherwise

    return gate
