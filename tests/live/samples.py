"""A small journal with one of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.live.journal import Journal, open_journal
from darwin_core.live.orders import FillReport, Intent, OrderReport, client_order_id
from darwin_core.live.schema import (
    AbsentReport,
    Alert,
    Body,
    CancelSent,
    Control,
    Decision,
    Denial,
    Entry,
    Latch,
    Latency,
    PositionSeen,
    Result,
    Sent,
    Session,
    Tape,
)

if TYPE_CHECKING:
    from pathlib import Path

NAME = "sample"
KEY = b"a key of thirty-two characters, no less"
DAY = 86_400_000_000_000


def intent(bar: int, symbol: str, quantity: float, *, leg: str = "target", attempt: int = 0) -> Intent:
    client_id = client_order_id(NAME, bar, symbol, leg, attempt)
    return Intent(client_id, NAME, bar, symbol, leg, attempt, quantity, 10.0)  # type: ignore[arg-type]


def fill(order: Intent, number: int, quantity: float) -> FillReport:
    return FillReport(f"F{number}", order.client_id, order.symbol, quantity, 10.5, 0.01, number)


def report(order: Intent, status: str, filled: float, time: int) -> OrderReport:
    return OrderReport(order.client_id, "V1", order.symbol, status, order.quantity, filled, time)  # type: ignore[arg-type]


A, B, C, D = intent(1, "A", 10.0), intent(1, "B", -4.0), intent(2, "C", 7.0), intent(2, "D", 0.3)

COMMITS: list[list[Body]] = [
    [Session("r1", "0.1.0", {"host": "here"})],
    [Tape("opened", {"bars": 0})],
    [Decision(1, {"targets": {"A": 0.1, "B": -0.05}}), A, B],
    [Sent(A.client_id), Sent(B.client_id)],
    [Result(A.client_id, "submit", "accepted", "V1"), Result(B.client_id, "submit", "unknown", text="timed out")],
    [fill(A, 1, 4.0), report(A, "partial", 4.0, 1)],
    [report(B, "cancelled", 0.0, 2), PositionSeen("A", 4.0, 3)],
    [Latency(1, {"decide": 0.01, "wire": 0.002})],
    [Decision(2), C, D],
    [Denial(C.client_id, "order value", "above 1,000")],
    [Sent(D.client_id)],
    [Session("r2")],
    [AbsentReport(D.client_id, True)],
    [fill(A, 2, 3.0)],
    [CancelSent(A.client_id, "flatten")],
    [Alert("warning", "feed", "late by 3 s", "A")],
    [Control("halt", "anna", "risk", "odd fills"), Latch(True, "manual", "anna", "risk", "odd fills")],
]  # fmt: skip


def write(path: Path, key: bytes | None = None, commits: list[list[Body]] = COMMITS, day: int = 0) -> Journal:
    """Write a journal whose commit n has the time n, on a day; return it open."""
    journal = open_journal(path, NAME, key)
    for number, bodies in enumerate(commits):
        journal.append([Entry(day * DAY + number, body) for body in bodies])
    return journal
