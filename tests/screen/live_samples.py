"""Statuses to look at: one of a usual day, and a strategy for any."""

from __future__ import annotations

from attrs import evolve
from hypothesis import strategies as st

from darwin_core.live.status import AgentLine, AlertLine, ControlLine, Holding, OrderLine, StageLine, Status

NOW = 1_433_169_065_000_000_000
MINUTE = 60_000_000_000


def holding(number, value=None):
    return Holding(f"SYM{number:03}", 100.0 + number, 50.0, 1e5 / (number + 1) if value is None else value, 0.01, 0.021)


def usual(**changes):
    agents = (
        AgentLine("gate", "active", "closed", 12_345, 11_873, 3, 0.982, "pass"),
        AgentLine("meta_learner", "canary", "half-open", 811, 204, 17, 0.71, "follow"),
        AgentLine("master", "observe", "open", 41, 0, 41, float("nan"), "baseline: deadline"),
    )
    stages = (
        StageLine("features", 1.42, 3.31, 1.39, 98_000, 0.0),
        StageLine("symbol", 41.2, 121.7, 44.9, 98_000, 150.0),
        StageLine("master", 120.3, 411.0, 288.0, 98_000, 300.0),
    )
    controls = (
        ControlLine("position_cap", "10 % of equity", 0.93, 0, ""),
        ControlLine("price_collar", "5 %", float("nan"), 2, "TSLA: 6.2 % away"),
        *(ControlLine(f"quiet{number}", "9", 0.1, 0, "") for number in range(9)),
    )
    made = Status(
        deployment="golden-cross",
        session="2015-06-01-7f3a",
        kind="replay",
        state="trading",
        why="",
        now=NOW,
        last_bar=NOW - 5_000_000_000,
        bars=12_345,
        bars_total=98_000,
        equity=1_023_441.77,
        cash=21_000.5,
        peak=1_031_000.0,
        day_start=1_020_100.0,
        gross=1_207_661.0,
        net=624_299.0,
        curve=tuple(1_000_000.0 + 80.0 * number for number in range(300)),
        holdings=tuple(holding(number) for number in range(500)),
        agents=agents,
        stages=stages,
        broker="paper, connected",
        open_orders=7,
        orders=tuple(
            OrderLine(NOW - number * MINUTE, "SYM003", -250.0, "entry", "filled", -250.0, "") for number in range(30)
        ),
        alerts=(AlertLine(NOW - MINUTE, "warning", "feed", "SYM014 has no bar at 14:30"),),
        controls=controls,
        digest="7f3a99b2c1d0aabb",
    )
    return evolve(made, **changes)


NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 1e-300, 1.7e308, -1.7e308, 1e15, 123456789.125])
TEXTS = (
    st.text(max_size=30)
    | st.text("abcAPLM. ", max_size=12)
    | st.sampled_from(["東京証券取引所" * 8, "a\u0301" * 9, "\x1b[2J[red]"])
)
INTS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10**7)
TIMES = st.integers(NOW - 10**15, NOW) | INTS


def several(of, most=3):
    return st.lists(of, max_size=most).map(tuple)


def any_status():
    few = {"symbol": TEXTS, "name": TEXTS, "source": TEXTS, "text": TEXTS, "last": TEXTS, "mode": TEXTS}
    words = st.sampled_from(["closed", "half-open", "open", "off"]) | TEXTS
    holdings = st.builds(Holding, TEXTS, *[NUMBERS] * 5)
    agents = st.builds(AgentLine, few["name"], few["mode"], words, INTS, INTS, INTS, NUMBERS, few["last"])
    stages = st.builds(StageLine, TEXTS, NUMBERS, NUMBERS, NUMBERS, INTS, NUMBERS)
    orders = st.builds(OrderLine, TIMES, TEXTS, NUMBERS, TEXTS, TEXTS, NUMBERS, TEXTS)
    alerts = st.builds(AlertLine, TIMES, st.sampled_from(["info", "warning", "critical"]) | TEXTS, TEXTS, TEXTS)
    controls = st.builds(ControlLine, TEXTS, TEXTS, NUMBERS, INTS, TEXTS)
    states = st.sampled_from(["starting", "trading", "halted", "safe mode", "killed", "stopping", "ended"]) | TEXTS
    return st.builds(
        Status,
        TEXTS,
        TEXTS,
        TEXTS,
        states,
        TEXTS,
        TIMES,
        TIMES,
        INTS,
        INTS,
        *[NUMBERS] * 6,
        several(NUMBERS, 12),
        several(holdings).map(lambda each: each * 30),
        several(agents),
        several(stages),
        NUMBERS,
        several(TEXTS),
        TEXTS,
        INTS,
        INTS,
        several(orders),
        several(alerts),
        several(controls),
        TEXTS,
    )
