"""The kill switch at work: cancel everything, close everything, and go on until the venue says twice that it is so.

It asks the venue alone, and needs neither stream nor model nor journal: what is written down of it may fail. The latch
has been closed before. The trader's `Killer` and the watchdog do the same thing with the same code.

Two may be at it at once. Orders only reduce, so that they do not get in each other's way; where a venue cannot hold an
order to that, what they turn round together they close again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import define, field

from darwin_core.clock import stopwatch
from darwin_core.live import answers
from darwin_core.live.controls.emergency import emergency
from darwin_core.live.ordering import result
from darwin_core.live.orders import Absent, Intent, OrderReport, Unknown, client_order_id
from darwin_core.live.schema import Alert, CancelSent, Sent
from darwin_core.plugins import why

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from darwin_core.live.aside import Aside
    from darwin_core.live.ordering import Ordering, Tell
    from darwin_core.live.orders import Outcome, PositionReport
    from darwin_core.live.schema import Body
    from darwin_core.protocols import Broker

T = TypeVar("T")

_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 2.0
"""Between two rounds: doubled while nothing changes, so that a closed market is not asked without end."""
_ANSWER_S = 1.0
"""How long the venue is waited for at first; doubled after each silence, up to what the deployment gives it."""
_YOUNG_S = 1.0
"""For so long a closing order may fill before it is cancelled with the others."""
_STUCK_S = 2.0
"""After so long positions are closed although orders of their symbol could not be cancelled."""
_SAME_NAME = 3
"""Times that an order in doubt is sent again under its own name, where the venue cannot say that it has not got it."""
LOOK_S, AFTER_S = 1.0, 30.0
"""Once it is flat: how often, and for how long, it is looked at again. What was on its way may still land."""


class Notes(Protocol):
    """Takes down what is done. What it raises is told and changes nothing."""

    def taken(self, client_id: str) -> bool:
        """Return whether an order had this name already."""

    def cancelling(self, order: OrderReport) -> None:
        """Take down that a cancel goes on the wire next."""

    def cancelled(self, order: OrderReport, outcome: Outcome) -> None:
        """Take down what the venue said to it."""

    def sending(self, intent: Intent) -> None:
        """Take down that an order goes on the wire next."""

    def sent(self, intent: Intent, outcome: Outcome) -> None:
        """Take down what the venue said to it."""

    def problem(self, text: str) -> None:
        """Tell what does not work; it is tried again."""


@define
class _Close:
    """The latest closing order of a symbol."""

    intent: Intent
    outcome: Outcome
    at: float
    times: int = 1


@define(eq=False)
class Flattening:
    """Flattens an account.

    Parameters
    ----------
    broker
        The wire.
    name
        Part of every order's id.
    now
        The session's clock, ns.
    answer_s
        Seconds within which the venue has to answer at last.
    notes
        Takes down what is done.
    wanted
        Whether to go on; False after a release.
    because
        The reason that its orders bear.
    afresh
        Connects anew; it is called when the venue has not answered for a while.
    """

    broker: Broker
    name: str
    now: Callable[[], int]
    answer_s: float
    notes: Notes
    wanted: Callable[[], bool]
    because: str = ""
    afresh: Callable[[], Awaitable[None]] | None = None
    _patience: float = field(init=False)
    _closes: dict[str, _Close] = field(factory=dict, init=False)
    _attempt: int = field(default=0, init=False)
    _told: str = field(default="", init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with little patience."""
        self._patience = min(_ANSWER_S, self.answer_s)

    async def run(self) -> bool | None:
        """Cancel and close until there is nothing, seen twice.

        Returns
        -------
        Whether anything had to be done; None when it is no longer wanted.
        """
        seen, pause, acted, before, began = 0, _PAUSE_S, False, "", stopwatch()
        while self.wanted():
            found = await self._round(stuck=stopwatch() - began > _STUCK_S)
            if found == "":
                seen += 1
                if seen == 2:
                    return acted
            else:
                seen, acted = 0, acted or found is not None
            same = found is None or (found != "" and found == before)
            pause = min(2.0 * pause, _LONGEST_PAUSE_S) if same else _PAUSE_S
            before = before if found is None else found
            await asyncio.sleep(pause)
            if found is None and pause == _LONGEST_PAUSE_S and self.afresh is not None:
                await self.afresh()
        return None

    async def _round(self, *, stuck: bool) -> str | None:
        """Look, and act on what is there; return it in words, "" when it is nothing, None when nobody can say."""
        try:
            orders = await self._ask(self.broker.open_orders(), answers.orders)
            held = [each for each in await self._ask(self.broker.positions(), answers.positions) if each.quantity]
            await self._act(orders, held, stuck=stuck)
        except Exception as error:  # noqa: BLE001 - it goes on, whatever it is
            self._problem(why(error) or type(error).__name__)
            return None
        named = sorted(f"{each.venue_id} {each.filled!r}" for each in orders)
        return "; ".join(named + sorted(f"{each.symbol} {each.quantity!r}" for each in held))

    async def _act(self, orders: Sequence[OrderReport], held: Sequence[PositionReport], *, stuck: bool) -> None:
        """Cancel all orders, and close each position that no order can turn round any more."""
        filling = {close.intent.client_id for close in self._closes.values() if stopwatch() - close.at < _YOUNG_S}
        others = [each for each in orders if each.client_id not in filling]
        await asyncio.gather(*(self._cancel(each) for each in others))
        busy = {each.symbol for each in orders if not stuck or each.client_id in filling}
        await asyncio.gather(*(self._close(each) for each in held if each.symbol not in busy))

    async def _cancel(self, order: OrderReport) -> None:
        self._note(lambda: self.notes.cancelling(order))
        named = bool(order.client_id) and not order.venue_id
        outcome = await self._answer(
            self.broker.cancel(order.client_id) if named else self.broker.cancel_venue(order.venue_id)
        )
        self._note(lambda: self.notes.cancelled(order, outcome))

    async def _close(self, position: PositionReport) -> None:
        """Send an order that only reduces this position."""
        last = self._closes.get(position.symbol)
        if last is not None and isinstance(last.outcome, Unknown):
            found = await self._ask(self.broker.order(last.intent.client_id), answers.order)
            if isinstance(found, OrderReport) and found.status in ("working", "partial"):
                return  # it is among the open orders of the next round
            again = last.intent.quantity == -position.quantity and last.times < _SAME_NAME
            if isinstance(found, Absent) and not found.authoritative and again:
                await self._send(last.intent, last.times + 1)
                return
        await self._send(self._intent(position))

    async def _send(self, intent: Intent, times: int = 1) -> None:
        if times == 1:
            self._note(lambda: self.notes.sending(intent))
        close = self._closes[intent.symbol] = _Close(intent, Unknown("no answer yet"), stopwatch(), times)
        close.outcome = outcome = await self._answer(self.broker.submit(emergency(intent)))
        self._note(lambda: self.notes.sent(intent, outcome))

    def _intent(self, position: PositionReport) -> Intent:
        bar = self.now()
        while True:
            self._attempt += 1
            name = client_order_id(self.name, bar, position.symbol, "flatten", self._attempt)
            if not self.notes.taken(name):
                break
        return Intent(
            name, self.name, bar, position.symbol, "flatten", self._attempt, -position.quantity, 0.0,
            time_in_force="ioc", reduce_only=True, reason=self.because,
        )  # fmt: skip

    async def _ask(self, question: Awaitable[Any], read: Callable[[Any], T]) -> T:
        try:
            async with asyncio.timeout(self._patience):
                return read(await question)
        except TimeoutError:
            waited, self._patience = self._patience, min(2.0 * self._patience, self.answer_s)
            raise TimeoutError(f"no answer within {waited:g} s") from None

    async def _answer(self, asked: Awaitable[Outcome]) -> Outcome:
        """Return an outcome; whatever else happens, nobody knows what became of it."""
        try:
            return await self._ask(asked, answers.outcome)
        except Exception as error:  # noqa: BLE001 - a plugin's fault says nothing about the order
            return Unknown(why(error) or type(error).__name__)

    def _note(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - what cannot be written down is done all the same
            self._problem(f"it cannot be written down: {why(error)}")

    def _problem(self, text: str) -> None:
        """Tell a problem, once as long as it is the same."""
        if text != self._told:
            self._told = text
            self.notes.problem(text)


async def keep_flat(work: Flattening, proven: Callable[[], None], again: Callable[[], bool]) -> None:
    """Flatten, tell it when it is proven, and look again for a while: what was on its way may still land.

    Parameters
    ----------
    proven
        Called each time that the venue has said it twice after something had been done, and the first time.
    again
        Whether it has to be told anew: somebody has asked once more.
    """
    quiet = 0.0
    while quiet < AFTER_S:
        acted = await work.run()
        if acted is None:
            return
        if acted or again():
            quiet = 0.0
            proven()
        await asyncio.sleep(LOOK_S)
        quiet += LOOK_S


@define(eq=False)
class Killer:
    """Flattens a session's account, and writes it down as far as the disk allows.

    Parameters
    ----------
    broker, ordering
        The wire, and the way to it.
    deployment
        Part of every order's id.
    now
        The session's clock.
    tell
        Told of every alert.
    aside
        Where orders are declared that the journal does not take.
    """

    broker: Broker
    ordering: Ordering
    deployment: str
    now: Callable[[], int]
    tell: Tell
    aside: Aside
    done: bool = field(default=False, init=False)
    """Whether the venue has said twice in a row that there are no orders and no positions."""

    async def flatten(self, because: str, wanted: Callable[[], bool]) -> None:
        """Flatten as long as it is `wanted`, and look again for half a minute."""
        await keep_flat(*self._work(because, wanted), lambda: not self.done)

    async def flatten_once(self, because: str) -> None:
        """Flatten, and be done with it."""
        work, proven = self._work(because, lambda: True)
        await work.run()
        proven()

    def _work(self, because: str, wanted: Callable[[], bool]) -> tuple[Flattening, Callable[[], None]]:

        def proven() -> None:
            self.done = True
            self.tell(Alert("critical", "kill", f"flat: no orders and no positions, seen twice ({because})"))

        answer_s = self.ordering.answer_s
        return Flattening(self.broker, self.deployment, self.now, answer_s, self, wanted, because), proven

    def taken(self, client_id: str) -> bool:
        """Return whether an order had this name already."""
        return client_id in self.ordering.journal.book.orders or self.aside.intent(client_id) is not None

    def cancelling(self, order: OrderReport) -> None:
        """Write down the cancel of an order that is ours."""
        known = self.ordering.journal.book.orders.get(order.client_id)
        if known is not None and known.live:  # it may have been filled since the venue was asked
            self._write(CancelSent(order.client_id, "the kill switch"))

    def cancelled(self, order: OrderReport, outcome: Outcome) -> None:
        """Write down what the venue said."""
        if order.client_id in self.ordering.journal.book.orders:
            self._write(result(order.client_id, "cancel", outcome))

    def sending(self, intent: Intent) -> None:
        """Write the order down: in the journal or, if that takes nothing, aside."""
        self.ordering.fold.outside(intent)
        try:
            self._write(intent, Sent(intent.client_id))
        except Exception:
            self.aside.declare(self.now(), intent)
            raise

    def sent(self, intent: Intent, outcome: Outcome) -> None:
        """Write down what the venue said."""
        if intent.client_id in self.ordering.journal.book.orders:
            self._write(result(intent.client_id, "submit", outcome))

    def problem(self, text: str) -> None:
        """Tell it."""
        self.tell(Alert("warning", "kill", text))

    def _write(self, *bodies: Body) -> None:
        self.ordering.write(bodies)
