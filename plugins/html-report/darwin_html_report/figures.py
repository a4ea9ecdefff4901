"""All figures of the run as they stand in ``run.json``, beside buy and hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from darwin_html_report.texts import MISSING, count, direction, esc, gain, money, number, percent, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    Figures = Mapping[str, Any]

Write: TypeAlias = Callable[[object], str]


@frozen
class Figure:
    """One figure: its key in ``run.json``, its name, how it is written, and how it is made (HTML)."""

    key: str
    label: str
    write: Write
    how: str = ""


def bars(value: object) -> str:
    """Return a length in bars."""
    return MISSING if number(value) is None else f"{count(value)} bars"


def mean_bars(value: object) -> str:
    """Return a mean length in bars."""
    return MISSING if number(value) is None else f"{ratio(value)} bars"


def times_a_year(value: object) -> str:
    """Return how often a year."""
    return MISSING if number(value) is None else f"{ratio(value)} &times; a year"


COMPARED = (
    Figure("total_return", "Return", gain, "last equity / cash at the start &minus; 1"),
    Figure("cagr", "CAGR", gain, "(last equity / cash at the start)^(1 / years) &minus; 1, years of 365.25 days"),
    Figure("volatility", "Volatility a year", percent, "sample deviation of bar returns &times; &radic;(bars a year)"),
    Figure("sharpe", "Sharpe", ratio, "mean / deviation of bar returns &times; &radic;(bars a year) (Sharpe 1994)"),
    Figure("sortino", "Sortino", ratio, "the same over &radic;mean(min(return, 0)&sup2;) (Sortino and Price 1994)"),
    Figure("calmar", "Calmar", ratio, "CAGR / max drawdown, over the whole run (Young 1991)"),
    Figure("max_drawdown", "Max drawdown", percent, "largest loss from a former high of the equity, at closes"),
    Figure("underwater_bars", "Longest under water", bars, "most bars in a row below a former high"),
)
ALONE = (
    Figure("final_equity", "Final equity", money, "in the account's currency"),
    Figure("costs", "Costs", money, "fees, slippage and spread"),
    Figure("fees", "of which fees", money),
    Figure("turnover", "Turnover", times_a_year, "value traded, both sides / mean equity / years"),
    Figure("exposure", "Mean exposure", percent, "mean over all closes of gross exposure / equity"),
    Figure("time_in_market", "Time in market", percent, "share of closes with a position"),
    Figure("trades", "Trades", count, "closed round trips, from flat to flat"),
    Figure("win_rate", "Win rate", percent, "trades with a profit / trades"),
    Figure("profit_factor", "Profit factor", ratio, "sum of profits / sum of losses"),
    Figure("average_trade", "Average trade", money, "mean profit of a trade after its fees"),
    Figure("average_bars", "Average holding", mean_bars),
)
_KNOWN = {figure.key: figure for figure in (*COMPARED, *ALONE)}
_TILES = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility", "trades")


def tiles(summary: Figures, benchmark: Figures) -> str:
    """Return the few figures that are looked at first."""
    return "".join(_tile(_KNOWN[key], summary.get(key), benchmark) for key in _TILES)


def _tile(figure: Figure, value: object, benchmark: Figures) -> str:
    css = direction(value) if figure.write is gain else ""
    held = f"buy &amp; hold {figure.write(benchmark.get(figure.key))}"
    beside = "closed round trips" if figure.key == "trades" else held
    return (
        f'<div class="tile"><dt>{figure.label}</dt><dd class="{css}">{figure.write(value)}</dd>'
        f'<dd class="beside">{beside}</dd></div>'
    )


def figures(summary: Figures, benchmark: Figures) -> str:
    """Return two tables: what can be compared with buy and hold, and what cannot."""
    compared = "".join(
        f"<tr>{_name(each)}{_cell(each, summary)}{_cell(each, benchmark, 'benchmark.')}</tr>" for each in COMPARED
    )
    others = (Figure(key, esc(key.replace("_", " ")), ratio) for key in summary if key not in _KNOWN)
    alone = "".join(f"<tr>{_name(each)}{_cell(each, summary)}</tr>" for each in (*ALONE, *others))
    return (
        '<div class="two"><div class="scroll" tabindex="0"><table><thead><tr><th></th><th scope="col">This run</th>'
        f'<th scope="col">Buy &amp; hold</th></tr></thead><tbody>{compared}</tbody></table></div>'
        f'<div class="scroll" tabindex="0"><table><tbody>{alone}</tbody></table></div></div>'
    )


def formulas() -> str:
    """Return how the figures are made."""
    return "".join(f"<dt>{each.label}</dt><dd>{each.how}</dd>" for each in (*COMPARED, *ALONE) if each.how)


def _name(figure: Figure) -> str:
    return f'<th scope="row" title="{figure.how}">{figure.label}</th>'


def _cell(figure: Figure, values: Figures, prefix: str = "") -> str:
    """Return a cell that shows a figure, and holds all its digits for whoever reads the page by program."""
    value = values.get(figure.key)
    exact = "" if number(value) is None else repr(value)
    css = direction(value) if figure.write is gain else ""
    key = esc(f"{prefix}{figure.key}")
    return f'<td class="{css}" data-figure="{key}" data-value="{exact}">{figure.write(value)}</td>'
