"""Each trigger just before, at and beyond its limit, and what it asks for."""

from __future__ import annotations

from math import inf, nan

import attrs
import pytest

from darwin_core.live.safemode import VARIABLE, Finding, Manual, Snapshot, Triggers, judge

CALM = Snapshot(equity=100.0, highest=100.0, day_start=100.0)
NEVER = Triggers(drawdown=1.0, daily_loss=1.0)


def found(limits=None, **changes):
    return [(each.trigger, each.action) for each in judge(attrs.evolve(CALM, **changes), limits or Triggers())]


def test_a_calm_snapshot_asks_for_nothing():
    assert found() == []


@pytest.mark.parametrize(
    ("equity", "fired"), [(70.0001, []), (70.0, [("drawdown", "kill")]), (69.0, [("drawdown", "kill")])]
)
def test_a_drawdown_of_30_percent_kills(equity, fired):
    assert found(Triggers(daily_loss=1.0), equity=equity, day_start=equity) == fired


@pytest.mark.parametrize(
    ("equity", "fired"), [(85.0001, []), (85.0, [("daily_loss", "kill")]), (84.0, [("daily_loss", "kill")])]
)
def test_a_day_s_loss_of_15_percent_kills(equity, fired):
    assert found(Triggers(drawdown=1.0), equity=equity) == fired


def test_the_reason_says_how_much_was_lost_and_what_the_limit_is():
    (finding,) = judge(attrs.evolve(CALM, equity=80.0, highest=90.0), Triggers())
    assert finding.reason == "equity 80.00 is 20.00% below the day's start, 100.00 (the limit: 15.00%)"


@pytest.mark.parametrize("equity", [0.0, -5.0])
def test_an_account_that_is_lost_kills_even_on_the_day_after(equity):
    assert found(equity=equity, day_start=0.0) == [("drawdown", "kill"), ("daily_loss", "kill")]


@pytest.mark.parametrize("name", ["equity", "highest", "day_start"])
@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_equity_that_is_not_known_is_safe_mode(name, value):
    assert ("equity", "safe_mode") in found(**{name: value})


def test_equity_that_is_nan_sells_nothing():
    assert found(equity=nan) == [("equity", "safe_mode")]


@pytest.mark.parametrize(
    ("stage", "took", "fires"),
    [
        ("symbol", (250.1, 250.1, 250.1), True),
        ("symbol", (250.0, 250.1, 250.1), False),
        ("symbol", (250.1, 250.0, 250.1), False),
        ("symbol", (250.1, 250.1, 250.0), False),
        ("symbol", (250.1, 250.1), False),
        ("symbol", (1.0, 251.0, 251.0, 251.0), True),
        ("symbol", (251.0, 251.0, 251.0, 1.0), False),
        ("symbol", (nan, nan, inf), True),
        ("symbol", (), False),
        ("master", (300.0, 399.0, 400.0), False),
        ("master", (400.1, 400.1, 400.1), True),
    ],
)
def test_three_slow_intervals_in_a_row_are_safe_mode(stage, took, fires):
    assert found(latencies={stage: took}) == ([("latency", "safe_mode")] if fires else [])


@pytest.mark.parametrize(
    ("late", "fires"), [(0.0, False), (59.999, False), (60.0, False), (60.001, True), (inf, True), (nan, True)]
)
def test_overdue_data_is_safe_mode(late, fires):
    assert found(data_late_s=late) == ([("data", "safe_mode")] if fires else [])


def test_a_restricted_symbol_that_is_held_or_ordered_kills():
    limits = Triggers(restricted=("X", "Y"))
    assert found(limits, touched=frozenset({"A"})) == []
    assert found(limits, touched=frozenset({"A", "Y"})) == [("compliance", "kill")]


@pytest.mark.parametrize("action", ["safe_mode", "kill"])
def test_a_person_may_ask_for_either(action):
    snapshot = attrs.evolve(CALM, manual=Manual(action, "Ada", "I do not like it"))
    assert judge(snapshot, Triggers()) == (Finding("manual", action, "I do not like it (Ada)"),)


@pytest.mark.parametrize(
    ("value", "off"),
    [("1", True), ("true", True), ("YES", True), ("2", True), ("what", True), ("", False), ("0", False), (" 0 ", False), ("False", False), ("no", False), ("off", False)],
)  # fmt: skip
def test_the_variable_switches_agents_off_unless_it_clearly_says_no(value, off):
    assert found(environment={VARIABLE: value}) == ([("environment", "agents_off")] if off else [])
    assert VARIABLE == "DARWIN_RL_DISABLED"


def test_what_is_gravest_comes_first():
    everything = found(
        equity=50.0, data_late_s=1e9, environment={VARIABLE: "1"}, latencies={"master": (1e9,) * 3},
        touched=frozenset({"X"}), limits=Triggers(restricted=("X",)),
    )  # fmt: skip
    assert [action for _, action in everything] == ["kill"] * 3 + ["safe_mode"] * 2 + ["agents_off"]


def test_what_a_trigger_does_can_be_set():
    limits = Triggers(on_drawdown="safe_mode", on_daily_loss="safe_mode", on_data="kill", on_latency="kill")
    assert {action for name, action in found(limits, equity=1.0) if name in ("drawdown", "daily_loss")} == {"safe_mode"}
    assert found(limits, data_late_s=99.0, latencies={"symbol": (999.0,) * 3}) == [
        ("latency", "kill"),
        ("data", "kill"),
    ]
