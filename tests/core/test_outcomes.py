"""A candidate's outcome is what the ledger makes of it when it is taken, and is known for skipped ones too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from darwin_core import Bars, PluginError, Proposal, config, engine, stats
from darwin_core.assembly import Line, StrategyPart
from darwin_core.outcomes import EXIT_REASONS, UNRESOLVED, Outcomes, r_multiples, returns
from darwin_core.plugins import Owner
from darwin_core.source import Source
from darwin_core.types import Limits

DAY = 86_400 * 10**9


class Walk:
    """A random walk of a few symbols, with gaps."""

    timezone, interval = "UTC", DAY

    def __init__(self, seed: int, *, has_range: bool, bars: int = 400, symbols: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.symbols = tuple("ABCDEFGH"[:symbols])
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (bars, symbols)), axis=0))
        open_ = close * np.exp(rng.normal(0, 0.01, close.shape))
        high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.01, close.shape)))
        low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.01, close.shape)))
        gaps = rng.random(close.shape) < 0.03
        self.arrays = {"open": open_, "high": high, "low": low, "close": close} if has_range else {"close": close}
        for array in self.arrays.values():
            array[gaps] = np.nan
            array.flags.writeable = False
        self.fields = tuple(self.arrays)
        self._time = (np.arange(bars) * DAY + 10**18).astype(np.int64)

    def times(self) -> np.ndarray:
        return self._time

    def read(self, start: int, stop: int) -> Bars:
        return Bars(self._time[start:stop], self.symbols, {k: v[start:stop] for k, v in self.arrays.items()})

    def fingerprint(self) -> str:
        return "walk"

    def findings(self) -> tuple[str, ...]:
        return ()


class Coins:
    """Takes a side by the bits of the price, and keeps it for some bars."""

    requires: tuple[str, ...] = ()
    lookback = 0

    def propose(self, market: object) -> Proposal:
        close = market.bars.close  # type: ignore[attr-defined]
        bits = np.floor(np.nan_to_num(close, nan=1.0) / 3).astype(np.int64) % 3
        return Proposal(side=bits - 1, weight=0.01)


def line(seed: int, text: str, *, has_range: bool) -> Line:
    source = Source.parse('[feed]\nuse = "x"\n[strategy]\nuse = "y"\n' + text, Path("d.toml"))
    settings = config.settings(source, {})
    owner = Owner("strategy", "coins", "test")
    limits = Limits(1.0, 100.0, 1.0, allow_short=True)
    return Line(settings, Walk(seed, has_range=has_range), (), StrategyPart(Coins(), owner), (), (), limits)


EXITS = "[exits]\nstop = 0.04\ntake_profit = 0.06\nhorizon = 9\n"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize("has_range", [True, False])
@pytest.mark.parametrize("exits", ["", EXITS])
def test_a_taken_candidate_ends_as_its_trade_does(seed: int, fill: str, has_range: bool, exits: str) -> None:
    if fill == "next_open" and not has_range:
        return
    text = f'[execution]\nfill = "{fill}"\nfee = 0.001\nslippage = 0.0005\n{exits}'
    outcomes = Outcomes()
    result = engine.run(line(seed, text, has_range=has_range), watchers=[outcomes])
    rows = outcomes.all()
    trades = stats.round_trips(result.fills, 3)
    ends = {(t["symbol"], t["entry_bar"], t["side"]): t for t in trades}
    resolved = rows[rows["reason"] != UNRESOLVED]
    matched = 0
    for row, gain in zip(resolved, returns(resolved, 0.001), strict=True):
        trade = ends.get((row["symbol"], row["entry_bar"], row["side"]))
        if trade is None:
            continue
        matched += 1
        assert row["exit_bar"] == trade["exit_bar"], (row, trade)
        assert row["exit_price"] == pytest.approx(trade["exit_price"], rel=1e-12)
        value = trade["quantity"] * trade["entry_price"]
        assert gain == pytest.approx(trade["profit"] / value, rel=1e-9, abs=1e-12)
    assert matched > 0.9 * len(resolved) > 20


def test_outcomes_do_not_depend_on_how_history_is_cut() -> None:
    whole = []
    for block in ("whole", "month"):
        outcomes = Outcomes()
        engine.run(line(1, EXITS + f'[run]\nblock = "{block}"\n', has_range=True), watchers=[outcomes])
        whole.append(outcomes.all())
    for name in whole[0].dtype.names:
        np.testing.assert_array_equal(whole[0][name], whole[1][name])


def test_an_r_multiple_is_the_return_in_stops() -> None:
    outcomes = Outcomes()
    engine.run(line(2, EXITS, has_range=True), watchers=[outcomes])
    rows = outcomes.all()
    known = rows["reason"] != UNRESOLVED
    np.testing.assert_allclose(r_multiples(rows, 0.0)[known] * 0.04, returns(rows, 0.0)[known])
    assert {EXIT_REASONS[code] for code in rows["reason"][known]} >= {"stop", "take_profit", "horizon", "signal"}
    assert np.isnan(returns(rows, 0.0)[~known]).all()


@pytest.mark.parametrize(
    ("proposal", "message"),
    [
        (lambda close: Proposal(np.where(np.isnan(close), np.nan, 1.0)), "side is nan for"),
        (lambda close: Proposal(np.full(close.shape, 0.7)), "side is 0.7 for A at"),
        (lambda close: Proposal(np.full(close.shape, 3)), "side is 3 for A at"),
        (lambda close: Proposal(1, -0.5), "weight is -0.5 for A at"),
        (lambda close: Proposal(1, np.full(close.shape, np.nan)), "weight is nan for A at"),
        (lambda close: Proposal(1, 0.1, 1.5), "confidence is 1.5"),
        (lambda close: Proposal(1, 0.1, 1.0, stop=np.full(close.shape, -0.1)), "stop is -0.1 for A at"),
        (lambda close: Proposal(np.ones((3, 7))), r"side has shape \(3, 7\), not"),
        (lambda close: None, "propose must return a Proposal, not NoneType"),
        (lambda close: Proposal(close.__setitem__((0, 0), 1.0)), "it changed its input"),
    ],
)
def test_a_proposal_that_makes_no_sense_fails_the_run_in_words(proposal: Callable[..., Any], message: str) -> None:
    made = line(1, "", has_range=True)
    strategy = type("Odd", (Coins,), {"propose": lambda self, market: proposal(market.bars.close)})()
    with pytest.raises(PluginError, match=message):
        engine.run(attrs.evolve(made, strategy=StrategyPart(strategy, made.strategy.owner)))
