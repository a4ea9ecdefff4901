"""What is wanted of each kind of agent before it may act, one small class for each criterion.

These are descriptive: a rate above a mark on a hundred decisions proves little (24 right of 40 overrides is what a
coin shows one time in seven). They keep an agent that does something strange from acting; that it is *better* is for
the evidence to show.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

from darwin_core.graduation.eprocess import Bounds
from darwin_core.graduation.facts import Facts, GateFacts, MetaFacts, PortfolioFacts
from darwin_core.graduation.sequence import lower

if TYPE_CHECKING:
    from darwin_core.types import Bools, Floats, Ints

_SHARE = and_(ge(0.0), le(1.0))
F_contra = TypeVar("F_contra", bound=Facts, contravariant=True)


@frozen
class Finding:
    """One criterion, judged.

    Parameters
    ----------
    name
        Which criterion.
    measured
        None while it cannot be measured.
    wanted
        In words.
    met
        Whether it is met.
    words
        The finding as a sentence.
    days
        Calendar days until it would be met at the present pace: 0 when it is, None when days alone do not bring it.
    """

    name: str
    measured: float | None
    wanted: str
    met: bool
    words: str
    days: float | None


class Criterion(Protocol, Generic[F_contra]):
    """Something wanted of an agent."""

    def judge(self, facts: F_contra) -> Finding:
        """Compare the facts with what is wanted."""


@frozen
class LeastDays:
    """Calendar days of decisions."""

    days: int = field(default=7, validator=ge(1))

    def judge(self, facts: Facts) -> Finding:
        """Count them."""
        met, left = facts.span >= self.days, max(0, self.days - facts.span)
        words = f"{facts.span} days of decisions, at least {self.days} are wanted"
        return Finding("days", facts.span, f">= {self.days}", met, words, float(left))


@frozen
class LeastDecisions:
    """Decisions whose outcome is known."""

    decisions: int = field(default=100, validator=ge(1))

    def judge(self, facts: Facts) -> Finding:
        """Count them."""
        known = int(facts.resolved.sum())
        left = max(0, self.decisions - known)
        days = 0.0 if not left else left * facts.span / known if known else None
        words = f"{known:,} decisions with a known outcome, at least {self.decisions:,} are wanted"
        return Finding("decisions", known, f">= {self.decisions:,}", not left, words, days)


@frozen
class NoTrips:
    """The circuit breaker never opened."""

    def judge(self, facts: Facts) -> Finding:
        """Look."""
        met = facts.trips == 0
        words = "the circuit breaker never opened" if met else f"the circuit breaker opened {facts.trips} times"
        return Finding("breaker trips", facts.trips, "0", met, words, _later(met))


@frozen
class CallsSaved:
    """Share of candidates that a gate spares the expert."""

    least: float = field(default=0.20, validator=_SHARE)
    most: float = field(default=0.40, validator=_SHARE)

    def judge(self, facts: GateFacts) -> Finding:
        """Measure it over all decisions."""
        rate = _rate(facts.skipped)
        wanted = f"{self.least:.0%} to {self.most:.0%}"
        return _in_band("calls saved", rate, self.least, self.most, f"of the calls are saved, {wanted} are wanted")


@frozen
class MissedWinners:
    """Share of the winning candidates that a gate skips."""

    below: float = field(default=0.10, validator=_SHARE)

    def judge(self, facts: GateFacts) -> Finding:
        """Measure it over the candidates whose outcome is above zero."""
        won = facts.outcome > 0.0
        rate = _rate(facts.skipped[won])
        met = rate is not None and rate < self.below
        words = (
            "no candidate has won yet"
            if rate is None
            else f"{rate:.1%} of {int(won.sum()):,} winners were skipped, fewer than {self.below:.0%} are wanted"
        )
        return Finding("missed winners", rate, f"< {self.below:.0%}", met, words, _later(met))


@frozen
class SharpeOverBaseline:
    """Sharpe ratio of the account above that of equal weight; a report more than a proof, for it takes years to know.

    mean / standard deviation * sqrt(per_year), zero rate (Sharpe 1994).
    """

    per_year: float = field(default=252.0, validator=gt(0.0))

    def judge(self, facts: PortfolioFacts) -> Finding:
        """Compare the two."""
        own, base = (self._sharpe(each) for each in (facts.returns, facts.baseline_returns))
        if own is None or base is None:
            words = "too few daily returns for a Sharpe ratio"
            return Finding("Sharpe over equal weight", None, "> 0", False, words, None)
        met = own > base
        words = f"Sharpe ratio {own:.2f}, above the {base:.2f} of equal weight is wanted"
        return Finding("Sharpe over equal weight", own - base, "> 0", met, words, _later(met))

    def _sharpe(self, returns: Floats) -> float | None:
        deviation = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
        return float(returns.mean()) / deviation * math.sqrt(self.per_year) if deviation > 0.0 else None


@frozen
class Drawdown:
    """Largest loss from a former high, as a fraction."""

    below: float = field(default=0.20, validator=_SHARE)

    def judge(self, facts: PortfolioFacts) -> Finding:
        """Measure it on the account as the agent sized it."""
        equity = np.cumprod(np.concatenate([[1.0], 1.0 + facts.returns]))
        deepest = float((1.0 - equity / np.maximum.accumulate(equity)).max())
        met = deepest < self.below
        words = f"largest drawdown {deepest:.1%}, less than {self.below:.0%} is wanted"
        return Finding("drawdown", deepest, f"< {self.below:.0%}", met, words, _later(met))


@frozen
class Agreement:
    """Share of decisions in which a meta-learner follows the expert."""

    least: float = field(default=0.80, validator=_SHARE)
    most: float = field(default=0.95, validator=_SHARE)

    def judge(self, facts: MetaFacts) -> Finding:
        """Measure it over all decisions."""
        rate = _rate(~facts.overridden)
        wanted = f"{self.least:.0%} to {self.most:.0%}"
        return _in_band("agreement", rate, self.least, self.most, f"agreement with the expert, {wanted} is wanted")


@frozen
class OverrideAccuracy:
    """Share of a meta-learner's overrides that were right: their uplift is above zero."""

    above: float = field(default=0.60, validator=and_(gt(0.0), le(0.99)))

    def judge(self, facts: MetaFacts) -> Finding:
        """Measure it, and say how much of it is sure (one-sided 95 % at any time, day by day)."""
        counted = facts.overridden & facts.resolved
        right = facts.uplift[counted] > 0.0
        rate = _rate(right)
        if rate is None:
            words = "no override has an outcome yet"
            return Finding("override accuracy", None, f"> {self.above:.0%}", False, words, None)
        sure = _sure_rate(facts.day[counted], right)
        met = rate > self.above
        words = (
            f"{rate:.1%} of {len(right):,} overrides were right, more than {self.above:.0%} are wanted;"
            f" sure is {max(sure, 0.0):.1%}"
        )
        return Finding("override accuracy", rate, f"> {self.above:.0%}", met, words, _later(met))


