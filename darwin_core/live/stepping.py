"""One bar of a live line: the functions of a backtest on the newest row, with a floor under each of them.

What could not be asked, or failed, is part of what a bar was decided on (`Given`). It is recorded with the decision,
so that the same bar can be decided again in the same way, in another process and without the fault.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core import ledger
from darwin_core.blocks import Block, cut, starts
from darwin_core.clock import stopwatch
from darwin_core.engine import Walk, joined, unit_of
from darwin_core.errors import DarwinError, PluginError
from darwin_core.evaluate import Evaluator, Kept, Part
from darwin_core.forming import form
from darwin_core.ledger import ORDER_DTYPE, split
from darwin_core.live.calls import Calls, Hung
from darwin_core.lockstep import DECISION_DTYPE
from darwin_core.plugins import why
from darwin_core.protocols import WHOLE_TAPE
from darwin_core.types import Observation, Proposal, read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.guard import Guard
    from darwin_core.live.tape import Tape
    from darwin_core.types import Floats, Mode

T = TypeVar("T")


@frozen
class Given:
    """What a bar was decided without.

    Parameters
    ----------
    silent
        Agents that were not asked, or did not answer: their baseline stands in.
    held
        The strategy, or a feature, did not answer: its last proposal stands, and nothing new is a candidate.
    closed
        No risk may be added, whatever the monitors say.
    keep
        The share of the strategy's targets that stands: less than 1 while positions are unwound.
    modes
        Agents whose mode somebody has changed, and to which.
    spoiled
        Agents, and the numbers of symbols, for which an answer was no action: the baseline stands in for it.
    """

    silent: frozenset[str] = frozenset()
    held: bool = False
    closed: bool = False
    keep: float = 1.0
    modes: tuple[tuple[str, Mode], ...] = ()
    spoiled: tuple[tuple[str, int], ...] = ()


@frozen
class Fault:
    """A component that did not do its part: who, and what was wrong."""

    who: str
    what: str


@frozen(eq=False)
class Step:
    """A bar, decided.

    Parameters
    ----------
    bar, number
        Its time, ns, and its row on the tape.
    given
        What it was decided without.
    decisions
        Rows of the decision log, DECISION_DTYPE.
    orders
        What the kernel ordered, ORDER_DTYPE; `first` is the number of the first of them.
    withdrawn
        Numbers of the earlier orders that are no longer wanted.
    curve
        Equity, cash, gross and net at the close.
    faults
        What went wrong.
    took
        Seconds by stage.
    standing
        What stood in for each agent and symbol, (A, S): its baseline, or what its fallback has decided.
    """

    bar: int
    number: int
    given: Given
    decisions: NDArray[Any]
    orders: NDArray[Any]
    first: int
    withdrawn: tuple[int, ...]
    curve: tuple[float, ...]
    faults: tuple[Fault, ...]
    took: dict[str, float]
    standing: Floats


@define(eq=False)
class _Asked:
    """An agent's guard that keeps the deadline, and remembers for what the baseline had to stand in."""

    inner: Guard
    stepper: Stepper
    calls: Calls | None

    def decide(self, observation: Observation) -> Floats | None:
        """Return the agent's actions, or None; never later than its deadline."""
        part = self.inner.part
        # The loop's own buffers are valid during the call only, and a late answer may come after it.
        seen = Observation(
            observation.names, read_only(observation.values.copy()), read_only(observation.time.copy()),
            read_only(observation.symbol.copy()), observation.symbols,
        )  # fmt: skip
        if self.calls is None or self.stepper.again:
            return self._again(seen)
        started = stopwatch()
        try:
            answer = self.calls.run(
                f"agent {part.name}", lambda: self.inner.decide(seen), part.trust.deadline_ms / 1000
            )
            if answer is None:
                self.stepper.fault(f"agent {part.name}", self.inner.said)
        except Hung as error:
            answer = None
            self.stepper.fault(f"agent {part.name}", str(error))
        self.stepper.took[f"agent {part.name}"] = stopwatch() - started
        if answer is None:
            self.stepper.silent.add(part.name)
        else:
            self._note(seen, answer)
        return answer

    def _note(self, seen: Observation, answer: Floats) -> None:
        """Remember the rows for which the answer is no action: in another process it may be one."""
        bad = ~np.isfinite(answer)
        if self.inner.part.agent.effect != "target":
            bad |= answer < 0.0
        if bad.any():
            name = self.inner.part.name
            self.stepper.fault(f"agent {name}", "an action that is not finite or out of range")
            self.stepper.spoiled |= {(name, s) for s in seen.symbol[bad].tolist()}

    def _again(self, seen: Observation) -> Floats | None:
        """Return the actions for a bar that was decided on before: without a deadline, spoiled where they were."""
        name = self.inner.part.name
        answer = self.inner.decide(seen)
        if answer is None and self.stepper.again:
            raise PluginError(f"agent {name} fails on a bar on which it has decided before: {self.inner.said}")
        spoiled = {s for who, s in self.stepper.spoiled if who == name}
        if answer is None or not spoiled:
            return answer
        return np.where([s in spoiled for s in seen.symbol.tolist()], np.nan, answer)


