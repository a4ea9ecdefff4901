"""Run a line over its history: blocks evaluated at array speed, then walked through by the compiled lockstep."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import define, field, frozen

from darwin_core import ledger, lockstep
from darwin_core.blocks import cut, unit_for
from darwin_core.desks import Desks
from darwin_core.errors import DataError
from darwin_core.evaluate import Evaluator, Kept
from darwin_core.forming import form
from darwin_core.law.audit import Auditor
from darwin_core.observing import Panel
from darwin_core.remarks import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.blocks import Block
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.guard import Incident
    from darwin_core.law.audit import Audited
    from darwin_core.observing import Questions, Tier
    from darwin_core.remarks import Listener, Remarks
    from darwin_core.types import Floats, Ints

_LEAST_ROWS, _MOST_ROWS = 2_048, 131_072


@frozen(eq=False)
class Result:
    """What a backtest did, in memory.

    Parameters
    ----------
    curve
        (T, 4) float64: equity, cash, gross and net exposure in money at each close.
    orders, fills, decisions
        Record arrays, see `darwin_core.ledger` and `darwin_core.lockstep`.
    digest
        SHA-256 over the canonical decision log, hex.
    remarks
        By the agents' stages in the log, from 1; empty when nobody listened.
    """

    line: Line
    time: Ints
    symbols: tuple[str, ...]
    curve: Floats
    orders: NDArray[Any]
    fills: NDArray[Any]
    decisions: NDArray[Any]
    book: Floats
    slots: Floats
    digest: str
    audited: tuple[Audited, ...]
    incidents: tuple[Incident, ...]
    remarks: Mapping[int, Remarks] = field(factory=dict)

    @property
    def equity(self) -> Floats:
        """Equity at each close, (T,)."""
        return self.curve[:, 0]

    def explained(self, number: int) -> int:
        """Return of how many of its decisions agent `number`, from 0, has said why."""
        said = self.remarks.get(number + 1)
        return 0 if said is None else sum(words is not None for words in said.words)

    def to_vectorbt(self) -> Any:
        """Return the result as a `vectorbt.Portfolio`; PluginError when darwin-vectorbt is not installed."""
        from darwin_core.plugins import Plugins

        plugin: Any = Plugins(Path()).load("vectorbt", "result.to_vectorbt()")
        return plugin.to_vectorbt(self)


_COUNTS = (ledger.N_ORDERS, ledger.N_FILLS, ledger.N_DECISIONS)
_KINDS = (ledger.ORDER_DTYPE, ledger.FILL_DTYPE, lockstep.DECISION_DTYPE)


@define(eq=False)
class Recorder:
    """Keeps what the kernel writes down.

    Parameters
    ----------
    digest
        Hashes the decisions in their order.
    least, rows
        Rows that the kernel's buffers must have for a block, and rows to make room for at a time. Memory that is
        never written to costs nothing.
    """

    digest: Any
    least: int
    rows: int
    orders: list[NDArray[Any]] = field(factory=list)
    fills: list[NDArray[Any]] = field(factory=list)
    decisions: list[NDArray[Any]] = field(factory=list)
    _buffers: list[NDArray[Any]] = field(factory=list)

    def buffers(self) -> tuple[NDArray[Any], ...]:
        """Return empty buffers for orders, fills and decisions: what is left of the last ones, if that will do."""
        if not self._buffers or min(map(len, self._buffers)) < self.least:
            self._buffers = [np.empty(max(self.least, self.rows), kind) for kind in _KINDS]
        return tuple(self._buffers)

    def drain(self, book: Floats) -> None:
        """Copy the rows out of buffers that are full, so that the kernel can go on in them."""
        self._take(book, [buffer[: int(book[n])].copy() for buffer, n in zip(self._buffers, _COUNTS, strict=True)])

    def close(self, book: Floats) -> None:
        """Keep the rows of a block where they are; the next block's come after them."""
        used = [int(book[n]) for n in _COUNTS]
        self._take(book, [buffer[:n] for buffer, n in zip(self._buffers, used, strict=True)])
        self._buffers = [buffer[n:] for buffer, n in zip(self._buffers, used, strict=True)]

    def _take(self, book: Floats, taken: list[NDArray[Any]]) -> None:
        for kept, rows in zip((self.orders, self.fills, self.decisions), taken, strict=True):
            if len(rows):
                kept.append(rows)
        self.digest.update(taken[-1].view(np.uint8))
        book[list(_COUNTS)] = 0.0


