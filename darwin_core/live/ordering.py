"""The way of an order: reviewed, on disk, on the wire, and its fate on disk again. Nothing else submits.

An order that has no answer is unknown, and stays so until the venue has said what became of it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import define, evolve, field

from darwin_core.clock import stopwatch
from darwin_core.live import answers
from darwin_core.live.controls import Lately, Recent
from darwin_core.live.folding import NOT_SENT
from darwin_core.live.orders import (
    FINAL,
    Absent,
    Accepted,
    Denied,
    FillReport,
    Intent,
    OrderReport,
    Refused,
    Unknown,
)
from darwin_core.live.schema import AbsentReport, Alert, CancelSent, Control, Decision, Denial, Entry, Result, Sent
from darwin_core.plugins import why

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from darwin_core.live.controls import Book, Controls
    from darwin_core.live.folding import Fold, Wanted
    from darwin_core.live.journal import Journal
    from darwin_core.live.orders import Approved, Outcome, PositionReport
    from darwin_core.live.schema import Body
    from darwin_core.live.states import Order
    from darwin_core.live.stepping import Step
    from darwin_core.protocols import Broker

T = TypeVar("T")


class Tell(Protocol):
    """Takes alerts."""

    def __call__(self, alert: Alert, *, written: bool = False) -> None:
        """Take one; `written` says that it stands in the journal already."""


_POLL_S = 0.02
_SETTLE_S = 0.02
_SECOND = 1_000_000_000
_SAME = 1e-9


@define(eq=False)
class Ordering:
    """Sends what a step wants, and takes in what the venue says.

    Parameters
    ----------
    broker, journal, fold, controls
        The wire, the journal, the account, the limits.
    facts
        Returns what the controls look at, now.
    shut
        Returns why no order may leave that is not an exit of the kill switch; empty when they may.
    now
        The session's clock.
    answer_s
        Seconds within which the venue has to answer.
    tell
        Told of every alert.
    """

    broker: Broker
    journal: Journal
    fold: Fold
    controls: Controls
    facts: Callable[[], Book]
    shut: Callable[[], str]
    now: Callable[[], int]
    answer_s: float
    tell: Tell
    refusals: dict[str, tuple[int, str]] = field(factory=dict, init=False)
    recent: Lately = field(factory=Lately, init=False)
    owed: set[str] = field(factory=set, init=False)
    """Orders of which the venue has reported more than the fills that have arrived."""
    unanswered: set[str] = field(factory=set, init=False)
    """Orders that an earlier process of the session has sent, and of which it never heard an answer."""
    handing: int = field(default=0, init=False)
    """Orders that have been let through the gate, and that the broker is just being given."""
    declared: Callable[[str], Intent | None] = field(default=lambda _client_id: None, init=False)
    """Returns the order of a kill switch that was declared beside the journal."""
    wired: float = field(default=0.0, init=False)
    """When orders last went on the wire, by the stopwatch."""
    _sent_at: dict[str, int] = field(factory=dict, init=False)
    _strangers: set[str] = field(factory=set, init=False)

    def write(self, bodies: Iterable[Body]) -> None:
        """Put records on disk, and into the account; both have happened, or neither, when this returns."""
        entries = [Entry(self.now(), body) for body in bodies]
        if not entries:
            return
        written = self.journal.append(entries)
        for alert in written.alerts:
            self.tell(alert, written=True)
        for entry in entries:
            self.fold.apply(entry.body)

    async def decide(self, step: Step, decision: Decision) -> None:
        """Record a decision with the intents that follow from it, and send those that the controls approve."""
        wanted = self.fold.wanted(step)
        gone = [order for order in self._unwanted(step, wanted) if order.live]
        busy = {order.intent.symbol for order in gone}
        await self._order_now([each for each in wanted if each.intent.symbol not in busy], decision)
        await self._replace(gone, [each for each in wanted if each.intent.symbol in busy])
        self.journal.rest()

    async def finish(self, step: Step) -> None:
        """Do what a process that ended has left undone of its last bar: as if it had done it, but for the controls.

        What the venue has never had is sent again under its own name, once the venue has said so with authority.
        """
        await self._send_again(step.bar)
        left = list(self.fold.pending.values())
        self.fold.pending.clear()
        await self._replace(self._unwanted(step, left), left)

    async def _replace(self, gone: Sequence[Order], wanted: Sequence[Wanted]) -> None:
        """Cancel orders; then send those that were to take their place, where nothing of the old ones was filled."""
        taken = {each.intent.symbol for each in wanted} - {order.intent.symbol for order in gone}
        for order in gone:
            if order.live:
                over = await self.cancel(order.client_id, "its target has changed")
            else:
                over = not order.filled and not order.reported
            if not over:
                taken.add(order.intent.symbol)
        await self._order_now([each for each in wanted if each.intent.symbol not in taken])
        for each in wanted:
            if each.intent.symbol in taken:
                self.fold.intend(each)
                self.write([not_sent(each.intent, "the order before it may still trade, or has traded")])

    def _unwanted(self, step: Step, wanted: Sequence[Wanted]) -> list[Order]:
        """Return the orders that are to go: withdrawn by the step, in the place of a new one, or not cancelled yet."""
        book = self.journal.book
        gone = [order for each in self.fold.withdrawn(step) if (order := self._order(each))]
        gone += [order for each in wanted if (order := book.live_on(each.intent))]
        gone += [order for order in book.unfinished() if order.cancel_asked]
        return list({order.client_id: order for order in gone}.values())

    async def _send_again(self, bar: int) -> None:
        """Send what was on its way when an earlier process ended, as far as it never came to the venue."""
        lost = {}
        for order in self.journal.book.with_status("unknown"):
            if order.client_id in self.unanswered and order.intent.bar == bar:
                found = await self.ask(self.broker.order(order.client_id), answers.order)
                if isinstance(found, Absent) and found.authoritative:
                    lost[order.client_id] = order.intent
        self.unanswered.clear()
        if lost:
            book = self.facts()
            others = tuple(each for each in book.orders if each.client_id not in lost)
            recent = tuple(each for each in book.recent if each.intent.client_id not in lost)
            verdicts, _ = self.controls.review_all(lost.values(), evolve(book, orders=others, recent=recent))
            await self._send([verdict for verdict in verdicts if not isinstance(verdict, Denied)])

    async def _order_now(self, wanted: Sequence[Wanted], *first: Body) -> None:
        """Review orders, write them down together with what led to them, and send what was approved."""
        verdicts, _ = self.controls.review_all([each.intent for each in wanted], self.facts()) if wanted else ([], None)
        bodies: list[Body] = list(first)
        approved: list[Approved] = []
        for each, verdict in zip(wanted, verdicts, strict=True):
            self.fold.intend(each)
            bodies.append(each.intent)
            if isinstance(verdict, Denied):
                bodies.append(Denial(each.intent.client_id, verdict.control, verdict.reason))
                count, _ = self.refusals.get(verdict.control, (0, ""))
                self.refusals[verdict.control] = count + 1, verdict.reason
                self.tell(Alert("warning", verdict.control, verdict.reason, each.intent.symbol))
            else:
                approved.append(verdict)
                bodies.append(Sent(each.intent.client_id))
                self.recent.append(Recent(verdict, self.now()))
        self.write(bodies)
        await self._send(approved)

    async def _send(self, approved: Sequence[Approved]) -> None:
        """Put orders on the wire together; write down what became of each."""
        if not approved:
            return
        for order in approved:
            self._sent_at[order.client_id] = self.now()
        self.wired = stopwatch()
        outcomes = await asyncio.gather(*(self._submit(order) for order in approved))
        self.write(
            result(order.client_id, "submit", outcome) for order, outcome in zip(approved, outcomes, strict=True)
        )
        for order, outcome in zip(approved, outcomes, strict=True):
            if not isinstance(outcome, Unknown):
                self._sent_at.pop(order.client_id, None)
            if isinstance(outcome, Refused):
                self.tell(Alert("warning", "venue", f"{order.symbol}: refused: {outcome.text}", order.client_id))
            elif isinstance(outcome, Unknown):
                self.tell(Alert("warning", "venue", f"{order.symbol}: unknown: {outcome.why}", order.client_id))

    async def _submit(self, order: Approved) -> Outcome:
        """Send one order, if the gate is open at this very moment."""
        self.handing += 1
        asyncio.get_running_loop().call_soon(self._handed)  # its turn comes when the broker waits for the first time
        shut = self.shut()
        if shut and order.leg != "flatten":
            return Refused("not sent", f"the gate is shut: {shut}")
        return await self.answer(self.broker.submit(order))

    def _handed(self) -> None:
        self.handing -= 1

    def settle(self) -> None:
        """Wait until the broker has every order that was let through the gate; in any thread, and not for long."""
        until = stopwatch() + _SETTLE_S
        while self.handing and stopwatch() < until:
            time.sleep(_SETTLE_S / 50)

    async def answer(self, asked: Awaitable[Outcome]) -> Outcome:
        """Return an outcome in time; whatever else happens, nobody knows what became of it."""
        try:
            async with asyncio.timeout(self.answer_s):
                return answers.outcome(await asked)
        except TimeoutError:
            return Unknown(f"no answer within {self.answer_s:g} s")
        except Exception as error:  # noqa: BLE001 - a plugin's fault says nothing about the order
            return Unknown(why(error))

    async def ask(self, question: Awaitable[Any], read: Callable[[Any], T]) -> T | None:
        """Return what the venue says is so, as one of `darwin_core.live.answers` reads it; None when it cannot say."""
        try:
            async with asyncio.timeout(self.answer_s):
                return read(await question)
        except Exception as error:  # noqa: BLE001 - it is asked again
            self.tell(Alert("warning", "venue", f"does not answer: {why(error) or type(error).__name__}"))
            return None

    async def cancel(self, client_id: str, because: str) -> bool:
        """Cancel an order; return whether the venue has confirmed that it is over, with nothing filled by then."""
        self.write([CancelSent(client_id, because)])
        outcome = await self.answer(self.broker.cancel(client_id))
        self.write([result(client_id, "cancel", outcome)])
        try:
            async with asyncio.timeout(self.answer_s):
                while True:
                    found = await self.ask(self.broker.order(client_id), answers.order)
                    if isinstance(found, OrderReport):
                        self.take([found])
                    order = self._order(client_id)
                    if order is None or not order.live:
                        return order is not None and not order.filled and not order.reported
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            return False

    async def resolve(self) -> int:
        """Ask the venue about every order whose fate nobody knows; return how many are left."""
        waiting = self.journal.book.with_status("unknown", "sent", "intended")
        for order in waiting:
            found = await self.ask(self.broker.order(order.client_id), answers.order)
            if isinstance(found, OrderReport):
                self.take([found])
            elif isinstance(found, Absent):
                self.write([AbsentReport(order.client_id, found.authoritative or self._fenced(order.client_id))])
            known = self._order(order.client_id)
            if known is None or known.status != "unknown":
                self._sent_at.pop(order.client_id, None)
        return len(self.journal.book.with_status("unknown"))

    def _fenced(self, client_id: str) -> bool:
        """Whether so much time has gone by that a request can no longer land."""
        fence = self.broker.capabilities.fence_s
        sent = self._sent_at.setdefault(client_id, self.now())
        return fence is not None and self.now() - sent > fence * _SECOND

    def take(self, reports: Iterable[OrderReport | FillReport]) -> None:
        """Take in what the venue says; what is known already is not written again."""
        bodies: list[Body] = []
        adopted: set[str] = set()
        for report in reports:
            order = self._order(report.client_id)
            if order is None and report.client_id not in adopted:
                intent = self._adopt(report)
                if intent is None:
                    self._stranger(report)
                    continue
                adopted.add(report.client_id)
                self.fold.outside(intent)
                bodies.append(intent)
            elif order is not None and _known(order, report):
                continue
            bodies.append(report)
        self.write(bodies)
        for body in bodies:
            known = self._order(getattr(body, "client_id", ""))
            if known is not None:
                (self.owed.add if known.owed else self.owed.discard)(known.client_id)

    async def pull(self, cursor: str) -> str:
        """Take in the fills behind a cursor, whatever the stream has brought of them; return the cursor behind them."""
        found = await self.ask(self.broker.fills_since(cursor), answers.fills)
        if found is None:
            return cursor
        fills, behind = found
        reports: list[OrderReport | FillReport] = []
        new = {fill.client_id for fill in fills if self._order(fill.client_id) is None} - self._strangers
        for fill in fills:
            if fill.client_id in new:  # an exit of the venue: its order says for which of ours
                new.remove(fill.client_id)
                order = await self.ask(self.broker.order(fill.client_id), answers.order)
                if order is None:
                    return cursor
                if isinstance(order, OrderReport):
                    reports.append(order)
            reports.append(fill)
        self.take(reports)
        return behind

    def _adopt(self, report: OrderReport | FillReport) -> Intent | None:
        """Return the intent of an exit that the venue keeps for one of our orders, or of an order of a kill switch."""
        if not isinstance(report, OrderReport) or not self.fold.knows(report.parent):
            return self.declared(report.client_id)
        parent = self._order(report.parent)
        bar = parent.intent.bar if parent else 0
        return Intent(
            report.client_id, self.fold.deployment, bar, report.symbol, report.leg, 0, report.quantity, 0.0,
            reduce_only=True, reason=f"rests at the venue for {report.parent}",
        )  # fmt: skip

    def _stranger(self, report: OrderReport | FillReport) -> None:
        """Say once that the venue knows an order that is not ours."""
        name = report.client_id or getattr(report, "venue_id", "")
        if name not in self._strangers:
            self._strangers.add(name)
            self.tell(Alert("warning", "venue", f"{report.symbol}: an order that is not ours: {name}", name))

    def _order(self, client_id: str) -> Order | None:
        return self.journal.book.orders.get(client_id)


def _known(order: Order, report: OrderReport | FillReport) -> bool:
    """Whether a report says nothing new."""
    if isinstance(report, FillReport):
        return order.fills.get(report.fill_id) == report
    if order.status in FINAL and report.status in ("working", "partial") and report.time <= order.as_of:
        return True
    same = report.filled == order.reported and report.quantity == order.quantity and bool(order.venue_id)
    return same and (report.status == order.status or (report.status == "working" and order.status == "cancelling"))


def result(client_id: str, action: Any, outcome: Outcome) -> Result:
    """Return the record of an outcome."""
    if isinstance(outcome, Accepted):
        return Result(client_id, action, "accepted", venue_id=outcome.venue_id)
    if isinstance(outcome, Refused):
        return Result(client_id, action, "refused", code=outcome.code, text=outcome.text)
    return Result(client_id, action, "unknown", text=outcome.why)


def not_sent(intent: Intent, because: str) -> Control:
    """Return the record of an order of the kernel that does not become an intent."""
    return Control(NOT_SENT, "darwin", "system", because, {"client_id": intent.client_id, "symbol": intent.symbol})


def differ(ours: Mapping[str, float], theirs: Iterable[PositionReport]) -> str:
    """Say how the venue's positions are others than ours; empty when they are not. Rounding aside."""
    seen = {each.symbol: each.quantity for each in theirs}
    both = ((symbol, ours.get(symbol, 0.0), seen.get(symbol, 0.0)) for symbol in {*ours, *seen})
    wrong = [
        f"{symbol}: {held:g} here, {said:g} at the venue"
        for symbol, held, said in sorted(each for each in both if each[1] != each[2])
        if abs(held - said) > _SAME * max(abs(held), 1.0)
    ]
    return "; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
