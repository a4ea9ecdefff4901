"""The tables of the live screen: which facts of a status, in which order, in which colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.screen.live_table import Column, Section
from darwin_core.screen.live_text import amount, milliseconds, moment, share
from darwin_core.screen.words import MISSING, colour, fixed, known, money

if TYPE_CHECKING:
    from darwin_core.live.status import AgentLine, AlertLine, ControlLine, Holding, OrderLine, StageLine, Status
    from darwin_core.screen.live_text import Span

NEAR = 0.70
"""From which share of its limit on a control is shown."""

CIRCUITS = {"closed": "green", "half-open": "yellow", "open": "bold red", "off": "dim"}
LEVELS = {"info": "cyan", "warning": "yellow", "critical": "bold red"}
_GRAVITY = {"warning": 1.0, "critical": 2.0}
_ORDERS = {
    "filled": "green",
    "partial": "cyan",
    "unknown": "bold magenta",
    "refused": "red",
    "denied": "red",
    "expired": "yellow",
    "cancelled": "yellow",
}


def positions(status: Status) -> Section:
    """Return the positions, the largest first; one whose value nobody knows may be the largest."""
    columns = (
        Column("Positions", right=False, least=6, wish=10),
        Column("qty", drop=2),
        Column("last", drop=3),
        Column("value", drop=1),
        Column("weight"),
        Column("gain"),
    )
    ordered = sorted(status.holdings, key=lambda each: -_size(each.value))
    whole = any(abs(each.value) >= 1000.0 for each in ordered)

    def row(each: Holding) -> tuple[Span, ...]:
        value = known(each.value)
        return (
            (each.symbol, "bold"),
            (amount(each.quantity), ""),
            (money(each.last), ""),
            (money(value) if value is None or not whole else fixed(value, 0), ""),
            (share(each.weight), ""),
            (share(each.unrealized, sign=True), colour(each.unrealized)),
        )

    return Section(columns, ordered, row)


def _size(value: float) -> float:
    return float("inf") if known(value) is None else abs(value)


def agents(status: Status) -> Section:
    """Return the agents; those whose circuit is not closed are shown whatever the room."""
    columns = (
        Column("Agents", right=False, least=8, wish=8),
        Column("mode", right=False, drop=1),
        Column("decided"),
        Column("applied", drop=4),
        Column("agree"),
        Column("fell"),
        Column("circuit", right=False),
        Column("last", right=False, drop=5, least=12, wish=12),
    )
    return Section(columns, status.agents, _agent, lambda each: each.state not in ("closed", "off"), weight=1.5)


def _agent(each: AgentLine) -> tuple[Span, ...]:
    return (
        (each.name, "bold"),
        (each.mode, "dim" if each.mode == "off" else ""),
        (f"{each.decisions:,}", ""),
        (f"{each.applied:,}", ""),
        (share(each.agreement, 0), ""),
        (f"{each.fallbacks:,}", "yellow" if each.fallbacks else ""),
        (each.state.upper() if each.state == "open" else each.state, CIRCUITS.get(each.state, "")),
        (each.last, "dim"),
    )


def stages(status: Status) -> Section:
    """Return the latencies; a stage over its alert says so in a word. Slow ones are shown whatever the room."""
    columns = (
        Column("Latency, ms", right=False, least=8, wish=12),
        Column("p50"),
        Column("p99"),
        Column("last", drop=2),
        Column("count", drop=4),
        Column("alert", drop=3),
        Column("", right=False),
    )
    return Section(
        columns, status.stages, _stage, lambda each: (_slowness(each), each.p99 if known(each.p99) else 0.0), weight=1.2
    )


def _over(value: float, each: StageLine) -> bool:
    return each.alert > 0.0 and each.count > 0 and not value <= each.alert


def _slowness(each: StageLine) -> float:
    return _over(each.last, each) + _over(each.p99, each)


def is_slow(each: StageLine) -> bool:
    """Say whether a stage was slow at the last bar or is in one of a hundred."""
    return _slowness(each) > 0.0


def _stage(each: StageLine) -> tuple[Span, ...]:
    return (
        (each.name, "bold"),
        (milliseconds(each.p50), "bold red" if _over(each.p50, each) else ""),
        (milliseconds(each.p99), "bold red" if _over(each.p99, each) else ""),
        (milliseconds(each.last), "bold red" if _over(each.last, each) else ""),
        (f"{each.count:,}", "dim"),
        (milliseconds(each.alert) if each.alert > 0.0 else MISSING, "dim"),
        ("SLOW" if is_slow(each) else "", "bold red"),
    )


def controls(status: Status, *, everything: bool = False) -> Section:
    """Return the controls that are near their limit or have refused, the fullest first; or all of them."""
    near = [each for each in status.controls if everything or each.used >= NEAR or each.refusals]
    columns = (
        Column("Controls", right=False, least=9, wish=14),
        Column("used"),
        Column("limit", drop=2, least=8, wish=10),
        Column("refused"),
        Column("last", right=False, drop=3, least=12, wish=12),
    )
    none = f"all {len(status.controls):,} below {NEAR:.0%}" if status.controls else "none"
    return Section(columns, sorted(near, key=_room_left), _control, empty=none)


def _room_left(each: ControlLine) -> tuple[bool, float]:
    used = known(each.used)
    return not (each.used >= NEAR or each.refusals), -(0.0 if used is None else used)


def _control(each: ControlLine) -> tuple[Span, ...]:
    style = "bold red" if each.used >= 1.0 else "yellow" if each.used >= NEAR else ""
    return (
        (each.name, "bold"),
        (share(each.used, 0), style),
        (each.limit, "dim"),
        (f"{each.refusals:,}", "red" if each.refusals else ""),
        (each.last, "dim"),
    )


def orders(status: Status) -> Section:
    """Return the last orders, the newest first."""
    columns = (
        Column("Orders", right=False, least=6, wish=8),
        Column("time", right=False, drop=1),
        Column("qty"),
        Column("filled", drop=3),
        Column("leg", right=False, drop=2),
        Column("status", right=False),
        Column("", right=False, drop=4, least=12, wish=12),
    )

    def row(each: OrderLine) -> tuple[Span, ...]:
        sign = "+" if each.quantity > 0.0 else ""
        return (
            (each.symbol, "bold"),
            (moment(each.time, status.now), "dim"),
            (sign + amount(each.quantity), colour(each.quantity)),
            (amount(each.filled), ""),
            (each.leg, ""),
            (each.status, _ORDERS.get(each.status, "")),
            (each.text, "dim"),
        )

    return Section(columns, status.orders, row)


def alerts(status: Status) -> Section:
    """Return the alerts, the newest first; where not all fit, the grave ones."""
    columns = (
        Column("Alerts", right=False),
        Column("", right=False),
        Column("", right=False, least=8, wish=12),
        Column("", right=False, least=12, wish=20),
    )

    def row(each: AlertLine) -> tuple[Span, ...]:
        style = LEVELS.get(each.level, "")
        when = moment(each.time, status.now)
        return (
            (when, "dim"),
            (each.level, style),
            (each.source, "bold"),
            (each.text, style if "bold" in style else ""),
        )

    ordered = sorted(status.alerts, key=lambda each: -each.time)
    return Section(columns, ordered, row, lambda each: _GRAVITY.get(each.level, 0.0))
