"""What made a live session's account other than the backtest's: one cause for each, read off the journal."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from attrs import define, field, frozen

from darwin_core.ledger import REASONS, split
from darwin_core.live.folding import NOT_SENT, Fold
from darwin_core.live.orders import FillReport, Intent, OrderReport
from darwin_core.live.reference import Effect
from darwin_core.live.schema import AbsentReport, Alert, CancelSent, Control, Decision, Denial, Result, Sent, Session

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence

    from darwin_core.live.folding import _Known
    from darwin_core.live.schema import Body
    from darwin_core.live.stepping import Given
    from darwin_core.types import Mode

Cause: TypeAlias = Literal[
    "revision",       # a bar was corrected after it had been decided on
    "late bar",       # a bar came after it had been decided without it
    "missing bar",    # the venue traded a symbol of which the feed brought no bar
    "partial fill",   # another quantity than the backtest's
    "price",          # the same quantity at another price
    "fee",            # the same price and another fee
    "reject",         # the venue refused the order, or ended it
    "latency",        # a fill came later, or reports in another order, or an order had to wait for the one before it
    "model",          # an agent, the strategy or a monitor did not answer
    "control",        # a pre-trade control denied the order
    "halt",           # safe mode, an override, the kill switch
    "unknown order",  # nobody knew whether the venue had the order
    "restart",        # the session ended before the order was sent
    "unexplained",    # nothing that is on record: a fault in darwin, or in a plugin
]  # fmt: skip
CAUSES: tuple[Cause, ...] = get_args(Cause)
UNEXPLAINED: Cause = "unexplained"
_OF_CONTROL: dict[str, Cause] = {"latch": "halt", "safe_mode": "halt", "unknown": "unknown order"}


@frozen
class Reason:
    """Why something differs: the cause, what it is a property of (the same key is the same cause), and words."""

    cause: Cause
    key: Hashable
    text: str
    symbol: str = ""
    about: str = ""


@define(eq=False)
class Watched(Fold):
    """A fold that notes what the records do to the account."""

    effects: list[Effect] = field(factory=list, init=False)

    def taken(self) -> list[Effect]:
        """Return what has been done since this was asked last."""
        effects, self.effects = self.effects, []
        return effects

    def client_id(self, number: int) -> str:
        """Return the id of one of the kernel's orders; empty when it is not known."""
        return self._numbers.get(number, "")

    def _fill(self, known: _Known, fill: FillReport) -> None:
        if fill.fill_id not in known.fills:
            what = fill.quantity, fill.price, fill.fee, False, fill.client_id
            self.effects.append(Effect(known.s, known.number, known.reason, *what))
        super()._fill(known, fill)

    def _end(self, known: _Known, *, again: bool) -> None:
        waiting = split(self.stepper.walk.slots)[0]["order"]
        before = float(waiting[known.s])
        super()._end(known, again=again)
        if waiting[known.s] != before:
            name = self.client_id(known.number)
            self.effects.append(Effect(known.s, known.number, again=again, client_id=name))


@define
class _Story:
    """What has become of an order, as far as it explains something."""

    symbol: str
    leg: str
    cancelled: str = ""
    on_the_way: bool = False
    unknown: str = ""
    ended: Reason | None = None


