"""Small drawings of characters: the equity curve, and how outcomes are spread."""

from __future__ import annotations

def _outcomes(run: Run, console: Console) -> Table | None:
    """Return how the candidates' R multiples are spread, taken and skipped beside each other."""
    import numpy as np

    rows = run.table("candidates")
    r = rows["r_multiple"].to_numpy()
    if not np.isfinite(r).any():
        return None
    taken = rows["taken"].to_numpy()
    edges = [-np.inf, *_R_EDGES, np.inf]
    counts = [np.histogram(r[np.isfinite(r) & chosen], edges)[0].tolist() for chosen in (taken, ~taken)]
    most = max(max(side) for side in counts)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("R multiple", justify="right", no_wrap=True)
    for heading in ("taken", "skipped"):
        table.add_column(heading, width=18, no_wrap=True)
    block = "#" if console.options.ascii_only else "█"
    for name, in_taken, in_skipped in zip(_bins(), *counts, strict=True):
        table.add_row(name, *(Text(_bar(n, most, 10, block), style) for n, style in ((in_taken, "cyan"), (in_skipped, "dim"))))
    return table


def _bins() -> list[str]:
    inner = [f"{a:g} to {b:g}" for a, b in zip(_R_EDGES, _R_EDGES[1:], strict=False)]
    return [f"below {_R_EDGES[0]:g}", *inner, f"{_R_EDGES[-1]:g} and more"]


def _bar(n: int, most: int, width: int, block: str) -> str:
    return f"{block * max(1, round(width * n / most))} {n:,}" if n else ""


def _curve(run: Run, console: Console) -> Text:
    """Return the equity as a small chart between its lowest and highest value."""
    import numpy as np

    equity = run.table("equity")["equity"].to_numpy()
    width = min(console.width, _WIDEST, max(len(equity), 24))
    rows = 4 if console.height >= _TALL else 2
    ends = np.linspace(0, len(equity), min(width, len(equity)) + 1).astype(int)[1:] - 1
    low, high = float(equity.min()), float(equity.max())
    title = f"Equity: lowest {money(low).strip()}, highest {money(high).strip()}"
    blocks = _PLAIN_BLOCKS if console.options.ascii_only else _BLOCKS
    first, last = run.info["first"][:10], run.info["last"][:10]
    dates = f"{first}{last:>{max(width - len(first), len(last) + 1)}}"
    return Text("\n").join([Text(title), *(Text(row, "cyan") for row in chart(equity[ends], rows, blocks)), Text(dates, "dim")])


def chart(values: Any, rows: int, blocks: str = _BLOCKS) -> list[str]:
    """Draw values, one a column, as rows of block characters from the top row down.

    Parameters
    ----------
    values
        (N,) finite numbers.
    rows
        Lines of text to use.
    blocks
        Nine characters, from empty to full.
    """
    low, high = float(min(values)), float(max(values))
    steps = 8 * rows - 1
    levels = [1 + round(steps * ((float(v) - low) / (high - low))) if high > low else 4 for v in values]
    return ["".join(blocks[max(0, min(8, level - 8 * row))] for level in levels) for row in reversed(range(rows))]
