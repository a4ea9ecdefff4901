from __future__ import annotations

import math
from io import StringIO

import pytest
from attrs import evolve
from live_samples import MINUTE, NOW, holding, usual
from rich.console import Console

from darwin_core.live.latency import Stages
from darwin_core.live.status import AgentLine, AlertLine, ControlLine, OrderLine
from darwin_core.screen.live import plain, render

SIZES = [(80, 24), (200, 60)]
both = pytest.mark.parametrize("size", SIZES)


def drawn(status, size=(80, 24)):
    out = StringIO()
    Console(file=out, width=size[0], height=size[1], highlight=False).print(render(status, *size), end="")
    return out.getvalue()


def row(text, word):
    return next(line for line in text.split("\n") if word in line)


@both
@pytest.mark.parametrize("state", ["starting", "trading", "halted", "safe mode", "killed", "stopping", "ended"])
def test_the_state_is_a_word_in_the_first_line_and_its_reason_stands_below(size, state):
    first, second, *_ = drawn(usual(state=state, why="drawdown is 31.20 %"), size).split("\n")
    assert first.rstrip().endswith(state.upper())
    assert "golden-cross" in first
    assert "replay" in first
    assert second.strip() == "drawdown is 31.20 %"


def test_a_long_reason_has_two_lines():
    why = "equity 701,000.00 is 31.20 % below its highest, 1,019,000.00 (the limit: 30.00 %), and then something"
    _, second, third, *_ = drawn(usual(why=why)).split("\n")
    assert f"{second.strip()} {third.strip()}" == why


@both
def test_clock_progress_and_money_are_shown(size):
    text = drawn(usual(), size)
    for words in ("2015-06-01 14:31:05 UTC", "12,345 of 98,000 12.6 %", "last bar 14:31:00"):
        assert words in text
    for words in ("Equity 1,023,442", "day +0.33 %", "drawdown 0.73 %", "gross 118 %", "net 61 %"):
        assert words in text
    assert "+2.34 % in 300 bars" in text


@both
def test_figures_that_nobody_knows_are_dashes(size):
    nothing = dict.fromkeys(("equity", "cash", "peak", "day_start", "gross", "net"), math.nan)
    text = drawn(usual(**nothing, curve=(math.nan, math.inf), bars_total=0, now=0, last_bar=0), size)
    assert "nan" not in text.lower()
    for words in ("Equity -", "day -", "drawdown -", "gross -", "no equity yet", "- UTC"):
        assert words in text


@both
def test_positions_stand_in_order_of_their_size_and_unknown_ones_first(size):
    values = (5.0, -7_000.0, 900.0, math.nan)
    text = drawn(usual(holdings=tuple(holding(n, value) for n, value in enumerate(values)), orders=()), size)
    places = [text.index(f"SYM00{number}") for number in (3, 1, 2, 0)]
    assert places == sorted(places)
    assert "-7,000" in text


@both
def test_agents_have_mode_decisions_agreement_fallbacks_and_circuit(size):
    text = drawn(usual(), size)
    for name, words in {
        "gate": ("active", "12,345", "98 %", " 3 ", "closed"),
        "meta_l": ("canary", "811", "71 %", " 17 ", "half-open"),
        "master  ": ("observe", "41", " - ", "OPEN"),
    }.items():
        assert all(word in row(text, name) for word in words)


def test_of_many_agents_the_ones_in_trouble_are_shown():
    calm = [AgentLine(f"calm{n}", "active", "closed", 1, 1, 0, 1.0, "") for n in range(40)]
    agents = (*calm, AgentLine("ill", "active", "open", 1, 0, 1, 0.0, ""))
    text = drawn(usual(agents=agents))
    assert "OPEN" in row(text, " ill ")
    assert "calm0" in text


@both
def test_a_stage_over_its_alert_says_so(size):
    text = drawn(usual(), size)
    assert "SLOW" in row(text, "411")
    assert "SLOW" not in row(text, "symbol  ")
    assert "SLOW" not in row(text, "features")


