"""The law for agents: a row's decision depends on that row alone, and on nothing that was asked before."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, field

from darwin_core.blocks import Block
from darwin_core.errors import CausalityError
from darwin_core.evaluate import Part, stamp
from darwin_core.guard import Guard, Incidents
from darwin_core.law.twins import Home, Origin, Twin
from darwin_core.law.verdict import same
from darwin_core.lockstep import TARGET_STAGE
from darwin_core.types import Observation, Proposal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from darwin_core.assembly import AgentPart, Line
    from darwin_core.engine import Walk
    from darwin_core.forming import Formed
    from darwin_core.observing import Questions
    from darwin_core.types import Bools, Floats, Ints

_COMPILED = "its compiled function and its decide disagree"
_SAMPLED, _ASKED, _MOST_ASKED, _BACKWARDS, _BATCH = 1, 64, 512, 24, 4096
_HEADS = (128, 4096)


@define(eq=False)
class Witness:
    """An agent's twin that keeps what it was asked and what it said."""

    twin: Twin
    calls: list[tuple[Observation, Any]] = field(factory=list)

    def __getattr__(self, name: str) -> Any:
        """Be like the agent in everything else."""
        if name == "compiled":
            raise AttributeError(name)  # a witness is asked in Python
        return getattr(self.twin.component, name)

    def decide(self, observation: Observation) -> NDArray[Any]:
        """Decide as the agent does."""
        own = _own(observation)
        self.calls.append((own, None))
        with self.twin as agent:
            answer: NDArray[Any] = agent.decide(own)
        self.calls[-1] = (own, np.array(answer, np.float64))
        return answer


@define(eq=False)
class Second:
    """Another twin, with a guard of its own, which is asked again."""

    twin: Twin
    guard: Guard

    @classmethod
    def of(cls, part: AgentPart, origin: Origin) -> Second:
        """Make one that has not been asked anything yet."""
        twin = origin.twin()
        return cls(twin, Guard(evolve(part, agent=twin.component), Incidents(), batch=True))

    def ask(self, observations: Iterable[Observation]) -> list[Floats]:
        """Return its actions; NaN where its baseline would stand in."""
        answers = []
        with self.twin:
            for asked in observations:
                answer = self.guard.decide(asked)
                # a copy: it may be an array that the agent uses again
                answers.append(np.full(len(asked), np.nan) if answer is None else answer.copy())
        return answers


