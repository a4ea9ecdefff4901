"""The deployment's ``[graduation]``: what an agent has to show, and who takes the steps."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import and_, ge, gt, lt

from darwin_core.graduation.detector import RUN_LENGTH
from darwin_core.graduation.eprocess import POSITIVE, Bounds
from darwin_core.graduation.rule import Terms

_CHANCE = and_(gt(0.0), lt(1.0))


@frozen
class GraduationTable:
    """What it takes to act. All of it is to be fixed before the first block: changed later, it is a guess at the past.

    Parameters
    ----------
    auto
        Whether a running session takes the steps that are due by itself, at the end of a day. Without it a person
        does, by ``darwin graduation AGENT promote``.
    canary, active
        Chance that a worthless agent ever becomes a canary, and active, all its versions together.
    floor
        No block's mean uplift is below ``-floor``; one that is voids the evidence. In R; for agents that do not decide
        at candidates in per cent of the account a day.
    cap
        Uplift above this counts as this, in the same unit.
    block
        Days in a block; 0: as long as nine of ten positions are held.
    run_length
        Blocks to a false demotion, on average and at least.
    """

    auto: bool = False
    canary: float = field(default=0.05, validator=_CHANCE)
    active: float = field(default=0.01, validator=_CHANCE)
    floor: float = field(default=1.5, validator=POSITIVE)
    cap: float = field(default=1.0, validator=POSITIVE)
    block: int = field(default=0, validator=ge(0))
    run_length: float = field(default=RUN_LENGTH, validator=ge(1.0))

    @property
    def bounds(self) -> Bounds:
        """What a block's uplift is declared to lie between."""
        return Bounds(self.floor, self.cap)

    @property
    def terms(self) -> Terms:
        """What a step takes."""
        return Terms(self.canary, self.active, run_length=self.run_length)
