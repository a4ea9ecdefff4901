"""What a gate learns: which candidates are worth more than nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Examples

SKIP, PASS = 0.0, 1.0


@frozen
class GateTask:
    """The task.

    Parameters
    ----------
    cost
        What passing a candidate costs whatever becomes of it, in R: the price of asking a language model, for example.
    """

    cost: float = field(default=0.0, validator=ge(0.0))

    name: ClassVar[str] = "gate"
    actions: ClassVar[tuple[float, ...]] = (SKIP, PASS)
    baseline: ClassVar[float] = PASS
    against: ClassVar[str] = "pass every candidate"
    columns: ClassVar[tuple[str, ...]] = (
        "strategy.side", "strategy.confidence", "return(5)", "return(20)", "rsi(14)", "volatility(20)", "zscore(20)",
        "drawdown(252)",
    )  # fmt: skip
    least: ClassVar[tuple[int, str]] = (1000, "candidates with outcomes")
    trades_only: ClassVar[bool] = False
    expert: ClassVar[str] = ""
    criterion: ClassVar[Literal["uplift"]] = "uplift"
    most_changed: ClassVar[float] = 0.4

    def rewards(self, examples: Examples) -> NDArray[np.float64]:
        """Return 0 for a skip and R less the cost for a pass, (N, 2)."""
        return np.column_stack([np.zeros(len(examples)), examples.outcome - self.cost])

    def allowed(self, names: Sequence[str], values: NDArray[np.float64]) -> None:
        """Allow both, always."""
        del names, values
