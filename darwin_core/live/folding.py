"""A session as a fold: what the journal holds, in its order, is all that a line's account is made of.

A live run applies each record right after it is on disk; a restart, a replay and `darwin parity` apply the same
records from the file. So there is one way from records to account, and a process that dies loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from darwin_core import venue
from darwin_core.ledger import BY_STOP, BY_TAKE, BY_TARGET, REASONS, split
from darwin_core.live.orders import FINAL, FillReport, Intent, OrderReport, client_order_id
from darwin_core.live.schema import AbsentReport, Control, Denial, Result
from darwin_core.live.states import TOLERANCE

if TYPE_CHECKING:
    from darwin_core.live.schema import Body
    from darwin_core.live.stepping import Step, Stepper

NOT_SENT = "not sent"
"""The control record of an order of the kernel that did not become an intent."""
_OUTSIDE = -1
_AGAIN = ("refused", "denied", "expired")
_KEPT = 10_000


@frozen(eq=False)
class Wanted:
    """An order that the kernel made, and the intent that it becomes.

    Parameters
    ----------
    number
        The kernel's own.
    stop, take_profit
        Distances of the exits that it brings.
    """

    intent: Intent
    number: int
    s: int


@define
class _Known:
    """What the account has to know of an order."""

    s: int
    number: int
    reason: int
    quantity: float
    fills: set[str] = field(factory=set)
    over: bool = False
    final: bool = False
    """The venue has said its last word about it."""


@define(eq=False)
class Fold:
    """The account of a line, brought forward by records.

    Parameters
    ----------
    stepper
        Decides, and has the account.
    deployment
        Part of every order's id.
    exits
        Whether the venue keeps stops and take-profits.
    """

    stepper: Stepper
    deployment: str
    exits: bool
    pending: dict[str, Wanted] = field(factory=dict, init=False)
    """Orders that the kernel has made again, and that the journal has not come to yet."""
    _known: dict[str, _Known] = field(factory=dict, init=False)
    _numbers: dict[int, str] = field(factory=dict, init=False)

    def wanted(self, step: Step) -> tuple[Wanted, ...]:
        """Return the orders of a step as intents, in the order of the symbols as the kernel made them."""
        _, terms = split(self.stepper.walk.slots)
        symbols = self.stepper.tape.symbols
        found = []
        for n, row in enumerate(step.orders.tolist()):
            _bar, s, quantity, price, target, reason = row
            leg: Any = REASONS[reason]
            enters = reason == int(BY_TARGET)  # NumPy's own truth values mean something else to a database
            brings = self.exits and enters
            intent = Intent(
                client_order_id(self.deployment, step.bar, symbols[s], leg, 0), self.deployment, step.bar, symbols[s],
                leg, 0, quantity, price, reduce_only=not enters, target=target,
                stop=float(terms["order_stop"][s]) if brings else 0.0,
                take_profit=float(terms["order_take"][s]) if brings else 0.0,
                reason="",
            )  # fmt: skip
            found.append(Wanted(intent, step.first + n, s))
        return tuple(found)

    def withdrawn(self, step: Step) -> tuple[str, ...]:
        """Return the ids of the orders that a step no longer wants."""
        return tuple(self._numbers[number] for number in step.withdrawn if number in self._numbers)

    def intend(self, wanted: Wanted) -> None:
        """Know an order of the kernel by its id."""
        intent = wanted.intent
        self._know(intent.client_id, _Known(wanted.s, wanted.number, REASONS.index(intent.leg), intent.quantity))

    def outside(self, intent: Intent) -> None:
        """Know an order that the kernel did not make: an exit that the venue keeps, or a person's."""
        reason = {"stop": BY_STOP, "take_profit": BY_TAKE}.get(intent.leg, BY_TARGET)
        symbols = self.stepper.tape.symbols
        if intent.symbol not in symbols:
            return  # the kill switch closes that too, and the line has no account of it
        s = symbols.index(intent.symbol)
        self._know(intent.client_id, _Known(s, _OUTSIDE, int(reason), intent.quantity))

    def knows(self, client_id: str) -> bool:
        """Whether an order belongs to this line."""
        return client_id in self._known

    def apply(self, body: Body) -> None:
        """Take in what a record says of an order; what the line does not know changes nothing."""
        client_id = body.details.get("client_id", "") if isinstance(body, Control) else getattr(body, "client_id", "")
        known = self._known.get(client_id)
        if known is None:
            return
        known.final |= isinstance(body, OrderReport) and body.status in FINAL
        if isinstance(body, FillReport):
            self._fill(known, body)
        elif isinstance(body, Denial) or (isinstance(body, Control) and body.action == NOT_SENT):
            self._end(known, again=True)
        elif isinstance(body, OrderReport) and body.status in FINAL and body.status != "filled":
            self._end(known, again=body.status in _AGAIN and not body.filled)
        elif (isinstance(body, Result) and body.action == "submit" and body.outcome == "refused") or (
            isinstance(body, AbsentReport) and body.authoritative
        ):
            self._end(known, again=True)

    def _fill(self, known: _Known, fill: FillReport) -> None:
        here = fill.symbol == self.stepper.tape.symbols[known.s] and fill.quantity * known.quantity > 0.0
        if fill.fill_id in known.fills or not here:  # the journal has told of one that is not for this order
            return
        known.fills.add(fill.fill_id)
        walk = self.stepper.walk
        venue.book_fill(walk.book, walk.slots, known.s, fill.quantity, fill.price, fill.fee, known.number, known.reason)
        if abs(split(walk.slots)[0]["order"][known.s]) <= TOLERANCE * abs(known.quantity):
            self._end(known, again=False)  # 0.8 - 0.1 - 0.7 is not 0: nothing waits for a rounding

    def _end(self, known: _Known, *, again: bool) -> None:
        """Let go of an order that ended without being filled whole, if the kernel still waits for it."""
        if known.over:
            return
        known.over = known.final = True
        walk = self.stepper.walk
        slots, terms = split(walk.slots)
        if known.number != _OUTSIDE and slots["order"][known.s] != 0.0 and terms["order_id"][known.s] == known.number:
            venue.let_go(walk.book, walk.slots, known.s, again=again)

    def _know(self, client_id: str, known: _Known) -> None:
        if client_id in self._known:
            return
        self._known[client_id] = known
        if known.number != _OUTSIDE:
            self._numbers[known.number] = client_id
        if len(self._known) > _KEPT:
            self._forget()

    def _forget(self) -> None:
        """Let go of the oldest order that has ended; one that may still trade stays, however old it is."""
        oldest = next((name for name, known in self._known.items() if known.final), None)
        if oldest is not None:
            self._numbers.pop(self._known.pop(oldest).number, None)
