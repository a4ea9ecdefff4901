"""Controls on what the account may hold once everything that was sent is filled: symbol, gross, net, cash."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen
from attrs.validators import ge, gt

from darwin_core.live.controls.exposure import Exits, within
from darwin_core.live.controls.facts import buys

if TYPE_CHECKING:
    from darwin_core.live.controls.book import Book
    from darwin_core.live.orders import Intent


def _missing(book: Book, intent: Intent) -> str:
    """Say which symbols have no price, when that is why a value is not known."""
    known = book.plus(intent).symbols
    names = [name for name, at in known.items() if isnan(at.price) and (at.high != 0.0 or at.low != 0.0)]
    return f" (no price: {', '.join(names)})" if names else ""


@frozen
class SymbolCap:
    """The largest position in one symbol.

    Parameters
    ----------
    share
        Of equity.
    """

    name: ClassVar[str] = "symbol_cap"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    share: float = field(default=0.10, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.share:.10g} of equity"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse what could make a position too large."""
        at = book.at(intent.symbol)
        value = abs((at.high if buys(intent.quantity) else at.low) + intent.quantity) * at.price
        if within(value, self.share * book.equity):
            return None
        return f"{intent.symbol} may come to {_of(value, book)}{_missing(book, intent)} (the limit: {self.limit})"


@frozen
class Gross:
    """The largest sum of all positions, long and short.

    Parameters
    ----------
    leverage
        Times equity.
    exits
        unfilled: positions that are on their way out still count, and the limit holds whatever fills. filled: they
        count as gone, so that a rotation may be sent at once.
    """

    name: ClassVar[str] = "gross"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    leverage: float = field(default=1.5, validator=gt(0.0))
    exits: Exits = "unfilled"

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.leverage:.10g} of equity, exits counted as {self.exits}"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse what could make the account too large."""
        gross = book.plus(intent).sums[self.exits].gross
        if within(gross, self.leverage * book.equity):
            return None
        return f"gross exposure may come to {_of(gross, book)}{_missing(book, intent)} (the limit: {self.limit})"


@frozen
class Net:
    """The largest difference between what is long and what is short.

    Parameters
    ----------
    share
        Of equity, either way.
    exits
        As for `Gross`.
    """

    name: ClassVar[str] = "net"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    share: float = field(default=1.5, validator=gt(0.0))
    exits: Exits = "unfilled"

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.share:.10g} of equity either way, exits counted as {self.exits}"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse what could tip the account too far to the order's side."""
        sums = book.plus(intent).sums[self.exits]
        net = sums.high if buys(intent.quantity) else -sums.low
        if within(net, self.share * book.equity):
            return None
        side = "long" if buys(intent.quantity) else "short"
        return f"net exposure may come to {_of(net, book)} {side}{_missing(book, intent)} (the limit: {self.limit})"


@frozen
class Cash:
    """What buys may cost.

    Parameters
    ----------
    borrow
        How far cash may go below zero, as a share of equity.
    buffer
        What buys may cost beyond their limit or the last price, as a fraction: slippage and fees.
    exits
        unfilled: sells bring nothing until they are filled. filled: sells of held positions pay for buys.
    """

    name: ClassVar[str] = "cash"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    borrow: float = field(default=0.5, validator=ge(0.0))
    buffer: float = field(default=0.01, validator=ge(0.0))
    exits: Exits = "unfilled"

    @property
    def limit(self) -> str:
        """For people."""
        return f"cash and {self.borrow:.10g} of equity, with {self.buffer:.10g} to spare, exits counted as {self.exits}"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse a buy that there may be no money for."""
        if not buys(intent.quantity):
            return None
        sums = book.plus(intent).sums[self.exits]
        needed = sums.cost * (1.0 + self.buffer)
        there = book.cash + self.borrow * book.equity
        if self.exits == "filled":
            there += sums.leaving * (1.0 - self.buffer)
        if within(needed, there):
            return None
        return f"open buys need {needed:,.2f} of {there:,.2f}{_missing(book, intent)} (the limit: {self.limit})"


def _of(value: float, book: Book) -> str:
    share = f"{value / book.equity:.6g}" if book.equity > 0.0 else "no share"
    return f"{value:,.2f}, {share} of equity {book.equity:,.2f}"
