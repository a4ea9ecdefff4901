"""The backtest side of ``darwin parity``: a tape at array speed, and single bars of it from any account.

`ArrayRun` is a backtest that begins at the session's first bar. A `Bench` takes one of its rows and walks over it from
an account that is handed in, with the ledger's own fills or with those that are handed in too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core import ledger, venue
from darwin_core.engine import Walk, joined, plan
from darwin_core.evaluate import Evaluator, Kept, Part
from darwin_core.ledger import BOOK_DTYPE, FILL_DTYPE, split
from darwin_core.lockstep import DECISION_DTYPE, GIVEN
from darwin_core.types import read_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.guard import Guard
    from darwin_core.observing import Questions
    from darwin_core.types import Floats, Mode, Observation

    State = tuple[NDArray[Any], ...]

_COUNTERS = ("orders", "n_orders", "n_fills", "n_decisions", "fees", "traded", "cost")
_OF_POSITION = ("entry", "age", "stop", "take")
_OF_ORDER = ("order_reason", "order_stop", "order_take")


@frozen
class Effect:
    """What the venue does to an account: a fill, or, with a quantity of 0, the end of the order that waits.

    Parameters
    ----------
    s, number
        The symbol; the kernel's number of the order, -1 for one that the kernel did not make.
    reason
        Place in `darwin_core.ledger.REASONS`.
    again
        Of an end: whether the target is asked for again.
    client_id
        The order's, where it is known.
    """

    s: int
    number: int
    reason: int = 0
    quantity: float = 0.0
    price: float = 0.0
    fee: float = 0.0
    again: bool = False
    client_id: str = field(default="", eq=False)

    def happens(self, walk: Walk) -> bool:
        """Let it happen to a walk's account; return whether it changed anything."""
        if self.quantity:
            what = self.quantity, self.price, self.fee, self.number, self.reason
            venue.book_fill(walk.book, walk.slots, self.s, *what)
            return True
        slots, terms = split(walk.slots)
        if slots["order"][self.s] == 0.0 or terms["order_id"][self.s] != self.number:
            return False
        venue.let_go(walk.book, walk.slots, self.s, again=self.again)
        return True


@frozen(eq=False)
class Row:
    """One bar, evaluated with its block.

    Parameters
    ----------
    number, before
        Its row on the tape, and the time of the row before it.
    part
        Cut to it.
    answers, t
        What the agents that are asked about a block at once have answered, and the bar's row in there.
    """

    number: int
    before: int | None
    part: Part
    answers: Questions
    t: int


@define(eq=False)
class ArrayRun:
    """A backtest over rows of a feed, block by block.

    Parameters
    ----------
    line
        The deployment, its feed the tape.
    first, stop
        The rows; those before `first` are looked back on only.
    """

    line: Line
    first: int
    stop: int
    walk: Walk = field(init=False)
    curve: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the account."""
        self.walk = Walk(self.line, np.empty(0, np.int64), "auto")
        self.curve = np.empty((self.stop - self.first, len(ledger.CURVE)))

    def rows(self) -> Iterator[Row]:
        """Walk over the blocks; yield their rows."""
        time = self.line.feed.times()[: self.stop]
        blocks = plan(self.line, time)
        evaluator = Evaluator(self.line, blocks, Kept())
        for k, block in enumerate(blocks):
            start = max(block.start, self.first)
            if start >= block.stop:
                continue
            part = evaluator.part(k)[start - block.start :]
            before = int(time[start - 1]) if start else None
            curve = self.curve[start - self.first : block.stop - self.first]
            _, answers = self.walk.advance(start, before, part, curve)
            self.walk.recorder.orders.clear()
            self.walk.recorder.fills.clear()
            for t in range(len(part.bars)):
                number = start + t
                yield Row(number, int(time[number - 1]) if number else None, part[t : t + 1], answers, t)

    def run(self) -> str:
        """Walk over all blocks; return the digest of the decision log."""
        for _ in self.rows():
            pass
        return self.digest

    @property
    def log(self) -> NDArray[Any]:
        """The decision log so far."""
        return joined(self.walk.recorder.decisions, DECISION_DTYPE)

    @property
    def digest(self) -> str:
        """The digest of the decision log so far."""
        return str(self.walk.recorder.digest.hexdigest())


@frozen(eq=False)
class Outcome:
    """A bar, walked over.

    Parameters
    ----------
    log, fills
        Rows of the decision log, and the ledger's own fills.
    equity
        At the close.
    account
        Everything that later bars depend on, as bytes.
    """

    log: NDArray[Any]
    fills: NDArray[Any]
    equity: float
    account: bytes

    def is_like(self, other: Outcome) -> bool:
        """Whether both are the same, byte for byte."""
        return self.log.tobytes() == other.log.tobytes() and self.account == other.account


@define(eq=False)
class _Answered:
    """An agent's guard that gives the answers of the whole block, when it has them."""

    inner: Guard
    j: int
    bench: Bench

    def decide(self, observation: Observation) -> Floats | None:
        """Return the actions for a bar's rows."""
        answer = self._answer(observation)
        spoiled = {s for name, s in self.bench.spoiled if name == self.inner.part.name}
        if answer is None or not spoiled:
            return answer
        return np.where([s in spoiled for s in observation.symbol.tolist()], np.nan, answer)

    def _answer(self, observation: Observation) -> Floats | None:
        row = self.bench.answers
        if row is None or not self.bench.walk.panel.batched(self.j):
            return self.inner.decide(observation)
        if row.answers.given[self.j] != GIVEN:
            return None
        found: Floats = row.answers.actions_given[self.j, row.t, observation.symbol]
        return found


