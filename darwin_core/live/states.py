"""What an order can become: a table of (status, signal), and a pure function that applies an event to an order.

A venue reports at least once and in any order, so a report never takes anything back: fills count once by their id,
cumulative quantities only grow, and a report that is older than what is known changes nothing.

``unknown`` is left only by something that the venue said. A final status is never left. Fills are counted in every
status, also in a final one, because money moved: the book must say what the venue says.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, field, frozen

from darwin_core.live.errors import IllegalTransition
from darwin_core.live.orders import FINAL, FillReport, Intent, OrderReport, Status
from darwin_core.live.schema import AbsentReport, CancelSent, Denial, Result, Sent, Session

if TYPE_CHECKING:
    from collections.abc import Mapping

Event: TypeAlias = Session | Denial | Sent | CancelSent | Result | OrderReport | FillReport | AbsentReport
Signal: TypeAlias = Literal[
    "restart", "denied", "sent", "accepted", "refused", "unknown",
    "cancel", "cancel accepted", "cancel refused", "cancel unknown", "absent", "not seen", "fill",
    "is working", "is partial", "is filled", "is cancelled", "is refused", "is expired",
]  # fmt: skip

TOLERANCE = 1e-12
"""Share of an order's quantity below which a difference is rounding: a venue adds its fills in its own way."""

_NOTHING: tuple[Signal, ...] = ("restart", "not seen")
_AT_VENUE: dict[Signal, Status] = {
    "is working": "working",
    "is partial": "working",
    "is filled": "filled",
    "is cancelled": "cancelled",
    "is refused": "refused",
    "is expired": "expired",
    "fill": "working",
}
_ANSWERS: dict[tuple[str, str], Signal] = {
    ("submit", "accepted"): "accepted",
    ("submit", "refused"): "refused",
    ("submit", "unknown"): "unknown",
    ("cancel", "accepted"): "cancel accepted",
    ("cancel", "refused"): "cancel refused",
    ("cancel", "unknown"): "cancel unknown",
}
_NAMES: dict[type[object], Signal] = {Session: "restart", Denial: "denied", Sent: "sent", CancelSent: "cancel"}
_SAID: dict[str, Signal] = {
    "working": "is working", "partial": "is partial", "filled": "is filled",
    "cancelled": "is cancelled", "refused": "is refused", "expired": "is expired",
}  # fmt: skip
_LATE_ANSWERS: tuple[Signal, ...] = ("accepted", "unknown", "cancel accepted", "cancel refused", "cancel unknown")
_LATE_REPORTS: tuple[Signal, ...] = ("is working", "is partial", "is filled", "is cancelled", "is expired", "fill")


def _stays(status: Status, signals: tuple[Signal, ...]) -> dict[Signal, Status]:
    return dict.fromkeys(signals, status)


_TABLE: dict[Status, dict[Signal, Status]] = {
    # The intent is durable. A crash here leaves open whether it was sent.
    "intended": {
        **_stays("intended", ("not seen",)), "restart": "unknown", "denied": "denied", "sent": "sent",
        "accepted": "working", "refused": "refused", "unknown": "unknown", **_AT_VENUE,
    },
    # A cancel that overtakes the answer does not say whether the venue has the order.
    "sent": {
        **_stays("sent", ("not seen", "cancel", "cancel refused", "cancel unknown")), "restart": "unknown",
        "accepted": "working", "cancel accepted": "working", "refused": "refused", "unknown": "unknown",
        "absent": "refused", **_AT_VENUE,
    },
    "unknown": {
        **_stays("unknown", (*_NOTHING, "unknown", "cancel", "cancel refused", "cancel unknown")),
        "accepted": "working", "cancel accepted": "working", "refused": "refused", "absent": "refused", **_AT_VENUE,
    },
    # `partial` and `cancelling` are this status too, with fills or with a cancel on the wire: see `_shown`.
    "working": {**_stays("working", (*_NOTHING, "cancel", *_LATE_ANSWERS)), **_AT_VENUE},
    "filled": _stays("filled", (*_NOTHING, "absent", *_LATE_ANSWERS, *_LATE_REPORTS)),
    "cancelled": _stays("cancelled", (*_NOTHING, "absent", *_LATE_ANSWERS, *_LATE_REPORTS, "is refused")),
    "expired": _stays("expired", (*_NOTHING, "absent", *_LATE_ANSWERS, *_LATE_REPORTS)),
    "refused": _stays("refused", (
        *_NOTHING, "absent", "refused", "is refused", "unknown", "cancel refused", "cancel unknown", "fill",
    )),
    "denied": _stays("denied", (*_NOTHING, "absent", "fill")),
}  # fmt: skip


