"""Many symbols and many bars: how long a bar takes to become orders, and that memory does not grow with the session.

The default suite asks for no times. The full runs print what docs/reliability.md has:

    pytest -m slow -s tests/live/test_load.py
"""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from campaigns.evidence import End, Venue
from campaigns.rehearsal import deployment, rehearse

from darwin_core.live import book, folding
from darwin_core.live.ordering import Ordering
from darwin_core.live.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from darwin_core.live.tape import Slice

MANY = {"per_second": 100_000, "per_minute": 10_000_000, "per_day": 100_000_000}


def tables(symbols: int, bars: int, period: int, *, exits: bool) -> dict[str, Any]:
    """Return a deployment of many symbols, each of which turns every `period` bars."""
    strategy = {"period": period, "weight": min(0.06, 0.9 / symbols)} | ({} if exits else {"stop": 0.0, "take": 0.0})
    return {
        "feed": {"bars": bars, "symbols_": symbols, "missing": 0.0, "move": 0.001},
        "strategy": strategy,
        "execution": {"min_order": 20.0},
        "live": {"answer_s": 5.0},
        "run": {"block": "hour"},
        "controls": {"rate": MANY},
    }


def test_the_time_from_bar_to_wire_is_kept_for_the_bars_that_ordered_something(tmp_path: Path) -> None:
    run = rehearse(deployment(tmp_path, **tables(30, 40, 5, exits=True)))
    stages = {line.name: line for line in run.stages.lines()}
    assert 0 < stages["bar to order"].count <= stages["tape"].count == 40
    assert stages["strategy"].count == stages["decide"].count == 40


def test_what_is_remembered_of_ended_orders_is_bounded_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rehearse(deployment(tmp_path / "whole", **tables(4, 250, 2, exits=True)))
    sent = len(whole.journal.book.orders)
    monkeypatch.setattr(folding, "_KEPT", 40)
    monkeypatch.setattr(book, "KEPT", 40)
    run = rehearse(deployment(tmp_path / "bounded", **tables(4, 250, 2, exits=True)))
    live = len(run.journal.book.unfinished())
    assert sent > 300
    assert len(run.fold._known) <= 40 + live + 1
    assert len(run.fold._numbers) <= 40 + live + 1
    assert len(run.journal.book.orders) <= 40 + live + 1
    assert run.ordering._sent_at == {}
    assert End.of(run) == End.of(whole)
    assert {s: pytest.approx(q) for s, q in Venue.read(run.session.folder).net().items()} == End.of(run).positions


def cpu_to_wire(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list that is filled with the seconds of CPU, of all threads, from each bar to its orders on the wire."""
    took: list[float] = []
    began, bar, send = [0.0], Runtime._bar, Ordering._send

    async def timed_bar(run: Runtime, *row: Any, **more: Any) -> None:
        began[0] = time.process_time()
        await bar(run, *row, **more)

    async def timed_send(ordering: Ordering, approved: Any) -> None:
        if approved:
            took.append(time.process_time() - began[0])
        await send(ordering, approved)

    monkeypatch.setattr(Runtime, "_bar", timed_bar)
    monkeypatch.setattr(Ordering, "_send", timed_send)
    return took


@pytest.mark.slow
@pytest.mark.parametrize("period", [40, 10])
def test_five_hundred_symbols_a_bar(period: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bars, began, cpu = 1_000, time.perf_counter(), time.process_time()
    to_wire = cpu_to_wire(monkeypatch)
    run = rehearse(deployment(tmp_path, **tables(500, bars, period, exits=False)))
    cpu = (time.process_time() - cpu) / bars * 1e3
    stages = {line.name: line for line in run.stages.lines()}
    orders = len(Venue.read(run.session.folder).orders)
    took = time.perf_counter() - began
    print(f"\n500 symbols, {bars} bars in {took:.0f} s, {orders / bars:.1f} orders and {cpu:.1f} ms CPU a bar")  # noqa: T201
    p50, p99 = np.percentile(to_wire, [50, 99]) * 1e3
    print(f"  bar to order, CPU p50 {p50:6.2f} ms   p99 {p99:7.2f} ms")  # noqa: T201
    for name, line in stages.items():
        print(f"  {name:16} p50 {line.p50:7.2f} ms   p99 {line.p99:7.2f} ms   {line.count} times")  # noqa: T201
    assert stages["bar to order"].count > 0.9 * bars


def resident() -> float:
    """Return the process's memory, MB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


class Watched:
    """The bars of a session, and at some of them the process's memory and the journal's length."""

    def __init__(self, run: Runtime, marks: tuple[int, ...]) -> None:
        self.source, self.total, self.marks, self.journal = run.source, run.source.total, marks, run.journal
        self.megabytes, self.records = dict[int, float](), dict[int, int]()

    async def slices(self) -> AsyncIterator[Slice]:
        number = 0
        async for row in self.source.slices():
            if number in self.marks:
                self.megabytes[number], self.records[number] = resident(), self.journal.end.seq
                print(f"  bar {number:7}: {self.megabytes[number]:.1f} MB, {self.records[number]} records")  # noqa: T201
            number += 1
            yield row


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own figures")
def test_memory_is_flat_over_two_hundred_thousand_bars(tmp_path: Path) -> None:
    marks, watched = (1_000, 10_000, 50_000, 100_000, 150_000, 199_999), list[Watched]()

    def prepare(run: Runtime) -> None:
        watched.append(Watched(run, marks))
        run.source = watched[0]

    print()  # noqa: T201
    settings = tables(2, 200_000, 3, exits=True)
    settings["execution"] |= {"fee": 0.0, "slippage": 0.0}  # or costs use the account up, and orders end
    rehearse(deployment(tmp_path, **settings), prepare)
    megabytes, records = watched[0].megabytes, watched[0].records
    assert megabytes[199_999] < 1.1 * megabytes[50_000]
    assert records[199_999] - records[150_000] > 3 * 50_000  # orders to the end
