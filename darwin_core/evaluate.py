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

    def __getitem__(self, rows: slice) -> Part:
        """Return a slice of rows as a block of its own, without a copy."""
        features = {name: values[rows] for name, values in self.features.items()}
        return Part(self.bars[rows], features, self.proposal[rows], self.may_add[rows])


@define(eq=False)
class Kept:
    """What was read and computed of a history, for as long as somebody needs it.

    Parameters
    ----------
    room
        Bytes that may stay for other runs over the same data.
    """

    room: int = 0
    bars: dict[tuple[int, int], Bars] = field(factory=dict, init=False)
    columns: dict[tuple[str, int], Floats] = field(factory=dict, init=False)
    checked: set[str] = field(factory=set, init=False)
    _bytes: int = field(default=0, init=False)

    def add_bars(self, key: tuple[int, int], bars: Bars) -> None:
        """Keep a stretch of bars."""
        self.bars[key] = bars
        self._bytes += sum(values.nbytes for values in bars.fields.values())

    def add_column(self, key: tuple[str, int], values: Floats) -> None:
        """Keep a column over a block."""
        self.columns[key] = values
        self._bytes += values.nbytes

    def forget(self, before: int, blocks: list[Block]) -> None:
        """If there is no room for all of it, drop the bars, and the columns that no row from `before` on needs."""
        if self._bytes <= self.room:
            return
        self.bars.clear()
        for key in [key for key in self.columns if blocks[key[1]].stop <= before]:
            del self.columns[key]
        self._bytes = sum(values.nbytes for values in self.columns.values())


@define(eq=False)
class Evaluator:
    """Evaluates a line's market-only components over the blocks of its feed.

    Parameters
    ----------
    line
        The deployment.
    blocks
        The blocks of the feed's history.
    kept
        What other runs over the same data have computed already.
    """

    line: Line
    blocks: list[Block]
    kept: Kept = field(factory=Kept)

    def part(self, k: int) -> Part:
        """Evaluate block `k`."""
        self.forget(k)
        block = self.blocks[k]
        bars = self._read(block.start, block.stop)
        features = {named.name: self.column(named, k) for named in self.line.columns}
        lookback = self._strategy_lookback()
        proposal = self.propose(self.market(k, lookback), lookback, k)
        may_add = np.ones(len(block), np.bool_)
        for monitor in self.line.monitors:
            may_add &= self.allow(monitor, k)
        return Part(bars, features, proposal, read_only(may_add))

    def column(self, named: NamedColumn, k: int) -> Floats:
        """Return a column over block `k`, (n, S) or (n, 1)."""
        values = self.kept.columns.get((named.name, k))
        if values is None:
            values = compute(named, self.window(k, named.column.lookback), len(self.blocks[k]))
            self.kept.add_column((named.name, k), values)
        return values

    def _read(self, start: int, stop: int) -> Bars:
        """Return bars of the feed, read once for all who look at the same rows."""
        bars = self.kept.bars.get((start, stop))
        if bars is None:
            bars = _sealed(self.line.feed.read(start, stop))
            self.kept.add_bars((start, stop), bars)
        return bars

    def window(self, k: int, lookback: int) -> Bars:
        """Return block `k` with `lookback` bars before it."""
        block = self.blocks[k]
        return self._read(self._first(block, lookback), block.stop)

    def market(self, k: int, lookback: int) -> Market:
        """Return the bars and columns of block `k` with `lookback` bars before it."""
        block = self.blocks[k]
        first = self._first(block, lookback)
        features = {named.name: self._stretch(named, k, first) for named in self.line.columns}
        return Market(self._read(first, block.stop), features)

    def _stretch(self, named: NamedColumn, k: int, first: int) -> Floats:
        """Return a column from row `first` to the end of block `k`, each row as its own block has it."""
        parts = [self.column(named, k)]
        while self.blocks[k].start > first:
            k -= 1
            parts.insert(0, self.column(named, k)[max(0, first - self.blocks[k].start) :])
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

    def forget(self, k: int) -> None:
        """Drop what block `k` and those after it cannot look back on."""
        lookbacks = [self._strategy_lookback(), *(m.monitor.lookback for m in self.line.monitors)]
        self.kept.forget(0 if WHOLE_TAPE in lookbacks else self.blocks[k].start - max(lookbacks), self.blocks)


def _sealed(bars: Bars) -> Bars:
    """Return bars that nobody can write to, whatever the feed's own arrays allow."""
    fields = {name: read_only(values) for name, values in bars.fields.items()}
    reference = {name: read_only(values) for name, values in bars.reference.items()}
    return Bars(read_only(bars.time), bars.symbols, fields, reference, bars.timezone)


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
        if value is None or isinstance(value, float | int) or np.ndim(value) == 0:
            return value
        whole = np.asarray(value)
        if whole.shape != shape:
            try:
                whole = np.broadcast_to(whole, shape)
            except ValueError:
                raise PluginError(f"{owner}: {name} has shape {np.shape(value)}, not {shape}") from None
        part = whole[skip:]
        if dtype is np.int8 and part.dtype.kind != "b" and part.dtype != np.int8:
            wrong = (part != 0) & (np.abs(part) != 1)
            if wrong.any():
                raise PluginError(f"{owner}: {bad_cell(name, wrong, market.bars[skip:], part)}; it is -1, 0 or 1")
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
    try:
        return function(*arguments)
    except DataError as error:
        raise PluginError(f"{owner}: {what + ': ' if what else ''}{error}") from error
    except DarwinError:
        raise
    except Exception as error:
        from darwin_core.plugins import why

        if "readonly" in str(error).replace("-", ""):  # NumPy's words, and numba's
            reason = "it changed its input, which belongs to everybody; work on a copy"
            raise PluginError(f"{owner}: {what + ': ' if what else ''}{reason} ({why(error)})") from error
        raise PluginError(f"{owner}: {what + ': ' if what else ''}{why(error)}") from error
