"""Examples from recorded runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from darwin_core.errors import DataError, RunError, did_you_mean
from darwin_core.lockstep import AGENT_PREFIX
from darwin_core.training.horizon import look_ahead
from darwin_core.training.probing import look_again
from darwin_core.training.task import Examples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from darwin_core.store import Run
    from darwin_core.training.probing import Seen
    from darwin_core.training.task import Task
    from darwin_core.types import Bools, Floats, Ints


@frozen(eq=False)
class Collected:
    """Examples of one or more runs, and what was left out on the way.

    Parameters
    ----------
    examples
        Ordered by the time of their outcome.
    candidates
        How many there were in the runs; of a task with a horizon, how many bars of symbols.
    left_out
        Reason to number.
    origins
        Column to the library that computes it.
    """

    examples: Examples
    candidates: int
    left_out: Mapping[str, int]
    origins: Mapping[str, str]


def collect(
    runs: Sequence[Run], deployment: Path, task: Task, columns: Sequence[str], name: str,
    tell: Callable[[int, int], None] | None = None,
) -> Collected:  # fmt: skip
    """Return the examples of stored runs for an agent `name`.

    Raises
    ------
    DataError
        There are fewer than the task needs; says how many.
    RunError
        A run that cannot be used.
    """
    find = _of_bars if getattr(task, "horizon", 0) else _of_run
    parts = [find(run, deployment, task, columns, name, tell) for run in runs]
    zones = {part.examples.timezone for part in parts}
    if len(zones) > 1:
        raise RunError(f"the runs' days are not the same: their feeds are in {', '.join(sorted(zones))}")
    if len({part.examples.cost for part in parts}) > 1:
        raise RunError("the runs' costs are not the same: their deployments differ in [execution] or in [exits] stop")
    whole = _joined([part.examples for part in parts])
    kept, twins = _without_twins(whole)
    left_out = {key: sum(part.left_out[key] for part in parts) for key in parts[0].left_out} | {"twins": twins}
    found = Collected(kept, sum(part.candidates for part in parts), left_out, parts[0].origins)
    _refuse_too_few(found, task, name)
    return found


def _of_bars(
    run: Run, deployment: Path, task: Task, columns: Sequence[str], name: str,
    tell: Callable[[int, int], None] | None,
) -> Collected:  # fmt: skip
    """Return every bar of every symbol on which all columns had a value, with what holding on was worth."""
    _check(run)
    seen, outcome, resolved, cost = look_ahead(run, deployment, columns, name, task.horizon, tell)  # type: ignore[attr-defined]
    keep, left_out = _sieve(open=resolved >= 0, price=np.isfinite(outcome))
    symbols = np.array(run.info["symbols"])[seen.symbol[keep]]
    none = np.full(int(keep.sum()), np.nan)
    examples = Examples(
        tuple(columns), seen.values[keep], seen.time[keep], resolved[keep], symbols, outcome[keep], none,
        run.info["timezone"], cost,
    )  # fmt: skip
    return Collected(examples, len(seen.time), left_out, seen.origins)


def _check(run: Run) -> None:
    run.verify()
    if run.info.get("kind") != "backtest":
        raise RunError(f"run {run.id} is no backtest")


def _of_run(
    run: Run, deployment: Path, task: Task, columns: Sequence[str], name: str,
    tell: Callable[[int, int], None] | None,
) -> Collected:  # fmt: skip
    _check(run)
    if AGENT_PREFIX + task.expert in columns:
        _refuse_stranger(run, task.expert)
    table = run.table("candidates")
    symbols = table["symbol"].cast(pa.string()).to_numpy(zero_copy_only=False)
    time, resolved = (_ns(table[each]) for each in ("time", "exit_time"))
    r = table["r_multiple"].to_numpy()
    known = resolved >= 0
    if known.any() and np.isnan(r[known]).any():
        count = int(np.isnan(r[known]).sum())
        raise RunError(f"{count:,} candidates of run {run.id} have no stop, so nothing was at risk: set [exits] stop")
    seen = look_again(run, deployment, columns, name, tell)
    at = _found(time, symbols, seen, run.info["symbols"])
    decided = _decided(run, task.expert, time, symbols) if task.expert else np.full(len(time), np.nan)
    traded = table["taken"].to_numpy(zero_copy_only=False) if task.trades_only else np.ones(len(time), np.bool_)
    opinion = ~np.isnan(decided) if task.expert else np.ones(len(time), np.bool_)
    keep, left_out = _sieve(open=known, column=at >= 0, trade=traded, expert=opinion)
    values = seen.values[at[keep]]
    examples = Examples(
        tuple(columns), values, time[keep], resolved[keep], symbols[keep], r[keep], decided[keep], run.info["timezone"]
    )
    return Collected(examples, len(time), left_out, seen.origins)


def _refuse_stranger(run: Run, expert: str) -> None:
    """Refuse an expert that the run does not have."""
    names = [each["name"] for each in run.info["agents"]]
    if expert not in names:
        raise RunError(f"run {run.id} has no agent {expert!r} to learn from (--expert): {did_you_mean(expert, names)}")


def _sieve(**tests: Bools) -> tuple[Bools, dict[str, int]]:
    """Return which rows pass all tests, and how many failed each of those that passed the ones before it."""
    keep = np.ones(len(next(iter(tests.values()))), np.bool_)
    left_out = {}
    for name, passed in tests.items():
        left_out[name] = int((keep & ~passed).sum())
        keep &= passed
    return keep, left_out


def _found(time: Ints, symbols: Any, seen: Seen, names: Sequence[str]) -> Ints:
    """Return the row of `seen` of each candidate, -1 where it was not asked about: a column was missing."""
    numbers = {name: i for i, name in enumerate(names)}
    rows = dict(zip(zip(seen.time.tolist(), seen.symbol.tolist(), strict=True), itertools.count(), strict=False))
    return np.array(
        [rows.get((t, numbers[s]), -1) for t, s in zip(time.tolist(), symbols.tolist(), strict=True)], np.int64
    )


def _decided(run: Run, expert: str, time: Ints, symbols: Any) -> Floats:
    """Return an earlier agent's own decision on each candidate, NaN where it made none."""
    log = run.table("decisions")
    chosen = pc.and_(pc.equal(log["stage"].cast(pa.string()), expert), pc.invert(log["fallback"]))
    log = log.filter(chosen)
    names = log["symbol"].cast(pa.string()).to_pylist()
    said = dict(zip(zip(_ns(log["time"]).tolist(), names, strict=True), log["value"].to_pylist(), strict=True))
    return np.array([said.get(key, np.nan) for key in zip(time.tolist(), symbols.tolist(), strict=True)], np.float64)


