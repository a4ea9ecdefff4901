"""What a running session shows of itself: one frozen value, the same for the screen, the socket and the log."""

from __future__ import annotations

from attrs import frozen


@frozen
class Holding:
    """A position: signed quantity, last price, value in money, share of equity, unrealised gain as a fraction."""

    symbol: str
    quantity: float
    last: float
    value: float
    weight: float
    unrealized: float


@frozen
class AgentLine:
    """An agent: `state` is closed, half-open or open (its circuit), or off; counts are since the session began.

    `agreement` is the share of decisions equal to the baseline, NaN before the first.
    """

    name: str
    mode: str
    state: str
    decisions: int
    applied: int
    fallbacks: int
    agreement: float
    last: str


@frozen
class StageLine:
    """Latencies of a stage in ms: median, 99th percentile, of the last bar, and how many there were."""

    name: str
    p50: float
    p99: float
    last: float
    count: int
    alert: float
    """At how many ms it counts as slow; 0: it has no limit."""


@frozen
class OrderLine:
    """An order, newest first: time in ns."""

    time: int
    symbol: str
    quantity: float
    leg: str
    status: str
    filled: float
    text: str


@frozen
class AlertLine:
    """Something that people should know: time in ns; info, warning or critical."""

    time: int
    level: str
    source: str
    text: str


@frozen
class ControlLine:
    """A pre-trade control: `used` is the share of its limit in use, NaN where that means nothing."""

    name: str
    limit: str
    used: float
    refusals: int
    last: str


@frozen
class Status:
    """A session at one moment.

    Parameters
    ----------
    deployment, session, kind
        Which; `kind` is replay, paper or live.
    state
        starting, trading, halted, safe mode, killed, stopping or ended; `why` says the reason in words.
    now, last_bar
        The session's clock and the newest bar, ns; 0 before the first.
    bars, bars_total
        Decided so far; in all, 0 when nobody knows.
    equity, cash, peak, day_start, gross, net
        Money; gross and net exposure in money too.
    curve
        The equity of the last bars, oldest first.
    feed_late_s
        Seconds by which data is overdue; `late` names symbols without a bar at the last moment.
    unknown, open_orders
        Orders whose fate nobody knows; all that may trade.
    """

    deployment: str
    session: str
    kind: str
    state: str
    why: str
    now: int
    last_bar: int
    bars: int
    bars_total: int
    equity: float
    cash: float
    peak: float
    day_start: float
    gross: float
    net: float
    curve: tuple[float, ...] = ()
    holdings: tuple[Holding, ...] = ()
    agents: tuple[AgentLine, ...] = ()
    stages: tuple[StageLine, ...] = ()
    feed_late_s: float = 0.0
    late: tuple[str, ...] = ()
    broker: str = ""
    unknown: int = 0
    open_orders: int = 0
    orders: tuple[OrderLine, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    controls: tuple[ControlLine, ...] = ()
    digest: str = ""
