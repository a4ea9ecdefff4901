"""The thread that writes: in order, durable before it says so, one sync for many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from samples import COMMITS, NAME, A, intent

from darwin_core.live.errors import IllegalTransition, JournalError
from darwin_core.live.journal import open_journal
from darwin_core.live.recovery import recover
from darwin_core.live.schema import Alert, Entry, Sent
from darwin_core.live.verifying import backup, verify
from darwin_core.live.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path


def note(number: int) -> Entry:
    return Entry(number, Alert("info", "test", str(number)))


def test_a_write_returns_when_it_is_on_disk(tmp_path: Path) -> None:
    async def session() -> None:
        writer = Writer(open_journal(tmp_path / "j.db", NAME))
        for number, bodies in enumerate(COMMITS):
            written = await writer.write([Entry(number, body) for body in bodies])
            assert recover(tmp_path / "j.db").end.seq >= written.records[-1].seq
        with pytest.raises(IllegalTransition):
            await writer.write([Entry(99, Sent(A.client_id))])
        writer.close()

    asyncio.run(session())
    assert verify(tmp_path / "j.db").counts["intent"] == 4


def test_the_order_of_handing_over_is_the_order_of_the_records(tmp_path: Path) -> None:
    async def session() -> None:
        writer = Writer(open_journal(tmp_path / "j.db", NAME))
        waiting = []
        for number in range(300):
            if number % 3:
                writer.note([note(number)])
            else:
                waiting.append(asyncio.ensure_future(writer.write([note(number)])))
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        writer.close()

    asyncio.run(session())
    journal = open_journal(tmp_path / "j.db", NAME)
    assert [record.time for record in journal.records()] == list(range(300))
    journal.close()


def test_a_cancelled_caller_does_not_undo_what_it_wrote(tmp_path: Path) -> None:
    async def session() -> None:
        writer = Writer(open_journal(tmp_path / "j.db", NAME))
        task = asyncio.ensure_future(writer.write([Entry(1, intent(1, "A", 1.0))]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        writer.close()

    asyncio.run(session())
    assert [order.intent.symbol for order in recover(tmp_path / "j.db").unfinished] == ["A"]


def test_a_failure_is_told_to_everybody_who_waits(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "j.db", NAME)
    writer = Writer(journal)
    journal._connection.close()
    futures = [writer.submit([note(number)]) for number in range(5)]
    writer.note([note(9)])
    for future in futures:
        with pytest.raises(JournalError, match="cannot be written"):
            future.result(timeout=10)
    writer._jobs.put(None)
    writer._thread.join()
    assert "cannot be written" in writer.failed
    journal._anchor.close()


def test_readers_and_backups_do_not_mind_that_it_goes_on(tmp_path: Path) -> None:
    writer = Writer(open_journal(tmp_path / "j.db", NAME))
    ends = []
    for turn in range(8):
        futures = [writer.submit([note(number)]) for number in range(40)]
        futures[0].result(timeout=10)
        ends.append(verify(tmp_path / "j.db").end.seq)
        ends.append(recover(tmp_path / "j.db").end.seq)
        ends.append(backup(tmp_path / "j.db", tmp_path / f"copy{turn}.db").end.seq)
    writer.close()
    assert ends == sorted(ends)
    assert verify(tmp_path / "j.db").records == 320
    assert verify(tmp_path / "copy7.db").end.seq == ends[-1]
