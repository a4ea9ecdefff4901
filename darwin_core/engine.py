"""Run a line over its history: blocks evaluated at array speed, then walked through by the compiled lockstep."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import define, field, frozen

from darwin_core import ledger, lockstep
from darwin_core.audit import Auditor
from darwin_core.blocks import cut, unit_for
from darwin_core.errors import DataError
from darwin_core.evaluate import Evaluator
from darwin_core.forming import form
from darwin_core.observing import Panel
from darwin_core.types import Observation, read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.audit import Audited
    from darwin_core.blocks import Block
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.guard import Incident
    from darwin_core.observing import Questions, Tier
    from darwin_core.types import Floats, Ints

_LEAST_ROWS = 4096


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

    @property
    def equity(self) -> Floats:
        """Equity at each close, (T,)."""
        return self.curve[:, 0]


@define(eq=False)
class Recorder:
    """Collects what the kernel's buffers hold each time they are emptied."""

    digest: Any
    orders: list[NDArray[Any]] = field(factory=list)
    fills: list[NDArray[Any]] = field(factory=list)
    decisions: list[NDArray[Any]] = field(factory=list)

    def drain(self, book: Floats, orders: NDArray[Any], fills: NDArray[Any], log: NDArray[Any]) -> None:
        """Take the rows out of the buffers and hash the decisions."""
        for kept, buffer, count in (
            (self.orders, orders, ledger.N_ORDERS),
            (self.fills, fills, ledger.N_FILLS),
            (self.decisions, log, ledger.N_DECISIONS),
        ):
            if book[count] > 0:
                kept.append(buffer[: int(book[count])].copy())
                if kept is self.decisions:
                    self.digest.update(kept[-1].view(np.uint8))
            book[count] = 0.0


