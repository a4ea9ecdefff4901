"""What is true of every account, whatever the market, the targets and the rules."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ledger_cases import Case, Walked, hand, random_case, walk

from darwin_core.ledger import COST, FEES, FILLS, HALTED, REASONS, TRADED

SEEDS = st.integers(0, 2**32 - 1)
FILL = st.sampled_from(sorted(FILLS))
many = settings(max_examples=60, deadline=None)


def recomputed(case: Case, walked: Walked) -> np.ndarray:
    """Return the curve worked out from the fills alone: equity, cash, gross and net at each close."""
    bars, symbols = case.shape
    cash, held, last = case.execution.cash, [0.0] * symbols, [0.0] * symbols
    fills = walked.all("fills")
    curve, at = [], 0
    for t in range(bars):
        while at < len(fills) and fills[at]["bar"] == t:
            fill = fills[at]
            cash -= float(fill["quantity"] * fill["price"] + fill["fee"])
            held[fill["symbol"]] += float(fill["quantity"])
            at += 1
        for s in range(symbols):
            if not np.isnan(case.close[t, s]):
                last[s] = float(case.close[t, s])
        values = [h * p for h, p in zip(held, last, strict=True)]
        curve.append((cash + sum(values), cash, sum(map(abs, values)), sum(values)))
    assert at == len(fills)
    return np.array(curve)


@many
@given(SEEDS)
def test_cash_and_positions_at_their_closes_are_the_equity_at_every_bar(seed: int) -> None:
    case = random_case(seed)
    walked = walk(case)
    np.testing.assert_allclose(walked.curve, recomputed(case, walked), rtol=1e-9, atol=1e-9 * case.execution.cash)
    equity, cash, _, net = walked.curve.T
    np.testing.assert_allclose(equity, cash + net, rtol=1e-12, atol=1e-9)


@many
@given(SEEDS)
def test_cash_is_never_negative_without_leverage(seed: int) -> None:
    walked = walk(random_case(seed, allow_short=False, max_gross=1.0))
    assert walked.curve[:, 1].min() >= -1e-9


@many
@given(SEEDS, st.sampled_from([0.5, 1.0, 2.0]))
def test_no_fill_takes_gross_exposure_beyond_its_limit(seed: int, limit: float) -> None:
    case = random_case(seed, max_gross=limit, fill="same_close")
    walked = walk(case)
    equity, _, gross, _ = walked.curve.T
    fills = walked.all("fills")
    held = {}
    for fill in fills:
        before = held.get(int(fill["symbol"]), 0.0)
        held[int(fill["symbol"])] = before + float(fill["quantity"])
        if abs(held[int(fill["symbol"])]) > abs(before):  # it added: the account was within the limit at this close
            assert gross[fill["bar"]] <= limit * equity[fill["bar"]] * (1 + 1e-9)


@many
@given(SEEDS)
def test_nobody_is_short_who_may_not_be(seed: int) -> None:
    case = random_case(seed, allow_short=False)
    position = np.zeros(case.shape[1])
    for fill in walk(case).all("fills"):
        position[fill["symbol"]] += fill["quantity"]
        assert position[fill["symbol"]] >= -1e-9


@many
@given(SEEDS, FILL, st.floats(0.0, 0.01), st.floats(0.0, 0.01))
def test_the_same_trades_leave_less_when_they_cost_more(seed: int, fill: str, low: float, high: float) -> None:
    low, high = sorted((low, high))
    case = random_case(seed, fill=fill, fee=0.0, max_drawdown=1.0, may_add=np.ones(120, np.bool_), band=0.0)
    # A share so small that no cost can change a size through the limits, and lots that cut equal sizes.
    case = case.with_(signed=np.sign(case.signed) * 1e-3, lot=0.01, min_order=0.0, cash=1e5, max_gross=1.0)
    cheap, dear = (walk(case.with_(fee=fee)) for fee in (low, high))
    assume(np.array_equal(cheap.all("fills")["quantity"], dear.all("fills")["quantity"]))
    assert np.all(dear.equity <= cheap.equity + 1e-9)
    assert dear.book[FEES] >= cheap.book[FEES]


@many
@given(SEEDS)
def test_costs_are_the_fees_and_what_fills_were_worse_than_their_prices(seed: int) -> None:
    walked = walk(random_case(seed, fee=0.001, slippage=0.002))
    fills = walked.all("fills")
    value = np.abs(fills["quantity"]) * fills["price"]
    np.testing.assert_allclose(walked.book[FEES], fills["fee"].sum(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(walked.book[TRADED], value.sum(), rtol=1e-9, atol=1e-9)
    assert walked.book[COST] >= walked.book[FEES] - 1e-9


@many
@given(SEEDS, FILL, st.sampled_from([0.0, 0.05]), st.sampled_from([0.0, 0.08]), st.sampled_from([0, 7]))
def test_a_short_in_the_mirror_earns_what_the_long_does(
    seed: int, fill: str, stop: float, take: float, horizon: int
) -> None:
    rng = np.random.default_rng(seed)
    close = np.clip(100 + np.cumsum(rng.normal(0, 2, 60)), 20, 180)
    opens = np.clip(close + rng.normal(0, 1, 60), 20, 180)
    close[:2] = opens[:2] = 100.0  # sized and entered at the axis of the mirror
    high = np.maximum(opens, close) + np.abs(rng.normal(0, 1, 60))
    low = np.minimum(opens, close) - np.abs(rng.normal(0, 1, 60))
    rules = {"fill": fill, "stop": stop, "take_profit": take, "horizon": horizon, "fee_per_unit": 0.01}
    rules |= {"fee_per_order": 0.5, "allow_short": True}
    long = hand([0.4] * 60, close, open_=opens, high=high, low=low, **rules)
    short = hand([-0.4] * 60, 200 - close, open_=200 - opens, high=200 - low, low=200 - high, **rules)
    np.testing.assert_allclose(walk(long).equity, walk(short).equity, rtol=1e-9)


@many
@given(SEEDS)
def test_a_halted_account_closes_everything_and_never_opens_again(seed: int) -> None:
    case = random_case(seed, max_drawdown=0.1, max_gross=2.5, max_weight=1.0, min_order=0.0)
    walked = walk(case)
    assume(walked.book[HALTED] == 1.0)
    peaks = np.maximum.accumulate(np.append(case.execution.cash, walked.equity))[1:]
    fills = walked.all("fills")
    orders = walked.all("orders")
    last = REASONS.index("drawdown")
    halts = orders["bar"][orders["reason"] == last]
    below = np.flatnonzero(walked.equity <= peaks * 0.9)
    if case.execution.fill != "same_close":  # there the curve shows the account after it has sold
        assert not len(halts) or below[0] == halts[0]
    if len(halts):
        after = orders["bar"] > halts[0]
        assert not (orders["reason"][after] == 0).any()
        held = np.zeros(case.shape[1])
        for fill in fills:
            before = held[fill["symbol"]]
            held[fill["symbol"]] += fill["quantity"]
            if fill["bar"] > halts[0]:
                assert abs(held[fill["symbol"]]) <= abs(before) + 1e-9


@many
@given(SEEDS, st.sampled_from([1.0, 0.1, 7.0]))
def test_positions_are_whole_lots(seed: int, lot: float) -> None:
    case = random_case(seed, lot=lot)
    held = np.zeros(case.shape[1])
    for fill in walk(case).all("fills"):
        held[fill["symbol"]] += fill["quantity"]
        lots = held[fill["symbol"]] / lot
        assert abs(lots - round(lots)) < 1e-6


def test_equity_is_marked_when_the_last_position_closes() -> None:
    walked = walk(hand([1, 0, 0, 0], [100, 100, 100, 100], open_=[100, 100, 50, 100]))
    np.testing.assert_allclose(walked.curve[2], [500.0, 500.0, 0.0, 0.0], rtol=1e-9)