@define(eq=False)
class Bench:
    """Walks over single bars.

    Parameters
    ----------
    line
        The deployment, its feed the tape.
    outside
        Whether a venue fills the orders, or the ledger itself.
    """

    line: Line
    outside: bool
    walk: Walk = field(init=False)
    answers: Row | None = field(default=None, init=False)
    spoiled: tuple[tuple[str, int], ...] = field(default=(), init=False)

    def __attrs_post_init__(self) -> None:
        """Open an account."""
        self.walk = Walk(self.line, np.empty(0, np.int64), "auto", outside=self.outside)
        panel = self.walk.panel
        panel.guards = tuple(_Answered(guard, j, self) for j, guard in enumerate(panel.guards))  # type: ignore[misc]

    def bar(
        self, state: State, row: Row, *, of_block: bool = True, effects: Sequence[Effect] = (),
        silent: frozenset[str] = frozenset(), spoiled: tuple[tuple[str, int], ...] = (), closed: bool = False,
        modes: tuple[tuple[str, Mode], ...] = (),
    ) -> Outcome:  # fmt: skip
        """Walk over a bar.

        Parameters
        ----------
        state
            The account after the bar before, as `Walk.state` has it.
        of_block
            Whether agents answer as they did for the whole block; else they are asked about this bar.
        effects
            What the venue did between the two bars.
        silent, spoiled, closed, modes
            See `darwin_core.live.stepping.Given`.
        """
        walk, panel = self.walk, self.walk.panel
        walk.resume(state)
        for effect in effects:
            effect.happens(walk)
        self.answers, self.spoiled = row if of_block else None, spoiled
        panel.forced = frozenset(j for j, part in enumerate(self.line.agents) if part.name in silent)
        changed = dict(modes)
        for j, each in enumerate(self.line.agents):
            mode = changed.get(each.name, each.trust.mode)
            panel.applied[j] = evolve(each, trust=evolve(each.trust, mode=mode)).acts_on(panel.symbols)
        part = evolve(row.part, may_add=read_only(np.zeros(1, np.bool_))) if closed else row.part
        curve = np.empty((1, len(ledger.CURVE)))
        walk.advance(row.number, row.before, part, curve)
        recorder = walk.recorder
        log, fills = joined(recorder.decisions, DECISION_DTYPE), joined(recorder.fills, FILL_DTYPE)
        for rows in (recorder.decisions, recorder.orders, recorder.fills):
            rows.clear()
        return Outcome(log, fills, float(curve[0, 0]), account(walk.state()))

    def as_effects(self, state: State, row: Row, fills: NDArray[Any]) -> list[Effect]:
        """Return the ledger's own fills of a bar as what a venue would have done; this is an `outside` bench."""
        slots, terms = split(state[1])
        numbers, made = terms["order_id"].astype(np.int64), int(state[0][ledger.ORDERS])
        done = []
        for fill in fills.tolist():
            _bar, s, order, quantity, price, fee, reason = fill
            done.append(Effect(s, order if order < made else -1, reason, quantity, price, fee))
        bars = row.part.bars
        at_open = self.line.settings.execution.fill == "next_open"
        prices = bars.fields.get("open", bars.close) if at_open else bars.close
        due = np.flatnonzero((slots["order"] != 0.0) & ~np.isnan(prices[0]))
        done += [Effect(int(s), int(numbers[s])) for s in due]  # what is not filled by then is let go
        self.walk.resume(state)
        return [effect for effect in done if effect.happens(self.walk)]


def account(state: State) -> bytes:
    """Return all of an account on which later bars depend, and nothing else: what is over leaves numbers behind."""
    book, slots, previous, held, _faults, windows = (array.copy() for array in state)
    whole = book.view(BOOK_DTYPE)
    for name in _COUNTERS:
        whole[name] = 0.0
    now, terms = split(slots)
    flat, idle = now["position"] == 0.0, now["order"] == 0.0
    now["last"][flat] = 0.0
    for name in _OF_POSITION:
        terms[name][flat] = 0.0
    for name in _OF_ORDER:
        terms[name][idle] = 0.0
    terms["order_id"], terms["queue"] = 0.0, 0.0
    counted = (previous.tobytes(), windows.tobytes())
    return b"".join((*((values + 0.0).tobytes() for values in (book, slots, held)), *counted))  # -0 is 0
