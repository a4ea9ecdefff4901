"""Remarks: what is kept of a decision beside the decision. They change nothing, and no digest of decisions holds them.

The hash of the row that a trained policy was shown, so that serving can be compared with training row for row; and
the words and the confidence of an agent that offers `explain`. Both are made after the walk, of the rows that the log
has: while it is asked, an agent's rows are copied, and nothing else happens. An agent that runs inside the compiled
loop is never seen to be asked, and has no remarks.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from attrs import define, field

from darwin_core.types import Observation, read_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core.guard import Guard
    from darwin_core.observing import Panel
    from darwin_core.types import Bools, Floats, Ints

EXPLAIN = "explain: "
"""Begins what is said of an agent that could not say why it decided as it did."""
Remark: TypeAlias = "tuple[str, int, str | None, float | None, str | None]"


@define(eq=False)
class Remarks:
    """The remarks on all rows of one agent in the log, in their order; None where there is none.

    Parameters
    ----------
    hashes
        See `row_hashes`.
    confidence
        The agent's own, in its decision.
    words
        The agent's own.
    """

    hashes: list[str | None] = field(factory=list)
    confidence: list[float | None] = field(factory=list)
    words: list[str | None] = field(factory=list)


def row_hashes(names: Sequence[str], values: Floats) -> list[str]:
    """Return a hash of each row, 32 hex digits: BLAKE2b of the columns' names and the row's float64 bits.

    Equal rows have equal hashes wherever they were seen; how a policy normalises them does not matter. 0 and -0 are
    equal.

    Parameters
    ----------
    names
        F columns, in the order in which the policy was trained on them.
    values
        (N, F) float64, before they are normalised.
    """
    start = hashlib.blake2b(json.dumps(list(names)).encode(), digest_size=16)
    found = []
    for row in np.ascontiguousarray(values + 0.0, "<f8"):
        each = start.copy()
        each.update(row.data)
        found.append(each.hexdigest())
    return found


def observed(agent: Any) -> tuple[str, ...]:
    """Return the columns that an agent's policy was trained on, in their order; none for one that has not learnt."""
    schema = getattr(getattr(agent, "policy", None), "schema", None)
    return () if schema is None else tuple(schema.names)


@define(eq=False)
class Listener:
    """Stands before an agent's guard, and keeps what is asked until the remarks on it are made.

    Parameters
    ----------
    guard
        Asks the agent.
    stage
        The agent's number in the log, from 1.
    """

    guard: Guard
    stage: int
    remarks: Remarks = field(factory=Remarks)
    _asked: list[Observation] = field(factory=list, init=False)

    def decide(self, observation: Observation) -> Floats | None:
        """Return what the guard returns; the rows are copied, for they are valid during the call only."""
        n = len(observation.symbol)
        time = read_only(np.broadcast_to(observation.time, (n,)).copy())
        values, symbol = read_only(observation.values.copy()), read_only(observation.symbol.copy())
        self._asked.append(Observation(observation.names, values, time, symbol, observation.symbols))
        return self.guard.decide(observation)

    def note(self, log: Sequence[NDArray[Any]]) -> None:
        """Make the remarks on what has been asked and logged since the last time."""
        asked, self._asked = self._asked, []
        pieces = [rows[rows["stage"] == self.stage] for rows in log]
        if not any(map(len, pieces)):
            return
        time, symbol = (np.concatenate([each[name] for each in pieces]) for name in ("time", "symbol"))
        own = Remarks([None] * len(time), [None] * len(time), [None] * len(time))
        if asked:
            whole = _joined(asked)
            rows, known = _places(whole, time, symbol)
            self._fill(own, np.flatnonzero(known).tolist(), _taken(whole, rows))
        for name in ("hashes", "confidence", "words"):
            getattr(self.remarks, name).extend(getattr(own, name))

    def _fill(self, own: Remarks, places: list[int], seen: Observation) -> None:
        """Write the remarks on the rows of an observation to their places."""
        agent = self.guard.part.agent
        if not places:
            return
        if names := observed(agent):
            columns = [seen.names.index(name) for name in names]
            for at, digest in zip(places, row_hashes(names, seen.values[:, columns]), strict=True):
                own.hashes[at] = digest
        said = self.guard.explain(seen) if hasattr(agent, "explain") else None
        for at, (confidence, words) in zip(places, said or (), strict=False):
            own.confidence[at], own.words[at] = confidence, words


def listen(panel: Panel) -> tuple[Listener, ...]:
    """Put a listener before each agent that there can be a remark on, and return them."""
    guards: list[Any] = list(panel.guards)
    found = []
    for j, part in enumerate(panel.parts):
        if hasattr(part.agent, "explain") or observed(part.agent):
            guards[j] = Listener(guards[j], j + 1)
            found.append(guards[j])
    panel.guards = tuple(guards)
    return tuple(found)


def drained(listeners: Sequence[Listener], log: NDArray[Any]) -> tuple[Remark, ...]:
    """Return the remarks on the rows of `log`, which are all that there are, and forget them.

    Each is the agent's name, the symbol's number, the row's hash, the confidence and the words.
    """
    found: list[Remark] = []
    for listener in listeners:
        symbols = log["symbol"][log["stage"] == listener.stage].tolist()
        said, listener.remarks = listener.remarks, Remarks()
        name = listener.guard.part.name
        rows = zip(symbols, said.hashes, said.confidence, said.words, strict=True)
        found += [(name, *row) for row in rows if row[1:] != (None, None, None)]
    return tuple(found)


def _joined(asked: Sequence[Observation]) -> Observation:
    """Return all rows that were asked about; they are in the order of bars and symbols."""
    if len(asked) == 1:
        return asked[0]
    first = asked[0]
    values, time, symbol = (np.concatenate([getattr(each, n) for each in asked]) for n in ("values", "time", "symbol"))
    return Observation(first.names, values, time, symbol, first.symbols)


def _places(asked: Observation, time: Ints, symbol: Ints) -> tuple[Ints, Bools]:
    """Return the row of `asked` for each row of the log, (N,) times and symbols, that has one; and which do."""
    times, at = np.unique(asked.time, return_inverse=True)
    n = len(asked.symbols)
    keys = at * n + asked.symbol
    wanted = np.searchsorted(times, time).clip(max=len(times) - 1)
    there = times[wanted] == time
    key = wanted * n + symbol
    rows = np.searchsorted(keys, key).clip(max=len(keys) - 1)
    known = there & (keys[rows] == key)
    return rows[known], known


def _taken(asked: Observation, rows: Ints) -> Observation:
    values, time, symbol = (read_only(each[rows]) for each in (asked.values, asked.time, asked.symbol))
    return Observation(asked.names, values, time, symbol, asked.symbols)
