"""The terms of trade: pure functions of an order, a bar and a position."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from darwin_core import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Approved

    Floats = NDArray[np.float64]

_ROUNDING = 1e-12  # the share of a quantity below which a difference is rounding; the kernel's own cuts are coarser
_LEAST_PART, _PART_WIDTH = 0.2, 0.6


@frozen(eq=False)
class Window:
    """The prices of one bar, (S,) each, NaN where a symbol has none; what the feed lacks comes from what it has."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats

    @classmethod
    def of(cls, fields: Sequence[str], values: Floats) -> Window:
        """Read them off a bar's (F, S) values."""
        given = dict(zip(fields, values, strict=True))
        close = given["close"]
        opening = given.get("open", close)
        return cls(
            opening,
            given.get("high", np.maximum(opening, close)),
            given.get("low", np.minimum(opening, close)),
            close,
        )

    def entered(self, entries: dict[int, float], positions: Floats) -> Window:
        """Return what limit orders that were filled at prices, by symbol, still meet of this bar.

        How a bar went is not known: what it moved against the position counts as after the entry, what it moved in
        its favour as before. Other symbols have met the bar already.
        """
        opening, high, low = np.full((3, len(self.close)), np.nan)
        for s, price in entries.items():
            opening[s] = price
            high[s] = self.high[s] if positions[s] < 0.0 else price
            low[s] = self.low[s] if positions[s] > 0.0 else price
        return Window(opening, high, low, self.close)

    def crossing(self, s: int, quantity: float, limit: float) -> float | None:
        """Return the price of a limit order when the bar of symbol `s` reaches it: the limit, or a better open."""
        first = float(self.open[s])
        if quantity > 0.0:
            return min(first, limit) if min(first, self.low[s]) <= limit else None
        return max(first, limit) if max(first, self.high[s]) >= limit else None


def refusal(order: Approved, *, known: bool, position: float, close: float, waits: bool) -> Refused | None:
    """Say why an order is not taken, if it is not.

    Parameters
    ----------
    known, position, close
        Of its symbol: whether it is traded here, what is held, and the last close (NaN before the first).
    waits
        Whether a market order waits for the symbol already.
    """
    at_once = order.time_in_force == "ioc"
    if not order.client_id:
        return Refused("no_id", "the order has no client id")
    if not known:
        return Refused("unknown_symbol", f"{order.symbol} is not traded here")
    if not math.isfinite(order.quantity) or order.quantity == 0.0:
        return Refused("bad_quantity", f"the quantity is {order.quantity!r}")
    if order.kind == "limit" and not (order.limit_price and 0.0 < order.limit_price < math.inf):
        return Refused("bad_price", f"the limit price is {order.limit_price!r}")
    if not (0.0 <= order.stop < math.inf and 0.0 <= order.take_profit < math.inf):
        return Refused("bad_exit", f"the exits are at {order.stop!r} and {order.take_profit!r}")
    if order.reduce_only and not within_position(order.quantity, position):
        return Refused("nothing_to_reduce", f"the position is {position!r}, and the order reduce-only")
    if at_once and math.isnan(close):
        return Refused("no_price", f"{order.symbol} has had no bar yet, and the order is not to wait")
    if order.kind == "market" and waits and not at_once:
        return Refused("busy", f"a market order waits for {order.symbol} already: cancel it first")
    return None


def within_position(quantity: float, position: float) -> float:
    """Return how much of a quantity reduces a position."""
    return math.copysign(min(abs(quantity), abs(position)), quantity) if quantity * position < 0.0 else 0.0


def opens(quantity: float, position: float) -> bool:
    """Say whether a fill opens, adds or turns round."""
    return quantity * position >= 0.0 or abs(quantity) > abs(position)


def left_after_exit(left: float, position: float) -> float:
    """Return what an exit from `position` leaves of an order: only what it opens on the other side."""
    return left + position if left * position < 0.0 and abs(left) > abs(position) else 0.0


def part_of(quantity: float, draw: float) -> float:
    """Return a part of a quantity, in whole units when it is: 20 to 80 % of it, or all of what has no parts."""
    part = quantity * (_LEAST_PART + _PART_WIDTH * draw)
    return (math.trunc(part) or quantity) if quantity.is_integer() else part


def whole(done: float, wanted: float) -> bool:
    """Say whether all that was wanted is done, rounding apart."""
    return abs(done) >= abs(wanted) * (1.0 - _ROUNDING)
