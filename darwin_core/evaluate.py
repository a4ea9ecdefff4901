"""Evaluate the components that look at the market only, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from attrs import define, field, frozen

from darwin_core.errors import DarwinError, DataError, PluginError
from darwin_core.protocols import WHOLE_TAPE
from darwin_core.types import Bars, Market, Proposal, read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from darwin_core.assembly import Line, MonitorPart, NamedColumn
    from darwin_core.blocks import Block
    from darwin_core.plugins import Owner
    from darwin_core.types import Bools, Floats

T = TypeVar("T")


@frozen(eq=False)
class Part:
    """One block, evaluated: what the stages that remember something work on.

    Arrays have the block's rows only; `proposal`'s are as the strategy gave them, cut to the block.
    """

    bars: Bars
    features: Mapping[str, Floats]
    proposal: Proposal
    may_add: Bools


@define(eq=False)
class Evaluator:
    """Evaluates a line's market-only components over the blocks of its feed.

    Parameters
    ----------
    line
        The deployment.
    blocks
        The blocks of the feed's history.
    columns
        A cache of column values by (column, block), shared by runs over the same data; None: keep only what
        the look-backs need.
    """

    line: Line
    blocks: list[Block]
    shared: dict[tuple[str, int], Floats] | None = None
    _recent: dict[tuple[str, int], Floats] = field(factory=dict, init=False)

    def part(self, k: int) -> Part:
        """Evaluate block `k`."""
        block = self.blocks[k]
        bars = self.line.feed.read(block.start, block.stop)
        names = [column.name for column in self.line.columns]
        features = {name: self.column(name, k) for name in names}
        proposal = self.propose(self.market(k, self._strategy_lookback()), self._strategy_lookback(), k)
        may_add = np.ones(len(block), np.bool_)
        for monitor in self.line.monitors:
            may_add &= self.allow(monitor, k)
        self._forget(k)
        return Part(bars, features, proposal, read_only(may_add))

    def column(self, name: str, k: int) -> Floats:
        """Return a column over block `k`, (n, S) or (n, 1)."""
        cache = self._recent if self.shared is None else self.shared
        if (name, k) not in cache:
            named = next(column for column in self.line.columns if column.name == name)
            cache[name, k] = compute(named, self.window(k, named.column.lookback), len(self.blocks[k]))
        return cache[name, k]

    def window(self, k: int, lookback: int) -> Bars:
        """Return block `k` with `lookback` bars before it."""
        block = self.blocks[k]
        return self.line.feed.read(self._first(block, lookback), block.stop)

    def market(self, k: int, lookback: int) -> Market:
        """Return the bars and columns of block `k` with `lookback` bars before it."""
        block = self.blocks[k]
        first = self._first(block, lookback)
        features = {column.name: self._stretch(column.name, k, first) for column in self.line.columns}
        return Market(self.line.feed.read(first, block.stop), features)

    def _stretch(self, name: str, k: int, first: int) -> Floats:
        """Return a column from row `first` to the end of block `k`, each row as its own block has it."""
        parts = [self.column(name, k)]
        while self.blocks[k].start > first:
            k -= 1
            parts.insert(0, self.column(name, k)[max(0, first - self.blocks[k].start) :])
        return parts[0] if len(parts) == 1 else read_only(np.concatenate(parts))

    def propose(self, market: Market, lookback: int, k: int) -> Proposal:
        """Ask the strategy about a window; return its proposal for the rows of block `k` in it."""
        part = self.line.strategy
        proposal = call(part.owner, part.strategy.propose, market)
        if not isinstance(proposal, Proposal):
            raise PluginError(f"{part.owner}: propose must return a Proposal, not {type(proposal).__name__}")
        skip = self.blocks[k].start - self._first(self.blocks[k], lookback)
        return cut_proposal(part.owner, proposal, market, skip)

    def allow(self, part: MonitorPart, k: int) -> Bools:
        """Ask a monitor on which bars of block `k` risk may be added."""
        market = self.market(k, part.monitor.lookback)
        answer = np.asarray(call(part.owner, part.monitor.allow, market))
        if answer.shape != (len(market),) or answer.dtype != np.bool_:
            raise PluginError(f"{part.owner}: allow must return bool of shape ({len(market)},)")
        return answer[len(market) - len(self.blocks[k]) :]

    def _strategy_lookback(self) -> int:
        return self.line.strategy.strategy.lookback

    def _first(self, block: Block, lookback: int) -> int:
        return 0 if lookback == WHOLE_TAPE else max(0, block.start - lookback)

    def _forget(self, k: int) -> None:
        """Drop what no later block can look back on."""
        lookbacks = [self._strategy_lookback(), *(m.monitor.lookback for m in self.line.monitors)]
        if WHOLE_TAPE in lookbacks or k + 1 >= len(self.blocks):
            return
        keep = self.blocks[k + 1].start - max(lookbacks)
        for key in [key for key in self._recent if self.blocks[key[1]].stop <= keep]:
            del self._recent[key]


def compute(named: NamedColumn, window: Bars, rows: int) -> Floats:
    """Compute a column over a window; return its last `rows` rows, (rows, S) or (rows, 1), read-only."""
    values = np.asarray(call(named.owner, named.column.compute, window, what=f"column {named.name!r}"))
    if values.ndim == 1:
        values = values[:, None]
    if values.shape not in ((len(window), len(window.symbols)), (len(window), 1)):
        shape = f"({len(window)}, {len(window.symbols)}) or ({len(window)},)"
        raise PluginError(f"{named.owner}: column {named.name!r} has shape {values.shape}, not {shape}")
    return read_only(np.ascontiguousarray(values[len(window) - rows :], dtype=np.float64))


def cut_proposal(owner: Owner, proposal: Proposal, market: Market, skip: int) -> Proposal:
    """Check a proposal's shapes and drop the rows of the look-back."""
    shape = (len(market), len(market.bars.symbols))

    def rows(name: str, dtype: Any) -> Any:
        value = getattr(proposal, name)
        if value is None or np.ndim(value) == 0:
            return value
        try:
            whole = np.broadcast_to(np.asarray(value), shape)
        except ValueError:
            raise PluginError(f"{owner}: {name} has shape {np.shape(value)}, not {shape}") from None
        part = whole[skip:]
        if dtype is np.int8 and part.dtype.kind == "f" and not np.isfinite(part).all():
            raise PluginError(f"{owner}: {bad_cell(name, ~np.isfinite(part), market.bars[skip:], part)}")
        return read_only(np.ascontiguousarray(part, dtype=dtype))

    return Proposal(
        rows("side", np.int8),
        rows("weight", np.float64),
        rows("confidence", np.float64),
        rows("candidate", np.bool_),
        rows("stop", np.float64),
        rows("take_profit", np.float64),
    )


def bad_cell(name: str, bad: Bools, bars: Bars, values: Any) -> str:
    """Say where the first bad value stands and what it is."""
    row, column = np.argwhere(bad)[0]
    return f"{name} is {values[row, column]} for {bars.symbols[column]} at {stamp(bars.time[row])}"


def stamp(time: int) -> str:
    """Write a time in ns as people read it, in UTC."""
    text = np.datetime_as_string(np.datetime64(int(time), "ns"), unit="s")
    return str(text).removesuffix("T00:00:00")


def call(owner: Owner, function: Callable[..., T], *arguments: Any, what: str = "") -> T:
    """Call a component; whatever it raises becomes a PluginError that names it and the line."""
    from darwin_core.plugins import why

    try:
        return function(*arguments)
    except DataError as error:
        raise PluginError(f"{owner}: {what + ': ' if what else ''}{error}") from error
    except DarwinError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and "read-only" in str(error):
            reason = "it changed its input, which belongs to everybody; work on a copy"
            raise PluginError(f"{owner}: {what + ': ' if what else ''}{reason} ({why(error)})") from error
        raise PluginError(f"{owner}: {what + ': ' if what else ''}{why(error)}") from error
