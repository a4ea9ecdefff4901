"""The book: everything that a control may look at, frozen. No control reads a clock, a file or a venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

from darwin_core.live.controls.exposure import Activity, Exposure, within
from darwin_core.live.controls.facts import OpenOrder, Recent, buys
from darwin_core.live.controls.lately import Past
from darwin_core.live.orders import Denied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.live.calendar import Session
    from darwin_core.live.controls.facts import Price, Reenabled
    from darwin_core.live.orders import Approved, Intent

REPEATS = "repeats"
"""The control that, once it has refused, stops the deployment until a named person re-enables it."""


def _exposure(book: Book) -> Exposure:
    past = book.recent if isinstance(book.recent, Past) else Past.of(book.recent)
    exposure = Exposure.of(book.now, book.positions, book.prices, book.orders, past)
    for each in book.added:
        exposure = exposure.plus(each.intent)
    return exposure


@frozen(slots=False, eq=False)
class Book:
    """What is true at one moment.

    Parameters
    ----------
    now
        The clock, ns UTC.
    equity, cash
        The account's money.
    positions
        Symbol to signed quantity.
    prices
        Symbol to its last price.
    orders
        Every order that may still trade, our own or not, unknown ones included.
    recent
        Intents approved within `Controls.reach` before now, from the journal.
    session
        The session that `now` falls into, if any.
    next_open
        When the market next opens, ns UTC; None if nobody knows.
    latch, safe_mode
        Why the kill latch is closed, why safe mode is on; empty when they are not.
    disabled
        The reason of the first refusal by ``repeats`` since somebody last re-enabled it, from the journal; empty
        when there is none.
    reenabled
        Who last re-enabled it.
    added
        Approved since the snapshot was taken: each counts as an open order and as a recent intent.
    exposure
        What follows from positions, orders and recent intents.
    """

    now: int
    equity: float
    cash: float
    positions: Mapping[str, float] = field(factory=dict)
    prices: Mapping[str, Price] = field(factory=dict)
    orders: tuple[OpenOrder, ...] = ()
    recent: Past | tuple[Recent, ...] = ()
    session: Session | None = None
    next_open: int | None = None
    latch: str = ""
    safe_mode: str = ""
    disabled: str = ""
    reenabled: Reenabled | None = None
    added: tuple[Recent, ...] = ()
    exposure: Exposure = field(init=False, repr=False, default=Factory(_exposure, takes_self=True))

    def at(self, symbol: str) -> Activity:
        """Return what is held and on its way in one symbol."""
        return self.exposure.at(symbol)

    def reduces(self, intent: Intent) -> bool:
        """Return whether an intent only brings its position nearer to zero, whatever the open orders do.

        A sell of 10 from a position of 10 does not, while another sell may still fill: the two would open a short.
        """
        at = self.at(intent.symbol)
        return within(intent.quantity, -at.high) if buys(intent.quantity) else within(-intent.quantity, at.low)

    def plus(self, intent: Intent) -> Exposure:
        """Return the exposure if an intent is approved; several controls ask, so the last answer is kept."""
        kept: tuple[Intent, Exposure] | None = self.__dict__.get("_plus")
        if kept is None or kept[0] is not intent:
            kept = (intent, self.exposure.plus(intent))
            self.__dict__["_plus"] = kept
        return kept[1]

    def after(self, verdict: Approved | Denied) -> Book:
        """Return the book that the next intent is to be reviewed against: an approved one counts at once."""
        if isinstance(verdict, Denied):
            if verdict.control != REPEATS or self.disabled:
                return self
            return self._with(disabled=verdict.reason)
        return self._with(exposure=self.plus(verdict), added=(*self.added, Recent(verdict, self.now)))

    def _with(self, **changes: object) -> Book:
        """Return a copy that keeps the exposure; `attrs.evolve` would compute it again from the facts."""
        book = Book.__new__(Book)
        book.__dict__.update(self.__dict__, _plus=None, **changes)
        return book
