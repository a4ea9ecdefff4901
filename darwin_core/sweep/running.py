"""``darwin sweep``: one deployment at every point of a grid, over all cores, with the numbers of single backtests.

Each process assembles the deployment once and runs its share of the points through the same engine as ``darwin
backtest``; of a point it makes only what the point changes. What a point says does not depend on which others run
beside it, nor in which process.
"""

from __future__ import annotations

from concurrent.futures import as_completed
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen

from darwin_core import engine, stats
from darwin_core.backtest import resolved, store_of, summary
from darwin_core.clock import cpu_seconds, now
from darwin_core.config import load, settings
from darwin_core.errors import CausalityError, ConfigError, DarwinError, RunError, did_you_mean
from darwin_core.law.spot import Spot
from darwin_core.parallel import pool
from darwin_core.store import Store, to_json
from darwin_core.sweep.grid import Grid
from darwin_core.sweep.remaking import Remaker, dear
from darwin_core.sweep.trials import deflate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from darwin_core.config import Settings
    from darwin_core.source import Source
    from darwin_core.store import Run

FIGURES = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar", "underwater_bars",
    "fees", "costs", "turnover", "exposure", "time_in_market",
    "trades", "win_rate", "profit_factor", "average_trade", "average_bars", "final_equity",
)  # fmt: skip
LESS_IS_BETTER = frozenset({"volatility", "max_drawdown", "underwater_bars", "fees", "costs", "turnover"})
_AUDITED = 3
"""Points whose components are all audited, spread over the grid; the others are spot-checked."""
_CHUNKS = 8
"""Pieces of work a process: enough that they end together."""

_worker: dict[str, Any] = {}


@frozen
class Trial:
    """What became of one point: its figures and digest, or why it could not be run."""

    number: int
    digest: str | None = None
    figures: Mapping[str, float] = field(factory=dict)
    error: str | None = None
    kind: str | None = None


