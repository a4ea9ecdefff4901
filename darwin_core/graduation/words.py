"""A standing in words: one screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_core.graduation.standing import Standing

_NEXT = {"observe": "canary", "canary": "active"}


def tell(agent: str, standing: Standing) -> Iterator[str]:
    """Yield the lines of a standing: stage, criteria, evidence, what is missing, and how long it may take."""
    yield f"{agent} is in {standing.stage}, attempt {standing.attempt}"
    for finding in standing.findings:
        yield f"  {'yes' if finding.met else 'no ':3}  {finding.name}: {finding.words}"
    yield from _evidence(standing)
    if standing.stage != "observe":
        yield f"  watch: {standing.detector:.0f} of {standing.alarm:g}, at which it steps back"
    if standing.step:
        yield f"  due: {standing.step.before} -> {standing.step.after}: {standing.step.why}"
    elif standing.stage in _NEXT:
        yield from (f"  missing: {each}" for each in standing.missing)
        yield f"  {_wait(standing)}"


def _evidence(standing: Standing) -> Iterator[str]:
    yield (
        f"  evidence: {standing.worth:.2f} over {standing.blocks} blocks (before the discount for dependence"
        f" {standing.e_value:.2f}), p = {standing.p_value:.3g} at any time"
    )
    if not math.isnan(standing.low + standing.mean):
        low, high = standing.low, standing.high
        yield f"  uplift: {standing.mean:+.4f} a decision, 95 % sure at any time of {low:+.4f} to {high:+.4f}"


def _wait(standing: Standing) -> str:
    towards = _NEXT[standing.stage]
    if standing.days is None:
        return f"to {towards}: days alone do not bring it, or it is too early to say"
    return f"to {towards}: about {math.ceil(standing.days):,} more days, if they are like those so far"
