"""What a portfolio agent learns: how large each position should be, given what it may earn and how widely it varies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Examples

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

EQUAL = 1.0
GROSS, WEIGHT = "account.gross", "proposal.weight"


@frozen
class PortfolioTask:
    """The task.

    Parameters
    ----------
    aversion
        What variance costs: a size s is worth ``s R - aversion / 2 (s R)^2``, in R.
    max_gross
        Sizes above 1 are not allowed where they would take the account's gross exposure above this.
    """

    aversion: float = field(default=0.15, validator=ge(0.0))
    max_gross: float = field(default=1.0, validator=gt(0.0))

    name: ClassVar[str] = "portfolio"
    actions: ClassVar[tuple[float, ...]] = (0.0, 0.5, EQUAL, 1.5, 2.0)
    baseline: ClassVar[float] = EQUAL
    against: ClassVar[str] = "equal weight"
    columns: ClassVar[tuple[str, ...]] = (
        "strategy.side", "strategy.confidence", WEIGHT, GROSS, "account.drawdown", "return(20)", "rsi(14)",
        "volatility(20)", "drawdown(252)",
    )  # fmt: skip
    least: ClassVar[tuple[int, str]] = (500, "trades with outcomes")
    trades_only: ClassVar[bool] = True
    expert: ClassVar[str] = ""
    criterion: ClassVar[Literal["sharpe"]] = "sharpe"
    most_changed: ClassVar[float] = 1.0

    def rewards(self, examples: Examples) -> Floats:
        """Return the utility of each size, (N, 5) in R."""
        earned: Floats = examples.outcome[:, None] * np.array(self.actions)
        worth: Floats = earned - self.aversion / 2.0 * earned**2
        return worth

    def allowed(self, names: Sequence[str], values: Floats) -> Bools | None:
        """Return which sizes the account has room for, (N, 5); None when the observation does not tell."""
        if GROSS not in names or WEIGHT not in names:
            return None
        gross, weight = (values[:, list(names).index(name)][:, None] for name in (GROSS, WEIGHT))
        sizes = np.array(self.actions)
        room: Bools = (sizes <= EQUAL) | (gross + weight * sizes <= self.max_gross)
        return room
