"""Smaller positions while the account is below its highest equity.

Full size until the drawdown reaches `start`, then linearly down to `minimum` at `end`::

    share = clip((drawdown - start) / (end - start), 0, 1), rounded up to one of `steps` parts
    scale = 1 - (1 - minimum) * share
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, lt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Observation

    Floats: TypeAlias = NDArray[np.float64]


@frozen
class DrawdownScaler:
    """The agent.

    Parameters
    ----------
    start
        Drawdown up to which positions keep their size, as a fraction.
    end
        Drawdown from which on the scale is `minimum`.
    minimum
        Smallest scale. 0 closes every position, after which nothing can earn the drawdown back.
    steps
        The way down has this many equal steps, so that not every bar trades; 0: none, the scale is continuous.
    """

    start: float = field(default=0.05, validator=and_(ge(0.0), lt(1.0)))
    end: float = field(default=0.2, validator=and_(gt(0.0), le(1.0)))
    minimum: float = field(default=0.25, validator=and_(ge(0.0), le(1.0)))
    steps: int = field(default=4, validator=and_(ge(0), le(1000)))

    when: ClassVar[Literal["bar"]] = "bar"
    effect: ClassVar[Literal["scale"]] = "scale"
    requires: ClassVar[tuple[str, ...]] = ("account.drawdown",)
    baseline: ClassVar[float] = 1.0

    def __attrs_post_init__(self) -> None:
        """Refuse a way down that goes nowhere."""
        if self.start >= self.end:
            msg = f"start ({self.start}) has to be less than end ({self.end})"
            raise ValueError(msg)

    def decide(self, observation: Observation) -> Floats:
        """Return the scale for each row's drawdown, (N,)."""
        share = (observation["account.drawdown"] - self.start) / (self.end - self.start)
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        if self.steps > 0:
            share = np.ceil(share * self.steps) / self.steps
        scale: Floats = 1.0 - (1.0 - self.minimum) * share
        return scale

    @property
    def compiled(self) -> Any:
        """The same for the compiled loop."""
        return _compiled(self.start, self.end, self.minimum, self.steps)


@cache
def _compiled(start: float, end: float, minimum: float, steps: int) -> Any:
    """Return a function that is compiled when it is first run; its arithmetic is `decide`'s, step by step."""
    from numba import njit

    @njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
    def scale(observation: Floats, actions: Floats) -> None:
        for i in range(len(actions)):
            share = (observation[i, 0] - start) / (end - start)
            share = min(max(share, 0.0), 1.0)
            if steps > 0:
                share = np.ceil(share * steps) / steps
            actions[i] = 1.0 - (1.0 - minimum) * share

    return scale
