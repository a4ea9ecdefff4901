"""All controls in their order, and the only place where an intent becomes an approved one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from attrs import Factory, frozen

from darwin_core.live.controls.bounds import Cash, Gross, Net, SymbolCap
from darwin_core.live.controls.facts import SECOND
from darwin_core.live.controls.gates import (
    Latched,
    ReduceOnly,
    SafeMode,
    SessionHours,
    StalePrice,
    Symbols,
    UniqueId,
    UnknownOrder,
    WellFormed,
)
from darwin_core.live.controls.pace import DAY_S, Duplicate, Rate, Repeats
from darwin_core.live.controls.price import Collar, OrderQuantity, OrderValue, PeriodCollar, SelfMatch
from darwin_core.live.orders import Approved, Denied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from darwin_core.live.controls.book import Book
    from darwin_core.live.orders import Intent


class Control(Protocol):
    """One question to an intent.

    `bounds_risk` says that it does nothing but bound risk: an order that only reduces is not asked. `limit` says for
    people what is let through.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def bounds_risk(self) -> bool: ...  # noqa: D102
    @property
    def on(self) -> bool: ...  # noqa: D102
    @property
    def limit(self) -> str: ...  # noqa: D102

    def review(self, intent: Intent, book: Book, /) -> str | None:
        """Return why not, or None. The same intent and book have the same answer."""


@frozen(slots=False)
class Controls:
    """The pre-trade controls of a deployment; the fields are the tables under ``[controls]``.

    Those without a field (the order's form, its id, latch, safe mode, reduce-only, unknown orders) have nothing to
    set and cannot be switched off.
    """

    symbols: Symbols = Factory(Symbols)
    session: SessionHours = Factory(SessionHours)
    stale_price: StalePrice = Factory(StalePrice)
    duplicate: Duplicate = Factory(Duplicate)
    repeats: Repeats = Factory(Repeats)
    rate: Rate = Factory(Rate)
    order_quantity: OrderQuantity = Factory(OrderQuantity)
    order_value: OrderValue = Factory(OrderValue)
    price: Collar = Factory(Collar)
    price_period: PeriodCollar = Factory(PeriodCollar)
    self_match: SelfMatch = Factory(SelfMatch)
    symbol_cap: SymbolCap = Factory(SymbolCap)
    gross: Gross = Factory(Gross)
    net: Net = Factory(Net)
    cash: Cash = Factory(Cash)

    @cached_property
    def all(self) -> tuple[Control, ...]:
        """Every control in the order in which it is asked, those that are off too."""
        return (
            WellFormed(),
            UniqueId(),
            Latched(),
            SafeMode(),
            ReduceOnly(),
            UnknownOrder(),
            self.symbols,
            self.session,
            self.stale_price,
            self.repeats,
            self.duplicate,
            self.rate,
            self.order_quantity,
            self.order_value,
            self.price,
            self.price_period,
            self.self_match,
            self.symbol_cap,
            self.gross,
            self.net,
            self.cash,
        )

    @cached_property
    def _asked(self) -> tuple[tuple[Control, ...], tuple[Control, ...]]:
        """Those that are on; and of them those that are asked of an order that reduces."""
        on = tuple(control for control in self.all if control.on)
        return on, tuple(control for control in on if not control.bounds_risk)

    @property
    def reach(self) -> int:
        """How far back a book's recent intents must go, in ns."""
        seconds = max(DAY_S, self.duplicate.window_s, self.repeats.window_s, self.price_period.period_s)
        return int(seconds * SECOND)

    def review(self, intent: Intent, book: Book) -> Approved | Denied:
        """Ask the controls in their order; the first that refuses decides.

        A control that fails refuses: what could not be checked is not sent.
        """
        on, of_exits = self._asked
        for control in of_exits if book.reduces(intent) else on:
            try:
                reason = control.review(intent, book)
            except Exception as error:  # noqa: BLE001 - whatever it was, the order stays here
                reason = f"the control itself failed: {error!r} (the limit: {control.limit})"
            if reason is not None:
                return Denied(intent, control.name, reason)
        return Approved(intent)

    def review_all(self, intents: Iterable[Intent], book: Book) -> tuple[list[Approved | Denied], Book]:
        """Review one after the other, each against a book that counts those before it; return that book too."""
        verdicts: list[Approved | Denied] = []
        for intent in intents:
            verdict = self.review(intent, book)
            book = book.after(verdict)
            verdicts.append(verdict)
        return verdicts, book
