"""A sweep in the terminal: the best points, what they are worth, and a heat map of two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from darwin_core.screen.words import FORMATS, clean, line, percent, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from darwin_core.sweep.running import Swept, Trial
    from darwin_core.types import Floats

_SHOWN = ("total_return", "sharpe", "max_drawdown", "trades", "final_equity")
_COLD, _WARM = (69, 117, 180), (215, 48, 39)
_MIDDLE = (245, 245, 235)
_SHADES = " .:-=+*#%@"
_CELL, _TALL = 7, 40
_ERRORS = 3
_HEADINGS = {"total_return": "return", "sharpe": "Sharpe", "max_drawdown": "drawdown", "final_equity": "equity"}


def show_sweep(swept: Swept, folder: Path, console: Console, *, top: int) -> None:
    """Print a sweep: table, heat map, the warning about many trials, and what could not be run."""
    info, ranked = swept.info, swept.ranked()
    done = f"{info['done']:,} of {info['points']:,} points" if info["interrupted"] else f"{info['points']:,} points"
    console.print(line((f"{info['deployment']}: {done}, ranked by {swept.metric}", "bold")))
    if ranked:
        console.print(_best(swept, ranked[: max(top, 0)]))
        if len(ranked) > 1 and (drawn := heat_map(swept, ranked[0], console)):
            console.print(drawn)
        console.print(_judgement(info))
        console.print(line((f"fills: {info['fill'].replace('_', ' ')}", "dim")))
    for text in _failures(swept):
        console.print(line((text, "yellow")), soft_wrap=True)
    if info["interrupted"]:
        console.print(line(("interrupted: only the points that were done are stored", "yellow")))
    console.print(line((f"stored in {folder.as_posix()}", "dim")))


def _best(swept: Swept, trials: Sequence[Trial]) -> Table:
    shown = list(dict.fromkeys((swept.metric, *_SHOWN)))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in (*_short(swept.task.grid.keys), *(_HEADINGS.get(name, name.replace("_", " ")) for name in shown)):
        table.add_column(heading, justify="right", no_wrap=True)
    for trial in trials:
        values = swept.task.grid.point(trial.number).values()
        figures = (FORMATS.get(name, ratio)(trial.figures[name]) for name in shown)
        table.add_row(*(Text(clean(value)) for value in values), *figures)
    return table


def _short(keys: Sequence[str]) -> list[str]:
    """Return the last words of dotted keys where they are enough to tell them apart."""
    last = [key.rpartition(".")[2] for key in keys]
    return [word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)]


def _judgement(info: Mapping[str, Any]) -> Text:
    """Say what the best of so many trials is worth."""
    found = info["deflated_sharpe"]
    if found is None:
        return line(("the deflated Sharpe ratio needs two points that differ", "dim"))
    good = found["probability"] >= 0.95
    return line(
        (f"best of {found['trials']:,} trials: Sharpe {ratio(found['sharpe'])}; luck alone would have brought ", ""),
        (f"{ratio(found['expected_by_luck'])}. Deflated Sharpe ratio ", ""),
        (percent(found["probability"]), "green" if good else "bold yellow"),
        (": how sure one may be that this is more than luck. Below 95 %, do not trust it.", "dim"),
    )


def _failures(swept: Swept) -> list[str]:
    """Return the different reasons why points could not be run, the first few."""
    reasons: dict[str, list[Trial]] = {}
    for trial in swept.trials:
        if trial.error is not None:
            reasons.setdefault(trial.error, []).append(trial)
    if not reasons:
        return []
    count = sum(map(len, reasons.values()))
    texts = [f"{count:,} points could not be run:"]
    for reason, trials in list(reasons.items())[:_ERRORS]:
        point = ", ".join(f"{key}={value}" for key, value in swept.task.grid.point(trials[0].number).items())
        more = f" and {len(trials) - 1:,} more" if len(trials) > 1 else ""
        texts.append(f"  {point}{more}: {reason}")
    if len(reasons) > _ERRORS:
        texts.append(f"  ... and {len(reasons) - _ERRORS:,} other reasons")
    return texts


def heat_map(swept: Swept, best: Trial, console: Console) -> Text | None:
    """Draw the metric over the two parameters of most values; the others are as in the best point."""
    grid = swept.task.grid
    chosen = sorted(range(len(grid.keys)), key=lambda i: -len(grid.values[i]))[:2]
    if len(chosen) < 2 or len(grid.values[chosen[1]]) < 2:
        return None
    down, across = sorted(chosen)
    whole = _cells(swept, best, down, across)
    margin = max(len(clean(value)) for value in grid.values[down]) + 1
    rows = _some(whole.shape[0], _TALL)
    roomy = margin + _CELL * whole.shape[1] <= console.width
    width = _CELL if roomy else 2 if margin + 2 * whole.shape[1] <= console.width else 1
    columns = _some(whole.shape[1], (console.width - margin) // width)
    values = whole[np.ix_(rows, columns)]
    text = Text(no_wrap=True)
    text.append(f"{swept.metric} by {grid.keys[down]} (down) and {grid.keys[across]} (across)", "dim")
    for key, value in grid.point(best.number).items():
        if key not in (grid.keys[down], grid.keys[across]):
            text.append(f", {key}={clean(value)}", "dim")
    text.append("; some left out\n" if values.size < whole.size else "\n", "dim")
    heading = _heading([clean(grid.values[across][i]) for i in columns], width)
    text.append(" " * margin + heading + "\n", "dim")
    write = FORMATS.get(swept.metric, ratio)
    for row, line_ in zip(rows, values, strict=True):
        text.append(f"{clean(grid.values[down][row]):>{margin - 1}} ", "dim")
        for value in line_:
            text.append(*_cell(value, values, width, write, coloured=console.color_system is not None))
        text.append("\n")
    return text


def _some(n: int, most: int) -> list[int]:
    """Return the first and the last of n places and evenly spread ones between them, as many as there is room for."""
    places: list[int] = np.unique(np.linspace(0, n - 1, max(min(n, most), 2)).astype(int)).tolist()
    return places


def _cells(swept: Swept, best: Trial, down: int, across: int) -> Floats:
    """Return the metric over two keys, NaN where there is none."""
    grid = swept.task.grid
    values = np.full((len(grid.values[down]), len(grid.values[across])), np.nan)
    at_best = grid.places(best.number)
    for trial in swept.trials:
        places = grid.places(trial.number)
        if all(places[i] == at_best[i] for i in range(len(places)) if i not in (down, across)):
            values[places[down], places[across]] = trial.figures.get(swept.metric, np.nan)
    return values


def _heading(names: Sequence[str], width: int) -> str:
    """Name the columns: each, or where they are narrow the first and the last."""
    if width >= _CELL:
        return "".join(f"{name[: width - 1]:>{width - 1}} " for name in names)
    total = width * len(names)
    return f"{names[0]}{names[-1]:>{max(total - len(names[0]), len(names[-1]) + 1)}}"


def _cell(value: float, values: Floats, width: int, write: Any, *, coloured: bool) -> tuple[str, str]:
    """Return a cell's text and style: a colour where there are colours, else a character of a shade."""
    if not np.isfinite(value):
        return " " * width, ""
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    share = (value - low) / (high - low) if high > low else 0.5
    number = f"{write(value).replace(' %', ''):>{width - 1}} " if width >= _CELL else ""
    if not coloured:
        return number or _SHADES[min(int(share * len(_SHADES)), len(_SHADES) - 1)] * width, ""
    ends = (_COLD, _MIDDLE) if share < 0.5 else (_MIDDLE, _WARM)
    part = share * 2 % 1 if share < 1.0 else 1.0
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(*ends, strict=True))
    return number or " " * width, f"black on rgb({red},{green},{blue})"
