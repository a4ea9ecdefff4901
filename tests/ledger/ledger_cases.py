"""Random markets, proposals and rules, and the compiled loop over them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core import ledger, lockstep
from darwin_core.config import Execution, Exits
from darwin_core.types import Limits

NOTHING = np.empty((0, 0))


@frozen(eq=False)
class Case:
    """What a walk is made of: (T, S) arrays, NaN where there is no bar, and the rules."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    signed: np.ndarray
    candidate: np.ndarray
    may_add: np.ndarray
    stop: np.ndarray = NOTHING
    take: np.ndarray = NOTHING
    confidence: np.ndarray = NOTHING
    execution: Execution = field(factory=Execution)
    exits: Exits = field(factory=Exits)
    limits: Limits = field(factory=Limits)
    has_range: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        return self.close.shape

    def with_(self, **changes: Any) -> Case:
        """Return the case with other fields; those of the rules are found by their names."""
        parts: dict[str, Any] = {}
        for name, value in changes.items():
            for part in ("execution", "exits", "limits"):
                if hasattr(getattr(self, part), name):
                    parts[part] = evolve(parts.get(part, getattr(self, part)), **{name: value})
                    break
            else:
                parts[name] = value
        return evolve(self, **parts)


@define(eq=False)
class Walked:
    """What the compiled loop did."""

    curve: np.ndarray
    orders: list[np.ndarray] = field(factory=list)
    fills: list[np.ndarray] = field(factory=list)
    decisions: list[np.ndarray] = field(factory=list)
    book: np.ndarray = field(default=None)
    slots: np.ndarray = field(default=None)

    def all(self, name: str) -> np.ndarray:
        return np.concatenate(getattr(self, name))

    def bytes(self) -> tuple[bytes, ...]:
        """Return everything as bytes, to be compared bit for bit."""
        arrays = (self.curve, *(self.all(n) for n in ("orders", "fills", "decisions")), self.book, self.slots)
        return tuple(array.tobytes() for array in arrays)

    @property
    def equity(self) -> np.ndarray:
        return self.curve[:, 0]


def hand(signed: Any, close: Any, *, open_: Any = None, high: Any = None, low: Any = None, **rules: Any) -> Case:
    """Return a case written down by hand: one symbol from lists, a candidate wherever the side turns."""

    def column(values: Any) -> np.ndarray:
        array = np.array(values, dtype=np.float64)
        return array.reshape(-1, 1) if array.ndim == 1 else array

    signed, close = column(signed), column(close)
    opens = close if open_ is None else column(open_)
    highs = np.fmax(opens, close) if high is None else column(high)
    lows = np.fmin(opens, close) if low is None else column(low)
    before = np.vstack([np.zeros((1, signed.shape[1])), signed[:-1]])
    candidate = (np.sign(signed) != np.sign(before)) & (signed != 0.0)
    case = Case(opens, highs, lows, close, signed, candidate, np.ones(len(close), np.bool_))
    return case.with_(**{"fee": 0.0, "cash": 1000.0, **rules})


def market(rng: np.random.Generator, bars: int, symbols: int, gaps: float = 0.0) -> tuple[np.ndarray, ...]:
    """Return open, high, low and close of random walks; a share `gaps` of the bars is missing."""
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, (bars, symbols)), axis=0))
    opens = close * np.exp(rng.normal(0, 0.02, close.shape))
    high = np.maximum(opens, close) * np.exp(np.abs(rng.normal(0, 0.01, close.shape)))
    low = np.minimum(opens, close) * np.exp(-np.abs(rng.normal(0, 0.01, close.shape)))
    missing = rng.random(close.shape) < gaps
    for array in (opens, high, low, close):
        array[missing] = np.nan
    return opens, high, low, close


