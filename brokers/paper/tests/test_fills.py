"""A clean run fills as a backtest does, bit for bit."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_cases import connected, sent_by, walked

from darwin_core import Market, assembly, config, engine, ledger

PLUGIN = """
import attrs
import numpy as np
from darwin_core import Bars, Proposal, hookimpl
from darwin_core.testing import BarsFeed, daily_bars, lend

@attrs.frozen
class Wild:
    turn: float
    own_exits: bool = False
    requires = ()
    lookback = 0

    def propose(self, market):
        close = np.nan_to_num(market.bars.close, nan=1.0)
        wave = np.sin(close * self.turn)
        exits = {"stop": 0.01 + 0.02 * wave**2, "take_profit": 0.01 + 0.03 * np.cos(close) ** 2} if self.own_exits else {}
        return Proposal(np.where(wave > 0.4, 1, np.where(wave < -0.4, -1, 0)), 0.1 + 0.5 * wave**2, **exits)

@hookimpl
def make_strategy(options):
    return options.into(Wild)

@hookimpl
def make_feed(options):
    bars = daily_bars(120)
    fields = {name: bars.fields[name] for name in options.table["fields"]}
    return BarsFeed(lend(Bars(bars.time, bars.symbols, fields, {}, bars.timezone)))
"""
FIELDS = {
    "range": ("open", "high", "low", "close", "volume"),
    "open and close": ("open", "close"),
    "close": ("close",),
}


cases = st.fixed_dictionaries(
    {
        "turn": st.floats(0.1, 50.0),
        "own_exits": st.booleans(),
        "fields": st.sampled_from(list(FIELDS.values())),
        "fill": st.sampled_from(["next_open", "next_close"]),
        "costs": st.sampled_from(
            ["", "fee = 0.001\nslippage = 0.0005", "fee_per_order = 1.0\nfee_per_unit = 0.01\nspread = 0.001"]
        ),
        "lot": st.sampled_from([0.0, 1.0]),
        "band": st.sampled_from([0.0, 0.02]),
        "exits": st.sampled_from(["", "stop = 0.02\ntake_profit = 0.03", "stop = 0.01\nhorizon = 5"]),
        "gross": st.sampled_from([0.5, 1.0, 2.0]),
        "short": st.booleans(),
    }
).filter(lambda case: case["fill"] == "next_close" or "open" in case["fields"])


def backtest(folder, case):
    (folder / "wild.py").write_text(PLUGIN)
    path = folder / "darwin.toml"
    path.write_text(
        f"""[feed]
use = "./wild.py"
fields = {list(case["fields"])}
[strategy]
use = "./wild.py"
turn = {case["turn"]!r}
own_exits = {str(case["own_exits"]).lower()}
[execution]
fill = "{case["fill"]}"
lot = {case["lot"]}
band = {case["band"]}
{case["costs"]}
[exits]
{case["exits"]}
[safety]
max_gross = {case["gross"]}
max_weight = 0.6
max_drawdown = 1.0
allow_short = {str(case["short"]).lower()}
[run]
audit = "off"
"""
    )
    return engine.run(assembly.assemble(config.load(path)))


def paper(folder, result):
    """Walk the orders of a backtest through the paper broker; return its fills, exits and account."""
    line = result.line
    bars = line.feed.read(0, len(result.time))
    own = line.settings.exits
    proposal = line.strategy.strategy.propose(Market(bars, {}))

    def terms(t, s):
        if proposal.stop is not None:
            return float(proposal.stop[t, s]), float(proposal.take_profit[t, s])
        return own.stop, own.take_profit

    has_range = {"open", "high", "low"} <= set(line.feed.fields)
    rules = ledger.rules(
        line.settings.execution,
        line.settings.exits,
        line.limits,
        has_range=has_range,
        own_stops=proposal.stop is not None,
    )

    async def inside():
        async with connected(
            folder, symbols=result.symbols, fields=line.feed.fields, rules=rules, cash=line.settings.execution.cash
        ) as broker:
            await walked(broker, bars, sent_by(result, terms))
            fills = (await broker.fills_since(""))[0]
            reports = {fill.client_id: await broker.order(fill.client_id) for fill in fills}
            return fills, reports, await broker.account(), broker._account.positions.copy()

    return asyncio.run(inside())


def check_same(result, found):
    fills, reports, account, positions = found
    names = {symbol: s for s, symbol in enumerate(result.symbols)}
    got = [(names[fill.symbol], fill.quantity, fill.price, fill.fee, fill.time) for fill in fills]
    rows = result.fills
    want = zip(
        *(rows[name].tolist() for name in ("symbol", "quantity", "price", "fee")),
        result.time[rows["bar"]].tolist(),
        strict=True,
    )
    assert got == list(want)
    assert (account.cash, account.equity) == (result.book[ledger.CASH], result.book[ledger.EQUITY])
    np.testing.assert_array_equal(positions, ledger.split(result.slots)[0]["position"])
    if {"open", "high", "low"} <= set(result.line.feed.fields):
        legs = [reports[fill.client_id].leg for fill in fills]
        expected = [ledger.REASONS[reason] if reason in (1, 2) else "target" for reason in rows["reason"]]
        assert legs == expected
    for fill in fills:
        report = reports[fill.client_id]
        assert report.status in ("filled", "cancelled")
        assert report.filled == fill.quantity


@settings(max_examples=25)
@given(case=cases)
def test_a_backtest_and_the_same_orders_on_paper_give_the_same_fills(tmp_path_factory, case):
    folder = tmp_path_factory.mktemp("case")
    result = backtest(folder, case)
    check_same(result, paper(folder / "paper", result))


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_the_cases_meet_exits_cuts_and_missing_bars(tmp_path, fill):
    case = {
        "turn": 7.0,
        "own_exits": True,
        "fields": FIELDS["range"],
        "fill": fill,
        "costs": "fee = 0.001",
        "lot": 0.0,
        "band": 0.02,
        "exits": "horizon = 2",
        "gross": 1.0,
        "short": True,
    }
    result = backtest(tmp_path, case)
    found = paper(tmp_path / "paper", result)
    check_same(result, found)
    reasons = result.fills["reason"].tolist()
    assert min(reasons.count(reason) for reason in (0, 1, 2, 3)) > 1
    reports = found[1].values()
    assert any(report.status == "cancelled" and "gross limit" in report.text for report in reports)
    waited = result.fills["bar"] - result.orders["bar"][result.fills["order"]]
    assert waited.max() > 1
