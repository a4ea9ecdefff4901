"""``darwin replay``: fold a session's journal again over its tape, through the unchanged plugins, and compare.

Each bar is decided again with what it was decided without (`Given`), on the account that the journal's records make.
So the bytes of its decisions, its orders and its account have to be those that were recorded, in any process.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core.assembly import assemble, broker_of
from darwin_core.blocks import cut
from darwin_core.engine import unit_of
from darwin_core.errors import DarwinError, RunError
from darwin_core.live import archive
from darwin_core.live.chain import key_from
from darwin_core.live.deciding import decoded, log_of, refold
from darwin_core.live.folding import Fold
from darwin_core.live.orders import Intent
from darwin_core.live.schema import Archived, Decision
from darwin_core.live.stepping import Stepper, reach
from darwin_core.live.storage import connect, records
from darwin_core.live.tape import Tape
from darwin_core.live.verifying import verify
from darwin_core.plugins import why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.live.chain import Record
    from darwin_core.live.schema import Body
    from darwin_core.live.session import Session
    from darwin_core.live.stepping import Step

F = TypeVar("F", bound=Fold)

CURVE = ("equity", "cash", "gross", "net")
"""Names under which a decision's record has the account at the close."""
_SHOWN = 50


@frozen(eq=False)
class Recorded:
    """A session as it was left: its line, its tape, and what its journal says.

    Parameters
    ----------
    exits
        Whether its venue keeps stops and take-profits.
    bodies
        The records in their order, those in the archive included.
    """

    session: Session
    line: Line
    tape: Tape
    exits: bool
    bodies: tuple[Body, ...]

    @property
    def line_on_tape(self) -> Line:
        """The line with the tape as its feed."""
        return evolve(self.line, feed=self.tape)

    @property
    def decisions(self) -> list[Decision]:
        """The bars that were decided on."""
        return [body for body in self.bodies if isinstance(body, Decision)]

    @property
    def digest(self) -> str:
        """The digest of the decision log, as it was recorded with the last bar."""
        return str(self.decisions[-1].content["digest"])


@contextmanager
def opened(session: Session) -> Iterator[Recorded]:
    """Open what a session has left, after its journal has been checked; it may be running.

    Raises
    ------
    RunError
        It has decided on nothing yet, or its records are no longer all there.
    """
    known = Tape.known_of(session.tape)
    if known is None or not session.journal.exists():
        raise RunError(f"{session.folder}: the session has not begun: there is no journal, or no tape")
    bodies = tuple(decoded(record) for record in _records(session))
    if not any(isinstance(body, Decision) for body in bodies):
        raise RunError(f"{session.folder}: the session has not decided on any bar")
    line = assemble(session.settings)
    exits = broker_of(line, session.folder, lambda: 0).capabilities.exits
    tape = Tape(line.feed, known, session.tape, 0)
    try:
        yield Recorded(session, line, tape, exits, bodies)
    finally:
        tape.close()


def _records(session: Session) -> list[Record]:
    """Return all records of a journal, the archived ones first."""
    verify(session.journal, key_from())
    connection = connect(session.journal, write=False)
    try:
        rows = list(records(connection, str(session.journal)))
    finally:
        connection.close()
    moved = [body for row in rows if row.kind == "archived" and isinstance(body := decoded(row), Archived)]
    old: list[Record] = []
    for segment in moved[-1].segments if moved else ():
        if segment.dropped:
            raise RunError(
                f"{session.journal}: records {segment.first} to {segment.last} were dropped when their retention was "
                f"over: the session can no longer be run again"
            )
        old += archive.read(archive.folder_of(session.journal) / segment.file, segment)
    return [*old, *rows]


def fold_of(recorded: Recorded, kind: type[F]) -> F:
    """Return the account at the beginning of a session, in this thread and without deadlines."""
    line, tape = recorded.line, recorded.tape
    # The newest rows stay in memory: those of the session, and what its first bar looks back on.
    back = reach(line, cut(tape.times(), unit_of(line), tape.timezone))
    rows = -1 if back < 0 else len(tape) - tape.known + back
    held = Tape(tape.history, tape.known, tape.path, rows)
    return kind(Stepper(line, held, None, exits=recorded.exits), recorded.session.id, recorded.exits)


@frozen
class Mismatch:
    """Something that came out otherwise: where, what was recorded, what it is now."""

    bar: int
    symbol: str
    stage: str
    recorded: str
    now: str


@frozen
class Replay:
    """A session, folded again.

    Parameters
    ----------
    bars, orders
        How many bars were decided again, and how many orders were made again.
    digest, recorded
        SHA-256 over the decision log as it is now and as it was recorded, hex.
    differing
        Bars on which something differs; `mismatches` are the first things that do.
    """

    session: str
    bars: int
    orders: int
    digest: str
    recorded: str
    differing: int
    mismatches: tuple[Mismatch, ...]

    @property
    def equal(self) -> bool:
        """Whether everything came out as it was recorded."""
        return not self.differing and self.digest == self.recorded


