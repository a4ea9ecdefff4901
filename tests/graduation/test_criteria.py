"""Each criterion at its mark, on one side of it and on the other."""

from __future__ import annotations

import numpy as np
import pytest

from darwin_core.graduation import criteria
from darwin_core.graduation.criteria import (
    Agreement,
    CallsSaved,
    Drawdown,
    LeastDays,
    LeastDecisions,
    MissedWinners,
    NoTrips,
    OverrideAccuracy,
    SharpeOverBaseline,
)
from darwin_core.graduation.facts import Facts, GateFacts, MetaFacts, PortfolioFacts

NAN = float("nan")


def facts(days: int, per_day: int = 1, unresolved: int = 0, trips: int = 0) -> Facts:
    uplift = np.zeros(days * per_day)
    uplift[len(uplift) - unresolved :] = NAN
    return Facts(np.repeat(np.arange(days) + 20_000, per_day), uplift, trips=trips)


def gate(skipped: int, kept: int, winners_skipped: int, winners_kept: int) -> GateFacts:
    skip = np.repeat([True, False], [skipped, kept])
    outcome = np.full(skipped + kept, -1.0)
    outcome[:winners_skipped] = 2.0
    outcome[skipped : skipped + winners_kept] = 2.0
    return GateFacts(np.zeros(len(skip), np.int64), np.where(skip, -outcome, 0.0), skip, outcome)


def meta(right: int, wrong: int, followed: int) -> MetaFacts:
    uplift = np.concatenate([np.full(right, 0.5), np.full(wrong, -0.5), np.zeros(followed)])
    overridden = np.arange(len(uplift)) < right + wrong
    return MetaFacts(np.zeros(len(uplift), np.int64), uplift, overridden)


def portfolio(returns: list[float], baseline: list[float]) -> PortfolioFacts:
    return PortfolioFacts(np.zeros(1, np.int64), np.zeros(1), np.array(returns), np.array(baseline))


def test_the_minima_of_each_kind_are_those_of_the_checklist() -> None:
    def minima(wanted: tuple[object, ...]) -> tuple[int, int]:
        days = next(each.days for each in wanted if isinstance(each, LeastDays))
        return days, next(each.decisions for each in wanted if isinstance(each, LeastDecisions))

    assert minima(criteria.GATE) == (7, 100)
    assert minima(criteria.PORTFOLIO) == (7, 50)
    assert minima(criteria.META) == (14, 200)


def test_days_are_counted_in_the_calendar_and_the_rest_is_the_wait() -> None:
    assert LeastDays(7).judge(facts(7)).met
    early = LeastDays(7).judge(facts(5))
    assert not early.met
    assert early.days == 2.0
    assert LeastDays(7).judge(facts(0)).days == 7.0


def test_only_decisions_with_an_outcome_count_and_the_wait_follows_their_pace() -> None:
    enough = LeastDecisions(40).judge(facts(10, 5, unresolved=10))
    assert enough.met
    assert enough.measured == 40
    few = LeastDecisions(100).judge(facts(10, 5))
    assert few.days == 10.0  # 50 more at 5 a day
    assert LeastDecisions(100).judge(facts(0)).days is None


def test_an_opened_breaker_is_not_mended_by_days() -> None:
    assert NoTrips().judge(facts(1)).met
    tripped = NoTrips().judge(facts(1, trips=2))
    assert not tripped.met
    assert tripped.days is None
    assert "2 times" in tripped.words


@pytest.mark.parametrize(("skipped", "met"), [(19, False), (20, True), (40, True), (41, False)])
def test_a_gate_saves_a_fifth_to_two_fifths_of_the_calls(skipped: int, met: bool) -> None:
    finding = CallsSaved().judge(gate(skipped, 100 - skipped, 0, 0))
    assert finding.met is met
    assert finding.measured == skipped / 100


@pytest.mark.parametrize(("missed", "won", "met"), [(9, 91, True), (10, 90, False), (0, 10, True)])
def test_a_gate_skips_fewer_than_a_tenth_of_the_winners(missed: int, won: int, met: bool) -> None:
    finding = MissedWinners().judge(gate(50, 150, missed, won))
    assert finding.met is met
    assert finding.measured == pytest.approx(missed / (missed + won))


def test_without_a_winner_nothing_is_known_about_missing_them() -> None:
    finding = MissedWinners().judge(gate(30, 70, 0, 0))
    assert not finding.met
    assert finding.measured is None


def test_a_portfolio_agent_needs_a_better_sharpe_ratio_than_equal_weight() -> None:
    steady, rough = [0.01, 0.02, 0.01, 0.02], [0.03, -0.02, 0.04, 0.01]
    better = SharpeOverBaseline().judge(portfolio(steady, rough))
    sharpe = [np.mean(each) / np.std(each, ddof=1) * np.sqrt(252) for each in (steady, rough)]
    assert better.met
    assert better.measured == pytest.approx(sharpe[0] - sharpe[1])
    assert not SharpeOverBaseline().judge(portfolio(rough, steady)).met
    assert not SharpeOverBaseline().judge(portfolio(rough, rough)).met
    assert SharpeOverBaseline().judge(portfolio([0.01], [0.0])).measured is None


@pytest.mark.parametrize(
    ("returns", "deepest"), [([0.1, -0.2, 0.3], 0.2), ([-0.1, -0.1, 0.5], 0.19), ([0.1, 0.1], 0.0), ([], 0.0)]
)
def test_the_drawdown_is_that_of_the_compounded_account(returns: list[float], deepest: float) -> None:
    finding = Drawdown().judge(portfolio(returns, returns))
    assert finding.measured == pytest.approx(deepest)
    assert Drawdown(0.195).judge(portfolio(returns, returns)).met is (deepest < 0.195)


@pytest.mark.parametrize(("followed", "met"), [(79, False), (80, True), (95, True), (96, False)])
def test_a_meta_learner_follows_the_expert_in_four_fifths_to_nineteen_twentieths(followed: int, met: bool) -> None:
    assert Agreement().judge(meta(100 - followed, 0, followed)).met is met


def test_more_than_three_fifths_of_the_overrides_are_right_and_it_says_how_sure_that_is() -> None:
    assert not OverrideAccuracy().judge(meta(6, 4, 90)).met
    finding = OverrideAccuracy().judge(meta(7, 3, 90))
    assert finding.met
    assert finding.measured == 0.7
    assert float(finding.words.split("sure is ")[1].rstrip("%")) < 2.0  # one day of overrides proves nothing
    assert OverrideAccuracy().judge(meta(0, 0, 9)).measured is None


def test_overrides_over_many_days_make_the_rate_sure() -> None:
    days = np.repeat(np.arange(60), 5)
    right = np.tile([0.5, 0.5, 0.5, 0.5, -0.5], 60)
    finding = OverrideAccuracy().judge(MetaFacts(days, right, np.ones(300, np.bool_)))
    assert finding.measured == 0.8
    assert 0.6 < float(finding.words.split("sure is ")[1].rstrip("%")) / 100 < 0.8
