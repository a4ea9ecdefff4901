"""The ladder: observe, canary, active, and back, by evidence that may be looked at at any time.

- observe -> canary: the evidence (`Evidence.worth`) reaches ``1 / alpha`` with alpha = 5 % of this attempt's share, on
  at least 20 blocks, with all criteria met and no plain dependence between the blocks.
- canary -> active: the same evidence, over all blocks since observing began, reaches it at 1 %, after at least 5
  blocks as a canary.
- canary or active -> observe: the detector's alarm, or a block below the declared floor, for on that declaration the
  promotion rested.

*The budget.* Every retrained version, and every fresh start after a demotion, is a new attempt with evidence of its
own. Attempt k may spend ``6 / (pi k)^2`` of the 5 % and of the 1 %. The shares sum to 1, so by Boole's inequality the
chance that *any* of endlessly many worthless versions ever becomes a canary is at most 5 %, and active at most 1 %.
Nothing is earned back: who retrains often has to show more. Worthless is meant in the sense of `eprocess`, and its
assumptions are this module's.

A step is only said here. Whoever keeps the ladder takes it (`moved`), at once or when a person has agreed: waiting is
as valid as any other stopping, and the evidence has to be there still when the step is taken.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from attrs import Factory, evolve, field, frozen
from attrs.validators import and_, ge, gt, lt

from darwin_core.errors import ConfigError
from darwin_core.graduation.detector import RUN_LENGTH, Detector
from darwin_core.graduation.eprocess import LEAST_BLOCKS, Bounds, Evidence

if TYPE_CHECKING:
    from typing import TypeAlias


Stage: TypeAlias = 'Literal["observe", "canary", "active"]'


def share(attempt: int) -> float:
    """Return which part of the error budget attempt 1, 2, ... may spend: ``6 / (pi k)^2``; all together 1."""
    return 6.0 / (math.pi * attempt) ** 2


_CHANCE = and_(gt(0.0), lt(1.0))


@frozen
class Terms:
    """What a step takes.

    Parameters
    ----------
    canary, active
        Chance that a worthless agent ever gets there, all its versions together.
    least_blocks
        Blocks before the first promotion, at least 20: fewer do not show whether they depend on one another.
    least_canary_blocks
        Blocks as a canary before the second.
    run_length
        Blocks to a false demotion, on average and at least.
    """

    canary: float = field(default=0.05, validator=_CHANCE)
    active: float = field(default=0.01, validator=_CHANCE)
    least_blocks: int = field(default=LEAST_BLOCKS, validator=ge(LEAST_BLOCKS))
    least_canary_blocks: int = field(default=5, validator=ge(1))
    run_length: float = field(default=RUN_LENGTH, validator=ge(1))


@frozen
class Step:
    """A step up or down, and why."""

    before: Stage
    after: Stage
    why: str


@frozen
class Ladder:
    """Where an agent stands; small, frozen, folded one block at a time.

    Parameters
    ----------
    bounds, terms
        What was declared and what is wanted, fixed before the first block.
    stage
        Where it is.
    attempt
        Which version or fresh start this is, counted from 1.
    evidence
        Since observing began in this attempt.
    detector
        Since it became a canary.
    canary_blocks
        Blocks as a canary.
    """

    bounds: Bounds
    terms: Terms = Factory(Terms)
    stage: Stage = "observe"
    attempt: int = field(default=1, validator=ge(1))
    evidence: Evidence = Factory(lambda self: Evidence(self.bounds), takes_self=True)
    detector: Detector = Factory(lambda self: Detector(self.bounds, self.terms.run_length), takes_self=True)
    canary_blocks: int = 0

    def after(self, uplift: float) -> Ladder:
        """Return the ladder with one more block; raise DataError when its uplift is not finite."""
        return evolve(
            self,
            evidence=self.evidence.after(uplift),
            detector=self.detector if self.stage == "observe" else self.detector.after(uplift),
            canary_blocks=self.canary_blocks + (self.stage == "canary"),
        )

    @property
    def wanted(self) -> float:
        """The e-value that the next stage takes; the active stage's own once it is reached."""
        alpha = self.terms.canary if self.stage == "observe" else self.terms.active
        return 1.0 / (alpha * share(self.attempt))

    def step(self, ready: bool) -> Step | None:
        """Return the step that is due, or None.

        Parameters
        ----------
        ready
            Whether all criteria of this kind of agent are met.
        """
        if self.stage != "observe" and self.evidence.void:
            why = f"block {self.evidence.void} fell below the declared floor of -{self.bounds.floor:g}"
            return Step(self.stage, "observe", why)
        if self.stage != "observe" and self.detector.alarm:
            why = f"the detector stands at {self.detector.value:.0f}, its alarm at {self.terms.run_length:g}"
            return Step(self.stage, "observe", why)
        if self.stage == "active" or not ready or self.waits():
            return None
        why = f"evidence of {self.evidence.worth:.1f}, wanted {self.wanted:.1f} (attempt {self.attempt})"
        return Step(self.stage, "canary" if self.stage == "observe" else "active", why)

    def waits(self) -> tuple[str, ...]:
        """Return in words what the evidence lacks for the next stage; empty when it lacks nothing."""
        evidence, terms = self.evidence, self.terms
        lacks = []
        if evidence.void:
            lacks.append(
                f"block {evidence.void} fell below the declared floor of -{self.bounds.floor:g}, which voids the"
                " evidence: declare a wider floor and begin a new attempt"
            )
        if evidence.blocks < terms.least_blocks:
            lacks.append(f"{evidence.blocks} of at least {terms.least_blocks} blocks")
        if self.stage == "canary" and self.canary_blocks < terms.least_canary_blocks:
            lacks.append(f"{self.canary_blocks} of at least {terms.least_canary_blocks} blocks as a canary")
        if evidence.dependent:
            lacks.append(
                f"blocks foretell one another (long-run variance {evidence.ratio:.1f} times the variance):"
                " make them longer than the holding times"
            )
        if not evidence.void and evidence.worth < self.wanted:
            lacks.append(f"evidence of {evidence.worth:.2f} where {self.wanted:.1f} is wanted")
        return tuple(lacks)

    def moved(self, step: Step) -> Ladder:
        """Return the ladder after a step that was taken.

        A step up to canary starts the detector; a step down starts a new attempt.

        Raises
        ------
        ConfigError
            When the step starts from another stage.
        """
        if step.before != self.stage:
            raise ConfigError(f"a step from {step.before} to {step.after}: the agent is in {self.stage}")
        if step.after == "observe":
            return self.again()
        fresh = Detector(self.bounds, self.terms.run_length) if step.after == "canary" else self.detector
        return evolve(self, stage=step.after, detector=fresh)

    def again(self) -> Ladder:
        """Return the ladder of the next attempt: a retrained version, or a fresh start after a demotion."""
        return Ladder(self.bounds, self.terms, attempt=self.attempt + 1)