@both
def test_latencies_that_were_measured_are_shown_and_an_answer_that_never_came_is(size):
    stages = Stages()
    for _ in range(3):
        stages.add("symbol", 0.05)
        stages.add("master", math.nan)
    text = drawn(usual(stages=stages.lines(), agents=()), size)
    assert "SLOW" in row(text, "never")
    assert "50." in row(text, "symbol  ") or "49." in row(text, "symbol  ")


@both
def test_late_data_is_told_with_its_symbols_and_how_many_more(size):
    late = tuple(f"LATE{number:02}" for number in range(40))
    line = row(drawn(usual(feed_late_s=312.0, late=late), size), "Feed")
    assert "5.2 min late" in line
    assert "40 late: LATE00" in line
    shown = line.count("LATE")
    assert f"+ {40 - shown} more" in line
    assert "Feed on time" in drawn(usual(), size)


@both
def test_lateness_that_nobody_knows_is_not_on_time(size):
    assert "unknown late" in row(drawn(usual(feed_late_s=math.nan), size), "Feed")


@both
def test_orders_of_unknown_fate_stand_out(size):
    assert "UNKNOWN orders 3" in drawn(usual(unknown=3), size)
    assert "UNKNOWN" not in drawn(usual(), size)


def test_only_controls_near_their_limit_or_that_refused_take_room_on_a_small_screen():
    text = drawn(usual())
    assert "93 %" in row(text, "position_cap")
    assert row(text, "price_collar").rstrip().endswith("2")
    assert "quiet" not in text
    calm = tuple(ControlLine(f"quiet{n}", "9", 0.69, 0, "") for n in range(14))
    assert "all 14 below 70%" in drawn(usual(controls=calm))


@both
def test_the_newest_orders_are_shown(size):
    orders = tuple(
        OrderLine(NOW - n * 1440 * MINUTE, f"O{n}", 1.5 - n, "entry", status, 0.0, "")
        for n, status in enumerate(("partial", "unknown", "cancelled"))
    )
    text = drawn(usual(orders=orders), size)
    assert "+1.5" in row(text, "partial")
    assert "14:31:05" in row(text, "partial")
    assert "2015-05-31" in row(text, "unknown")
    assert "-0.5" in row(text, "cancelled")


@both
def test_a_grave_alert_is_not_pushed_out_by_many_others(size):
    flood = tuple(AlertLine(NOW + n, "info", "feed", f"flood {n}") for n in range(200))
    grave = AlertLine(NOW, "critical", "broker", "the book and the venue differ")
    text = drawn(usual(alerts=(grave, *flood)), size)
    assert "the book and the venue differ" in text
    assert "flood 199" in text


def test_nothing_yet_is_said_and_not_left_blank():
    empty = usual(holdings=(), agents=(), stages=(), controls=(), orders=(), alerts=(), curve=())
    text = drawn(empty)
    for words in ("Positions none", "Agents none", "Latency, ms none", "Controls none", "Orders none", "Alerts none"):
        assert words in text


def test_a_line_for_logs_has_what_somebody_would_search_for():
    status = usual(state="safe mode", why="master agents are slow", unknown=2, late=("A", "B"))
    line = plain(status)
    for words in (
        "now=2015-06-01T14:31:05Z",
        "deployment=golden-cross",
        'state="safe mode"',
        'why="master agents are slow"',
        "bars=12345/98000",
        "equity=1023441.77",
        "day=0.33%",
        "drawdown=0.73%",
        "positions=500",
        "unknown=2",
        "late=2",
        "fallbacks=61",
        "circuits_open=meta_learner,master",
        "slow=master",
        "refusals=2",
        'alert="warning: SYM014 has no bar at 14:30"',
    ):
        assert words in line
    bare = plain(evolve(status, equity=math.nan, alerts=(), stages=(), why=""))
    assert not any(key in bare for key in ("equity=", "alert=", "slow=", "why=", "day="))
