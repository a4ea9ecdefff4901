"""Where an agent stands on the way to active: criteria, evidence, what is missing and how long it may take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from attrs import frozen

from darwin_core.graduation.eprocess import BETS, LEAST_BLOCKS
from darwin_core.graduation.facts import Facts
from darwin_core.graduation.sequence import interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darwin_core.graduation.criteria import Criterion, Finding
    from darwin_core.graduation.eprocess import Evidence
    from darwin_core.graduation.rule import Ladder, Stage, Step
    from darwin_core.types import Floats

F = TypeVar("F", bound=Facts)
_FARTHEST = 1 << 14  # blocks: more than sixty years of trading days is never
_FEWEST = 5  # blocks from which a pace can be read


@frozen
class Standing:
    """Where an agent stands.

    Parameters
    ----------
    stage, attempt
        As on the ladder.
    findings
        Every criterion, judged.
    blocks
        Blocks of evidence in this attempt.
    e_value, worth, wanted
        The evidence, discounted for dependence, and what the next stage takes.
    p_value
        Anytime-valid.
    mean, low, high
        Mean uplift of the blocks, and its confidence sequence at 95 %; NaN where nothing can be said.
    detector
        The watch over an acting agent; it has to step back at `alarm`.
    alarm
        See there.
    missing
        In words; empty when nothing is missing, or when the agent is active.
    days
        Calendar days until nothing would be missing, if the days to come are like those so far; None when
        it cannot be said, or days alone do not bring it. An estimate, not a promise: half of such agents take longer.
    step
        The step that is due.
    """

    stage: Stage
    attempt: int
    findings: tuple[Finding, ...]
    blocks: int
    e_value: float
    worth: float
    wanted: float
    p_value: float
    mean: float
    low: float
    high: float
    detector: float
    alarm: float
    missing: tuple[str, ...]
    days: float | None
    step: Step | None


def stand(ladder: Ladder, blocks: Floats, facts: F, criteria: Sequence[Criterion[F]]) -> Standing:
    """Say where an agent stands.

    Parameters
    ----------
    ladder
        After all of `blocks`.
    blocks
        (n,) mean uplifts of this attempt's blocks, as `facts.day_blocks` returns them.
    facts
        This attempt's decisions.
    criteria
        What is wanted of this kind of agent: `criteria.GATE`, `PORTFOLIO`, `META` or `ANY`, or others.
    """
    evidence = ladder.evidence
    findings = tuple(criterion.judge(facts) for criterion in criteria)
    low, high = (math.nan, math.nan) if evidence.void else interval(blocks, ladder.bounds, 0.05)
    active = ladder.stage == "active"
    missing = () if active else (*(each.words for each in findings if not each.met), *ladder.waits())
    return Standing(
        ladder.stage,
        ladder.attempt,
        findings,
        evidence.blocks,
        evidence.e_value,
        evidence.worth,
        ladder.wanted,
        evidence.p_value,
        evidence.mean,
        low,
        high,
        ladder.detector.value,
        ladder.terms.run_length,
        missing,
        0.0 if not missing else _days(ladder, blocks, facts, findings),
        ladder.step(all(each.met for each in findings)),
    )


def _days(ladder: Ladder, blocks: Floats, facts: Facts, findings: Sequence[Finding]) -> float | None:
    """Return the longest of all the waits, in calendar days; None when one of them has no end."""
    waits = [each.days for each in findings]
    more = blocks_more(ladder.evidence, blocks, ladder.wanted)
    if more is None or not len(blocks):
        return None
    terms = ladder.terms
    least = max(more, terms.least_blocks - len(blocks))
    if ladder.stage == "canary":
        least = max(least, terms.least_canary_blocks - ladder.canary_blocks)
    known = [each for each in (*waits, least * facts.span / len(blocks)) if each is not None]
    return max(known) if len(known) == len(waits) + 1 else None


def blocks_more(evidence: Evidence, blocks: Floats, wanted: float) -> int | None:
    """Return how many more blocks like those so far it takes until the evidence is worth `wanted`.

    Each bet's log capital is taken to go on growing by its mean over the blocks so far, and the dependence to
    stay. None when that never gets there, with fewer than five blocks, and when blocks plainly foretell one another.
    """
    if evidence.void or evidence.dependent or len(blocks) < _FEWEST:
        return None
    gains = np.minimum(blocks, evidence.bounds.cap) / evidence.bounds.floor
    pace = np.log1p(BETS[:, None] * gains[None, :]).mean(axis=1)
    ratio = max(evidence.ratio, 1.0) if evidence.blocks >= LEAST_BLOCKS else 1.0
    capital, goal = np.log(np.maximum(np.array(evidence.wealth), 1e-300)), ratio * math.log(wanted)

    def there(more: int) -> bool:
        logs = capital + pace * more
        top = float(logs.max())
        return top + math.log(float(np.exp(logs - top).mean())) >= goal

    if there(0):
        return 0
    if not there(_FARTHEST):
        return None
    short, enough = 0, _FARTHEST
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if there(middle) else (middle, enough)
    return enough
