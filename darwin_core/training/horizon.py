"""Examples at every bar: what holding each symbol from there over a fixed number of bars was worth.

A row belongs to a decision at the close of a bar. The position is entered where the deployment fills its orders (the
next open, the next close, this close) and looked at again as many bars later, at the same kind of price; from then on
its outcome is known. Nothing is simulated in between: no stop, no limit. Rows of neighbouring bars overlap, so what is
said of them is said in whole blocks of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darwin_core.errors import RunError
from darwin_core.training.probing import look_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from darwin_core.assembly import Line
    from darwin_core.store import Run
    from darwin_core.training.probing import Seen
    from darwin_core.types import Floats, Ints


def look_ahead(
    run: Run, deployment: Path, columns: Sequence[str], name: str, horizon: int,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[Seen, Floats, Ints, float]:  # fmt: skip
    """Return what an agent would have been shown at every bar of a stored run, and what became of holding on.

    Parameters
    ----------
    horizon
        Bars.

    Returns
    -------
    tuple
        The M rows; (M,) returns over the horizon in units of the deployment's stop, costs not paid, NaN where there is
        no price; (M,) ns since when each is known, -1 where the run ends before; and what both fills cost, in the same
        units: fees and slippage in share of the value, no fees a unit or an order.

    Raises
    ------
    RunError
        The run has no stop, so nothing was at risk; or it cannot be repeated.
    """
    seen = look_again(run, deployment, columns, name, tell, when="bar")
    stop = seen.line.settings.exits.stop
    if not stop > 0.0:
        raise RunError(f"run {run.id} has no stop, so nothing was at risk: set [exits] stop")
    time = seen.line.feed.times()
    prices, wait = _prices(seen.line, len(time))
    row = np.searchsorted(time, seen.time)
    enters, leaves = row + wait, row + wait + horizon
    last = len(time) - 1
    into, out = (prices[np.minimum(each, last), seen.symbol] for each in (enters, leaves))
    known = leaves <= last
    outcome = np.where(known, out / into - 1.0, np.nan) / stop
    resolved = np.where(known, time[np.minimum(leaves, last)], -1)
    costs = seen.line.settings.execution
    return seen, outcome, resolved, 2.0 * (costs.fee + costs.slippage + costs.spread / 2.0) / stop


def _prices(line: Line, bars: int) -> tuple[Floats, int]:
    """Return the prices at which orders are filled, (T, S), and after how many bars."""
    fill = line.settings.execution.fill
    read = line.feed.read(0, bars)
    return read.fields["open" if fill == "next_open" else "close"], 0 if fill == "same_close" else 1
