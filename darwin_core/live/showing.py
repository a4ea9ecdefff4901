"""What a session shows of itself, put together from its parts."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from darwin_core import ledger
from darwin_core.ledger import split
from darwin_core.live.acting import mode_of
from darwin_core.live.course import Tally
from darwin_core.live.status import AgentLine, AlertLine, ControlLine, Holding, OrderLine, Status

if TYPE_CHECKING:
    from darwin_core.live.parts import Parts

_ORDERS, _ALERTS = 30, 30


def status(run: Parts) -> Status:
    """Return the session as it is now."""
    book = run.stepper.walk.book
    shut, closed = run.shut(), run.stance.reason
    orders = run.journal.book
    return Status(
        deployment=run.session.settings.deployment.name,
        session=run.session.id,
        kind=run.session.kind,
        state=_state(run.state, shut=shut, halted="halt" in run.stance.closed, safe=bool(closed)),
        why=shut or closed,
        now=run.clock.now(),
        last_bar=run.course.last_bar,
        bars=run.course.bars,
        bars_total=run.source.total,
        equity=float(book[ledger.EQUITY]),
        cash=float(book[ledger.CASH]),
        peak=float(book[ledger.PEAK]),
        day_start=run.course.day_start,
        gross=float(book[ledger.GROSS]),
        net=float(book[ledger.NET]),
        curve=tuple(run.course.curve),
        holdings=_holdings(run),
        agents=tuple(_agent(run, name) for name in (part.name for part in run.line.agents)),
        stages=run.stages.lines(),
        feed_late_s=run.course.overdue(),
        late=run.course.late,
        broker=run.session.settings.broker.use if run.session.settings.broker else "",
        unknown=len(orders.with_status("unknown")),
        open_orders=len(orders.unfinished()),
        orders=_orders(run),
        alerts=tuple(
            AlertLine(time, alert.level, alert.source, alert.text) for time, alert in list(run.telling.alerts)[:_ALERTS]
        ),
        controls=_controls(run),
        digest=run.stepper.walk.recorder.digest.hexdigest(),
    )


def _state(state: str, *, shut: str, halted: bool, safe: bool) -> str:
    if state != "trading":
        return state
    if shut:
        return "killed"
    if halted:
        return "halted"
    return "safe mode" if safe else "trading"


def _holdings(run: Parts) -> tuple[Holding, ...]:
    slots, terms = split(run.stepper.walk.slots)
    equity = float(run.stepper.walk.book[ledger.EQUITY])
    found = []
    for s in np.flatnonzero(slots["position"]).tolist():
        quantity, last, entry = float(slots["position"][s]), float(slots["last"][s]), float(terms["entry"][s])
        value = quantity * last
        gain = (last / entry - 1.0) * math.copysign(1.0, quantity) if entry else math.nan
        weight = value / equity if equity > 0.0 else math.nan
        found.append(Holding(run.tape.symbols[s], quantity, last, value, weight, gain))
    return tuple(sorted(found, key=lambda each: (-abs(each.value), each.symbol)))


def _agent(run: Parts, name: str) -> AgentLine:
    tally = run.course.agents.get(name, Tally())
    mode = mode_of(run, name)
    state = "off" if mode == "off" or run.agents_off else run.circuits.state(name)
    agreement = tally.agreed / tally.decisions if tally.decisions else math.nan
    return AgentLine(name, mode, state, tally.decisions, tally.applied, tally.fallbacks, agreement, tally.last)


def _orders(run: Parts) -> tuple[OrderLine, ...]:
    shown = []
    for each in islice(reversed(run.ordering.recent), _ORDERS):
        time, intent = each.time, each.intent
        order = run.journal.book.orders.get(intent.client_id)
        if order is not None:
            shown.append(
                OrderLine(time, intent.symbol, intent.quantity, intent.leg, order.status, order.filled, intent.reason)
            )
    return tuple(shown)


def _controls(run: Parts) -> tuple[ControlLine, ...]:
    refusals = run.ordering.refusals
    return tuple(
        ControlLine(each.name, each.limit, _used(run, each.name), *refusals.get(each.name, (0, "")))
        for each in run.ordering.controls.all
        if each.on
    )


def _used(run: Parts, name: str) -> float:
    """Return which share of a limit is in use, NaN where that means nothing."""
    book, controls = run.stepper.walk.book, run.ordering.controls
    equity = float(book[ledger.EQUITY])
    if equity <= 0.0:
        return math.nan
    if name == "gross":
        return float(book[ledger.GROSS]) / equity / controls.gross.leverage
    if name == "net":
        return abs(float(book[ledger.NET])) / equity / controls.net.share
    if name == "symbol_cap":
        largest = max((abs(each.weight) for each in _holdings(run)), default=0.0)
        return largest / controls.symbol_cap.share
    return math.nan
