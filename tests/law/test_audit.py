"""How the audit finds out, what it says, and what it leaves alone."""

from __future__ import annotations

import re

import pytest

from darwin_core import engine
from darwin_core.errors import CausalityError, PluginError
from darwin_core.law.audit import Auditor

STRATEGY = """
class Mine:
    requires = ()
    lookback = {lookback}
    def propose(self, market):
        {body}

@hookimpl
def make_strategy(options):
    return Mine()
"""
COLUMN = """
class Mine:
    lookback = {lookback}
    def compute(self, bars):
        {body}

class Library:
    names = ("mine",)
    def column(self, name, arguments):
        return Mine()

@hookimpl
def make_features(options):
    return Library()
"""
MONITOR = """
class Mine:
    requires = ()
    lookback = 0
    limits = Limits()
    def allow(self, market):
        {body}

@hookimpl
def make_monitor(options):
    return Mine()
"""
AGENT = """
class Mine:
    when = "bar"
    requires = ("account.cash",)
    effect = "scale"
    baseline = 1.0
    calls = 0
    def decide(self, observation):
        {body}

@hookimpl
def make_agent(options):
    return Mine()
"""
WHEN = r"\d{4}-\d\d-\d\dT21:00:00"
NEXT_UP = (
    "c = market.bars.close; return Proposal(side=np.append(c[1:] > c[:-1], [[False] * c.shape[1]], 0), weight=0.2)"
)


def refusal(backtest, kind=CausalityError, **plugins) -> str:
    with pytest.raises(kind) as caught:
        backtest(**plugins)
    return str(caught.value)


def test_a_look_ahead_is_told_with_symbol_bar_and_both_values(backtest):
    said = refusal(backtest, strategy=STRATEGY.format(lookback=0, body=NEXT_UP))
    pattern = (
        rf"strategy './my_strategy.py' \(file ./my_strategy.py\): 'side' for [ABC] at ({WHEN}) is once [01] and once "
        rf"[01]: the first when the bars after ({WHEN}) are in the array, the second when they are not: it looks ahead"
    )
    found = re.fullmatch(pattern, said)
    assert found, said
    assert found[1] <= found[2]


def test_a_look_ahead_that_only_another_future_shows_is_told_so(backtest):
    # It falls back to the last price where there is no next one, and so says the same of a prefix.
    body = "c = market.bars.close; n = np.append(c[1:], c[-1:], 0); return Proposal(side=n > 1.3 * c, weight=0.2)"
    said = refusal(backtest, strategy=STRATEGY.format(lookback=0, body=body))
    assert "is once 0 and once 1: the first when the bars end at" in said
    assert "the second when prices double after that: it looks ahead" in said


def test_numbers_are_told_to_their_last_digit(backtest):
    said = refusal(backtest, column=COLUMN.format(lookback=0, body="return bars.close / np.nanmean(bars.close)"))
    first, second = re.search(r"is once (\S+) and once (\S+):", said).groups()
    assert "np.float64" not in said
    assert float(first) != float(second)
    assert repr(float(first)) == first


def test_a_column_for_all_symbols_is_told_as_such(backtest):
    said = refusal(backtest, column=COLUMN.format(lookback=0, body="return np.arange(len(bars)) / len(bars)"))
    assert "column 'mine' for all symbols at" in said


def test_a_difference_in_the_last_bit_is_a_difference(backtest):
    body = "c = np.nan_to_num(bars.close, nan=1.0); c[0] = np.nextafter(c[0], 1.0 + len(bars) % 2 * 1e9); return c"
    assert "looks ahead" in refusal(backtest, column=COLUMN.format(lookback=0, body=body))


def test_an_output_that_comes_and_goes_is_told(backtest):
    body = "c = market.bars.close; return Proposal(side=1, weight=0.2, stop=np.full(c.shape, 0.1) if len(c) > 600 else None)"
    said = refusal(backtest, strategy=STRATEGY.format(lookback=0, body=body))
    assert "'stop' for all symbols" in said
    assert "is once an array and once None" in said


def test_chance_is_told_from_a_look_ahead(backtest):
    body = "return Proposal(side=1, weight=np.random.default_rng().random(market.bars.close.shape))"
    said = refusal(backtest, strategy=STRATEGY.format(lookback=0, body=body))
    assert "'weight' for" in said
    assert "asked twice about the same bars" in said


def test_a_component_that_fails_on_a_prefix_is_told_with_the_bar(backtest):
    body = "assert len(market) > 800, 'too few'; return Proposal(side=1, weight=0.2)"
    said = refusal(backtest, PluginError, strategy=STRATEGY.format(lookback=0, body=body))
    assert "AssertionError: too few (my_strategy.py:" in said
    assert re.search(rf"so it does when the bars end at {WHEN}, as they do in live$", said)


