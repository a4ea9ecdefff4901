"""Orders and what becomes of them: the values that cross between core, journal and broker.

Times are int64 ns UTC, quantities and money float64. A quantity is signed: positive buys, negative sells.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from typing import TYPE_CHECKING, Literal, NewType, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from darwin_core.types import Floats

Kind: TypeAlias = Literal["market", "limit"]
TimeInForce: TypeAlias = Literal["day", "gtc", "ioc"]
Leg: TypeAlias = Literal["target", "stop", "take_profit", "horizon", "drawdown", "flatten", "manual"]


@frozen
class Intent:
    """An order that the line wants, before anybody has approved of it.

    Parameters
    ----------
    client_id
        Names it for ever; see `client_order_id`.
    deployment, bar, symbol, leg, attempt
        What the id is made of: `bar` is the time of the bar that was decided on.
    quantity
        Signed.
    kind, limit_price, time_in_force
        How it rests at the venue; a limit order has a price.
    reduce_only
        It may not increase the position.
    stop, take_profit
        Distances from the entry price, as fractions, at which the venue is to close what this order opens; 0 for
        none. See `exit_order_id`.
    reference
        The price at which it was decided.
    target
        The signed target weight that it serves.
    reason
        For people: which stage asked for it.
    """

    client_id: str
    deployment: str
    bar: int
    symbol: str
    leg: Leg
    attempt: int
    quantity: float
    reference: float
    kind: Kind = "market"
    limit_price: float | None = None
    time_in_force: TimeInForce = "day"
    reduce_only: bool = False
    target: float = 0.0
    stop: float = 0.0
    take_profit: float = 0.0
    reason: str = ""


def client_order_id(deployment: str, bar: int, symbol: str, leg: str, attempt: int) -> str:
    """Return the id of an order: a pure function of what it is for, 26 characters of A-Z and 2-7.

    The same decision after a crash has the same id, so a venue that has seen it can say so. 130 bits of SHA-256:
    two different orders of one deployment do not meet.
    """
    text = "\0".join((deployment, str(bar), symbol, leg, str(attempt)))
    return b32encode(hashlib.sha256(text.encode()).digest())[:26].decode()


def exit_order_id(parent: str, leg: str) -> str:
    """Return the id of the exit, ``stop`` or ``take_profit``, that rests at a venue for what order `parent` opened."""
    return b32encode(hashlib.sha256(f"{parent}\0{leg}".encode()).digest())[:26].decode()


Approved = NewType("Approved", Intent)
"""An intent that every control has approved. A broker's `submit` takes nothing else, and only
`darwin_core.live.controls` makes one."""


@frozen
class Denied:
    """An intent that a control refused."""

    intent: Intent
    control: str
    reason: str


@frozen
class Accepted:
    """The venue has the order."""

    venue_id: str


@frozen
class Refused:
    """The venue has said no, and definitely does not have the order."""

    code: str
    text: str


@frozen
class Unknown:
    """Nobody can say whether the venue has the order. Never resolved by assumption."""

    why: str


Outcome: TypeAlias = Accepted | Refused | Unknown

Status: TypeAlias = Literal[
    "intended",   # durable in the journal, not yet sent
    "sent",       # on the wire, no answer yet
    "unknown",    # sent, and nobody can say what became of it
    "working",    # the venue has it
    "partial",    # the venue has it, and has filled some of it
    "cancelling", # a cancel is on the wire
    "filled",
    "cancelled",
    "refused",    # the venue said no
    "expired",
    "denied",     # a control said no: never sent
]  # fmt: skip
FINAL: frozenset[Status] = frozenset({"filled", "cancelled", "refused", "expired", "denied"})


@frozen
class OrderReport:
    """What a venue says of an order: cumulative, at least once, in any order.

    Parameters
    ----------
    client_id
        Empty for an order that was not made through this line and has no id of ours.
    parent, leg
        Of an exit that the venue keeps: the order that brought it, and which one it is.
    """

    client_id: str
    venue_id: str
    symbol: str
    status: Literal["working", "partial", "filled", "cancelled", "refused", "expired"]
    quantity: float
    filled: float
    time: int
    parent: str = ""
    leg: Leg = "target"
    text: str = ""


@frozen
class FillReport:
    """One execution; `fill_id` is unique and stable at its venue."""

    fill_id: str
    client_id: str
    symbol: str
    quantity: float
    price: float
    fee: float
    time: int


@frozen
class Absent:
    """The venue does not know the order; authoritative only if it can know that it never will."""

    authoritative: bool


@frozen
class PositionReport:
    """A position as the venue states it: signed quantity, as of a time."""

    symbol: str
    quantity: float
    as_of: int


@frozen
class AccountReport:
    """The account as the venue states it, in its currency."""

    cash: float
    equity: float
    as_of: int


@frozen
class StreamUp:
    """The event stream has begun, or begun again."""


@frozen
class StreamDown:
    """The event stream has ended; what came meanwhile has to be asked for."""

    reason: str


@frozen
class Heartbeat:
    """The stream is alive."""

    time: int


@frozen
class Event:
    """What a venue's stream brings, and the cursor after it: a stream asked for from there goes on behind it."""

    body: OrderReport | FillReport | AccountReport | StreamUp | StreamDown | Heartbeat
    cursor: str = ""


@frozen
class Capabilities:
    """What a venue can do, for the core to plan with.

    Parameters
    ----------
    simulated
        It has no market of its own: the core shows it each bar before the line decides on it.
    exits
        It keeps stops and take-profits that come with an order. Elsewhere the core looks at them on each close.
    dedup
        For how long the same client id is refused as a duplicate.
    fence_s
        Seconds after which a request that was sent can no longer land; None: nobody knows.
    fractional, shorting
        Whether quantities may have decimals, and be sold short.
    """

    simulated: bool = False
    exits: bool = False
    dedup: Literal["forever", "while_open", "none"] = "none"
    fence_s: float | None = None
    fractional: bool = False
    shorting: bool = False


@frozen(eq=False)
class Deployed:
    """What a broker is told of the deployment that it works for.

    Parameters
    ----------
    name, symbols, fields
        The deployment's name; what it trades; which fields its bars have.
    rules, cash
        How a backtest would fill (`darwin_core.ledger.rules`), and the money at the start: for simulated venues.
    folder
        Where it may keep what it has to remember; it may not exist before `connect`.
    now
        The line's clock, ns UTC. Nothing else may be asked for the time.
    seed
        For whatever is random in it.
    """

    name: str
    symbols: tuple[str, ...]
    fields: tuple[str, ...]
    rules: Floats
    cash: float
    folder: Path
    now: Callable[[], int]
    seed: int = 0