def joined(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Concatenate record arrays, of which there may be none; the list is left with the one array."""
    if len(parts) > 1:
        parts[:] = [np.concatenate([part.view(np.uint8) for part in parts]).view(dtype)]  # fields would be compared
    return parts[0] if parts else np.empty(0, dtype)


class Watcher(Protocol):
    """Follows a run block by block, beside the line."""

    def block(self, block: Block, part: Part, formed: Formed, rules: Floats) -> None:
        """Look at one evaluated block."""


def run(
    line: Line,
    *,
    tier: Tier = "auto",
    parts: Iterable[Part] | None = None,
    history: History | None = None,
    audit: bool = True,
    watchers: Sequence[Watcher] = (),
    tell: Callable[[int, int], None] | None = None,
    remarks: bool = False,
) -> Result:
    """Backtest a line.

    Parameters
    ----------
    line
        The assembled deployment.
    tier
        Where agents run; every tier gives the same bytes.
    parts
        The blocks, evaluated (and audited) elsewhere; None: evaluate them here.
    history
        The line's feed, shared by runs that differ in parameters only; None: read it for this run.
    audit
        Whether to re-evaluate prefixes as the deployment says.
    watchers
        Told about every block.
    tell
        Called with (bars done, bars in all) after each block.
    remarks
        Whether to keep the remarks on decisions.

    Raises
    ------
    CausalityError
        When a component's past changed as its future became known.
    """
    past = history or History.of(line)
    time, blocks = past.time, past.blocks
    ready(line, time)
    auditor = Auditor(line, blocks) if audit and line.settings.run.audit != "off" else None
    evaluator = Evaluator(line, blocks, past.kept)
    walk = Walk(line, time, tier)
    if remarks:
        walk.listen()
    evaluated = parts if parts is not None else (evaluator.part(k) for k in range(len(blocks)))
    for k, (block, part) in enumerate(zip(blocks, evaluated, strict=True)):
        if auditor and parts is None:
            auditor.check_market(k, evaluator, part)
        formed, questions = walk.block(block, part)
        if auditor:
            auditor.check_agents(k, part, formed, questions, walk)
        for watcher in watchers:
            watcher.block(block, part, formed, walk.rules)
        if tell:
            tell(block.stop, len(time))
    return walk.result(auditor.audited() if auditor else ())


@frozen(eq=False)
class History:
    """A feed's times, cut into blocks, and what has been computed of it."""

    time: Ints
    blocks: list[Block]
    kept: Kept

    @classmethod
    def of(cls, line: Line, room: int = 0) -> History:
        """Look at a line's feed; keep as much as `room` bytes of columns for other runs."""
        time = line.feed.times()
        return cls(time, plan(line, time), Kept(room))


def ready(line: Line, time: Ints) -> None:
    """Raise DataError when the feed cannot carry the deployment."""
    if len(time) == 0:
        raise DataError("the feed has no bars")
    if line.settings.execution.fill == "next_open" and "open" not in line.feed.fields:
        source = line.settings.source.at(("execution", "fill"))
        raise DataError(f'{source}: the feed has no opening prices: fill at "next_close" (or "same_close")')


def plan(line: Line, time: Ints) -> list[Block]:
    """Cut the feed's history as the deployment says."""
    return cut(time, unit_of(line), line.feed.timezone)


def unit_of(line: Line) -> str:
    """Return the calendar unit of the deployment's blocks."""
    unit: str = line.settings.run.block
    return unit_for(line.feed.interval, len(line.feed.symbols)) if unit == "auto" else unit


@define(eq=False)
class Walk:
    """The state that goes from block to block: the ledger, the standing decisions, the log.

    Parameters
    ----------
    line
        The deployment.
    time
        (T,) the times of the bars to walk over; empty when bars come one by one.
    tier
        Where agents run.
    outside, exits
        Whether a venue fills the orders, and whether it keeps stops and take-profits. Where it does not, they are
        looked at on each close.
    """

    line: Line
    time: Ints
    tier: Tier
    outside: bool = False
    exits: bool = True
    panel: Panel = field(init=False)
    rules: Floats = field(init=False)
    book: Floats = field(init=False)
    slots: Floats = field(init=False)
    curve: Floats = field(init=False)
    recorder: Recorder = field(init=False)
    listeners: tuple[Listener, ...] = field(default=(), init=False)
    _previous: NDArray[np.int8] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open an account and an empty log."""
        settings, feed = self.line.settings, self.line.feed
        symbols = feed.symbols
        self.panel = Panel(self.line.agents, symbols, self.tier)
        self.book = ledger.new_book(settings.execution.cash)
        self.slots = ledger.new_slots(len(symbols))
        self.curve = np.empty((len(self.time), len(ledger.CURVE)))
        self._previous = np.zeros(len(symbols), np.int8)
        names = tuple(part.name for part in self.line.agents)
        least = max(_LEAST_ROWS, 16 * len(symbols) * (2 + len(self.line.agents)))
        rows = min(_MOST_ROWS, max(len(self.time), 1) * len(symbols))
        self.recorder = Recorder(hashlib.sha256(header(tuple(symbols), names)), least, rows)

    def listen(self) -> None:
        """Keep the remarks on decisions from now on."""
        self.listeners = listen(self.panel)

    def state(self) -> tuple[NDArray[Any], ...]:
        """Return copies of everything that goes from block to block but the log."""
        return tuple(array.copy() for array in self._carried())

    def resume(self, state: Sequence[NDArray[Any]]) -> None:
        """Go on from where another walk was."""
        for mine, theirs in zip(self._carried(), state, strict=True):
            mine[...] = theirs

    def _carried(self) -> tuple[NDArray[Any], ...]:
        panel = self.panel
        return self.book, self.slots, self._previous, panel.held, panel.faults, panel.windows

    def block(self, block: Block, part: Part) -> tuple[Formed, Questions]:
        """Walk through one evaluated block."""
        before = int(self.time[block.start - 1]) if block.start else None
        return self.advance(block.start, before, part, self.curve[block.start : block.stop])

    def advance(self, first: int, before: int | None, part: Part, curve: Floats) -> tuple[Formed, Questions]:
        """Walk through bars of which the first has number `first`, and the bar before it time `before`.

        Parameters
        ----------
        curve
            (n, 4) float64, filled with CURVE.
        """
        formed = form(self.line.strategy.owner, part.proposal, part.bars, self._previous)
        questions = self.panel.questions(part, formed, before)
        logged = len(self.recorder.decisions)
        self._drive(first, part, formed, questions, curve)
        for listener in self.listeners:
            listener.note(self.recorder.decisions[logged:])
        return formed, questions

    def _drive(self, first: int, part: Part, formed: Formed, questions: Questions, curve: Floats) -> None:
        """Run the compiled lockstep over bars, answering what it asks."""
        panel, bars = self.panel, part.bars
        self.rules = self._rules(own_stops=formed.stop.size > 0 or formed.take_profit.size > 0)
        buffers = self.recorder.buffers()
        desks = Desks(panel, bars.time, lambda: self.recorder.drain(self.book))
        opens, highs, lows = (bars.fields.get(name, bars.close) for name in ("open", "high", "low"))
        panel.agents["given"] = questions.given
        lockstep.walk(
            desks.ask,
            (
                first, bars.time, opens, highs, lows, bars.close,
                formed.side, formed.weight, formed.candidate, formed.news, formed.confidence, formed.stop,
                formed.take_profit, part.may_add,
            ),
            (self.rules, self.book, self.slots),
            (
                panel.agents, questions.asks, questions.actions_given, questions.market, panel.sources,
                panel.applied, panel.held, panel.faults, panel.windows, desks.rows, desks.observation, desks.actions,
                curve, *buffers,
            ),
        )  # fmt: skip
        self.recorder.close(self.book)

    def _rules(self, *, own_stops: bool) -> Floats:
        settings = self.line.settings
        has_range = {"open", "high", "low"} <= set(self.line.feed.fields) and (self.exits or not self.outside)
        return ledger.rules(
            settings.execution,
            settings.exits,
            self.line.limits,
            has_range=has_range,
            own_stops=own_stops,
            outside=self.outside,
        )

    def result(self, audited: tuple[Audited, ...]) -> Result:
        """Return what happened."""
        for part, count in zip(self.panel.parts, self.panel.faults.tolist(), strict=True):
            if count:
                self.panel.incidents.add(part.name, "value", "an action that is not finite or out of range", count)
        recorder = self.recorder
        return Result(
            self.line,
            self.time,
            self.line.feed.symbols,
            self.curve,
            joined(recorder.orders, ledger.ORDER_DTYPE),
            joined(recorder.fills, ledger.FILL_DTYPE),
            joined(recorder.decisions, lockstep.DECISION_DTYPE),
            self.book,
            self.slots,
            recorder.digest.hexdigest(),
            audited,
            self.panel.incidents.all(),
            {listener.stage: listener.remarks for listener in self.listeners},
        )


@lru_cache(maxsize=16)
def header(symbols: tuple[str, ...], agents: tuple[str, ...]) -> bytes:
    """Return the canonical first bytes of a decision log: what its numbers refer to."""
    stages = ["strategy", *agents, "target"]
    return json.dumps({"log": 1, "symbols": symbols, "stages": stages}, sort_keys=True).encode()
