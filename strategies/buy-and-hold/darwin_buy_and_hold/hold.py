"""Buy and hold: what every strategy is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import Factory, field, frozen
from attrs.validators import deep_mapping, ge, instance_of

from darwin_core import DataError, Proposal, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Market

    Floats: TypeAlias = NDArray[np.float64]


@frozen
class BuyAndHold:
    """The strategy.

    Parameters
    ----------
    weights
        Target share of equity by symbol; symbols that it does not name are not held. Without it every symbol
        has an equal share, one over the number of symbols.
    max_gap
        A symbol is proposed while it has had a bar within this many bars: from its first bar on, and no longer
        when it has left the market. A position that cannot be sold for want of a bar stays, and a symbol that
        comes back is still held.
    """

    weights: dict[str, float] = field(
        default=Factory(dict), validator=deep_mapping(instance_of(str), ge(0.0), instance_of(dict))
    )
    max_gap: int = field(default=30, validator=ge(0))

    def __attrs_post_init__(self) -> None:
        """Refuse a portfolio of nothing."""
        if self.weights and not any(self.weights.values()):
            msg = "all `weights` are 0: give some symbol a share"
            raise ValueError(msg)

    @property
    def requires(self) -> tuple[str, ...]:
        """No columns."""
        return ()

    @property
    def lookback(self) -> int:
        """Bars in which a symbol's last bar is looked for."""
        return self.max_gap

    def propose(self, market: Market) -> Proposal:
        """Propose every symbol that has had a bar within the last `max_gap` bars, and the bar itself."""
        weight = self._weights(market.bars.symbols)
        missing = np.isnan(market.bars.close)
        held = np.broadcast_to(np.greater(weight, 0.0), missing.shape)
        if not missing.any():
            return Proposal(held.astype(np.int8), weight)
        rows = np.arange(len(missing))[:, None]
        last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
        held = held & (last >= 0) & (rows - last <= self.max_gap)
        return Proposal(held.astype(np.int8), weight)

    def _weights(self, symbols: tuple[str, ...]) -> Floats | float:
        """Return each symbol's share, (S,), or the one share of all."""
        if not self.weights:
            return 1.0 / len(symbols)
        for name in self.weights:
            if name not in symbols:
                msg = f"`weights` names {name!r}, which the feed does not have: {did_you_mean(name, symbols)}"
                raise DataError(msg)
        return np.array([self.weights.get(symbol, 0.0) for symbol in symbols])