def random_case(seed: int, *, bars: int = 120, symbols: int = 4, **rules: Any) -> Case:
    """Return a random case with every rule on that `rules` does not set."""
    rng = np.random.default_rng(seed)

    def some(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    prices = market(rng, bars, symbols, some(0.0, 0.1))
    changes = rng.random((bars, symbols)) < some(0.05, 0.3)
    sizes = rng.choice([0.0, 0.1, 0.25, 0.4, 1.0, 1.7], (bars, symbols)) * rng.choice([1.0, 1.0, -1.0], (bars, symbols))
    rows = np.maximum.accumulate(np.where(changes, np.arange(bars)[:, None], 0), axis=0)
    signed = np.take_along_axis(sizes, rows, axis=0)
    candidate = (rng.random(signed.shape) < 0.1) & (signed != 0.0)
    own = bool(some(False, True))
    distances = rng.choice([0.0, 0.01, 0.03, 0.08], (2, bars, symbols))
    case = Case(
        *prices,
        signed,
        candidate,
        rng.random(bars) < some(1.1, 0.7),
        *(distances if own else (NOTHING, NOTHING)),
        rng.random((bars, symbols)),
        Execution(
            some("next_open", "next_close", "same_close"),
            10_000.0,
            some(0.0, 0.001),
            some(0.0, 0.01),
            some(0.0, 1.0),
            some(0.0, 0.002),
            some(0.0, 0.001),
            some(0.0, 1.0, 0.1),
            some(0.0, 200.0),
            some(0.0, 0.05),
        ),
        Exits(some(0.0, 0.03), some(0.0, 0.05), some(0, 0, 6)),
        Limits(some(0.3, 1.0), some(0.8, 1.0, 2.5), some(0.1, 0.3, 1.0), some(False, True)),
        bool(some(True, True, False)),
    )
    case = case.with_(**rules)
    return case if case.has_range else evolve(case, high=case.close, low=case.close)


def walk(case: Case, cuts: tuple[int, ...] = (), room: int | None = None) -> Walked:
    """Drive the compiled loop over a case, cut into blocks at `cuts`, with buffers of `room` rows."""
    bars, symbols = case.shape
    own = len(case.stop) > 0 or len(case.take) > 0
    rules = ledger.rules(case.execution, case.exits, case.limits, has_range=case.has_range, own_stops=own)
    book, slots = ledger.new_book(case.execution.cash), ledger.new_slots(symbols)
    walked = Walked(np.full((bars, 4), np.nan), book=book, slots=slots)
    least = max(symbols * 2, 1)
    buffers = [
        np.empty(room or 64 * least, dtype)
        for dtype in (ledger.ORDER_DTYPE, ledger.FILL_DTYPE, lockstep.DECISION_DTYPE)
    ]

    def drain(agent: int, _row: int, _n: int) -> bool:
        assert agent == lockstep.DRAIN
        counts = (ledger.N_ORDERS, ledger.N_FILLS, ledger.N_DECISIONS)
        for kept, buffer, count in zip((walked.orders, walked.fills, walked.decisions), buffers, counts, strict=True):
            kept.append(buffer[: int(book[count])].copy())
            book[count] = 0.0
        return True

    confidence = case.confidence if case.confidence.size else np.ones(case.shape)
    edges = sorted({0, *cuts, bars})
    for start, stop in pairwise(edges):
        part = slice(start, stop)
        lockstep.walk(
            drain,
            (
                start, np.arange(start, stop), case.open[part], case.high[part], case.low[part], case.close[part],
                *proposed(case.signed[part], case.candidate[part]), confidence[part], case.stop[part],
                case.take[part], case.may_add[part],
            ),
            (rules, book, slots),
            (*no_agents(symbols), walked.curve[part], *buffers),
        )  # fmt: skip
    return walked


def proposed(signed: np.ndarray, candidate: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return a block's proposals as the kernel takes them: sides, weights, candidates, rows with news."""
    news = np.ones(len(signed), np.bool_)
    news[1:] = ((signed[1:] != signed[:-1]) | candidate[1:]).any(axis=1)
    return np.sign(signed).astype(np.int8), np.abs(signed), candidate, news


def no_agents(symbols: int) -> tuple[np.ndarray, ...]:
    """Return the arguments for a line without agents."""
    return (
        np.empty(0, lockstep.AGENT_DTYPE),
        np.empty((0, 0, 0), np.bool_),
        np.empty((0, 0, 0)),
        np.empty((0, 0, 0)),
        np.empty((0, 0), np.int64),
        np.empty((0, symbols), np.bool_),
        np.empty((0, symbols)),
        np.empty(0, np.int64),
        np.empty((0, 3), np.int64),
        np.empty(symbols, np.int64),
        np.empty(0),
        np.empty(symbols),
    )
