"""The law, audited: components evaluated again on prefixes of their blocks must say the same, bit for bit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen

from darwin_core.errors import CausalityError
from darwin_core.evaluate import call, compute, cut_proposal, stamp
from darwin_core.types import Market, Observation, read_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_core.assembly import Line
    from darwin_core.blocks import Block
    from darwin_core.evaluate import Evaluator, Part
    from darwin_core.forming import Formed
    from darwin_core.observing import Panel, Questions
    from darwin_core.plugins import Owner
    from darwin_core.types import Bars

_CHEAP_BLOCKS, _CHEAP_PREFIXES, _CHEAP_ROWS = 4, 2, 4096
_FULL_PREFIXES = 32
_OUTPUTS = ("side", "weight", "confidence", "candidate", "stop", "take_profit")


@frozen
class Audited:
    """How often one component was evaluated again."""

    component: str
    prefixes: int


@define(eq=False)
class Auditor:
    """Re-evaluates components at prefixes chosen by the deployment's seed.

    Cheap: in at most four blocks, a few prefixes of at most 4,096 bars, lengths spread evenly over the orders of
    magnitude, and one that ends in the block's first gap: short prefixes are where a look ahead shows most, and
    gaps are where a fill from the future does. Full: 32 prefixes in every block.
    """

    line: Line
    blocks: list[Block]
    _counts: dict[str, int] = field(factory=dict, init=False)

    def audited(self) -> tuple[Audited, ...]:
        """Return what was audited, in the order of the line."""
        return tuple(Audited(name, count) for name, count in self._counts.items())

    def check_market(self, k: int, evaluator: Evaluator, part: Part) -> None:
        """Audit what looks at the market on block `k`; raise CausalityError at the first that breaks the law."""
        for column in self.line.columns:
            whole = part.features[column.name]
            lookback = column.column.lookback
            name = f"column {column.name}"
            for rows in self._prefixes(name, k, part.bars):
                again = compute(column, _copy(self._window(evaluator, k, lookback, rows)), rows)
                self._compare(name, column.owner, column.name, whole[:rows], again, part.bars, rows)
        self._check_strategy(k, evaluator, part)
        for monitor in self.line.monitors:
            name = str(monitor.owner)
            for rows in self._prefixes(name, k, part.bars):
                market = self._market(evaluator, k, monitor.monitor.lookback, rows)
                whole = evaluator.allow(monitor, k)[:rows]
                again = np.asarray(call(monitor.owner, monitor.monitor.allow, market))[-rows:]
                self._compare(name, monitor.owner, "allow", whole[:, None], again[:, None], part.bars, rows)

    def check_agents(self, k: int, part: Part, formed: Formed, questions: Questions, panel: Panel) -> None:
        """Audit the agents on block `k`; raise CausalityError at the first whose rows depend on each other."""
        for j in range(len(panel.parts)):
            self._check_agent(j, k, part, formed, questions, panel)

    def _check_strategy(self, k: int, evaluator: Evaluator, part: Part) -> None:
        owner, strategy = self.line.strategy.owner, self.line.strategy.strategy
        for rows in self._prefixes(str(owner), k, part.bars):
            market = self._market(evaluator, k, strategy.lookback, rows)
            again = cut_proposal(owner, call(owner, strategy.propose, market), market, len(market) - rows)
            for output in _OUTPUTS:
                first, second = getattr(part.proposal, output), getattr(again, output)
                shape = (rows, len(part.bars.symbols))
                whole = _rows(first, len(part.bars), shape)
                self._compare(str(owner), owner, output, whole, _rows(second, rows, shape), part.bars, rows)

    def _check_agent(self, j: int, k: int, part: Part, formed: Formed, questions: Questions, panel: Panel) -> None:
        """Ask an agent that was asked about a block at once again, on fewer rows and on single ones."""
        asks = questions.asks[j]
        if not panel.batched(j) or not asks.any():
            return
        owner = panel.parts[j].owner
        asked = panel.rows_of(j, part, formed, questions.market, asks)
        whole = questions.actions_given[j][asks]
        for rows in self._lengths(str(owner), k, len(asked)):
            for chosen in (slice(0, rows), slice(rows - 1, rows)):
                again = panel.guards[j].decide(_take(asked, chosen))
                self._count(str(owner))
                if again is not None:
                    self._compare_actions(owner, asked, chosen, whole[chosen], again)

    def _compare_actions(self, owner: Owner, asked: Observation, chosen: slice, whole: Any, again: Any) -> None:
        wrong = np.flatnonzero(~_same(whole, again))
        if len(wrong):
            row = chosen.start + int(wrong[0])
            raise CausalityError(
                f"{owner}: its action for {asked.symbols[asked.symbol[row]]} at {stamp(asked.time[row])} is "
                f"{whole[wrong[0]]!r} among {len(asked)} rows and {again[wrong[0]]!r} among {len(again)}: a row's "
                "decision must not depend on the rows around it, nor on chance or past calls"
            )

    def _window(self, evaluator: Evaluator, k: int, lookback: int, rows: int) -> Bars:
        """Return the window of block `k`, ending after `rows` of its rows."""
        bars = evaluator.window(k, lookback)
        return bars[: len(bars) - len(self.blocks[k]) + rows]

    def _market(self, evaluator: Evaluator, k: int, lookback: int, rows: int) -> Market:
        market = evaluator.market(k, lookback)
        stop = len(market) - len(self.blocks[k]) + rows
        features = {name: read_only(values[:stop].copy()) for name, values in market.features.items()}
        return Market(_copy(market.bars[:stop]), features)

    def _prefixes(self, name: str, k: int, bars: Bars) -> Iterator[int]:
        """Yield how many rows of block `k` each prefix of a component has."""
        lengths = list(self._lengths(name, k, len(bars)))
        if lengths:
            gaps = np.flatnonzero(np.isnan(bars.close).any(axis=1))
            if len(gaps):
                lengths.append(int(gaps[0]) + 1)
        for length in lengths:
            self._count(name)
            yield length

    def _lengths(self, name: str, k: int, rows: int) -> Iterator[int]:
        rng = np.random.default_rng([self.line.settings.deployment.seed, zlib.crc32(name.encode()), len(self.blocks)])
        if self.line.settings.run.audit == "full":
            yield from np.random.default_rng(rng.integers(2**32, size=k + 1)[-1]).integers(1, rows + 1, _FULL_PREFIXES).tolist()
            return
        chosen = rng.choice(len(self.blocks), min(_CHEAP_BLOCKS, len(self.blocks)), replace=False)
        powers = rng.random((len(chosen), _CHEAP_PREFIXES))
        for position in np.flatnonzero(chosen == k):
            for power in powers[position]:
                yield max(1, int(min(rows, _CHEAP_ROWS) ** power))

    def _count(self, name: str) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1

    def _compare(self, name: str, owner: Owner, output: str, whole: Any, again: Any, bars: Bars, rows: int) -> None:
        if whole is None and again is None:
            return
        wrong = ~_same(whole, again)
        if not wrong.any():
            return
        row, column = np.argwhere(wrong)[-1]
        symbol = bars.symbols[column] if whole.shape[1] > 1 or len(bars.symbols) == 1 else "all symbols"
        raise CausalityError(
            f"{owner}: {output!r} for {symbol} at {stamp(bars.time[row])} is {whole[row, column]!r} when the bars "
            f"after {stamp(bars.time[rows - 1])} are in the array and {again[row, column]!r} when they are not: "
            "it looks ahead, or depends on chance or on past calls"
        )


def _take(asked: Observation, chosen: slice) -> Observation:
    values = read_only(asked.values[chosen].copy())
    return Observation(asked.names, values, asked.time[chosen], asked.symbol[chosen], asked.symbols)


def _copy(bars: Bars) -> Bars:
    """Return bars that share no memory with the history, so that nothing can reach beyond them."""
    return type(bars)(
        read_only(bars.time.copy()),
        bars.symbols,
        {name: read_only(values.copy()) for name, values in bars.fields.items()},
        {name: read_only(values.copy()) for name, values in bars.reference.items()},
        bars.timezone,
    )


def _rows(value: Any, rows: int, shape: tuple[int, int]) -> Any:
    """Return an output's first rows in full shape; None stays None."""
    if value is None:
        return None
    whole = np.broadcast_to(np.asarray(value), (rows, shape[1]))
    return whole[: shape[0]]


def _same(first: Any, second: Any) -> Any:
    """Compare with ``==``; NaN equals NaN."""
    return (first == second) | ((first != first) & (second != second))
