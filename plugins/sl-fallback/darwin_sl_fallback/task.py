"""What a fallback learns: what holding a symbol over the next bars will be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Examples

SHORT, FLAT, HOLD = -1.0, 0.0, 1.0


@frozen
class FallbackTask:
    """The task: at every bar, hold the symbol or not.

    It is measured against holding everything, for in a rising market whatever holds looks better than nothing. A
    policy that leaves that baseline pays for it at each decision, as if it turned back after every one: leaving and
    coming back are two fills, turning short and back as much as four.

    Parameters
    ----------
    horizon
        Bars over which a return is foretold.
    short
        Whether being short is a choice.
    """

    horizon: int = field(default=5, validator=ge(1))
    short: bool = False

    name: ClassVar[str] = "sl-fallback"
    baseline: ClassVar[float] = HOLD
    against: ClassVar[str] = "hold every symbol at every bar"
    columns: ClassVar[tuple[str, ...]] = (
        "return(5)", "return(20)", "rsi(14)", "volatility(20)", "zscore(20)", "drawdown(252)",
    )  # fmt: skip
    least: ClassVar[tuple[int, str]] = (2500, "bars of symbols with outcomes")
    trades_only: ClassVar[bool] = False
    expert: ClassVar[str] = ""
    criterion: ClassVar[Literal["uplift"]] = "uplift"
    most_changed: ClassVar[float] = 1.0

    @property
    def actions(self) -> tuple[float, ...]:
        """The sides."""
        return (SHORT, FLAT, HOLD) if self.short else (FLAT, HOLD)

    def rewards(self, examples: Examples) -> NDArray[np.float64]:
        """Return side times return, less what leaving the baseline costs, (N, A) in R."""
        sides = np.array(self.actions)
        worth: NDArray[np.float64] = examples.outcome[:, None] * sides - examples.cost * np.abs(sides - HOLD)
        return worth

    def allowed(self, names: Sequence[str], values: NDArray[np.float64]) -> None:
        """Allow all, always."""
        del names, values
