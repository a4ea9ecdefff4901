"""When to stop: triggers that look at a snapshot and say what to do, and why. Pure functions; the core acts.

Safe mode takes no new risk and lets exits through. A kill closes the latch, cancels everything and flattens.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

if TYPE_CHECKING:
    from collections.abc import Mapping

Action: TypeAlias = Literal["agents_off", "safe_mode", "kill"]
Stop: TypeAlias = Literal["safe_mode", "kill"]
Stage: TypeAlias = Literal["symbol", "master"]

VARIABLE = "DARWIN_RL_DISABLED"
_SEVERITY: tuple[Action, ...] = ("kill", "safe_mode", "agents_off")
_SHARE = and_(gt(0.0), le(1.0))


@frozen
class Triggers:
    """The table ``[triggers]``: at what the deployment stops, and how.

    Parameters
    ----------
    drawdown, on_drawdown
        Loss from the highest equity, as a fraction, and what it does.
    daily_loss, on_daily_loss
        Loss from the equity at the day's start.
    symbol_ms, master_ms
        Milliseconds for symbol agents and for the master that count as slow.
    slow_intervals, on_latency
        So many slow intervals in a row.
    data_late_s, on_data
        Seconds by which data may be overdue.
    restricted, on_compliance
        The compliance list: symbols that may be neither held nor ordered.
    """

    drawdown: float = field(default=0.30, validator=_SHARE)
    on_drawdown: Stop = "kill"
    daily_loss: float = field(default=0.15, validator=_SHARE)
    on_daily_loss: Stop = "kill"
    symbol_ms: float = field(default=250.0, validator=gt(0.0))
    master_ms: float = field(default=400.0, validator=gt(0.0))
    slow_intervals: int = field(default=3, validator=ge(1))
    on_latency: Stop = "safe_mode"
    data_late_s: float = field(default=60.0, validator=gt(0.0))
    on_data: Stop = "safe_mode"
    restricted: tuple[str, ...] = ()
    on_compliance: Stop = "kill"


@frozen
class Manual:
    """What a person has asked for."""

    action: Stop
    person: str
    reason: str


@frozen
class Snapshot:
    """What the triggers look at.

    Parameters
    ----------
    equity, highest, day_start
        Equity now, the highest so far, and at the start of the day.
    latencies
        Milliseconds of the latest intervals, oldest first, by stage. NaN is an interval without an answer.
    data_late_s
        Seconds since the data that is awaited was due; 0 when none is. Not the age of the last bar: between
        sessions that is old and nothing is wrong.
    touched
        Symbols with a position or an open order.
    manual
        What a person has asked for.
    environment
        The environment variables.
    """

    equity: float
    highest: float
    day_start: float
    latencies: Mapping[Stage, tuple[float, ...]] = field(factory=dict)
    data_late_s: float = 0.0
    touched: frozenset[str] = frozenset()
    manual: Manual | None = None
    environment: Mapping[str, str] = field(factory=dict)


@frozen
class Finding:
    """A trigger that fired: what is to be done, and why."""

    trigger: str
    action: Action
    reason: str


def judge(now: Snapshot, limits: Triggers) -> tuple[Finding, ...]:
    """Return what fired, the gravest first; empty: carry on."""
    found = (
        manual(now),
        compliance(now, limits),
        drawdown(now, limits),
        daily_loss(now, limits),
        equity(now),
        latency(now, limits),
        data(now, limits),
        environment(now),
    )
    return tuple(sorted((each for each in found if each), key=lambda each: _SEVERITY.index(each.action)))


def manual(now: Snapshot) -> Finding | None:
    """Fire when a person asks."""
    if now.manual is None:
        return None
    return Finding("manual", now.manual.action, f"{now.manual.reason} ({now.manual.person})")


def drawdown(now: Snapshot, limits: Triggers) -> Finding | None:
    """Fire when equity has fallen far from its highest."""
    if not now.equity <= now.highest * (1.0 - limits.drawdown):
        return None
    lost = f"equity {now.equity:,.2f} is {_below(now.equity, now.highest)} its highest, {now.highest:,.2f}"
    return Finding("drawdown", limits.on_drawdown, f"{lost} (the limit: {limits.drawdown:.2%})")


def daily_loss(now: Snapshot, limits: Triggers) -> Finding | None:
    """Fire when the day has cost much."""
    if not now.equity <= now.day_start * (1.0 - limits.daily_loss):
        return None
    lost = f"equity {now.equity:,.2f} is {_below(now.equity, now.day_start)} the day's start, {now.day_start:,.2f}"
    return Finding("daily_loss", limits.on_daily_loss, f"{lost} (the limit: {limits.daily_loss:.2%})")


def _below(value: float, base: float) -> str:
    return f"{1.0 - value / base:.2%} below" if base > 0.0 else "not above"


def equity(now: Snapshot) -> Finding | None:
    """Fire when nobody knows what there is: no loss can be seen then. Not a reason to sell everything."""
    values = {"equity": now.equity, "highest equity": now.highest, "equity at the day's start": now.day_start}
    unknown = [name for name, value in values.items() if not isfinite(value)]
    return Finding("equity", "safe_mode", f"{', '.join(unknown)}: not known") if unknown else None


def latency(now: Snapshot, limits: Triggers) -> Finding | None:
    """Fire when a stage was slow in every one of the latest intervals."""
    for stage, most in (("symbol", limits.symbol_ms), ("master", limits.master_ms)):
        last = now.latencies.get(stage, ())[-limits.slow_intervals :]  # type: ignore[call-overload]
        if len(last) == limits.slow_intervals and all(not each <= most for each in last):
            took = ", ".join(f"{each:g}" for each in last)
            reason = f"{stage} agents took {took} ms (the limit: {most:g} ms, {limits.slow_intervals} times in a row)"
            return Finding("latency", limits.on_latency, reason)
    return None


def data(now: Snapshot, limits: Triggers) -> Finding | None:
    """Fire when data is overdue."""
    if now.data_late_s <= limits.data_late_s:
        return None
    reason = f"data is {now.data_late_s:g} s overdue (the limit: {limits.data_late_s:g} s)"
    return Finding("data", limits.on_data, reason)


def compliance(now: Snapshot, limits: Triggers) -> Finding | None:
    """Fire when a restricted symbol is held or ordered."""
    found = sorted(now.touched.intersection(limits.restricted))
    if not found:
        return None
    return Finding("compliance", limits.on_compliance, f"held or ordered, and restricted: {', '.join(found)}")


def environment(now: Snapshot) -> Finding | None:
    """Fire when the variable switches all agents off. Anything but a clear no is a yes: it is an emergency brake."""
    value = now.environment.get(VARIABLE, "").strip().lower()
    if value in ("", "0", "false", "no", "off"):
        return None
    return Finding("environment", "agents_off", f"{VARIABLE}={value}: every agent yields its baseline")
