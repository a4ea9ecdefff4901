"""Sample markets: small, the same on every call, and with what real data does to a plugin.

Prices are invented (a seeded random walk, rounded to cents). Among them are a symbol that is listed late, one
that is delisted, single missing bars, a hole of a week, a stretch in which the price stands still without
volume, a jump of 30 %, days on which the index and VIX are missing, and a change to daylight saving time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darwin_core.types import FIELDS, Bars, Market, read_only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from darwin_core.types import Bools, Floats, Ints

_MINUTE = 60_000_000_000
_HOUR = 60 * _MINUTE
_ZONE = "America/New_York"


def daily_bars(rows: int = 400, seed: int = 1) -> Bars:
    """Return daily bars of four symbols, each with gaps of its own kind; (rows, 4).

    AAA is whole, BBB is listed after a fifth of the time, CCC is delisted at four fifths, DDD has single
    missing bars, a missing week and a month in which its price stands still.
    """
    days = np.datetime64("2019-10-01") + np.arange(2 * rows)
    days = days[np.is_busday(days)][:rows]
    time = days.astype("datetime64[ns]").astype(np.int64) + 21 * _HOUR
    rng = np.random.default_rng(seed)
    fields = _walk(rng, (len(time), 4), 0.015)
    _stand_still(fields, 3, slice(rows // 3, rows // 3 + 20))
    missing = np.zeros((len(time), 4), np.bool_)
    missing[: rows // 5, 1] = True
    missing[rows * 4 // 5 :, 2] = True
    missing[:, 3] = rng.random(len(time)) < 0.04
    missing[rows // 2 : rows // 2 + 5, 3] = True
    return _bars(time, ("AAA", "BBB", "CCC", "DDD"), fields, missing, rng)


def intraday_bars(days: int = 20, seed: int = 2) -> Bars:
    """Return half-hour bars of three symbols in New York, over a change of the clocks; some (13 * days, 3)."""
    dates = np.datetime64("2021-03-01") + np.arange(2 * days)
    dates = dates[np.is_busday(dates)][:days]
    opens = (
        dates.astype("datetime64[ns]").astype(np.int64)
        + np.where(dates < np.datetime64("2021-03-14"), 870, 810) * _MINUTE
    )
    lengths = np.where(np.arange(days) == days // 2, 7, 13)  # one day closes early
    time = np.concatenate([o + 30 * _MINUTE * np.arange(1, n + 1) for o, n in zip(opens, lengths, strict=True)])
    rng = np.random.default_rng(seed)
    fields = _walk(rng, (len(time), 3), 0.003)
    missing = np.zeros((len(time), 3), np.bool_)
    missing[:, 2] = rng.random(len(time)) < 0.05
    missing[26:39, 1] = True
    return _bars(time, ("AAA", "BBB", "CCC"), fields, missing, rng)


def sample_markets() -> dict[str, Bars]:
    """Return the sample bars by name: what every suite runs on unless it says otherwise."""
    return {"daily": daily_bars(), "intraday": intraday_bars()}


def lend(bars: Bars, rows: slice = slice(None)) -> Bars:
    """Return a read-only copy of some rows, which shares no memory with the rest of the history."""
    part = bars[rows]
    return Bars(
        read_only(part.time.copy()),
        part.symbols,
        {name: read_only(values.copy()) for name, values in part.fields.items()},
        {name: read_only(values.copy()) for name, values in part.reference.items()},
        part.timezone,
    )


def lend_market(market: Market, rows: slice = slice(None)) -> Market:
    """Return a read-only copy of some rows of bars and feature columns."""
    columns = {name: read_only(values[rows].copy()) for name, values in market.features.items()}
    return Market(lend(market.bars, rows), columns)


def contents(market: Market) -> dict[str, NDArray[np.generic]]:
    """Return every array of a market by name, for comparison."""
    bars = market.bars
    parts: dict[str, Mapping[str, Floats]] = {"": bars.fields, "reference ": bars.reference, "column ": market.features}
    named = {prefix + name: values for prefix, arrays in parts.items() for name, values in arrays.items()}
    return {"time": bars.time, **named}


def _walk(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> dict[str, Floats]:
    """Return open, high, low, close, volume of random walks with calm and wild times, in cents."""
    wild = 1.0 + (np.sin(np.arange(shape[0]) / 40.0)[:, None] > 0.5)
    moves = rng.normal(0.0002, sigma, shape) * wild
    moves[shape[0] * 3 // 5, 0] = -0.3
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    opening = close * np.exp(rng.normal(0.0, sigma / 3.0, shape))
    high = np.maximum(opening, close) * (1.0 + np.abs(rng.normal(0.0, sigma / 3.0, shape)))
    low = np.minimum(opening, close) * (1.0 - np.abs(rng.normal(0.0, sigma / 3.0, shape)))
    prices = (np.round(values, 2) for values in (opening, high, low, close))
    return dict(zip(FIELDS, (*prices, np.round(rng.lognormal(13.0, 0.5, shape))), strict=True))


def _stand_still(fields: dict[str, Floats], symbol: int, rows: slice) -> None:
    last = fields["close"][rows.start, symbol]
    for name, values in fields.items():
        values[rows, symbol] = 0.0 if name == "volume" else last


def _bars(
    time: Ints, symbols: tuple[str, ...], fields: dict[str, Floats], missing: Bools, rng: np.random.Generator
) -> Bars:
    for values in fields.values():
        values[missing] = np.nan
    watched = _walk(rng, (len(time), 1), 0.008)["close"][:, 0]
    fear = np.round(
        18.0 * np.exp(np.cumsum(rng.normal(0.0, 0.05, len(time)) - 0.05 * np.sin(np.arange(len(time)) / 30.0))), 2
    )
    for values in (watched, fear):
        values[rng.integers(0, len(time), 3)] = np.nan
    return lend(Bars(time, symbols, fields, {"SP500": watched, "VIX": fear}, _ZONE))
