"""From rows to a ladder: block after block, with the versions and the modes in which the decisions were made."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from darwin_core.graduation.facts import day_blocks
from darwin_core.graduation.rule import Ladder, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darwin_core.graduation.record import Taken
    from darwin_core.graduation.rows import Rows
    from darwin_core.graduation.rule import Stage
    from darwin_core.graduation.table import GraduationTable
    from darwin_core.types import Floats

_STAGES: tuple[Stage, ...] = ("observe", "canary", "active")


@frozen(eq=False)
class Attempt:
    """The present attempt.

    Parameters
    ----------
    ladder
        After all its blocks, in the stage in which the agent is now.
    blocks
        (n,) its blocks.
    since
        Its first day.
    """

    ladder: Ladder
    blocks: Floats
    since: int


def fold(
    rows: Rows, today: int, length: int, table: GraduationTable, steps: Sequence[Taken] = (), before: int = 0
) -> Attempt:
    """Fold an agent's rows.

    Parameters
    ----------
    rows
        In the order of time, at least one.
    today
        The day that may not be over.
    length
        Days in a block.
    table
        What was declared.
    steps
        On record, of this agent.
    before
        How many attempts there were before the first row.
    """
    attempt = Attempt(Ladder(table.bounds, table.terms, attempt=1 + before), np.empty(0), int(rows.day[0]))
    anew = np.array([step.day for step in steps if step.anew], np.int64)
    starts = np.searchsorted(anew, rows.day)
    start = 0
    for number, (_, same) in enumerate(groupby(zip(rows.version, starts.tolist(), strict=True))):
        stop = start + len(list(same))
        mine = rows.take(slice(start, stop))
        if number:
            attempt = Attempt(attempt.ladder.again(), np.empty(0), int(mine.day[0]))
        # A version is over when another has taken its place: what is open of it will not be looked at any more.
        attempt = _version(attempt, mine, today if stop == len(rows.day) else int(rows.day[stop]), length)
        start = stop
    for step in steps:
        if step.day >= int(rows.day[-1]):
            attempt = _begun_anew(attempt, step.day + 1) if step.anew else _moved(attempt, step.after, step.day + 1)
    return attempt


def _version(attempt: Attempt, rows: Rows, today: int, length: int) -> Attempt:
    """Fold the rows of one version."""
    starts, means = day_blocks(rows.day, rows.uplift, today, length)
    modes = _modes(rows, starts.tolist(), length)
    for day, mean, mode in zip(starts.tolist(), means.tolist(), modes, strict=True):
        attempt = _moved(attempt, mode, day)
        attempt = evolve(attempt, ladder=attempt.ladder.after(mean), blocks=np.append(attempt.blocks, mean))
    over = int(starts[-1]) + length if len(starts) else int(rows.day[0])
    return _moved(attempt, rows.mode[-1], over)


def _modes(rows: Rows, starts: list[int], length: int) -> list[str]:
    """Return in which mode each block's last decision was made."""
    ends = np.searchsorted(rows.day, np.array(starts, np.int64) + length) - 1
    return [rows.mode[n] for n in ends.tolist()]


def _moved(attempt: Attempt, mode: str, day: int) -> Attempt:
    """Return the attempt in another stage from a day on; back to observing begins a new one."""
    ladder = attempt.ladder
    if mode not in _STAGES or mode == ladder.stage:
        return attempt
    after: Stage = _STAGES[_STAGES.index(mode)]
    if after == "observe":
        return _begun_anew(attempt, day)
    return evolve(attempt, ladder=ladder.moved(Step(ladder.stage, after, "as its decisions were made")))


def _begun_anew(attempt: Attempt, day: int) -> Attempt:
    return Attempt(attempt.ladder.again(), np.empty(0), day)
