"""vectorbt as the oracle: on random targets its own simulation ends every bar with our equity."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from ledger_cases import Case, Walked, hand, market, random_case, walk


@pytest.fixture(scope="session")
def vbt() -> Any:
    """Return vectorbt, which takes seconds to import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("vectorbt")


def simulated(vbt: Any, case: Case, orders: dict[str, Any]) -> Any:
    """Return vectorbt's portfolio of one account over all symbols."""
    import pandas as pd

    e = case.execution
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return vbt.Portfolio.from_orders(
            pd.DataFrame(case.close), init_cash=e.cash, fees=e.fee, fixed_fees=e.fee_per_order,
            slippage=e.slippage + e.spread / 2, cash_sharing=True, group_by=True, direction="both",
            freq="1D", ffill_val_price=True, **orders,
        )  # fmt: skip


def by_targets(case: Case) -> dict[str, Any]:
    """Return the orders in vectorbt's words: the target when it changes, sized at the close of its decision."""
    signed = case.signed
    before = np.vstack([np.zeros((1, signed.shape[1])), signed[:-1]])
    size = np.where(signed != before, signed, np.nan)
    if case.execution.fill == "same_close":
        return {
            "size": size,
            "size_type": "targetpercent",
            "price": case.close,
            "val_price": case.close,
            "call_seq": "auto",
        }
    late = np.vstack([np.full((1, size.shape[1]), np.nan), size[:-1]])
    decided = np.vstack([case.close[:1], case.close[:-1]])
    price = case.open if case.execution.fill == "next_open" else case.close
    return {"size": late, "size_type": "targetpercent", "price": price, "val_price": decided, "call_seq": "auto"}


def by_fills(case: Case, walked: Walked) -> dict[str, Any]:
    """Return our fills as vectorbt's orders; more than one a bar and symbol cannot be said."""
    size = np.full(case.shape, np.nan)
    price = np.full(case.shape, np.nan)
    for fill in walked.all("fills"):
        at = fill["bar"], fill["symbol"]
        assert np.isnan(size[at])
        size[at], price[at] = fill["quantity"], fill["price"]
    order = np.argsort(np.where(np.isnan(size), np.inf, size), axis=1, kind="stable")
    return {"size": size, "size_type": "amount", "price": price, "call_seq": order}


def targets(seed: int, symbols: int, *, short: bool) -> np.ndarray:
    """Return random weights that change now and then, whose sizes never add up to the whole account."""
    rng = np.random.default_rng(seed)
    weights = rng.random((300, symbols)) * rng.choice([0.0, 1.0, 1.0], (300, symbols)) * 0.7 / symbols
    if short:
        weights *= rng.choice([1.0, -1.0], weights.shape)
    changes = np.where(rng.random(weights.shape) < 0.15, np.arange(300)[:, None], 0)
    return np.take_along_axis(weights, np.maximum.accumulate(changes, axis=0), axis=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("symbols", [1, 5])
@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
def test_vectorbt_ends_every_bar_with_our_equity(vbt: Any, seed: int, symbols: int, short: bool, fill: str) -> None:
    opens, high, low, close = market(np.random.default_rng(100 + seed), 300, symbols)
    case = hand(
        targets(seed, symbols, short=short), close, open_=opens, high=high, low=low, allow_short=short, fill=fill,
        fee=0.001, fee_per_order=0.3, slippage=0.0005, spread=0.001, cash=100_000.0, max_gross=3.0,
    )  # fmt: skip
    walked = walk(case)
    portfolio = simulated(vbt, case, by_targets(case))
    np.testing.assert_allclose(walked.equity, portfolio.value().to_numpy(), rtol=1e-9)
    theirs = portfolio.orders.values  # noqa: PD011 - vectorbt's records
    ours = walked.all("fills")
    assert len(ours) == len(theirs) > 20 * symbols
    first, second = np.lexsort((ours["symbol"], ours["bar"])), np.lexsort((theirs["col"], theirs["idx"]))
    np.testing.assert_array_equal(ours["symbol"][first], theirs["col"][second])
    np.testing.assert_array_equal(ours["bar"][first], theirs["idx"][second])
    np.testing.assert_allclose(np.abs(ours["quantity"][first]), theirs["size"][second], rtol=1e-9)
    np.testing.assert_allclose(ours["price"][first], theirs["price"][second], rtol=1e-9)
    np.testing.assert_allclose(ours["fee"][first], theirs["fees"][second], rtol=1e-9)


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_vectorbt_cuts_a_purchase_to_the_same_cash(vbt: Any, fill: str) -> None:
    opens, high, low, close = market(np.random.default_rng(5), 300, 1)
    signed = (np.random.default_rng(6).random(300).cumsum() % 2 < 1).astype(float)
    case = hand(signed, close, open_=opens, high=high, low=low, fill=fill, fee=0.001, slippage=0.001)
    portfolio = simulated(vbt, case, by_targets(case))
    np.testing.assert_allclose(walk(case).equity, portfolio.value().to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_our_fills_replayed_by_vectorbt_give_our_equity_with_all_rules_on(vbt: Any, seed: int) -> None:
    rules = {"fee": 0.001, "fee_per_unit": 0.0, "slippage": 0.0, "spread": 0.0, "fill": "same_close"}
    case = random_case(seed, max_gross=0.8, max_drawdown=1.0, has_range=False, **rules)
    walked = walk(case)
    portfolio = simulated(vbt, case, by_fills(case, walked))
    np.testing.assert_allclose(walked.equity, portfolio.value().to_numpy(), rtol=1e-9)
