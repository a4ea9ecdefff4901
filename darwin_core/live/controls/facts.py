"""The facts that controls look at: prices, open orders, what was lately sent, who re-enabled what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

    from darwin_core.live.orders import Intent, Status

SECOND = 1_000_000_000
"""Nanoseconds in a second."""


def buys(quantity: float) -> bool:
    """Return whether a signed quantity is bought. The one place that says so: NaN is not."""
    return quantity > 0.0


@frozen
class Price:
    """The last known price of a symbol, and when it was made (ns UTC)."""

    value: float
    time: int


@frozen
class OpenOrder:
    """An order that may still trade: intended, sent, unknown, working, partial or cancelling.

    Parameters
    ----------
    quantity
        Signed, what is not filled yet. Of an unknown order: all of it.
    limit_price
        None for a market order.
    """

    client_id: str
    symbol: str
    quantity: float
    limit_price: float | None = None
    status: Status = "working"


@frozen
class Recent:
    """An intent that was approved, and when (ns UTC). Whatever became of it, it counts."""

    intent: Intent
    time: int


def _named(_instance: Any, attribute: Any, value: str) -> None:
    if not value.strip():
        raise ConfigError(f"the {attribute.name} is empty: a control is re-enabled by a named person, with a reason")


@frozen
class Reenabled:
    """Who allowed the deployment to go on after its repeated orders stopped it; repeats up to then are forgiven."""

    person: str = field(validator=_named)
    reason: str = field(validator=_named)
    time: int