@define(eq=False)
class Stepper:
    """Decides on the rows of a tape, one after the other.

    Parameters
    ----------
    line
        The deployment, its feed the tape.
    tape
        History and session.
    calls
        The threads in which plugins are called; None calls them here, without deadlines.
    patience
        Seconds that a feature, the strategy or a monitor may take.
    exits
        Whether the venue keeps stops and take-profits.
    """

    line: Line
    tape: Tape
    calls: Calls | None
    patience: float = 5.0
    exits: bool = True
    walk: Walk = field(init=False)
    blocks: list[Block] = field(init=False)
    evaluator: Evaluator = field(init=False)
    took: dict[str, float] = field(factory=dict, init=False)
    silent: set[str] = field(factory=set, init=False)
    faults: list[Fault] = field(factory=list, init=False)
    spoiled: set[tuple[str, int]] = field(factory=set, init=False)
    again: bool = field(default=False, init=False)
    _modes: tuple[tuple[str, Mode], ...] = field(default=(), init=False)
    _ahead: Part | None = field(default=None, init=False)
    _ahead_rows: tuple[int, int] = field(default=(0, 0), init=False)
    _unit: str = field(init=False)
    _curve: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the account, and cut the history into blocks."""
        self.line = evolve(self.line, feed=self.tape)
        self.walk = Walk(self.line, np.empty(0, np.int64), "auto", outside=True, exits=self.exits)
        self.walk.panel.guards = tuple(_Asked(guard, self, self.calls) for guard in self.walk.panel.guards)  # type: ignore[misc]
        self._unit = unit_of(self.line)
        known = self.tape.known
        self.blocks = cut(self.tape.times()[:known], self._unit, self.tape.timezone) if known else []
        self.evaluator = Evaluator(self.line, self.blocks, Kept())
        self._curve = np.empty((1, len(ledger.CURVE)))

    @property
    def decided(self) -> int:
        """The number of the next row to be decided on."""
        return self.blocks[-1].stop if self.blocks else 0

    def step(self, given: Given | None = None, *, again: bool = False) -> Step:
        """Decide on the next row of the tape.

        Parameters
        ----------
        given
            What to decide without, to begin with.
        again
            The row was decided on before: nothing but what `given` says is missing, and a fault that is not in it is
            raised.
        """
        given, number = given or Given(), self.decided
        self.took, self.silent, self.faults = {}, set(given.silent), []
        self.spoiled, self.again = set(given.spoiled), again
        self._extend(number)
        part, held, closed = self._part(given, again=again)
        before = int(self.tape.times()[number - 1]) if number else None
        slots, terms = split(self.walk.slots)
        waiting = {int(terms["order_id"][s]) for s in np.flatnonzero(slots["order"])}
        first = int(self.walk.book[ledger.ORDERS])
        names = [each.name for each in self.line.agents]
        self.walk.panel.forced = frozenset(j for j, name in enumerate(names) if name in self.silent)
        if given.modes != self._modes:
            self._set_modes(given.modes)
        started = stopwatch()
        self.walk.advance(number, before, part, self._curve)
        self.took["decide"] = stopwatch() - started
        still = {int(terms["order_id"][s]) for s in np.flatnonzero(slots["order"])}
        decisions, orders = self._written()
        missing = evolve(
            given, silent=frozenset(self.silent), held=held, closed=closed, spoiled=tuple(sorted(self.spoiled))
        )
        return Step(
            int(self.tape.times()[number]), number, missing, decisions, orders, first, tuple(sorted(waiting - still)),
            tuple(self._curve[0].tolist()), tuple(self.faults), self.took, self.walk.panel.standing(),
        )  # fmt: skip

    def fault(self, who: str, what: str) -> None:
        """Remember that a component did not do its part."""
        self.faults.append(Fault(who, what))

    def _set_modes(self, modes: tuple[tuple[str, Mode], ...]) -> None:
        """Let agents act where their mode allows it."""
        self._modes, changed = modes, dict(modes)
        for j, part in enumerate(self.line.agents):
            mode = changed.get(part.name, part.trust.mode)
            self.walk.panel.applied[j] = evolve(part, trust=evolve(part.trust, mode=mode)).acts_on(self.tape.symbols)

    def _extend(self, number: int) -> None:
        """Let the open block have the row, or open the next block with it."""
        times = self.tape.times()
        opens = not self.blocks or (
            self._unit != "whole"
            and bool(starts(times[number : number + 1], self._unit, self.tape.timezone, int(times[number - 1]))[0])
        )
        if opens:
            self.blocks.append(Block(number, number + 1))
        else:
            self.blocks[-1] = Block(self.blocks[-1].start, number + 1)
        self._renew()

    def _renew(self) -> None:
        """Begin the bar with what is known of the closed blocks; one that hangs keeps the memory of its own bar."""
        k, kept = len(self.blocks) - 1, Kept()
        for key, values in list(self.evaluator.kept.columns.items()):
            if key[1] < k:
                kept.add_column(key, values)
        self.evaluator = Evaluator(self.line, list(self.blocks), kept)
        self.evaluator.forget(k)

    def _part(self, given: Given, *, again: bool) -> tuple[Part, bool, bool]:
        """Evaluate the newest row; what fails is held, and no risk is added."""
        k = len(self.blocks) - 1
        evaluator, block = self.evaluator, self.blocks[k]
        bars = self.tape.read(block.stop - 1, block.stop)
        ahead = self._row_ahead(k) if again and not given.held else None
        if ahead is not None:
            proposal = _scaled(ahead.proposal, given.keep)
            may_add = read_only(ahead.may_add & (not given.closed))
            return Part(bars, ahead.features, proposal, may_add), False, given.closed
        evaluated = None
        if not given.held:
            evaluated = self._guarded("strategy", lambda: _evaluate(evaluator, k), again=again)
        held = evaluated is None
        features, proposal = evaluated or (_nothing(self.line, len(bars.symbols)), self._standing())
        if not held:
            proposal = _scaled(proposal, given.keep)
        closed = given.closed or held
        for monitor in self.line.monitors:
            if closed:
                break
            allowed = self._guarded(str(monitor.owner), partial(evaluator.allow, monitor, k), again=again)
            closed = allowed is None
            if allowed is not None and not allowed[-1]:
                return Part(bars, features, proposal, read_only(np.zeros(1, np.bool_))), held, False
        return Part(bars, features, proposal, read_only(np.full(1, not closed))), held, closed

    def _row_ahead(self, k: int) -> Part | None:
        """Return the newest row out of its whole block, all of which is on the tape: the law says that it is the same.

        None when the block cannot be evaluated as a whole: then somebody failed on one of its rows.
        """
        start, number = self.blocks[k].start, self.blocks[k].stop - 1
        if not self._ahead_rows[0] <= number < self._ahead_rows[1]:
            times = self.tape.times()[start:]
            cuts = cut(times, self._unit, self.tape.timezone)
            block = Block(start, start + cuts[0].stop)
            self._ahead_rows = (start, block.stop)
            try:
                self._ahead = Evaluator(self.line, [*self.blocks[:-1], block], Kept()).part(k)
            except DarwinError:
                self._ahead = None
        return None if self._ahead is None else row_of(self._ahead, number - start)

    def _guarded(self, who: str, job: Callable[[], T], *, again: bool) -> T | None:
        """Return what a job returns, or None when it fails or hangs; a fault on a second time is a fault."""
        started = stopwatch()
        try:
            return job() if self.calls is None or again else self.calls.run(who, job, self.patience)
        except Exception as error:
            if again:
                raise
            self.fault(who, str(error) if isinstance(error, DarwinError | Hung) else why(error))
            return None
        finally:
            self.took[who] = stopwatch() - started

    def _standing(self) -> Proposal:
        """Return what the strategy last proposed, with no candidates."""
        last = split(self.walk.slots)[0]["proposed"]
        side = np.sign(last).astype(np.int8)[None, :]
        return Proposal(side, np.abs(last)[None, :], 1.0, np.zeros((1, len(last)), np.bool_))

    def _written(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Take what the kernel has written down."""
        recorder = self.walk.recorder
        decisions, orders = joined(recorder.decisions, DECISION_DTYPE), joined(recorder.orders, ORDER_DTYPE)
        for rows in (recorder.decisions, recorder.orders, recorder.fills):
            rows.clear()
        return decisions, orders


