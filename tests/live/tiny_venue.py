"""A venue that fits on a page. What it knows is in a file of its own, so it outlives whoever trades with it.

It takes an id twice and then has two orders, as a venue without deduplication does: who sends twice is found out.
A market order is half filled at once and half at the next tick; a limit order gets a quarter at every tick.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from darwin_core.live.orders import Absent, Accepted, FillReport, OrderReport, Outcome, Refused

if TYPE_CHECKING:
    from pathlib import Path


class TinyVenue:
    """Knows orders and fills by reading its file anew at every call: the file is the truth."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR)

    def submit(self, client_id: str, symbol: str, quantity: float, kind: str) -> Outcome:
        number = len(self.orders()) + 1
        order = {"what": "order", "venue_id": f"V{number}", "client_id": client_id, "symbol": symbol,
                 "quantity": quantity, "kind": kind}  # fmt: skip
        self._write(order, *([self._fill(order, quantity / 2, 1)] if kind == "market" else []))
        return Accepted(f"V{number}")

    def cancel(self, client_id: str) -> Outcome:
        report = self.order(client_id)
        if isinstance(report, Absent):
            return Refused("unknown", "no such order")
        if report.status not in ("working", "partial"):
            return Refused("late", f"it is {report.status}")
        self._write({"what": "cancelled", "venue_id": report.venue_id})
        return Accepted(report.venue_id)

    def tick(self, bar: int) -> None:
        """Trade what rests; a bar that was traded is not traded again."""
        events = self._events()
        if any(event["what"] == "tick" and event["bar"] == bar for event in events):
            return
        fills = []
        for order in self.orders():
            report = self._report(order)
            if report.status in ("working", "partial"):
                share = order["quantity"] / (2 if order["kind"] == "market" else 4)
                fills.append(self._fill(order, share, bar * 100))
        self._write({"what": "tick", "bar": bar}, *fills)

    def order(self, client_id: str) -> OrderReport | Absent:
        for order in self.orders():
            if order["client_id"] == client_id:
                return self._report(order)
        return Absent(authoritative=True)

    def orders(self) -> list[dict[str, Any]]:
        return [event for event in self._events() if event["what"] == "order"]

    def open_orders(self) -> list[OrderReport]:
        reports = [self._report(order) for order in self.orders()]
        return [report for report in reports if report.status in ("working", "partial")]

    def fills(self) -> list[FillReport]:
        return [FillReport(**event["fill"]) for event in self._events() if event["what"] == "fill"]

    def net(self) -> dict[str, float]:
        net: dict[str, float] = {}
        for fill in self.fills():
            net[fill.symbol] = net.get(fill.symbol, 0.0) + fill.quantity
        return {symbol: quantity for symbol, quantity in sorted(net.items()) if quantity}

    def close(self) -> None:
        os.close(self._handle)

    def _report(self, order: dict[str, Any]) -> OrderReport:
        events = self._events()
        mine = [e for e in events if e["what"] in ("fill", "cancelled") and e["venue_id"] == order["venue_id"]]
        filled = sum(event["fill"]["quantity"] for event in mine if event["what"] == "fill")
        if abs(filled) >= abs(order["quantity"]):
            status = "filled"
        elif any(event["what"] == "cancelled" for event in mine):
            status = "cancelled"
        else:
            status = "partial" if filled else "working"
        return OrderReport(
            order["client_id"], order["venue_id"], order["symbol"], status, order["quantity"], filled, len(mine)  # type: ignore[arg-type]
        )  # fmt: skip

    def _fill(self, order: dict[str, Any], quantity: float, time: int) -> dict[str, Any]:
        fill = {"fill_id": f"{order['venue_id']}-{time}", "client_id": order["client_id"], "symbol": order["symbol"],
                "quantity": quantity, "price": 10.0, "fee": 0.01, "time": time}  # fmt: skip
        return {"what": "fill", "venue_id": order["venue_id"], "fill": fill}

    def _write(self, *events: dict[str, Any]) -> None:
        """Write events in one call, so that no kill can come between them."""
        os.write(self._handle, "".join(json.dumps(event) + "\n" for event in events).encode())

    def _events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_text().splitlines()]
