"""The ledger kernel, stepped: what a simulated venue fills with, and where a live run books what its venue reports.

The functions that a backtest scans are called here for one bar, one order or one fill at a time. The machine code
differs by where it is pasted, the arithmetic does not: IEEE operations in the order of the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from attrs import define, field
from numba import types

from darwin_core.compiled import entry, fixed, records
from darwin_core.ledger import (
    BOOK_DTYPE,
    BY_TARGET,
    CASH,
    EQUITY,
    FILL_DTYPE,
    FILLS_A_BAR,
    N_FILLS,
    N_ORDERS,
    ORDER_DTYPE,
    ORDERS_A_BAR,
    REASONS,
    RULES_DTYPE,
    SLOT_DTYPE,
    TERMS_DTYPE,
    _fill,
    new_book,
    new_slots,
    open_bar,
    split,
)
from darwin_core.ledger import book_fill as _booked
from darwin_core.ledger import let_go as _forgotten

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.types import Floats

_I, _F, _ROW = types.int64, types.float64, fixed(types.float64, 2)
_BOOK, _SLOTS, _TERMS = records(BOOK_DTYPE), records(SLOT_DTYPE), records(TERMS_DTYPE)
_RULES, _ORDERS, _FILLS = records(RULES_DTYPE), records(ORDER_DTYPE), records(FILL_DTYPE)


@entry(
    types.void(_I, _ROW, _ROW, _ROW, _ROW, types.boolean, _RULES, _BOOK, _SLOTS, _TERMS, _ORDERS, _FILLS),
    allocates=False,
)
def _bar(bar, opens, highs, lows, closes, rests, rules, book, slots, terms, orders, fills):
    open_bar(0, bar, opens, highs, lows, closes, rests, rules[0], book[0], slots, terms, orders, fills)


@entry(types.void(_I, _F, _I, _I, _F, _F, _BOOK, _SLOTS, _TERMS), allocates=False)
def _place(s, quantity, number, reason, stop, take, book, slots, terms):
    slot, term = slots[s], terms[s]
    book[0].waiting += (quantity != 0.0) - (slot.order != 0.0)
    slot.order = quantity
    term.order_id, term.order_reason = number, reason
    term.order_stop, term.order_take = stop, take


@entry(types.void(_I, _I, _F, _F, _F, _I, _RULES, _BOOK, _SLOTS, _TERMS, _FILLS), allocates=False)
def _fill_now(bar, s, quantity, price, slip, number, rules, book, slots, terms, fills):
    slot, term = slots[s], terms[s]
    _fill(bar, s, quantity, price, slip, number, BY_TARGET, rules[0], book[0], slot, term, fills)


@entry(types.void(_I, _I, _F, _F, _F, _I, _I, _BOOK, _SLOTS, _TERMS, _FILLS), allocates=False)
def _book_fill(bar, s, quantity, price, fee, number, reason, book, slots, terms, fills):
    _booked(bar, s, quantity, price, fee, number, reason, book[0], slots[s], terms[s], fills)


@entry(types.void(_I, types.boolean, _BOOK, _SLOTS), allocates=False)
def _let_go(s, again, book, slots):
    _forgotten(again, book[0], slots[s])


def book_fill(
    book: Floats, slots: Floats, s: int, quantity: float, price: float, fee: float, order: int, reason: int
) -> None:
    """Book what a venue has filled for symbol `s`, in a line's account.

    Parameters
    ----------
    book, slots
        The account, as `darwin_core.ledger` makes it.
    order
        The number that the kernel gave the order; -1 for one that it did not make.
    reason
        Place in `darwin_core.ledger.REASONS`.
    """
    kept = book[N_FILLS]
    book[N_FILLS] = 0.0
    _book_fill(0, s, quantity, price, fee, order, reason, *_records(book, slots), np.empty(1, FILL_DTYPE))
    book[N_FILLS] = kept


def let_go(book: Floats, slots: Floats, s: int, *, again: bool) -> None:
    """Forget the order that waits for symbol `s`; with `again` its target is asked for at the next bar."""
    records_of, slots_of, _ = _records(book, slots)
    _let_go(s, again, records_of, slots_of)


def _records(book: Floats, slots: Floats) -> tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]:
    return book.view(BOOK_DTYPE), *split(slots)


@define(eq=False)
class Venue:
    """An account at a simulated venue: one order that waits for each symbol, filled as a backtest fills.

    Parameters
    ----------
    rules
        As `darwin_core.ledger.rules` makes them.
    n_symbols
        S.
    cash
        At the start.
    """

    rules: Floats
    n_symbols: int
    cash: float
    reasons: ClassVar[tuple[str, ...]] = REASONS
    book: Floats = field(init=False)
    slots: Floats = field(init=False)
    _orders: NDArray[Any] = field(init=False)
    _fills: NDArray[Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the account."""
        self.book, self.slots = new_book(self.cash), new_slots(self.n_symbols)
        self._orders = np.empty(ORDERS_A_BAR * self.n_symbols, ORDER_DTYPE)
        self._fills = np.empty(FILLS_A_BAR * self.n_symbols, FILL_DTYPE)

    @property
    def money(self) -> tuple[float, float]:
        """Cash, and equity at the last prices."""
        return float(self.book[CASH]), float(self.book[EQUITY])

    @property
    def positions(self) -> Floats:
        """Signed quantities held, (S,)."""
        return split(self.slots)[0]["position"]

    @property
    def waiting(self) -> Floats:
        """Signed quantities of the orders that wait for a fill, (S,)."""
        return split(self.slots)[0]["order"]

    def place(self, number: int, s: int, quantity: float, stop: float = 0.0, take_profit: float = 0.0) -> None:
        """Let an order wait for the next price, in place of one that waits already; 0 withdraws it.

        `stop` and `take_profit` are the distances from the entry at which what it opens is closed.
        """
        _place(s, quantity, number, BY_TARGET, stop, take_profit, *_records(self.book, self.slots))

    def bar(
        self, bar: int, opens: Floats, highs: Floats, lows: Floats, closes: Floats
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Bring the account through a bar, (S,) prices, up to its close; return the exits ordered, and the fills.

        Records of `darwin_core.ledger`; `reason` is a place in `Venue.reasons`. A fill of an exit counts as an order
        of its own, whose number is no number of `place`.
        """
        rows = (np.ascontiguousarray(prices, np.float64)[None, :] for prices in (opens, highs, lows, closes))
        rests = bool(self.rules.view(RULES_DTYPE)["has_range"][0])
        accounts = _records(self.book, self.slots)
        _bar(bar, *rows, rests, self.rules.view(RULES_DTYPE), *accounts, self._orders, self._fills)
        return self._taken()

    def fill_now(
        self, bar: int, number: int, s: int, quantity: float, price: float, *, limit: bool = False
    ) -> NDArray[Any]:
        """Fill an order at once, at a price that slips unless it is a `limit`; return the fill, if there is one."""
        accounts, rules = _records(self.book, self.slots), self.rules.view(RULES_DTYPE)
        slip = 0.0 if limit else rules["slip"][0]
        _fill_now(bar, s, quantity, price, slip, number, rules, *accounts, self._fills)
        return self._taken()[1]

    def _taken(self) -> tuple[NDArray[Any], NDArray[Any]]:
        orders = self._orders[: int(self.book[N_ORDERS])].copy()
        fills = self._fills[: int(self.book[N_FILLS])].copy()
        self.book[[N_ORDERS, N_FILLS]] = 0.0
        return orders, fills