def test_a_component_may_fail_on_a_future_that_never_came(backtest):
    body = "c = market.bars.close; r = c[1:] / c[:-1]; assert not (r > 1.9).any(); return Proposal(side=1, weight=0.2)"
    backtest(strategy=STRATEGY.format(lookback=0, body=body), audit="full")


def test_a_look_ahead_over_the_whole_tape_is_found(backtest):
    body = "c = np.nan_to_num(bars.close); return c - np.median(c, axis=0)"
    said = refusal(backtest, column=COLUMN.format(lookback="WHOLE_TAPE", body=body), run_='block = "month"')
    assert "looks ahead" in said


@pytest.mark.parametrize("wrong", [0, 1])
def test_of_two_monitors_the_wrong_one_is_named(backtest, wrong):
    good = MONITOR.format(body="return np.ones(len(market), bool)")
    bad = MONITOR.format(body="i = np.nanmean(market.bars.close, 1); return i <= np.nanquantile(i, 0.9)")
    said = refusal(backtest, monitors=(bad, good) if wrong == 0 else (good, bad))
    assert said.startswith(f"monitor './my_monitors{wrong}.py'")
    assert "'allow' for all symbols" in said


@pytest.mark.parametrize("block", ["week", "month", "quarter", "year", "whole"])
def test_it_is_found_whatever_the_blocks(backtest, block):
    strategy = STRATEGY.format(lookback=5, body=NEXT_UP)
    assert "looks ahead" in refusal(backtest, strategy=strategy, run_=f'block = "{block}"')


def test_blocks_of_one_bar_leave_no_future_to_look_at(backtest):
    backtest(strategy=STRATEGY.format(lookback=5, body=NEXT_UP), run_='block = "day"')


def test_a_latch_that_closed_in_an_earlier_block_is_found(backtest):
    body = "self.calls += 1; return np.full(len(observation), 0.5 if self.calls > 300 else 1.0)"
    said = refusal(backtest, agent=AGENT.format(body=body), run_='block = "quarter"\n', seed=2)
    assert "remembers past calls" in said


def test_without_an_audit_a_look_ahead_passes(backtest):
    assert backtest(strategy=STRATEGY.format(lookback=0, body=NEXT_UP), audit="off").audited == ()


def test_the_same_seed_finds_the_same_bar_and_another_seed_another(backtest):
    body = "c = market.bars.close; n = np.append(c[1:], c[-1:], 0); return Proposal(side=n > 1.3 * c, weight=0.2)"
    said = [refusal(backtest, strategy=STRATEGY.format(lookback=0, body=body), seed=seed) for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]


def test_the_run_is_asked_as_often_with_an_audit_as_without(backtest):
    strategy = STRATEGY.format(
        lookback=3, body="self.n = getattr(self, 'n', 0) + 1; return Proposal(side=1, weight=0.2)"
    )
    agent = AGENT.format(body="self.calls += 1; return np.ones(len(observation))")
    for audit in ("off", "cheap", "full"):
        line = backtest(strategy=strategy, agent=agent, audit=audit).line
        assert line.strategy.strategy.n == 2
        assert line.agents[0].agent.calls == 1500


def test_a_faulty_agent_costs_no_more_incidents_for_being_audited(backtest):
    agent = AGENT.format(body="raise RuntimeError('down')")
    off, full = (backtest(agent=agent, audit=audit) for audit in ("off", "full"))
    assert off.incidents == full.incidents
    assert off.incidents[0].count == 1500


def test_an_agent_may_answer_in_the_same_array_every_time(backtest):
    body = (
        "o = self.__dict__.setdefault('out', np.empty(9))[: len(observation)]; o[:] = observation.symbol % 2; return o"
    )
    for audit in ("cheap", "full"):
        backtest(agent=AGENT.format(body=body), audit=audit)


def test_every_component_is_audited_and_counted(backtest):
    result = backtest(
        column=COLUMN.format(lookback=0, body="return bars.close"),
        agent=AGENT.format(body="return np.ones(len(observation))"),
        monitors=(MONITOR.format(body="return np.ones(len(market), bool)"),),
    )
    names = [each.component for each in result.audited]
    assert [name.split()[0] for name in names] == ["column", "strategy", "monitor", "agent"]


def test_a_cheap_audit_asks_about_a_fraction_of_the_bars(backtest, monkeypatch):
    kept = []
    monkeypatch.setattr(engine, "Auditor", lambda line, blocks: kept.append(Auditor(line, blocks)) or kept[-1])
    for block in ("year", "decade", "whole"):
        for lookback in (20, 250, "WHOLE_TAPE"):
            column = COLUMN.format(lookback=lookback, body="return np.cumsum(bars.close, axis=0)")
            backtest(column=column, feed="bars = 60_000\ncount = 8", run_=f'block = "{block}"')
            subject = kept[-1]._columns["mine"]
            assert 0 < subject.spent < 2.5 * subject.budget  # a budget is a fifth of what the run asks about
            assert subject.asked <= 24