@define(eq=False)
class Stories:
    """Follows the orders of a journal."""

    halted: str = ""
    """Why no new risk was taken, as it was said last."""
    _orders: dict[str, _Story] = field(factory=dict)
    _restarted: bool = False

    def heard(self, bodies: Sequence[Body]) -> Iterator[Body]:
        """Hand records on, each after it has been taken in."""
        for body in bodies:
            self._hear(body)
            yield body

    def of(self, client_id: str) -> _Story | None:
        """Return an order's story."""
        return self._orders.get(client_id)

    def unknown_of(self, symbol: str) -> str:
        """Return the id of the order of a symbol of which nobody knows what became of it; empty when there is none."""
        return next((name for name, each in self._orders.items() if each.symbol == symbol and each.unknown), "")

    def _hear(self, body: Body) -> None:
        if isinstance(body, Intent):
            self._orders[body.client_id] = _Story(body.symbol, body.leg)
        elif isinstance(body, Decision):
            self._restarted = False
        elif isinstance(body, Session):
            self._restarted = True
            for each in self._orders.values():
                if each.on_the_way:
                    each.unknown = "the session ended before the venue had answered"
        elif isinstance(body, Control):
            self._control(body)
        elif isinstance(body, Alert):
            self.halted = body.text if body.level == "critical" else self.halted
        else:
            story = self._orders.get(getattr(body, "client_id", ""))
            if story is not None:
                self._of_order(story, body)

    def _control(self, body: Control) -> None:
        if body.action != NOT_SENT:
            self.halted = f"{body.action}: {body.why} ({body.who})"
            return
        name, symbol = body.details["client_id"], body.details["symbol"]
        cause: Cause = "restart" if self._restarted else "latency"
        story = self._orders.setdefault(name, _Story(symbol, "target"))
        story.ended = Reason(cause, name, f"not sent: {body.why}", symbol, name)

    def _of_order(self, story: _Story, body: Body) -> None:
        if isinstance(body, Denial):
            cause, key = _OF_CONTROL.get(body.control, "control"), body.client_id
            if body.control == "unknown":  # the doubt about the order before it is one cause, however long it lasts
                key = self.unknown_of(story.symbol) or key
            story.ended = Reason(cause, key, f"{body.control}: {body.reason}", story.symbol, body.client_id)
        elif isinstance(body, Sent):
            story.on_the_way = True
        elif isinstance(body, CancelSent):
            story.cancelled = body.why or "asked for"
        elif isinstance(body, Result) and body.action == "submit":
            self._answer(story, body)
        elif isinstance(body, OrderReport | FillReport):
            self._report(story, body)
        elif isinstance(body, AbsentReport) and body.authoritative:
            text = story.unknown or "no answer"
            story.on_the_way, story.unknown = False, ""
            story.ended = Reason("unknown order", body.client_id, f"the venue never had it: {text}", story.symbol,
                                 body.client_id)  # fmt: skip

    def _answer(self, story: _Story, body: Result) -> None:
        story.on_the_way = False
        if body.outcome == "unknown":
            story.unknown = body.text or "no answer"
        elif body.outcome == "refused":
            cause: Cause = "halt" if body.code == "not sent" else "reject"
            story.ended = Reason(cause, body.client_id, body.text or body.code, story.symbol, body.client_id)

    def _report(self, story: _Story, body: OrderReport | FillReport) -> None:
        story.on_the_way, story.unknown = False, ""
        if isinstance(body, OrderReport) and body.status in ("refused", "expired", "cancelled"):
            cause: Cause = "halt" if story.cancelled else "reject"
            text = story.cancelled or body.text or f"the venue says {body.status}"
            story.ended = Reason(cause, body.client_id, text, story.symbol, body.client_id)


@frozen
class Inputs:
    """What a bar is decided on besides its row and the account of the bar before.

    Parameters
    ----------
    of_block
        Whether agents answer as they did for a whole block.
    effects
        What the venue did since the bar before.
    silent, spoiled, closed, modes, rest
        See `darwin_core.live.stepping.Given`; `rest` is what it says of the strategy: held, and the share kept.
    """

    of_block: bool = True
    effects: tuple[Effect, ...] = ()
    silent: frozenset[str] = frozenset()
    spoiled: tuple[tuple[str, int], ...] = ()
    closed: bool = False
    modes: tuple[tuple[str, Mode], ...] = ()
    rest: tuple[bool, float] = (False, 1.0)


def inputs_of(given: Given, effects: tuple[Effect, ...]) -> Inputs:
    """Return what the session decided a bar on."""
    return Inputs(
        of_block=False, effects=effects, silent=given.silent, spoiled=given.spoiled, closed=given.closed,
        modes=given.modes, rest=(given.held, given.keep),
    )  # fmt: skip


def mixed(ref: Sequence[Effect], live: Sequence[Effect], taken: Collection[int]) -> tuple[Effect, ...]:
    """Return the session's effects on the symbols in `taken`, and the backtest's on the others, in their places."""
    found: list[Effect] = []
    placed = set(taken)
    for each in live:
        if each.s in taken:
            found.append(each)
        elif each.s not in placed:
            placed.add(each.s)
            found += [other for other in ref if other.s == each.s]
    return (*found, *(each for each in ref if each.s not in placed))