def joined(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Concatenate record arrays, of which there may be none."""
    return np.concatenate(parts) if parts else np.empty(0, dtype)


class Watcher(Protocol):
    """Follows a run block by block, beside the line."""

    def block(self, block: Block, part: Part, formed: Formed, rules: Floats) -> None:
        """Look at one evaluated block."""


def run(
    line: Line,
    *,
    tier: Tier = "auto",
    parts: Iterable[Part] | None = None,
    shared: dict[tuple[str, int], Floats] | None = None,
    audit: bool = True,
    watchers: Sequence[Watcher] = (),
    tell: Callable[[int, int], None] | None = None,
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
    shared
        Cache of columns for runs over the same feed that differ in parameters.
    audit
        Whether to re-evaluate prefixes as the deployment says.
    watchers
        Told about every block.
    tell
        Called with (bars done, bars in all) after each block.

    Raises
    ------
    CausalityError
        When a component's past changed as its future became known.
    """
    time = line.feed.times()
    ready(line, time)
    blocks = plan(line, time)
    auditor = Auditor(line, blocks) if audit and line.settings.run.audit != "off" else None
    evaluator = Evaluator(line, blocks, shared)
    walk = Walk(line, time, tier)
    evaluated = parts if parts is not None else (evaluator.part(k) for k in range(len(blocks)))
    for k, (block, part) in enumerate(zip(blocks, evaluated, strict=True)):
        if auditor and parts is None:
            auditor.check_market(k, evaluator, part)
        formed, questions = walk.block(block, part)
        if auditor:
            auditor.check_agents(k, part, formed, questions, walk.panel)
        for watcher in watchers:
            watcher.block(block, part, formed, walk.rules)
        if tell:
            tell(block.stop, len(time))
    return walk.result(auditor.audited() if auditor else ())


def ready(line: Line, time: Ints) -> None:
    """Raise DataError when the feed cannot carry the deployment."""
    if len(time) == 0:
        raise DataError("the feed has no bars")
    if line.settings.execution.fill == "next_open" and "open" not in line.feed.fields:
        source = line.settings.source.at(("execution", "fill"))
        raise DataError(f'{source}: the feed has no opening prices: fill at "next_close" (or "same_close")')


def plan(line: Line, time: Ints) -> list[Block]:
    """Cut the feed's history as the deployment says."""
    unit = line.settings.run.block
    return cut(time, unit_for(line.feed.interval) if unit == "auto" else unit, line.feed.timezone)


@define(eq=False)
class Walk:
    """The state that goes from block to block: the ledger, the standing decisions, the log."""

    line: Line
    time: Ints
    tier: Tier
    panel: Panel = field(init=False)
    rules: Floats = field(init=False)
    book: Floats = field(init=False)
    slots: Floats = field(init=False)
    curve: Floats = field(init=False)
    recorder: Recorder = field(init=False)
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
        self.recorder = Recorder(hashlib.sha256(header(self.line)))
        has_range = {"open", "high", "low"} <= set(feed.fields)
        self._has_range = has_range

    _has_range: bool = field(init=False)

    def block(self, block: Block, part: Part) -> tuple[Formed, Questions]:
        """Walk through one evaluated block."""
        formed = form(self.line.strategy.owner, part.proposal, part.bars, self._previous)
        before = int(self.time[block.start - 1]) if block.start else None
        questions = self.panel.questions(part, formed, before)
        self._drive(block, part, formed, questions)
        return formed, questions

    def _drive(self, block: Block, part: Part, formed: Formed, questions: Questions) -> None:
        """Run the compiled lockstep over a block, answering what it asks."""
        panel, bars, symbols = self.panel, part.bars, len(self.line.feed.symbols)
        self.rules = ledger.rules(
            self.line.settings.execution,
            self.line.settings.exits,
            self.line.limits,
            has_range=self._has_range,
            own_stops=formed.stop.size > 0 or formed.take_profit.size > 0,
        )
        orders, fills, log = self._buffers(formed, len(panel.parts), questions.asked)
        width = int(panel.widths.max(initial=1))
        request = np.array([0, 0, -1])
        rows, actions, fell_back = np.zeros(symbols, np.int64), np.zeros(symbols), np.zeros(1, np.bool_)
        observation = np.zeros(symbols * width)
        opens, highs, lows = (bars.fields.get(name, bars.close) for name in ("open", "high", "low"))
        steps = lockstep.lockstep(
            block.start, bars.time, opens, highs, lows, bars.close,
            formed.signed, formed.candidate, formed.confidence, formed.stop, formed.take_profit, part.may_add,
            self.rules, self.book, self.slots,
            questions.asks, questions.actions_given, questions.given, questions.market, panel.sources, panel.widths,
            panel.effects, panel.baselines, panel.applied, panel.every_bar, panel.functions, panel.function_of,
            panel.held, panel.faults, request, rows, observation, actions, fell_back,
            self.curve[block.start : block.stop], orders, fills, log,
        )  # fmt: skip
        asked = self._askers(bars.time, request, rows, observation)
        for step in steps:
            if step == lockstep.DRAIN:
                self.recorder.drain(self.book, orders, fills, log)
            else:
                n = request[0]
                answer = panel.guards[step].decide(asked[step](n))
                if answer is None:
                    fell_back[0] = True
                else:
                    actions[:n] = answer

    def _askers(self, time: Ints, request: Ints, rows: Ints, observation: Floats) -> list[Callable[[int], Observation]]:
        """Return, for each agent, the function that wraps the rows laid out for it; full rows are wrapped once."""

        def asker(j: int) -> Callable[[int], Observation]:
            names = tuple(self.panel.parts[j].agent.requires)
            width, symbols = len(names), self.line.feed.symbols
            values = read_only(observation[: len(symbols) * width].reshape(len(symbols), width))
            which = read_only(rows)

            def wrap(n: int) -> Observation:
                row = request[1]
                return Observation(names, values[:n], time[row : row + 1], which[:n], symbols)

            return wrap

        return [asker(j) for j in range(len(self.panel.parts))]

    def _buffers(self, formed: Formed, agents: int, asked: int) -> tuple[NDArray[Any], ...]:
        symbols = formed.signed.shape[1]
        rows = max(_LEAST_ROWS, 16 * symbols * (2 + agents))
        return (
            np.empty(rows, ledger.ORDER_DTYPE),
            np.empty(rows, ledger.FILL_DTYPE),
            np.empty(rows, lockstep.DECISION_DTYPE),
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
        )


def header(line: Line) -> bytes:
    """Return the canonical first bytes of a decision log: what its numbers refer to."""
    stages = ["strategy", *(part.name for part in line.agents), "target"]
    return json.dumps({"log": 1, "symbols": line.feed.symbols, "stages": stages}, sort_keys=True).encode()