@define(eq=False)
class AgentAudit:
    """Audits the agents of a line in two ways.

    An agent that was asked about a block at once is asked again about some of its rows, and single ones. And the
    first bars of some blocks are walked through once more, bar by bar as live does, with agents that remember
    nothing: the decision log must come out the same. What they were asked then, others are asked in reverse order.
    """

    line: Line
    blocks: list[Block]
    full: bool
    known: dict[str, Home]
    _origins: list[Origin] = field(init=False)
    _sampled: frozenset[int] = field(init=False)
    _counts: list[int] = field(init=False)
    _unseen: set[int] = field(init=False)
    _state: tuple[NDArray[Any], ...] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Copy every agent before its first call."""
        self._origins = [Origin.of(part.agent, self.known) for part in self.line.agents]
        n = len(self.blocks)
        count = n if self.full else min(_SAMPLED, n)
        if count < n:
            rng = np.random.default_rng([self.line.settings.deployment.seed, 1])
            self._sampled = frozenset(rng.choice(n, count, replace=False).tolist())
        else:
            self._sampled = frozenset(range(n))
        self._counts = [0] * len(self._origins)
        self._unseen = set(range(len(self._origins)))

    def asked(self) -> dict[str, int]:
        """Return how often each agent was asked again."""
        owners = [str(part.owner) for part in self.line.agents]
        return {owner: count for owner, count in zip(owners, self._counts, strict=True) if count}

    def check(self, k: int, part: Part, formed: Formed, questions: Questions, walk: Walk) -> None:
        """Audit the agents on block `k`, which `walk` has just walked through."""
        if not self._origins:
            return
        first = {j for j in self._unseen if questions.asks[j].any()}
        if k in self._sampled or first:
            self._unseen -= first
            for j in range(len(self._origins)):
                asks = questions.asks[j]
                if questions.given[j] and asks.any():
                    asked = walk.panel.rows_of(j, part, formed, questions.market, asks)
                    self._check_rows(j, k, asked, questions.actions_given[j][asks])
            witnesses = self._check_walk(k, part, questions, walk)
            for j, witness in enumerate(witnesses):
                if self.full or j in first:
                    self._ask_backwards(j, witness)
        self._state = walk.state() if k + 1 in self._sampled or self._unseen else None

    def _check_rows(self, j: int, k: int, asked: Observation, whole: Floats) -> None:
        """Ask an agent that was asked about a block at once again, on fewer rows and on single ones."""
        name = self.line.agents[j].name
        rng = np.random.default_rng([self.line.settings.deployment.seed, zlib.crc32(name.encode()), k])
        known = np.nan_to_num(whole, nan=0.0)
        length = int(min(len(asked), _BATCH) ** rng.random())
        choices = [np.arange(max(1, length)), np.sort(rng.integers(len(asked), size=min(_BATCH, len(asked) // 2 + 1)))]
        singles = [int(np.argmin(known)), int(np.argmax(known)), *rng.integers(len(asked), size=32 if self.full else 4)]
        chosen = [*choices, *(np.array([row]) for row in singles)]
        self._ask_again(j, [(asked, rows, whole[rows]) for rows in chosen])

    def _ask_again(self, j: int, questions: list[tuple[Observation, Ints | None, Floats]]) -> None:
        """Ask a second twin about some rows, or all, of observations of which it is known what was said of them."""
        again = self._ask(j, (asked if rows is None else _take(asked, rows) for asked, rows, _ in questions))
        if same(np.concatenate([said for *_, said in questions]), np.concatenate(again)).all():
            return
        for (asked, rows, said), answer in zip(questions, again, strict=True):
            wrong = np.flatnonzero(~same(said, answer))
            if len(wrong):
                at, chosen = int(wrong[0]), np.arange(len(asked)) if rows is None else rows
                what = f"is once {_said(said[at])} and once {_said(answer[at])}"
                place = self._place(j, asked, int(chosen[at]))
                raise CausalityError(f"{place} {what}: {self._reason(j, asked, chosen)}")

    def _ask(self, j: int, observations: Iterable[Observation]) -> list[Floats]:
        """Ask a twin that has not been asked anything yet about one thing after another."""
        answers = Second.of(self.line.agents[j], self._origins[j]).ask(observations)
        self._counts[j] += len(answers)
        return answers

    def _reason(self, j: int, asked: Observation, chosen: Ints) -> str:
        """Find out what the action for a row depends on beside the row."""
        first, second, fewer = (self._ask(j, [each])[0] for each in (asked, asked, _take(asked, chosen)))
        if not same(first, second).all():
            return "asked twice about the same rows, it answers differently: unseeded randomness, or the wall clock"
        if np.isnan(first).all() != np.isnan(fewer).all():
            many, few = (len(asked), len(chosen)) if np.isnan(first).all() else (len(chosen), len(asked))
            return f"it fails on {many} rows at once and not on {few}: its decision depends on the rows around it"
        if not same(first[chosen], fewer).all():
            return (
                f"the first among {len(asked)} rows, the second among {len(chosen)}: a row's decision must not depend "
                "on the rows around it, of which live has fewer"
            )
        return "it remembers past calls, and a component keeps no state"

    def _check_walk(self, k: int, part: Part, questions: Questions, walk: Walk) -> list[Witness]:
        """Walk through the first bars of block `k` again, as live does, and compare the logs."""
        from darwin_core.engine import Walk, joined
        from darwin_core.lockstep import DECISION_DTYPE

        state = self._state
        if k and state is None:
            return []
        rows = self._rows(questions)
        block = Block(self.blocks[k].start, self.blocks[k].start + rows)
        witnesses = [Witness(origin.twin()) for origin in self._origins]
        agents = [evolve(p, agent=w) for p, w in zip(self.line.agents, witnesses, strict=True)]
        again = Walk(evolve(self.line, agents=tuple(agents)), walk.time[: block.stop], "python")
        if k and state is not None:
            again.resume(state)
        with ExitStack() as awake:
            for witness, origin in zip(witnesses, self._origins, strict=True):
                if [other.home for other in self._origins].count(origin.home) == 1:
                    awake.enter_context(witness.twin)  # once for all calls: nobody else remembers there
            again.block(block, _head(part, rows))
        for j, witness in enumerate(witnesses):
            self._counts[j] += len(witness.calls)
        log = joined(_between(walk.recorder.decisions, part.bars.time[0], part.bars.time[rows - 1]), DECISION_DTYPE)
        self._compare_logs(
            log, joined(again.recorder.decisions, DECISION_DTYPE), witnesses, walk.panel.agents["compiled"] != 0
        )
        return witnesses

    def _rows(self, questions: Questions) -> int:
        """Return how many bars to walk through again: enough for some calls of each agent that is asked bar by bar."""
        n = len(questions.asks[0])
        if self.full:
            return n
        alone = [j for j in np.flatnonzero(questions.given == 0).tolist() if questions.asks[j].any()]
        for head in (*_HEADS, n):  # mostly the first few bars are enough
            asked: NDArray[np.bool_] = np.any(questions.asks[:, :head], axis=2)
            enough, most = np.searchsorted(np.cumsum(asked.sum(axis=0)), (_ASKED, _MOST_ASKED))
            found = [int(np.argmax(asked[j])) if asked[j].any() else head for j in alone]
            rows = min(max([int(enough), *found]), int(most)) + 1
            if rows <= head:
                break
        return min(rows, n)

    def _compare_logs(self, log: NDArray[Any], again: NDArray[Any], witnesses: list[Witness], compiled: Bools) -> None:
        if log.tobytes() == again.tobytes():
            return
        common = min(len(log), len(again))
        differs = np.flatnonzero(log[:common] != again[:common])
        at = int(differs[0]) if len(differs) else common
        pair = [rows[at] if at < len(rows) else None for rows in (log, again)]
        first = min((row for row in pair if row is not None), key=lambda r: (r["time"], r["stage"], r["symbol"]))
        key = ("time", "stage", "symbol")
        said = [
            _said(r["value"]) if r is not None and all(r[n] == first[n] for n in key) else "nothing new" for r in pair
        ]
        j = int(first["stage"]) - 1
        if not 0 <= j < len(witnesses):
            stage = "targets" if first["stage"] == TARGET_STAGE else "proposals"
            raise CausalityError(
                f"the {stage} at {stamp(first['time'])} come out differently when the bars are walked through again"
            )
        symbol, owner = self.line.feed.symbols[first["symbol"]], self.line.agents[j].owner
        where = f"{owner}: its action for {symbol} at {stamp(first['time'])} is {said[0]} in the run"
        why = self._why(j, first, witnesses[j], compiled[j])
        raise CausalityError(f"{where} and {said[1]} when the same bars are walked through again: {why}")

    def _why(self, j: int, row: Any, witness: Witness, compiled: bool) -> str:
        for observation, _ in witness.calls:
            at = np.flatnonzero(observation.symbol == row["symbol"])
            if observation.time[0] == row["time"] and len(at):
                reason = self._reason(j, observation, at)
                return reason if not (compiled and "past calls" in reason) else _COMPILED
        return _COMPILED if compiled else "it remembers past calls, and a component keeps no state"

    def _ask_backwards(self, j: int, witness: Witness) -> None:
        """Ask another twin what a witness was asked, the last first, and one row of each alone."""
        last = witness.calls if self.full else witness.calls[:: max(1, len(witness.calls) // _BACKWARDS)]
        questions: list[tuple[Observation, Ints | None, Floats]] = []
        for observation, answer in reversed(last):
            n = len(observation)
            said = answer if answer is not None and answer.shape == (n,) else np.full(n, np.nan)
            questions.append((observation, None, said))
            if n > 1 and answer is not None:  # who fails on all symbols of a bar does so in live
                row = int(observation.time[0] // 1_000_000_000 % n)
                questions.append((observation, np.array([row]), said[row : row + 1]))
        if questions:
            self._ask_again(j, questions)

    def _place(self, j: int, asked: Observation, row: int) -> str:
        time = asked.time[row if len(asked.time) > 1 else 0]
        return f"{self.line.agents[j].owner}: its action for {asked.symbols[asked.symbol[row]]} at {stamp(time)}"


def _take(asked: Observation, chosen: Ints) -> Observation:
    """Return some of the rows, in memory of their own."""
    time = asked.time.copy() if len(asked.time) == 1 else asked.time[chosen]
    return _sealed(asked.names, asked.values[chosen], time, asked.symbol[chosen], asked.symbols)


def _own(asked: Observation) -> Observation:
    """Return all rows, in memory of their own."""
    return _sealed(asked.names, asked.values.copy(), asked.time.copy(), asked.symbol.copy(), asked.symbols)


def _sealed(names: tuple[str, ...], values: Floats, time: Ints, symbol: Ints, symbols: tuple[str, ...]) -> Observation:
    values.flags.writeable = time.flags.writeable = symbol.flags.writeable = False
    return Observation(names, values, time, symbol, symbols)


def _head(part: Part, rows: int) -> Part:
    """Return the first rows of an evaluated block."""

    def cut(value: Any) -> Any:
        return value if value is None or np.ndim(value) == 0 else value[:rows]

    p = part.proposal
    proposal = Proposal(*(cut(v) for v in (p.side, p.weight, p.confidence, p.candidate, p.stop, p.take_profit)))
    features = {name: values[:rows] for name, values in part.features.items()}
    return Part(part.bars[:rows], features, proposal, part.may_add[:rows])


def _between(logs: list[NDArray[Any]], first: int, last: int) -> list[NDArray[Any]]:
    """Return the rows from one time to another of the recorder's pieces, which are among the newest."""
    found: list[NDArray[Any]] = []
    for piece in reversed(logs):
        times = piece["time"]
        if times[-1] < first:
            break
        found.insert(0, piece[bisect_left(times, first) : bisect_right(times, last)])
    return found


def _said(value: float) -> str:
    return "no action (the baseline stands in)" if np.isnan(value) else repr(float(value))