@frozen
class Order:
    """An order as far as it is known.

    Parameters
    ----------
    intent
        What was wanted.
    status
        See `darwin_core.live.orders.Status`.
    quantity
        What the venue works on, signed: the intent's until the venue restates it.
    filled
        The sum of the fills that have arrived, signed.
    reported
        The largest cumulative quantity that the venue has reported, signed.
    cancel_asked
        A cancel is on the wire or in force.
    venue_id
        Empty until the venue has named it.
    as_of
        Time of the newest report, ns.
    fills
        By fill id.
    """

    intent: Intent
    status: Status = "intended"
    quantity: float = field()
    filled: float = 0.0
    reported: float = 0.0
    cancel_asked: bool = False
    venue_id: str = ""
    as_of: int = 0
    fills: Mapping[str, FillReport] = field(factory=dict, repr=False)

    @quantity.default
    def _wanted(self) -> float:
        return self.intent.quantity

    @property
    def client_id(self) -> str:
        """The order's name."""
        return self.intent.client_id

    @property
    def live(self) -> bool:
        """Whether it may still trade, or may be at the venue."""
        return self.status not in FINAL

    @property
    def owed(self) -> float:
        """Quantity that the venue has reported as filled, and whose fills have not arrived; signed."""
        short = add(self.reported, -self.filled)
        return short if abs(self.reported) > abs(self.filled) and not _same(self.reported, self.filled) else 0.0


@frozen
class Step:
    """An order after an event, and what people should know about it."""

    order: Order
    warnings: tuple[str, ...] = ()


def next_status(status: Status, signal: Signal) -> Status:
    """Look up the table; `partial` and `cancelling` count as `working`.

    Raises
    ------
    IllegalTransition
        The table has no such entry.
    """
    base: Status = "working" if status in ("partial", "cancelling") else status
    found = _TABLE[base].get(signal)
    if found is None:
        raise IllegalTransition(f"an order that is {status} cannot take {signal!r}")
    return found


def advance(order: Order, event: Event) -> Step:
    """Return the order after an event; the same event again changes nothing.

    Raises
    ------
    IllegalTransition
        The event contradicts what is known. The order stays as it was.
    """
    try:
        if isinstance(event, OrderReport):
            return _reported(order, event)
        if isinstance(event, FillReport):
            return _filled(order, event)
        return Step(_moved(order, _signal(event), event.venue_id if isinstance(event, Result) else ""))
    except IllegalTransition as error:
        raise IllegalTransition(f"order {order.client_id} ({order.intent.symbol}): {error}") from None


def _signal(event: Session | Denial | Sent | CancelSent | Result | AbsentReport) -> Signal:
    """Say what an event means to the table."""
    if isinstance(event, Result):
        return _ANSWERS[event.action, event.outcome]
    if isinstance(event, AbsentReport):
        return "absent" if event.authoritative else "not seen"
    return _NAMES[type(event)]


def _moved(order: Order, signal: Signal, venue_id: str) -> Order:
    status = next_status(order.status, signal)
    asked = order.cancel_asked
    if signal in ("cancel", "cancel accepted"):
        asked = True
    elif signal == "cancel refused":
        asked = False
    return _with(order, status, cancel_asked=asked, venue_id=order.venue_id or venue_id)


def _with(order: Order, status: Status, **changes: Any) -> Order:
    """Return the order after a change; `status` is the table's."""
    order = evolve(order, status=status, **changes)
    shown = _shown(order)
    return order if shown == status else evolve(order, status=shown)


