"""What flows through the line: frozen values over NumPy arrays.

Shapes are written (T, S): T bars, S symbols. Times are nanoseconds since 1970 in UTC, the moment at which a
bar is complete and may be known. Money and prices are float64; NaN is a missing bar and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from darwin_core.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

FIELDS = ("open", "high", "low", "close", "volume")
OUTPUTS = ("side", "weight", "confidence", "candidate", "stop", "take_profit")
"""What a proposal says, in the order of its fields."""
Mode: TypeAlias = Literal["off", "observe", "canary", "active"]
Effect: TypeAlias = Literal["scale", "target", "cap"]
Fill: TypeAlias = Literal["next_open", "next_close", "same_close"]
When: TypeAlias = Literal["candidate", "bar", "hour", "day", "week", "month", "quarter", "year"]


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of `array` that refuses to be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


@frozen(eq=False)
class Bars:
    """Bars of all symbols over a stretch of time, read-only.

    Parameters
    ----------
    time
        (T,) int64, strictly increasing: when each bar is complete, in ns since 1970 UTC.
    symbols
        S names, in the order of the columns.
    fields
        Field name to (T, S) float64. `close` is always there; a close-only panel has nothing else.
    reference
        Name to (T,) float64: closes of series that are watched and not traded (an index, VIX).
    timezone
        IANA name of the zone in which days, weeks and sessions are meant.
    """

    time: Ints
    symbols: tuple[str, ...]
    fields: Mapping[str, Floats]
    reference: Mapping[str, Floats] = field(factory=dict)
    timezone: str = "UTC"

    def __len__(self) -> int:
        """Return the number of bars T."""
        return len(self.time)

    def __getitem__(self, rows: slice) -> Bars:
        """Return the bars of a slice of rows, without a copy."""
        return Bars(
            self.time[rows],
            self.symbols,
            {name: values[rows] for name, values in self.fields.items()},
            {name: values[rows] for name, values in self.reference.items()},
            self.timezone,
        )

    def get(self, name: str) -> Floats:
        """Return field `name`, (T, S); raise DataError when the feed does not have it."""
        try:
            return self.fields[name]
        except KeyError:
            msg = f"the feed has no field {name!r} (it has {', '.join(self.fields)})"
            raise DataError(msg) from None

    @property
    def open(self) -> Floats:
        """Opening prices, (T, S)."""
        return self.get("open")

    @property
    def high(self) -> Floats:
        """Highest prices, (T, S)."""
        return self.get("high")

    @property
    def low(self) -> Floats:
        """Lowest prices, (T, S)."""
        return self.get("low")

    @property
    def close(self) -> Floats:
        """Closing prices, (T, S)."""
        return self.fields["close"]

    @property
    def volume(self) -> Floats:
        """Volumes, (T, S)."""
        return self.get("volume")

    def local_time(self) -> NDArray[np.datetime64]:
        """Return the bars' wall-clock times in the feed's own zone, (T,) datetime64[ns]."""
        return local_time(self.time, self.timezone)


def local_time(time: Ints, timezone: str) -> NDArray[np.datetime64]:
    """Convert UTC nanoseconds to wall-clock times of a zone, (T,) datetime64[ns]."""
    if timezone == "UTC":
        return time.view("datetime64[ns]")
    import pyarrow as pa
    import pyarrow.compute as pc

    # Arrow's own conversions import pandas wherever it is installed; the buffers are taken as they are.
    whole = np.ascontiguousarray(time, np.int64)
    stamps = pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])
    wall = pc.local_timestamp(stamps.cast(pa.timestamp("ns", timezone))).cast(pa.int64())
    return np.frombuffer(wall.buffers()[1], np.int64, wall.offset + len(wall))[wall.offset :].view("datetime64[ns]")


@frozen(eq=False)
class Market:
    """What a strategy sees: a window of bars and the feature columns that it asked for."""

    bars: Bars
    features: Mapping[str, Floats]

    def __len__(self) -> int:
        """Return the number of bars in the window."""
        return len(self.bars)

    def __getitem__(self, column: str) -> Floats:
        """Return a feature column, (T, S)."""
        try:
            return self.features[column]
        except KeyError:
            msg = f"column {column!r} was not asked for in `requires`: {did_you_mean(column, self.features)}"
            raise DataError(msg) from None


@frozen(eq=False)
class Proposal:
    """What a strategy would do, row for row of its window.

    Parameters
    ----------
    side
        (T, S) or broadcastable: -1 short, 0 flat, 1 long.
    weight
        Broadcastable to (T, S), >= 0 and finite: target share of equity. The same target as on the bar before
        is no new instruction: the position is left alone.
    confidence
        Broadcastable to (T, S), in [0, 1].
    candidate
        (T, S) bool: rows on which a new position is proposed. None: the core takes the rows on which the
        side turns to a new, non-zero one.
    stop, take_profit
        (T, S) or None: distances from the entry price as fractions (0.05 = 5 %); NaN for none. They take
        precedence over the deployment's `[exits]`.
    """

    side: NDArray[Any]
    weight: NDArray[Any] | float = 1.0
    confidence: NDArray[Any] | float = 1.0
    candidate: Bools | None = None
    stop: Floats | None = None
    take_profit: Floats | None = None

    def __getitem__(self, rows: slice) -> Proposal:
        """Return a slice of rows, without a copy; what is one number for all rows stays so."""

        def cut(value: Any) -> Any:
            return value if value is None or np.ndim(value) == 0 else value[rows]

        return Proposal(*(cut(getattr(self, name)) for name in OUTPUTS))


@frozen(eq=False)
class Observation:
    """Rows on which an agent is asked to decide; valid during the call only.

    Parameters
    ----------
    names
        F column names, in the order of the agent's `requires`.
    values
        (N, F) float64, all finite, read-only.
    time
        (N,) int64 ns, or (1,) when all rows are of one bar.
    symbol
        (N,) int64 index into `symbols`.
    """

    names: tuple[str, ...]
    values: Floats
    time: Ints
    symbol: Ints
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows N."""
        return len(self.values)

    def __getitem__(self, column: str) -> Floats:
        """Return one column, (N,)."""
        return self.values[:, self.names.index(column)]


@frozen
class Limits:
    """What no target and no position may exceed; the tightest of all monitors and the deployment holds.

    Parameters
    ----------
    max_weight
        Largest share of equity in one symbol.
    max_gross
        Largest sum of absolute weights; above 1 the account may borrow.
    max_drawdown
        Loss from the highest equity, as a fraction, at which all positions are closed and trading halts.
    allow_short
        Whether a position may be negative.
    """

    max_weight: float = 1.0
    max_gross: float = 1.0
    max_drawdown: float = 1.0
    allow_short: bool = False

    def tighten(self, other: Limits) -> Limits:
        """Return the limits that satisfy both."""
        return Limits(
            min(self.max_weight, other.max_weight),
            min(self.max_gross, other.max_gross),
            min(self.max_drawdown, other.max_drawdown),
            self.allow_short and other.allow_short,
        )
