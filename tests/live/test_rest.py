"""What a session does for its files between bars: SQLite's write-ahead log is copied back when nobody waits for it."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
from campaigns.market import Walks
from campaigns.rehearsal import deployment, rehearse
from samples import NAME

from darwin_core.live import journal as module
from darwin_core.live.book import Change, Position, together
from darwin_core.live.journal import Journal, open_journal
from darwin_core.live.orders import FillReport, Intent
from darwin_core.live.schema import Entry, Session
from darwin_core.live.states import Order
from darwin_core.live.tape import Slice, Tape

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def alone(path: Path, query: str) -> int:
    """Return what a query says of a file without the log beside it."""
    copy = path.with_name("alone.sqlite")
    shutil.copy(path, copy)
    connection = sqlite3.connect(copy)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def test_a_journal_that_has_rested_is_whole_without_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMITS", 5)
    journal = open_journal(tmp_path / "j.sqlite", NAME)
    journal.rest()
    count = "SELECT count(*) FROM records"
    for number in range(4):
        journal.append([Entry(number, Session("r"))])
    journal.rest()  # too early
    early = tmp_path / "j.sqlite"
    journal.append([Entry(4, Session("r"))])
    before = early.read_bytes()
    journal.rest()
    assert early.read_bytes() != before
    assert alone(early, count) == 5
    journal.close()
    journal.rest()  # after the end it is nobody's business


def test_a_tape_that_has_rested_is_whole_without_its_log(tmp_path: Path) -> None:
    tape = Tape(Walks(), 0, tmp_path / "t.sqlite")
    for time in (1, 2, 3):
        values = np.full((len(tape.fields), len(tape.symbols)), float(time))
        tape.append(Slice(time, values, np.zeros(len(tape.reference)), np.ones(len(tape.symbols), np.int64)))
    tape.rest()
    assert alone(tmp_path / "t.sqlite", "select count(*) from rows") == 3
    tape.close()
    tape.rest()


def test_the_last_of_each_order_and_position_is_written_and_every_fill() -> None:
    one, other = (Order(Intent(name, "d", 1, name, "target", 0, 5.0, 1.0)) for name in "AB")
    fills = [FillReport(f"F{n}", "A", "A", 1.0, 10.0, 0.0, n) for n in range(2)]
    held = [Position("A", float(n)) for n in range(2)]
    late = Order(one.intent, "filled")
    found = together(
        [Change((one, other)), *(Change((), f, p) for f, p in zip(fills, held, strict=True)), Change((late,))]
    )
    assert [order for change in found for order in change.orders] == [late, other]
    assert [change.fill for change in found if change.fill] == fills
    assert [change.position for change in found if change.position] == [held[1]]


def test_a_session_rests_once_a_bar_and_after_its_orders_are_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COMMITS", 1)
    rest, waiting = Journal.rest, list[int]()

    def noted(journal: Journal) -> None:
        waiting.append(len(journal.book.with_status("intended", "sent")))
        rest(journal)

    monkeypatch.setattr(Journal, "rest", noted)
    run = rehearse(deployment(tmp_path))
    assert waiting == [0] * 30
    assert len(run.journal.book.orders) > 30
