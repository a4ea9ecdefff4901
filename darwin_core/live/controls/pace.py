"""Controls on how often: duplicates, repeats of one decision, orders a second, a minute, a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen
from attrs.validators import ge, gt

from darwin_core.live.controls.book import REPEATS
from darwin_core.live.controls.facts import SECOND, buys

if TYPE_CHECKING:
    from darwin_core.live.controls.book import Book
    from darwin_core.live.orders import Intent

DAY_S = 86_400


@frozen
class Duplicate:
    """The same order is not sent twice in a short time (SEC 15c3-5: "orders that indicate duplicative orders").

    Parameters
    ----------
    window_s
        Seconds in which an order of the same symbol, quantity, kind and limit price is a duplicate.
    """

    name: ClassVar[str] = "duplicate"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    window_s: float = field(default=5.0, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"the same order once in {self.window_s:g} s"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse what was sent a moment ago."""
        since = book.now - self.window_s * SECOND
        for past in reversed(book.at(intent.symbol).recent):
            if past.time <= since:
                return None
            if _terms(past.intent) == _terms(intent):
                age = (book.now - past.time) / SECOND
                return f"{intent.quantity:g} {intent.symbol} was sent {age:g} s ago (the limit: {self.limit})"
        return None


def _terms(intent: Intent) -> tuple[object, ...]:
    return intent.quantity, intent.kind, intent.limit_price


@frozen
class Repeats:
    """A decision that is carried out again and again stops the deployment (RTS 6, Art. 15(3)).

    A repeat is an order of the same bar, symbol and leg; or of the same symbol, leg, side and target within the
    window, whatever its bar: a loop that does not see its own fills asks for the same target at every bar. Once one
    is refused, no new risk is taken in any symbol until a named person re-enables it.

    Parameters
    ----------
    repeats
        Repeats that are let through after the first order.
    window_s
        Seconds in which orders for the same target are repeats.
    """

    name: ClassVar[str] = REPEATS
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    repeats: int = field(default=10, validator=ge(0))
    window_s: float = field(default=60.0, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.repeats} repeats of a decision, or of a target in {self.window_s:g} s"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse when stopped, or when the order is one repeat too many."""
        if book.disabled:
            return f"stopped until a named person re-enables it: {book.disabled}"
        since = book.now - self.window_s * SECOND
        forgiven = None if book.reenabled is None else book.reenabled.time
        count = 0
        for past in book.at(intent.symbol).recent:
            if forgiven is not None and past.time <= forgiven:
                continue
            count += _repeats(past.intent, intent, lately=past.time > since)
        if count <= self.repeats:
            return None
        return f"repeat {count} of {intent.leg} {intent.symbol} at target {intent.target:g} (the limit: {self.limit})"


def _repeats(past: Intent, intent: Intent, *, lately: bool) -> bool:
    if past.leg != intent.leg:
        return False
    same_target = past.target == intent.target and buys(past.quantity) == buys(intent.quantity)
    return past.bar == intent.bar or (lately and same_target)


@frozen
class Rate:
    """How many orders may be sent in any second, minute and 24 hours; orders that reduce have room beyond that.

    Parameters
    ----------
    per_second, per_minute, per_day
        All orders count, approved for whatever reason.
    exits
        Orders that reduce may go to this many times each limit: a burst of entries must not keep exits in, and a
        loop of exits ends too.
    """

    name: ClassVar[str] = "rate"
    bounds_risk: ClassVar[bool] = False
    on: bool = True
    per_second: int = field(default=100, validator=ge(1))
    per_minute: int = field(default=1_000, validator=ge(1))
    per_day: int = field(default=10_000, validator=ge(1))
    exits: int = field(default=5, validator=ge(1))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.per_second:,}/s, {self.per_minute:,}/min, {self.per_day:,}/day; exits {self.exits} times that"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse one order too many."""
        times = self.exits if book.reduces(intent) else 1
        for seconds, most in ((1, self.per_second), (60, self.per_minute), (DAY_S, self.per_day)):
            count = 1 + book.exposure.sent_since(book.now - seconds * SECOND)
            if count > times * most:
                return f"order {count:,} in {seconds:,} s, the limit is {times * most:,} ({self.limit})"
        return None
