"""Scanning a history and stepping through it are the same machine code: bit for bit the same result."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import NOTHING, hand, random_case, walk

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_scan_and_single_steps_give_the_same_bytes(seed: int) -> None:
    case = random_case(seed)
    assert walk(case).bytes() == walk(case, cuts=tuple(range(case.shape[0]))).bytes()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from(["next_open", "next_close", "same_close"]), st.sampled_from([0.05, 0.2, 1.0]))
def test_one_symbols_quiet_bars_and_single_steps_give_the_same_bytes(seed: int, fill: str, drawdown: float) -> None:
    case = random_case(
        seed, symbols=1, fill=fill, band=0.0, max_drawdown=drawdown, stop=0.0, take_profit=0.0, horizon=0
    )
    case = evolve(case, stop=NOTHING, take=NOTHING)
    assert walk(case).bytes() == walk(case, cuts=tuple(range(case.shape[0]))).bytes()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 120), max_size=12))
def test_any_cuts_give_the_same_bytes(seed: int, cuts: list[int]) -> None:
    case = random_case(seed)
    assert walk(case).bytes() == walk(case, cuts=tuple(cuts)).bytes()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(8, 30))
def test_small_buffers_give_the_same_bytes(seed: int, room: int) -> None:
    case = random_case(seed)
    assert walk(case).bytes() == walk(case, room=room).bytes()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 119))
def test_the_future_changes_nothing(seed: int, stop: int) -> None:
    case = random_case(seed)
    head = case.with_(
        **{
            name: getattr(case, name)[:stop]
            for name in ("open", "high", "low", "close", "signed", "candidate", "may_add", "confidence")
        }
    )
    whole, part = walk(case), walk(head)
    np.testing.assert_array_equal(whole.curve[:stop], part.curve)
    for name in ("orders", "fills"):
        rows = whole.all(name)
        assert rows[rows["bar"] < stop].tobytes() == part.all(name).tobytes()


def test_buffers_that_do_not_hold_one_bar_are_refused() -> None:
    with pytest.raises(ValueError, match="do not hold one bar"):
        walk(hand([0, 1], [1, 1]), room=1)


def test_no_bars_are_walked_at_once() -> None:
    case = hand([1], [1])
    empty = case.with_(
        **{name: getattr(case, name)[:0] for name in ("open", "high", "low", "close", "signed", "candidate", "may_add")}
    )
    assert len(walk(empty).curve) == 0