def given_reasons(
    bar: int, given: Given, faults: Mapping[str, str], since: Mapping[str, int], halted: str
) -> Iterator[tuple[Reason, str, Any]]:
    """Yield why a bar was decided without something: the reason, the field of `Inputs`, and its value.

    Parameters
    ----------
    faults
        What each component did wrong on it.
    since
        The bar from which on each of ``silent NAME``, ``closed``, ``modes`` and ``keep`` has been so.
    halted
        Why no new risk is taken.
    """
    silent: set[str] = set()
    for name in sorted(given.silent):
        silent.add(name)
        fault = faults.get(f"agent {name}")
        reason = Reason("halt", ("silent", name, since.get(f"silent {name}")), f"{name} is switched off", about=name)
        if fault is not None:
            reason = Reason("model", (name, bar), fault, about=name)
        yield reason, "silent", frozenset(silent)
    for name in sorted({name for name, _ in given.spoiled}):
        fault = faults.get(f"agent {name}", "an answer that is no action")
        spoiled = tuple(pair for pair in given.spoiled if pair[0] <= name)
        yield Reason("model", (name, bar), fault, about=name), "spoiled", spoiled
    if given.modes:
        text = ", ".join(f"{name} is in {mode}" for name, mode in given.modes)
        yield Reason("halt", ("modes", since.get("modes")), f"override: {text}"), "modes", given.modes
    broken = next(((who, what) for who, what in faults.items() if not who.startswith("agent ")), None)
    if given.closed:
        reason = Reason("halt", ("closed", since.get("closed")), halted or "no new risk is taken")
        if broken is not None:
            reason = Reason("model", (broken[0], bar), broken[1], about=broken[0])
        yield reason, "closed", True
    if given.held or given.keep != 1.0:
        reason = Reason("halt", ("closed", since.get("closed")), halted or "positions are unwound")
        if given.held:
            who, what = broken or ("strategy", "it did not answer")
            reason = Reason("model", (who, bar), what, about=who)
        yield reason, "rest", (given.held, given.keep)


def order_reason(
    symbol: str, ref: Sequence[Effect], live: Sequence[Effect], stories: Stories, *, came: str
) -> Reason | None:
    """Return why a symbol's fills, and the end of its order, are others than the backtest's; None: they say nothing.

    Parameters
    ----------
    ref, live
        What happened to the symbol in the backtest and in the session, each in its order. The ids of the backtest's
        are those of the same orders in the session.
    came
        What became of the symbol's bar: empty, or "missing bar", "late bar", "revision".
    """
    for name in dict.fromkeys(each.client_id for each in live):
        story = stories.of(name)
        if story is not None and story.leg == "flatten":
            return Reason("halt", name, "closed by the kill switch", symbol, name)
    fills = [[each for each in side if each.quantity] for side in (ref, live)]
    ends = [[each for each in side if not each.quantity] for side in (ref, live)]
    # The kernel's own orders first: when one of them is not filled, an exit may be in its place.
    for number in sorted({each.number for side in fills for each in side}, reverse=True):
        for mine, theirs in zip_longest(*([each for each in side if each.number == number] for side in fills)):
            if mine is None or theirs is None:
                return _one_sided(symbol, mine, theirs, ends[1], stories, came=came)
            if mine != theirs:
                return _other_fill(symbol, mine, theirs, came=came)
    return _ended(ends[1], stories) if ends[0] != ends[1] else None


def _other_fill(symbol: str, mine: Effect, theirs: Effect, *, came: str) -> Reason:
    """Return why a fill is another one."""
    name = theirs.client_id
    if theirs.quantity != mine.quantity:
        return Reason("partial fill", name, f"filled {theirs.quantity:g} instead of {mine.quantity:g}", symbol, name)
    if theirs.price != mine.price:
        text = f"paid {theirs.price:g} instead of {mine.price:g}"
        cause: Cause = "price"
        if came == "revision":
            cause, text = "revision", f"{text}: the bar was corrected afterwards"
        return Reason(cause, name, text, symbol, name)
    if theirs.fee != mine.fee:
        return Reason("fee", name, f"a fee of {theirs.fee:g} instead of {mine.fee:g}", symbol, name)
    leg = REASONS[theirs.reason]
    return Reason("latency", name, f"filled as {leg} instead of as {REASONS[mine.reason]}", symbol, name)


def _one_sided(
    symbol: str, mine: Effect | None, theirs: Effect | None, ends: Sequence[Effect], stories: Stories, *, came: str
) -> Reason:
    """Return why there is a fill on one side only."""
    if theirs is not None:
        name = theirs.client_id
        if came in ("missing bar", "late bar"):
            cause: Cause = "late bar" if came == "late bar" else "missing bar"
            return Reason(cause, name, "the venue filled it on a bar that the tape does not have", symbol, name)
        return Reason("latency", name, "filled on another bar than in the backtest", symbol, name)
    ended = _ended(ends, stories)
    if ended is not None:
        return ended
    name = mine.client_id if mine is not None else ""
    story = stories.of(name)
    if story is not None and story.unknown:
        return Reason("unknown order", name, story.unknown, symbol, name)
    if story is not None and story.ended is not None:
        return story.ended
    leg = REASONS[mine.reason] if mine is not None else "order"
    text = "not filled yet" if name else f"its {leg} was not filled yet"
    return Reason("latency", name or ("exit", symbol), text, symbol, name)


def _ended(ends: Sequence[Effect], stories: Stories) -> Reason | None:
    """Return why an order was let go."""
    for each in ends:
        story = stories.of(each.client_id)
        if story is not None and story.ended is not None:
            return story.ended
    return None