def _shown(order: Order) -> Status:
    """Say `filled`, `cancelling` or `partial` where the table says `working`; never leave a final status."""
    if order.status not in ("working", "partial", "cancelling"):
        return order.status
    if _whole(order):
        return "filled"
    if order.cancel_asked:
        return "cancelling"
    return "partial" if order.filled or order.reported else "working"


def _reported(order: Order, report: OrderReport) -> Step:
    """Apply a cumulative report."""
    _check_side(order, report.symbol, report.filled, report.quantity)
    if order.status in FINAL and report.status in ("working", "partial") and report.time > order.as_of > 0:
        raise IllegalTransition(f"is {order.status}, and a newer report says that it is {report.status}: alive again?")
    status = next_status(order.status, _SAID[report.status])
    newer, warnings = report.time >= order.as_of, []
    was = order
    order = evolve(
        order,
        quantity=report.quantity if newer and order.live and report.quantity else order.quantity,
        reported=max(order.reported, report.filled, key=abs),
        venue_id=order.venue_id or report.venue_id,
        as_of=max(order.as_of, report.time),
    )
    if status == "filled" and was.live and not _whole(order):
        raise IllegalTransition(f"the venue says filled, and {order.reported!r} of {order.quantity!r}")
    if order.live:
        order = _with(order, _ended(order, status))
    if not _same(order.quantity, was.quantity):
        warnings.append(f"the venue restated the quantity: {order.quantity!r} instead of {was.quantity!r}")
    if abs(order.reported) > abs(was.reported):
        warnings += _over(order, order.reported)
    return Step(order, tuple(warnings))


def _ended(order: Order, status: Status) -> Status:
    """Correct a final word by the quantities: all done is filled, and what has fills was not refused."""
    if status in FINAL and _whole(order):
        return "filled"
    if status == "refused" and (order.filled or order.reported):
        return "cancelled"
    return status


def _filled(order: Order, fill: FillReport) -> Step:
    """Count a fill, once."""
    known = order.fills.get(fill.fill_id)
    if known is not None:
        if known != fill:
            raise IllegalTransition(f"fill {fill.fill_id} has come twice with different content: {known} and {fill}")
        return Step(order)
    _check_side(order, fill.symbol, fill.quantity, order.quantity)
    if not fill.quantity:
        raise IllegalTransition(f"fill {fill.fill_id} has no quantity")
    status, warnings = next_status(order.status, "fill"), []
    if order.status in ("refused", "denied"):
        warnings.append(f"is {order.status}, and was filled: {fill.quantity!r} at {fill.price!r}")
    was = order
    filled, fills = add(order.filled, fill.quantity), {**order.fills, fill.fill_id: fill}
    order = _with(order, status, filled=filled, fills=fills)
    if was.status in ("cancelled", "expired") and abs(order.filled) > abs(was.reported) * (1 + TOLERANCE):
        warnings.append(f"is {was.status} with {was.reported!r} filled, and a late fill makes it {order.filled!r}")
    return Step(order, (*warnings, *_over(order, order.filled)))


def _check_side(order: Order, symbol: str, *quantities: float) -> None:
    if symbol != order.intent.symbol:
        raise IllegalTransition(f"is about {order.intent.symbol}, and this is about {symbol}")
    for quantity in quantities:
        if quantity * order.intent.quantity < 0:
            raise IllegalTransition(f"is for {order.intent.quantity!r}, and this is for {quantity!r}: the other side")


def _over(order: Order, filled: float) -> list[str]:
    if abs(filled) > abs(order.quantity) * (1 + TOLERANCE):
        return [f"more filled than ordered: {filled!r} of {order.quantity!r}"]
    return []


def _whole(order: Order) -> bool:
    return max(abs(order.filled), abs(order.reported)) >= abs(order.quantity) * (1 - TOLERANCE)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))


def add(one: float, other: float) -> float:
    """Add two quantities as the decimals that they were written as: 0.1 + 0.2 - 0.3 is 0, so flat is flat.

    Examples
    --------
    >>> add(add(0.1, 0.2), -0.3)
    0.0
    """
    return float(Decimal(repr(float(one))) + Decimal(repr(float(other))))