@frozen
class Task:
    """What a process has to know to run points."""

    source: Source
    changes: Mapping[str, Any]
    grid: Grid

    def settings(self) -> Settings:
        """Return the deployment without the grid."""
        return settings(self.source, self.changes)

    def audited(self, number: int) -> bool:
        """Whether a point is audited in full; the same points however the work is shared out."""
        last = len(self.grid) - 1
        return number in {i * last // (_AUDITED - 1) for i in range(_AUDITED)}


@define(eq=False)
class Runner:
    """Runs points of a grid, one after another."""

    task: Task
    _remaker: Remaker = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make what makes the lines."""
        self._remaker = Remaker(self.task.source, self.task.changes)

    def trial(self, number: int) -> Trial:
        """Run one point and measure it."""
        try:
            result = self.result(number)
        except DarwinError as error:
            return Trial(number, error=str(error), kind=type(error).__name__)
        return Trial(number, result.digest, summary(result))

    def result(self, number: int) -> engine.Result:
        """Run one point; raise what a backtest of it would."""
        line, history = self._remaker.line(self.task.grid.point(number))
        if self.task.audited(number):
            return engine.run(line, history=history)
        watchers = () if line.settings.run.audit == "off" else (Spot(line, history, number),)
        return engine.run(line, history=history, audit=False, watchers=watchers)


@frozen(eq=False)
class Swept:
    """A sweep that is over, or was interrupted: the trials in the order of the grid."""

    task: Task
    metric: str
    trials: Sequence[Trial]
    info: Mapping[str, Any]

    @property
    def broke_the_law(self) -> bool:
        """Whether any point's component looked ahead."""
        return any(trial.kind == CausalityError.__name__ for trial in self.trials)

    def ranked(self) -> list[Trial]:
        """Return the trials that were measured, the best first; equal ones in the order of the grid."""
        sign = 1.0 if self.metric in LESS_IS_BETTER else -1.0
        known = [t for t in self.trials if np.isfinite(t.figures.get(self.metric, np.nan))]
        return sorted(known, key=lambda t: (sign * t.figures[self.metric], t.number))


def sweep(
    path: Path,
    changes: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    *,
    metric: str = "sharpe",
    processes: int = 1,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[Run, Swept]:
    """Run the deployment at `path` at every point of a grid and store the table.

    Parameters
    ----------
    path
        The deployment file.
    changes
        Dotted keys that override it at all points.
    grid
        The values of each dotted key; taken together with the deployment's ``[sweep]``, which it overrides.
    metric
        The figure by which trials are ranked, one of `FIGURES`.
    processes
        How many share the points.
    tell
        Called with (points done, points in all).

    Raises
    ------
    KeyboardInterrupt
        Never: an interrupted sweep is stored with the points that are done, and says so.
    """
    if metric not in FIGURES:
        raise ConfigError(f"--metric {metric}: {did_you_mean(metric, FIGURES)}")
    started, created = cpu_seconds(), now()
    task = _task(path, changes, grid)
    trials: list[Trial] = []
    interrupted = False
    try:
        for some in _trials(task, min(processes, len(task.grid))):
            trials += some
            if tell:
                tell(len(trials), len(task.grid))
    except KeyboardInterrupt:
        if not trials:
            raise
        interrupted = True
    trials.sort(key=lambda trial: trial.number)
    swept = Swept(task, metric, trials, {})
    info = {**_info(swept), "interrupted": interrupted, "cpu_seconds": cpu_seconds() - started, "processes": processes}
    swept = Swept(task, metric, trials, info)
    name = f"{info['deployment']}-{created:%Y%m%d-%H%M%S}"
    texts = {"config.json": to_json(resolved(task.settings())), "deployment.toml": task.source.text}
    return store(task.settings()).add(name, created, info, {"trials": table(swept)}, texts), swept


def store(deployment: Settings) -> Store:
    """Return where a deployment's sweeps are."""
    return Store(store_of(deployment).folder / "sweeps")


def _task(path: Path, changes: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]) -> Task:
    deployment = load(path, changes)
    task = Task(deployment.source, changes, Grid.of({**deployment.sweep, **grid}))
    settings(task.source, {**changes, **task.grid.point(0)})  # a key of no table is not a fault of one point
    return task


def _trials(task: Task, processes: int) -> Iterator[list[Trial]]:
    """Yield the trials in groups, as they are done."""
    points = sorted(range(len(task.grid)), key=lambda number: dear(task.grid, number))
    if processes == 1:
        runner = Runner(task)
        yield from ([runner.trial(number)] for number in points)
        return
    size = max(1, min(256, len(points) // (processes * _CHUNKS)))
    with pool(processes, _start, task) as workers:
        pending = [workers.submit(_run, points[i : i + size]) for i in range(0, len(points), size)]
        yield from (done.result() for done in as_completed(pending))


def _start(task: Task) -> None:
    _worker["runner"] = Runner(task)


def _run(numbers: list[int]) -> list[Trial]:
    return [_worker["runner"].trial(number) for number in numbers]


def _info(swept: Swept) -> dict[str, Any]:
    """Return what ``run.json`` says of a sweep."""
    task, ranked = swept.task, swept.ranked()
    deployment = task.settings()
    return {
        "kind": "sweep",
        "deployment": deployment.deployment.name,
        "grid": dict(zip(task.grid.keys, task.grid.values, strict=True)),
        "metric": swept.metric,
        "points": len(task.grid),
        "done": len(swept.trials),
        "failed": sum(trial.error is not None for trial in swept.trials),
        "best": _row(task, ranked[0]) if ranked else None,
        **(_judged(swept, ranked[0]) if ranked else {"deflated_sharpe": None}),
    }


def _judged(swept: Swept, best: Trial) -> dict[str, Any]:
    """Run the best point once more, check its digest, and deflate its Sharpe ratio."""
    result = Runner(swept.task).result(best.number)
    if result.digest != best.digest:
        raise RunError(
            f"point {swept.task.grid.point(best.number)}: run again, it decides otherwise (digests {best.digest} and "
            f"{result.digest}): a component depends on chance or on past calls"
        )
    cash = result.line.settings.execution.cash
    before = np.concatenate([[cash], result.equity[:-1]])
    returns = np.divide(result.equity, before, out=np.ones(len(before)), where=before > 0.0) - 1.0
    per_year = max(len(result.time) - 1, 1) / stats.years_of(result.time)
    sharpes = np.array([trial.figures.get("sharpe", np.nan) for trial in swept.trials])
    found = deflate(returns, sharpes, per_year)
    fill = result.line.settings.execution.fill
    if found is None:
        return {"fill": fill, "deflated_sharpe": None}
    return {
        "fill": fill,
        "deflated_sharpe": {
            "trials": found.trials,
            "sharpe": found.sharpe,
            "expected_by_luck": found.expected_by_luck,
            "probability": found.probability,
            "source": "Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio",
        },
    }


def _row(task: Task, trial: Trial) -> dict[str, Any]:
    return {**task.grid.point(trial.number), "digest": trial.digest, **trial.figures, "error": trial.error}


def rows(swept: Swept) -> list[dict[str, Any]]:
    """Return every trial as a mapping: the point's values, digest, figures, error."""
    return [_row(swept.task, trial) for trial in swept.trials]


def table(swept: Swept) -> Any:
    """Return the trials as an Arrow table; values of mixed types become their text."""
    import pyarrow as pa

    made = rows(swept)
    columns: dict[str, Any] = {}
    for key in (*swept.task.grid.keys, "digest", *FIGURES, "error"):
        values = [row.get(key) for row in made]
        kinds = {type(value) for value in values if value is not None}
        mixed = len(kinds) > 1 and not kinds <= {int, float}
        columns[key] = pa.array([str(v) for v in values] if mixed or kinds & {list, dict} else values, _kind(key))
    return pa.table(columns)


def _kind(key: str) -> Any:
    import pyarrow as pa

    return pa.string() if key in ("digest", "error") else pa.float64() if key in FIGURES else None
