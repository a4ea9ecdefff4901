"""Figures as text: one format for each kind; none is ever cut to fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table

Write: TypeAlias = Callable[[object], str]

MISSING = "-"
_ALMOST_A_DAY = 0.9
_READABLE = 1e15


def clean(value: object) -> str:
    """Return a text without control characters: a symbol's name must not be able to steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(value))


def line(*parts: tuple[object, str]) -> Text:
    """Return (text, style) pairs as one text; nothing in it is read as markup."""
    return Text.assemble(*((clean(text), style) for text, style in parts), overflow="fold")


def widths(table: Table, console: Console) -> tuple[int, int]:
    """Return the width that a table needs so that no number in it is cut, and the one that it would like."""
    return Measurement.get(console, console.options.update(max_width=10_000), table)


def known(value: object) -> float | None:
    """Return a figure as a number; None when it is missing, NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def colour(value: object) -> str:
    """Return the style of a gain or a loss."""
    number = known(value)
    if not number:
        return ""
    return "green" if number > 0.0 else "red"


def fixed(value: float, digits: int, *, sign: bool = False) -> str:
    """Return a number with thousands and so many digits; what rounds to zero has no sign."""
    if abs(value) >= _READABLE:
        return f"{value:{'+' if sign else ''}.4g}"
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    return text if any(c in "123456789" for c in text) else text.lstrip("+-")


def percent(value: object, *, sign: bool = False) -> str:
    """Return a fraction as per cent with two digits: ``12.34 %``."""
    number = known(value)
    number = known(number * 100) if number is not None else None
    return MISSING if number is None else f"{fixed(number, 2, sign=sign)} %"


def gain(value: object) -> str:
    """Return a gain or loss as per cent: ``+12.34 %``."""
    return percent(value, sign=True)


def ratio(value: object, *, sign: bool = False) -> str:
    """Return a plain ratio with two digits."""
    number = known(value)
    return MISSING if number is None else fixed(number, 2, sign=sign)


def money(value: object, *, sign: bool = False) -> str:
    """Return an amount in the account's currency: whole from 1,000 on, two digits below, four figures below 1."""
    number = known(value)
    if number is None:
        return MISSING
    if 0.0 < abs(number) < 1.0:
        return f"{number:{'+' if sign else ''}.4g}"
    return fixed(number, 0 if abs(number) >= 1000 else 2, sign=sign)


def count(value: object) -> str:
    """Return a number of things, with thousands."""
    number = known(value)
    return MISSING if number is None else fixed(number, 0)


def period(info: Mapping[str, Any]) -> str:
    """Return a run's first and last bar on the feed's own clocks; only the dates when bars are days apart."""
    zone = ZoneInfo(info["timezone"])
    first, last = (datetime.fromisoformat(info[key]).replace(tzinfo=UTC) for key in ("first", "last"))
    dates = (last - first).days >= _ALMOST_A_DAY * (info["bars"] - 1)
    start, end = (f"{time.astimezone(zone):{'%Y-%m-%d' if dates else '%Y-%m-%d %H:%M'}}" for time in (first, last))
    return f"{start} to {end}"


def aligned(text: str) -> str:
    """Return a figure so that its digits stand in line with those of a percentage."""
    return text if text.endswith(" %") else f"{text}  "


COMPARED: tuple[tuple[str, str, Write], ...] = (
    ("total_return", "Return", gain),
    ("cagr", "CAGR", gain),
    ("volatility", "Volatility a year", percent),
    ("sharpe", "Sharpe", ratio),
    ("sortino", "Sortino", ratio),
    ("calmar", "Calmar", ratio),
    ("max_drawdown", "Max drawdown", percent),
    ("underwater_bars", "Bars under water", count),
)
ALONE: tuple[tuple[str, str, Write], ...] = (
    ("final_equity", "Final equity", money),
    ("costs", "Costs", money),
    ("turnover", "Turnover a year, x", ratio),
    ("exposure", "Mean exposure", percent),
    ("trades", "Trades", count),
    ("win_rate", "Win rate", percent),
    ("profit_factor", "Profit factor", ratio),
    ("average_trade", "Average trade", money),
    ("average_bars", "Average bars held", ratio),
)
_HIDDEN: tuple[tuple[str, str, Write], ...] = (("fees", "Fees", money), ("time_in_market", "Time in market", percent))
FORMATS: Mapping[str, Write] = {key: write for key, _, write in (*COMPARED, *ALONE, *_HIDDEN)}
