"""One bar of a live line: the functions of a backtest on the newest row, with a floor under each of them.

What could not be asked, or failed, is part of what a bar was decided on (`Given`). It is recorded with the decision,
so that the same bar can be decided again in the same way, in another process and without the fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core import ledger
from darwin_core.clock import stopwatch
from darwin_core.engine import Walk, joined
from darwin_core.ledger import ORDER_DTYPE, split
from darwin_core.live.floor import Asked, Floor
from darwin_core.live.newest import Newest
from darwin_core.lockstep import DECISION_DTYPE
from darwin_core.protocols import WHOLE_TAPE
from darwin_core.remarks import drained
from darwin_core.types import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.blocks import Block
    from darwin_core.live.calls import Calls
    from darwin_core.live.floor import Fault
    from darwin_core.live.tape import Tape
    from darwin_core.remarks import Remark
    from darwin_core.types import Floats, Mode


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
    remarks
        What is kept of the agents' decisions beside them; no words on a bar that was decided on before.
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
    remarks: tuple[Remark, ...] = ()


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
    _floor: Floor = field(init=False)
    _newest: Newest = field(init=False)
    _modes: tuple[tuple[str, Mode], ...] = field(default=(), init=False)
    _curve: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the account."""
        self.line = evolve(self.line, feed=self.tape)
        self.walk = Walk(self.line, np.empty(0, np.int64), "auto", outside=True, exits=self.exits)
        self._floor = Floor(self.calls, self.patience)
        self.walk.panel.guards = tuple(Asked(guard, self._floor) for guard in self.walk.panel.guards)  # type: ignore[misc]
        if self.calls is not None:
            self.walk.listen()
        self._newest = Newest(self.line, self.tape, self._floor)
        self._curve = np.empty((1, len(ledger.CURVE)))

    @property
    def decided(self) -> int:
        """The number of the next row to be decided on."""
        return self._newest.number

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
        floor = self._floor
        floor.begin(given.silent, given.spoiled, again=again)
        part, held, closed = self._newest.part(given, self._standing)
        before = int(self.tape.times()[number - 1]) if number else None
        slots, terms = split(self.walk.slots)
        waiting = {int(terms["order_id"][s]) for s in np.flatnonzero(slots["order"])}
        first = int(self.walk.book[ledger.ORDERS])
        names = [each.name for each in self.line.agents]
        self.walk.panel.forced = frozenset(j for j, name in enumerate(names) if name in floor.silent)
        if given.modes != self._modes:
            self._set_modes(given.modes)
        started = stopwatch()
        self.walk.advance(number, before, part, self._curve)
        floor.took["decide"] = stopwatch() - started
        still = {int(terms["order_id"][s]) for s in np.flatnonzero(slots["order"])}
        decisions, orders = self._written()
        missing = evolve(
            given, silent=frozenset(floor.silent), held=held, closed=closed, spoiled=tuple(sorted(floor.spoiled))
        )
        return Step(
            int(self.tape.times()[number]), number, missing, decisions, orders, first, tuple(sorted(waiting - still)),
            tuple(self._curve[0].tolist()), tuple(floor.faults), floor.took, self.walk.panel.standing(),
            drained(self.walk.listeners, decisions),
        )  # fmt: skip

    def _set_modes(self, modes: tuple[tuple[str, Mode], ...]) -> None:
        """Let agents act where their mode allows it."""
        self._modes, changed = modes, dict(modes)
        for j, part in enumerate(self.line.agents):
            mode = changed.get(part.name, part.trust.mode)
            self.walk.panel.applied[j] = evolve(part, trust=evolve(part.trust, mode=mode)).acts_on(self.tape.symbols)

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
