"""The ledger's rules, one by one, on cases small enough to work out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attrs import evolve
from ledger_cases import Case, hand, market, walk

from darwin_core.ledger import REASONS

NAN = float("nan")


def fills(case: Case) -> list[tuple[Any, ...]]:
    """Return (bar, symbol, quantity, price, reason) of the fills, rounded to what a person would write."""
    rows = walk(case).all("fills")
    return [
        (
            int(f["bar"]),
            int(f["symbol"]),
            round(float(f["quantity"]), 6),
            round(float(f["price"]), 6),
            REASONS[f["reason"]],
        )
        for f in rows
    ]


def flat(n: int) -> list[float]:
    return [100.0] * n


@pytest.mark.parametrize(
    ("fill", "bar", "price"), [("next_open", 1, 101.0), ("next_close", 1, 102.0), ("same_close", 0, 100.0)]
)
def test_an_order_is_filled_as_the_deployment_says(fill: str, bar: int, price: float) -> None:
    case = hand([0.5, 0.5, 0.5], [100, 102, 104], open_=[99, 101, 103], fill=fill)
    assert fills(case) == [(bar, 0, 5.0, price, "target")]


def test_an_unchanged_target_is_not_rebalanced() -> None:
    assert len(fills(hand([0.5] * 4, [100, 200, 50, 300]))) == 1


def test_a_position_that_drifts_out_of_its_band_is_rebalanced() -> None:
    close = [100, 100, 140, 140, 140]
    found = fills(hand([0.5] * 5, close, open_=[*flat(3), 140, 140], band=0.05))
    assert [f[0] for f in found] == [1, 3]
    assert found[1][2] == pytest.approx(0.5 * 1200 / 140 - 5, abs=1e-6)


def test_an_opening_gap_cuts_a_purchase_to_the_cash_there_is() -> None:
    walked = walk(hand([1, 1], [100, 110], open_=[100, 110]))
    assert walked.all("fills")["quantity"][0] == pytest.approx(1000 / 110)
    assert 0.0 <= walked.curve[-1, 1] < 1e-6


def test_a_purchase_leaves_room_for_its_own_costs() -> None:
    walked = walk(hand([1, 1], flat(2), fee=0.01, fee_per_unit=0.5, fee_per_order=2.0, slippage=0.005, spread=0.01))
    fill = walked.all("fills")[0]
    assert fill["price"] == pytest.approx(101.0)
    assert fill["quantity"] == pytest.approx(998 / (101 * 1.01 + 0.5))
    assert fill["fee"] == pytest.approx(fill["quantity"] * (101 * 0.01 + 0.5) + 2)
    assert 0.0 <= walked.curve[-1, 1] < 1e-6


def test_sales_pay_half_the_spread_and_the_slippage_too() -> None:
    found = fills(hand([0.5, 0, 0], flat(3), slippage=0.005, spread=0.01))
    assert [f[3] for f in found] == [101.0, 99.0]


def test_sales_come_before_purchases_whatever_the_order_of_symbols() -> None:
    case = hand([[0, 1], [1, 0], [1, 0]], [[100, 50]] * 3)
    assert [(f[0], f[1]) for f in fills(case)] == [(1, 1), (2, 1), (2, 0)]
    assert walk(case).curve[-1, 2] == pytest.approx(1000.0)


def test_what_turns_round_comes_between_what_reduces_and_what_opens() -> None:
    signed = [[0.0, 0.4, 0.4], [0.2, -0.4, 0.0], [0.2, -0.4, 0.0]]
    found = fills(hand(signed, [[100, 100, 100]] * 3, allow_short=True))
    assert [f[1] for f in found if f[0] == 2] == [2, 1, 0]


def test_a_position_turns_round_in_one_order() -> None:
    found = fills(hand([0.5, -0.5, -0.5], flat(3), allow_short=True))
    assert [f[2] for f in found] == [5.0, -10.0]


def test_who_may_not_be_short_is_flat_instead() -> None:
    assert [f[2] for f in fills(hand([0.5, -0.5, -0.5], flat(3)))] == [5.0, -5.0]


def test_a_target_is_cut_to_the_largest_weight() -> None:
    assert fills(hand([0.9, 0.9], flat(2), max_weight=0.3)) == [(1, 0, 3.0, 100.0, "target")]


def test_targets_share_what_the_gross_limit_allows() -> None:
    found = fills(hand([[1, 1], [1, 1]], [[100, 50]] * 2))
    assert [f[2] for f in found] == [5.0, 10.0]


def test_a_newcomer_makes_the_others_smaller() -> None:
    found = fills(hand([[1, 0], [1, 1], [1, 1], [0, 1], [0, 1]], [[100, 50]] * 5))
    assert [(f[0], f[1], f[2]) for f in found] == [
        (1, 0, 10.0), (2, 0, -5.0), (2, 1, 10.0), (4, 0, -5.0), (4, 1, 10.0),
    ]  # fmt: skip


def test_a_stopped_symbol_is_not_entered_again_because_another_target_changed() -> None:
    low = [[100, 50], [100, 50], [80, 50], [100, 50], [100, 50]]
    signed = [[1, 0.5], [1, 0.5], [1, 0.5], [1, 0], [1, 0]]
    found = fills(hand(signed, [[100, 50]] * 5, low=low, stop=0.1))
    assert [f[1] for f in found if f[0] > 2] == [1]


def test_lots_are_rounded_towards_nothing_and_bought_only_whole() -> None:
    assert fills(hand([0.5, 0.5], flat(2), lot=2.0)) == [(1, 0, 4.0, 100.0, "target")]
    assert fills(hand([1.0, 1.0], [100, 110], lot=1.0)) == [(1, 0, 9.0, 110.0, "target")]


def test_lots_of_a_tenth_are_not_lost_to_rounding() -> None:
    assert fills(hand([0.3, 0.3], [1000, 1000], lot=0.1, cash=1000.0)) == [(1, 0, 0.3, 1000.0, "target")]


def test_small_orders_are_not_sent_but_closing_ones_are() -> None:
    assert fills(hand([0.5, 0.54, 0.0, 0.0], flat(4), min_order=50.0)) == [
        (1, 0, 5.0, 100.0, "target"), (3, 0, -5.0, 100.0, "target"),
    ]  # fmt: skip
    assert fills(hand([0.04, 0.0, 0.0], flat(3), min_order=50.0)) == []


# Exits.


@pytest.mark.parametrize(("low", "open_", "price"), [(94, 99, 95.0), (90, 92, 92.0), (95, 97, 95.0), (95.01, 97, None)])
def test_a_stop_fills_at_its_level_or_at_the_open_beyond_it(low: float, open_: float, price: float | None) -> None:
    case = hand([0.5] * 4, [100, 100, 99, 99], open_=[100, 100, open_, 99], low=[100, 100, low, 99], stop=0.05)
    expected = [] if price is None else [(2, 0, -5.0, price, "stop")]
    assert fills(case)[1:] == expected


@pytest.mark.parametrize(("high", "open_", "price"), [(106, 101, 105.0), (112, 110, 110.0), (104.99, 101, None)])
def test_a_take_profit_fills_at_its_level_or_at_the_open_beyond_it(
    high: float, open_: float, price: float | None
) -> None:
    case = hand([0.5] * 4, [100, 100, 101, 101], open_=[100, 100, open_, 101], high=[100, 100, high, 101])
    expected = [] if price is None else [(2, 0, -5.0, price, "take_profit")]
    assert fills(case.with_(take_profit=0.05))[1:] == expected


def test_when_a_bar_touches_both_the_stop_counts() -> None:
    case = hand([0.5] * 3, flat(3), high=[100, 100, 110], low=[100, 100, 90], stop=0.05, take_profit=0.05)
    assert fills(case)[1] == (2, 0, -5.0, 95.0, "stop")


def test_a_gap_to_the_take_profit_comes_before_the_stop_of_the_same_bar() -> None:
    case = hand([0.5] * 3, flat(3), open_=[100, 100, 107], high=[100, 100, 108], low=[100, 100, 90])
    assert fills(case.with_(stop=0.05, take_profit=0.05))[1] == (2, 0, -5.0, 107.0, "take_profit")


def test_a_stop_slips_and_a_take_profit_does_not() -> None:
    stopped = hand([0.5] * 3, flat(3), low=[100, 100, 90], stop=0.05, slippage=0.01)
    assert fills(stopped)[1][3] == pytest.approx(101 * 0.95 * 0.99)
    taken = hand([0.5] * 3, flat(3), high=[100, 100, 120], take_profit=0.05, slippage=0.01)
    assert fills(taken)[1][3] == pytest.approx(101 * 1.05)


def test_exits_of_a_short_lie_on_the_other_side() -> None:
    short = hand([-0.5] * 3, flat(3), high=[100, 100, 120], allow_short=True, stop=0.05)
    assert fills(short)[1] == (2, 0, 5.0, 105.0, "stop")
    short = hand([-0.5] * 3, flat(3), low=[100, 100, 80], allow_short=True, take_profit=0.05)
    assert fills(short)[1] == (2, 0, 5.0, 95.0, "take_profit")


def test_the_bar_of_an_entry_at_the_open_may_already_stop_it() -> None:
    assert fills(hand([0.5] * 3, flat(3), low=[100, 90, 100], stop=0.05))[1] == (1, 0, -5.0, 95.0, "stop")


@pytest.mark.parametrize(("fill", "bar"), [("next_close", 1), ("same_close", 0)])
def test_the_range_before_an_entry_at_the_close_does_not_stop_it(fill: str, bar: int) -> None:
    low, high = flat(4), flat(4)
    low[bar], high[bar] = 90, 110
    case = hand([0.5] * 4, flat(4), low=low, high=high, stop=0.05, take_profit=0.05)
    assert [f[0] for f in fills(case.with_(fill=fill))] == [bar]


def test_a_stop_during_the_bar_comes_before_a_sale_at_its_close() -> None:
    case = hand([0.5, 0.5, 0, 0], flat(4), low=[100, 100, 100, 90], stop=0.05, fill="next_close")
    assert fills(case) == [(1, 0, 5.0, 100.0, "target"), (3, 0, -5.0, 95.0, "stop")]


def test_a_stop_leaves_of_an_order_that_turns_round_what_opens_the_other_side() -> None:
    case = hand(
        [0.5, 0.5, -0.5, -0.5], flat(4), low=[100, 100, 100, 90], stop=0.05, fill="next_close", allow_short=True
    )
    assert [f[2:] for f in fills(case)[1:]] == [(-5.0, 95.0, "stop"), (-5.0, 100.0, "target")]


def test_a_stop_drops_an_order_that_would_add_to_what_it_closed() -> None:
    case = hand([0.3, 0.3, 0.6, 0.6, 0.6], flat(5), low=[100, 100, 100, 90, 100], stop=0.05, fill="next_close")
    assert [f[2] for f in fills(case)] == [3.0, -3.0]


def test_on_close_only_panels_exits_are_looked_at_on_the_close_and_fill_like_any_order() -> None:
    case = hand([0.5] * 5, [100, 100, 94, 93, 93], has_range=False, fill="next_close", stop=0.05)
    assert fills(case)[1:] == [(3, 0, -5.0, 93.0, "stop")]
    case = hand([0.5] * 5, [100, 106, 107, 93, 93], has_range=False, fill="same_close", take_profit=0.05)
    assert fills(case)[1:] == [(1, 0, -5.0, 106.0, "take_profit")]


@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_a_position_is_held_for_as_many_bars_as_its_horizon(fill: str, horizon: int) -> None:
    found = fills(hand([0.5] * 9, flat(9), fill=fill, horizon=horizon))
    assert [f[4] for f in found] == ["target", "horizon"]
    assert found[1][0] - found[0][0] == horizon


def test_bars_that_are_missing_do_not_age_a_position() -> None:
    close = [100, 100, NAN, 100, 100, 100]
    assert [f[0] for f in fills(hand([0.5] * 6, close, horizon=2))] == [1, 4]


def test_after_an_exit_only_a_new_candidate_or_a_new_target_enters_again() -> None:
    low = [100, 100, 90, 100, 100, 100, 100]
    case = hand([0.5] * 7, flat(7), low=low, stop=0.05)
    assert [f[0] for f in fills(case)] == [1, 2]
    again = case.candidate.copy()
    again[4] = True
    assert [f[0] for f in fills(case.with_(candidate=again))] == [1, 2, 5]
    new = hand([0.5] * 4 + [0.4] * 3, flat(7), low=low, stop=0.05)
    assert [f[0] for f in fills(new)] == [1, 2, 5]


def test_exits_come_with_the_fill_and_not_with_the_order() -> None:
    # The second order brings a closer stop; until it is filled, the first one's holds.
    case = hand([0.3, 0.6, 0.6, 0.6], flat(4), low=[100, 100, 96, 96], fill="next_close")
    stops = np.array([[0.1], [0.02], [0.0], [0.0]])
    assert [(f[0], f[2]) for f in fills(evolve(case, stop=stops))] == [(1, 3.0), (2, 3.0), (3, -6.0)]


def test_a_stop_of_its_own_takes_precedence_even_when_it_is_none() -> None:
    case = hand([0.5] * 3, flat(3), low=[100, 100, 50], stop=0.05)
    assert len(fills(evolve(case, stop=np.zeros((3, 1))))) == 1


def test_exits_of_an_earlier_block_hold_in_a_block_that_brings_none() -> None:
    case = evolve(hand([0.5] * 3, flat(3), low=[100, 100, 90]), stop=np.full((3, 1), 0.05))
    assert walk(case, cuts=(2,)).all("fills")["reason"].tolist() == [0, 1]


# Missing bars.


def test_an_order_waits_for_the_next_bar() -> None:
    assert fills(hand([0.5, 0.5, 0.5], [100, NAN, 102], open_=[100, NAN, 101])) == [(2, 0, 5.0, 101.0, "target")]


def test_a_position_without_a_bar_keeps_its_last_close_as_value() -> None:
    walked = walk(hand([1, 1, 1, 1], [100, 110, NAN, 120], open_=[100, 100, NAN, 120]))
    np.testing.assert_allclose(walked.equity, [1000, 1100, 1100, 1200], rtol=1e-9)


def test_a_target_that_changes_without_a_bar_is_ordered_at_the_next_one() -> None:
    found = fills(hand([0.5, 0.5, 0.0, 0.0, 0.0], [100, 100, NAN, 104, 105], open_=[100, 100, NAN, 103, 105]))
    assert [(f[0], f[3]) for f in found] == [(1, 100.0), (4, 105.0)]


def test_a_candidate_without_a_bar_is_not_forgotten() -> None:
    case = hand([0.5] * 7, [100, 100, 100, 100, NAN, 100, 100], low=[100, 100, 90, 100, NAN, 100, 100], stop=0.05)
    again = case.candidate.copy()
    again[4] = True
    assert [f[0] for f in fills(case.with_(candidate=again))] == [1, 2, 6]


# Monitors and the drawdown stop.


def test_what_a_monitor_does_not_allow_is_asked_again() -> None:
    case = hand([0.5] * 4, flat(4)).with_(may_add=np.array([False, False, True, True]))
    assert [f[0] for f in fills(case)] == [3]


def test_a_monitor_does_not_keep_anybody_from_selling() -> None:
    case = hand([0.5, 0.5, 0.2, 0.0, 0.0], flat(5)).with_(may_add=np.array([True, False, False, False, False]))
    assert [f[2] for f in fills(case)] == [5.0, -3.0, -2.0]


def test_a_monitor_lets_a_position_be_closed_but_not_turned_round() -> None:
    case = hand([0.5, -0.5, -0.5, -0.5, -0.5], flat(5), allow_short=True)
    found = fills(case.with_(may_add=np.array([True, False, False, True, True])))
    assert [(f[0], f[2]) for f in found] == [(1, 5.0), (2, -5.0), (4, -5.0)]


def test_a_drawdown_closes_all_and_halts() -> None:
    close = [[100, 100], [100, 100], [70, 100], [70, 100], [200, 100], [200, 100]]
    signed = [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.1, 0.9], [0.3, 0.2]]
    found = fills(hand(signed, close, max_drawdown=0.1))
    assert [(f[0], f[1], f[4]) for f in found] == [
        (1, 0, "target"), (1, 1, "target"), (3, 0, "drawdown"), (3, 1, "drawdown"),
    ]  # fmt: skip


def test_a_drawdown_is_measured_from_the_highest_close_and_includes_its_limit() -> None:
    close = [100, 100, 200, 180, 180]
    assert [f[0] for f in fills(hand([1.0] * 5, close, open_=close, max_drawdown=0.1 + 1e-9))] == [1]
    assert [f[0] for f in fills(hand([1.0] * 5, close, open_=close, max_drawdown=0.1 - 1e-9))] == [1, 4]


def test_a_halt_closes_a_symbol_without_a_bar_when_it_has_one() -> None:
    close = [[100, 100], [100, 100], [50, NAN], [50, NAN], [50, 90]]
    found = fills(hand([[0.5, 0.5]] * 5, close, max_drawdown=0.1))
    assert [(f[0], f[1]) for f in found[2:]] == [(3, 0), (4, 1)]


def test_an_account_that_has_lost_everything_is_halted() -> None:
    found = fills(hand([-1.0] * 5, [100, 100, 250, 250, 100], open_=[*flat(3), 250, 100], allow_short=True))
    assert [f[4] for f in found] == ["target", "drawdown"]


def test_all_symbols_at_random_leave_no_value_that_is_not_a_number() -> None:
    rng = np.random.default_rng(0)
    opens, high, low, close = market(rng, 50, 3, gaps=0.3)
    walked = walk(hand(rng.random((50, 3)), close, open_=opens, high=high, low=low, stop=0.02))
    assert np.isfinite(walked.curve).all()