def _evaluate(evaluator: Evaluator, k: int) -> tuple[dict[str, Floats], Proposal]:
    """Return the features and the proposal of the newest row of block `k`, as the whole block has them."""
    features = {named.name: evaluator.column(named, k)[-1:] for named in evaluator.line.columns}
    lookback = evaluator.line.strategy.strategy.lookback
    market = evaluator.market(k, lookback)
    proposal = _rows_of(evaluator.propose(market, lookback, k), slice(-1, None))
    # What cannot be taken as a proposal is refused here, where the last one can stand in for it.
    form(evaluator.line.strategy.owner, proposal, market.bars[-1:], np.zeros(len(market.bars.symbols), np.int8))
    return features, proposal


def row_of(part: Part, i: int) -> Part:
    """Return row `i` of an evaluated block as a block of its own."""
    rows = slice(i, i + 1)
    features = {name: values[rows] for name, values in part.features.items()}
    return Part(part.bars[rows], features, _rows_of(part.proposal, rows), part.may_add[rows])


def _rows_of(proposal: Proposal, rows: slice) -> Proposal:
    """Return some rows of a proposal that is cut to a block."""

    def cut_out(value: Any) -> Any:
        return value if value is None or np.ndim(value) == 0 else value[rows]

    names = ("side", "weight", "confidence", "candidate", "stop", "take_profit")
    return Proposal(*(cut_out(getattr(proposal, name)) for name in names))


def _scaled(proposal: Proposal, keep: float) -> Proposal:
    """Return a proposal of which only a share stands."""
    return proposal if keep == 1.0 else evolve(proposal, weight=np.multiply(proposal.weight, keep))


def _nothing(line: Line, n_symbols: int) -> dict[str, Floats]:
    """Return features of which none is known."""
    return {named.name: read_only(np.full((1, n_symbols), np.nan)) for named in line.columns}


def reach(line: Line, blocks: Sequence[Block]) -> int:
    """Return how many rows a line looks at together, at most: two of its blocks and its look-back; -1 for all."""
    lookbacks = [
        line.strategy.strategy.lookback,
        *(named.column.lookback for named in line.columns),
        *(part.monitor.lookback for part in line.monitors),
    ]
    if WHOLE_TAPE in lookbacks:
        return -1
    return 2 * max((len(block) for block in blocks), default=1_024) + 2 * max(lookbacks) + 1
