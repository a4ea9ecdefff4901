"""Small drawings of characters: the equity curve, and how outcomes are spread."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from darwin_core.screen.words import money, period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from rich.console import Console

    from darwin_core.store import Run

BLOCKS, PLAIN_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_WIDEST, _TALL = 120, 40
_EDGES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0)


def curve(run: Run, console: Console) -> Text:
    """Return the equity: one line where rows are scarce, else a small chart with its dates."""
    equity = run.table("equity")["equity"].to_numpy()
    blocks = PLAIN_BLOCKS if console.options.ascii_only else BLOCKS
    span = f"{money(float(equity.min()))} to {money(float(equity.max()))}"
    width = min(console.width, _WIDEST)
    if console.height < _TALL:
        title = f"Equity, {span}  "
        return Text.assemble(title, (chart(_last_of_each(equity, max(8, width - len(title))), 1, blocks)[0], "cyan"))
    rows = chart(_last_of_each(equity, width), 4, blocks)
    first, last = period(run.info).split(" to ")
    dates = f"{first}{last:>{max(len(rows[0]) - len(first), len(last) + 1)}}"
    return Text("\n").join([Text(f"Equity, {span}"), *(Text(row, "cyan") for row in rows), Text(dates, "dim")])


def _last_of_each(values: NDArray[np.float64], parts: int) -> Sequence[float]:
    ends = np.linspace(0, len(values), min(parts, len(values)) + 1).astype(int)[1:] - 1
    last: list[float] = values[ends].tolist()
    return last


def chart(values: Sequence[float], rows: int, blocks: str = BLOCKS) -> list[str]:
    """Draw finite values, one a column, as `rows` lines of block characters, the top line first.

    The scale goes from the lowest to the highest value; `blocks` are nine characters from empty to full.
    """
    low, high = min(values), max(values)
    steps = 8 * rows - 1
    levels = [1 + round(steps * (v - low) / (high - low)) if high > low else 4 for v in values]
    return ["".join(blocks[max(0, min(8, level - 8 * row))] for level in levels) for row in reversed(range(rows))]


def outcomes(run: Run, console: Console) -> Table | None:
    """Return how the candidates' R multiples are spread, taken beside skipped; None when there are none."""
    rows = run.table("candidates")
    r, taken = rows["r_multiple"].to_numpy(), rows["taken"].to_numpy()
    known = np.isfinite(r)
    if not known.any():
        return None
    counts = [_count(r[known & chosen]) for chosen in (taken, ~taken)]
    most = max(map(max, counts))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("R multiple", justify="right", min_width=10, no_wrap=True)
    block = "#" if console.options.ascii_only else "█"
    bars = [[_bar(n, most, block) for n in side] for side in counts]
    for heading, side in zip(("taken", "skipped"), bars, strict=True):
        table.add_column(heading, min_width=max(16, *map(len, side)), no_wrap=True)
    for name, in_taken, in_skipped in zip(_bins(), *bars, strict=True):
        table.add_row(name, Text(in_taken, "cyan"), Text(in_skipped, "dim"))
    return table


def _count(r: NDArray[np.float64]) -> list[int]:
    found: Any = np.histogram(r, [-np.inf, *_EDGES, np.inf])[0].tolist()
    return list(found)


def _bins() -> list[str]:
    inner = [f"{a:g} to {b:g}" for a, b in pairwise(_EDGES)]
    return [f"below {_EDGES[0]:g}", *inner, f"{_EDGES[-1]:g} and more"]


def _bar(n: int, most: int, block: str) -> str:
    return f"{block * max(1, round(8 * n / most))} {n:,}" if n else ""
