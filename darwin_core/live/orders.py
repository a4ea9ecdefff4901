"""Orders and what becomes of them: the values that cross between core, journal and broker.

Times are int64 ns UTC, quantities and money float64. A quantity is signed: positive buys, negative sells.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from typing import Literal, NewType, TypeAlias

from attrs import frozen

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
    reason: str = ""


def client_order_id(deployment: str, bar: int, symbol: str, leg: str, attempt: int) -> str:
    """Return the id of an order: a pure function of what it is for, 26 characters of A-Z and 2-7.

    The same decision after a crash has the same id, so a venue that has seen it can say so. 130 bits of SHA-256:
    two different orders of one deployment do not meet.
    """
    text = "\0".join((deployment, str(bar), symbol, leg, str(attempt)))
    return b32encode(hashlib.sha256(text.encode()).digest())[:26].decode()


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
    """What a venue says of an order: cumulative, at least once, in any order."""

    client_id: str
    venue_id: str
    symbol: str
    status: Literal["working", "partial", "filled", "cancelled", "refused", "expired"]
    quantity: float
    filled: float
    time: int


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