@define(eq=False)
class _Comparison:
    """Counts what comes out otherwise."""

    line: Line
    fold: Fold
    bars: int = 0
    orders: int = 0
    digest: str = ""
    differing: set[int] = field(factory=set)
    mismatches: list[Mismatch] = field(factory=list)

    def add(self, bar: int, symbol: str, stage: str, recorded: object, now: object) -> None:
        """Note a difference."""
        self.differing.add(bar)
        if len(self.mismatches) < _SHOWN:
            self.mismatches.append(Mismatch(bar, symbol, stage, str(recorded), str(now)))

    def intents(self, bodies: tuple[Body, ...]) -> Iterator[Body]:
        """Hand the records on; compare each order of the kernel with the one that it has made again."""
        for body in bodies:
            if isinstance(body, Intent):
                again = self.fold.pending.get(body.client_id)
                if again is not None:
                    self.orders += 1
                    if again.intent != body:
                        self.add(body.bar, body.symbol, "order", body, again.intent)
            yield body

    def bar(self, record: Decision, step: Step) -> None:
        """Compare a bar."""
        self.bars += 1
        self.digest = self.fold.stepper.walk.recorder.digest.hexdigest()
        content, log = record.content, log_of(record)
        if (record.bar, content["row"]) != (step.bar, step.number):
            self.add(record.bar, "", "tape", f"row {content['row']}", f"row {step.number} at {step.bar}")
        if log.tobytes() != step.decisions.tobytes():
            for stage, symbol, old, new in parted(self.line, log, step.decisions):
                self.add(record.bar, symbol, stage, old, new)
        for name, value in zip(CURVE, step.curve, strict=True):
            if content[name] != value:
                self.add(record.bar, "", name, repr(content[name]), repr(value))
        if content["digest"] != self.digest:
            self.add(record.bar, "", "digest", content["digest"], self.digest)


def replay(session: Session) -> Replay:
    """Run a session's journal again; see the module."""
    with opened(session) as recorded:
        fold = fold_of(recorded, Fold)
        found = _Comparison(recorded.line, fold)
        try:
            for record, step in refold(fold, found.intents(recorded.bodies)):
                found.bar(record, step)
        except Exception as error:  # noqa: BLE001 - the component is told by name, and nothing after it can be compared
            said = str(error) if isinstance(error, DarwinError) else why(error)
            decisions = recorded.decisions
            bar = decisions[min(found.bars, len(decisions) - 1)].bar
            found.add(bar, "", "component", "it answered", said)
        finally:
            fold.stepper.tape.close()
        return Replay(
            session.id, found.bars, found.orders, found.digest, recorded.digest, len(found.differing),
            tuple(found.mismatches),
        )  # fmt: skip


def stages(line: Line) -> tuple[str, ...]:
    """Return the names of the stages of a decision log by their numbers; the last one is the target's."""
    return ("strategy", *(part.name for part in line.agents), "target")


def parted(line: Line, one: NDArray[Any], other: NDArray[Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows in which the logs of a bar differ: stage, symbol, the one and the other in words."""
    names, symbols = stages(line), line.feed.symbols
    for stage, s in sorted(differing(one, other)):
        texts = [_said(rows, stage, s) for rows in (one, other)]
        yield names[stage if stage < len(names) - 1 else -1], symbols[s], texts[0], texts[1]


def differing(one: NDArray[Any], other: NDArray[Any]) -> set[tuple[int, int]]:
    """Return (stage, symbol) of the rows of a bar that are in one log and not, or otherwise, in the other."""
    first, second = _keyed(one), _keyed(other)
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


def differing_rows(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Return in how many rows the decision logs of two runs over the same bars differ."""
    both = np.concatenate([one, other])
    _, keys = np.unique(both[["time", "symbol", "stage"]], return_inverse=True)
    _, rows = np.unique(both.view("V32"), return_inverse=True)
    n = len(one)
    alike = np.intersect1d(rows[:n], rows[n:], assume_unique=True)
    return len(np.unique(keys)) - len(alike)


def _keyed(rows: NDArray[Any]) -> dict[tuple[int, int], bytes]:
    return {(int(row["stage"]), int(row["symbol"])): row.tobytes() for row in rows}


def _said(rows: NDArray[Any], stage: int, s: int) -> str:
    found = rows[(rows["stage"] == stage) & (rows["symbol"] == s)]
    if not len(found):
        return "no row"
    row = found[0]
    return f"value {float(row['value'])!r}, extra {float(row['extra'])!r}, flags {int(row['flags'])}"