def _ns(column: Any) -> Ints:
    whole: Ints = column.cast(pa.int64()).fill_null(-1).to_numpy()
    return whole


def _joined(parts: Sequence[Examples]) -> Examples:
    def whole_of(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    whole = Examples(
        parts[0].names, whole_of("values"), whole_of("time"), whole_of("resolved"), whole_of("symbol"),
        whole_of("outcome"), whole_of("expert"), parts[0].timezone, parts[0].cost,
    )  # fmt: skip
    return whole[np.lexsort((whole.symbol, whole.time, whole.resolved))]


def _without_twins(whole: Examples) -> tuple[Examples, int]:
    """Drop what several runs have in common: the same candidate counted twice proves nothing more."""
    seen: set[tuple[Any, ...]] = set()
    keep = np.ones(len(whole), np.bool_)
    rows = zip(
        whole.time.tolist(), whole.resolved.tolist(), whole.symbol.tolist(), whole.outcome.tolist(),
        whole.expert.astype(str).tolist(), (row.tobytes() for row in whole.values), strict=True,
    )  # fmt: skip
    for i, row in enumerate(rows):
        keep[i] = row not in seen
        seen.add(row)
    return whole[keep], int((~keep).sum())


_WORDS = {
    "open": "still open at the run's end",
    "price": "without a price where the position begins or ends",
    "column": "seen before all columns had a value",
    "trade": "no order was sent for",
    "expert": "without a decision of {expert}",
    "twins": "in more than one of the runs",
}


def _refuse_too_few(found: Collected, task: Task, name: str) -> None:
    least, what = task.least
    if len(found.examples) >= least:
        return
    reasons = [
        f"{count:,} {_WORDS[reason].format(expert=repr(task.expert))}"
        for reason, count in found.left_out.items()
        if count
    ]
    rows = "rows" if getattr(task, "horizon", 0) else "candidates"
    left = f" ({found.candidates:,} {rows}, of which {', '.join(reasons)})" if reasons else ""
    raise DataError(
        f"{name} is trained on {least:,} {what} or more, and these runs have {len(found.examples):,}{left}: record "
        "longer runs, more symbols or more runs"
    )
