from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from darwin_core.sweep.trials import confidence, deflate, expected_maximum


def test_the_deflated_sharpe_ratio_is_that_of_the_papers_example() -> None:
    # Bailey and Lopez de Prado (2014): a Sharpe ratio of 2.5 a year of 250 days, five years of days, skew -3, kurtosis
    # 10, 100 trials whose annualised Sharpe ratios have a variance of 1/2.
    luck = (0.5 / 250) ** 0.5 * expected_maximum(100)
    assert luck == pytest.approx(0.1132, abs=5e-5)
    assert confidence(2.5 / 250**0.5, luck, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)


def test_moments_and_trials_of_a_track_are_used_as_the_formula_says() -> None:
    rng = np.random.default_rng(2)
    returns, sharpes = rng.standard_t(5, 500) * 0.01 + 0.001, rng.normal(0.5, 0.3, 40)
    found = deflate(returns, sharpes, 252.0)
    assert found is not None
    z = scipy.stats.norm
    euler = 0.57721566490153286
    top = (1 - euler) * z.ppf(1 - 1 / 40) + euler * z.ppf(1 - 1 / (40 * np.e))
    sr, sr0 = returns.mean() / returns.std(ddof=1), sharpes.std(ddof=1) / 252**0.5 * top
    skew, kurtosis = scipy.stats.skew(returns), scipy.stats.kurtosis(returns, fisher=False)
    wanted = z.cdf((sr - sr0) * 499**0.5 / (1 - skew * sr + (kurtosis - 1) / 4 * sr**2) ** 0.5)
    assert found.probability == pytest.approx(wanted, rel=1e-9)
    assert (found.sharpe, found.expected_by_luck) == pytest.approx((sr * 252**0.5, sr0 * 252**0.5))


def test_the_expected_maximum_is_near_that_of_draws() -> None:
    draws = np.random.default_rng(0).normal(size=(4000, 50)).max(axis=1)
    assert expected_maximum(50) == pytest.approx(draws.mean(), rel=0.02)


def test_more_trials_deflate_more() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, 1000)
    few, many = (deflate(returns, np.linspace(-1.0, 1.0, n), 252.0) for n in (10, 1000))
    assert few is not None
    assert many is not None
    assert few.probability > many.probability
    assert many.trials == 1000


@pytest.mark.parametrize("sharpes", [[1.0], [np.nan, 1.0], []])
def test_one_trial_is_not_judged(sharpes: list[float]) -> None:
    assert deflate(np.array([0.01, -0.01, 0.02]), np.array(sharpes), 252.0) is None


def test_returns_without_variance_are_not_judged() -> None:
    assert deflate(np.zeros(10), np.array([1.0, 2.0]), 252.0) is None