def _sure_rate(day: Ints, right: Bools) -> float:
    """Return the lower confidence limit of the mean daily rate, good at any time."""
    first = np.flatnonzero(np.diff(day, prepend=day[:1] - 1))
    rates = np.add.reduceat(right.astype(np.float64), first) / np.diff(first, append=len(day))
    return 0.5 + lower(rates - 0.5, Bounds(0.5, 0.5), 0.05)


def _rate(flags: Bools) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _in_band(name: str, rate: float | None, least: float, most: float, words: str) -> Finding:
    met = rate is not None and least <= rate <= most
    text = "no decision yet" if rate is None else f"{rate:.1%} {words}"
    return Finding(name, rate, f"{least:.0%} to {most:.0%}", met, text, _later(met))


def _later(met: bool) -> float | None:
    """Return 0 for what is met; a rate on the wrong side of its mark is not a matter of days."""
    return 0.0 if met else None


GATE: tuple[Criterion[GateFacts], ...] = (LeastDays(7), LeastDecisions(100), NoTrips(), CallsSaved(), MissedWinners())
PORTFOLIO: tuple[Criterion[PortfolioFacts], ...] = (
    LeastDays(7),
    LeastDecisions(50),
    NoTrips(),
    SharpeOverBaseline(),
    Drawdown(),
)
META: tuple[Criterion[MetaFacts], ...] = (
    LeastDays(14),
    LeastDecisions(200),
    NoTrips(),
    Agreement(),
    OverrideAccuracy(),
)
ANY: tuple[Criterion[Facts], ...] = (LeastDays(7), LeastDecisions(100), NoTrips())
