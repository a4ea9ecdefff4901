"""Monthly returns from the equity curve: a year a row, coloured by size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_html_report.texts import direction, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS = (0.005, 0.02, 0.05, 0.10)


def returns(periods: NDArray[Any], equity: Floats, start: float) -> dict[int, float]:
    """Return what each calendar period gained: its last equity / the last one before it - 1.

    Parameters
    ----------
    periods
        (T,) int64, the period of each bar, never decreasing.
    equity
        (T,) money at each close.
    start
        Money before the first bar.
    """
    last = np.append(np.flatnonzero(np.diff(periods)), len(periods) - 1)
    ends = equity[last]
    before = np.concatenate([[start], ends[:-1]])
    gains = np.where(before > 0.0, ends / np.where(before > 0.0, before, 1.0) - 1.0, np.nan)
    return dict(zip(periods[last].tolist(), gains.tolist(), strict=True))


def heat_table(wall: NDArray[np.datetime64], equity: Floats, benchmark: Floats, start: float) -> str:
    """Return the table; `wall` are the bars' wall-clock times, (T,)."""
    months = wall.astype("datetime64[M]").astype(np.int64)
    by_month = returns(months, equity, start)
    by_year, held = (returns(months // 12, curve, start) for curve in (equity, benchmark))
    head = "".join(f'<th scope="col">{name}</th>' for name in (*_NAMES, "Year", "Buy &amp; hold"))
    rows = "".join(_row(year, by_month, by_year[year], held[year]) for year in sorted(by_year, reverse=True))
    return (
        '<div class="scroll" tabindex="0"><table class="months"><thead><tr>'
        f'<th scope="col"><span class="hidden">Year</span></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(year: int, by_month: dict[int, float], total: float, held: float) -> str:
    cells = "".join(_cell(by_month.get(year * 12 + month)) for month in range(12))
    totals = f'<td class="total {direction(total)}">{_text(total)}</td><td class="beside">{_text(held)}</td>'
    return f'<tr><th scope="row">{1970 + year}</th>{cells}{totals}</tr>'


def _cell(gain: float | None) -> str:
    if gain is None:
        return "<td></td>"
    return f'<td class="{heat(gain)}">{_text(gain)}</td>'


def heat(gain: float) -> str:
    """Return the CSS class of a gain or loss: five steps each way, from below 0.5 % to 10 % and more."""
    if not np.isfinite(gain):
        return ""
    step = int(np.searchsorted(_STEPS, abs(gain), side="right"))
    return f"{'gain' if gain > 0.0 else 'loss'}{step}" if step else "even"


def _text(gain: float) -> str:
    return percent(gain, digits=1).replace("\N{NO-BREAK SPACE}%", "")
