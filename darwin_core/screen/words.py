"""Figures as text: one format for each kind, none of which computes anything or is ever cut to fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MISSING = "-"


def clean(value: object) -> str:
    """Return a text without control characters: a symbol's name must not be able to steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(value))


def known(value: object) -> float | None:
    """Return a figure as a number; None when it is missing, NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _fixed(value: float, digits: int, *, sign: bool) -> str:
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    return text if any(c in "123456789" for c in text) else text.lstrip("+-")


def percent(value: object, *, sign: bool = False) -> str:
    """Return a fraction as per cent with two digits: ``+12.34 %``."""
    number = known(value)
    return f"{MISSING}  " if number is None else f"{_fixed(number * 100, 2, sign=sign)} %"


def ratio(value: object, *, sign: bool = False) -> str:
    """Return a plain ratio with two digits, in line with `percent`."""
    number = known(value)
    return f"{MISSING}  " if number is None else f"{_fixed(number, 2, sign=sign)}  "


def money(value: object, *, sign: bool = False) -> str:
    """Return an amount in the account's currency: whole from 1,000 on, two digits below, four figures below 1."""
    number = known(value)
    if number is None:
        return f"{MISSING}  "
    if 0.0 < abs(number) < 1.0:
        return f"{number:{'+' if sign else ''}.4g}  "
    return f"{_fixed(number, 0 if abs(number) >= 1000 else 2, sign=sign)}  "


def count(value: object) -> str:
    """Return a number of things, with thousands."""
    number = known(value)
    return f"{MISSING}  " if number is None else f"{number:,.0f}  "


def signed_percent(value: object) -> str:
    """Return a gain or loss in per cent."""
    return percent(value, sign=True)


_COMPARED: tuple[tuple[str, str, Callable[[object], str]], ...] = (
    ("total_return", "Return", signed_percent),
    ("cagr", "CAGR", signed_percent),
    ("volatility", "Volatility a year", percent),
    ("sharpe", "Sharpe", ratio),
    ("sortino", "Sortino", ratio),
    ("calmar", "Calmar", ratio),
    ("max_drawdown", "Max drawdown", percent),
    ("underwater_bars", "Longest under water, bars", count),
)
_ALONE: tuple[tuple[str, str, Callable[[object], str]], ...] = (
    ("final_equity", "Final equity", money),
    ("costs", "Costs", money),
    ("fees", "of which fees", money),
    ("turnover", "Turnover, times a year", ratio),
    ("exposure", "Exposure, mean", percent),
    ("time_in_market", "Time in market", percent),
    ("trades", "Trades", count),
    ("win_rate", "Win rate", percent),
    ("profit_factor", "Profit factor", ratio),
    ("average_trade", "Average trade", money),
    ("average_bars", "Average bars held", ratio),
)
_FORMATS = {key: write for key, _, write in (*_COMPARED, *_ALONE)}
