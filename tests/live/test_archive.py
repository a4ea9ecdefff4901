"""Old records in columnar files: the chain goes on through them, and a restart does not need them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from killing import Killing
from samples import COMMITS, DAY, KEY, NAME, A, fill, intent, write

from darwin_core.live import archive
from darwin_core.live.errors import JournalError
from darwin_core.live.journal import Journal, open_journal
from darwin_core.live.schema import Alert, Entry, Session
from darwin_core.live.verifying import backup, parse_witness, verify

if TYPE_CHECKING:
    from darwin_core.live.book import Book


def grown(path: Path, key: bytes | None = None) -> Journal:
    """Return a journal with some commits on day 0, some on day 100 and some on day 200."""
    journal = write(path, key, COMMITS[:6])
    for day, commits in ((100, COMMITS[6:12]), (200, COMMITS[12:])):
        for bodies in commits:
            journal.append([Entry(day * DAY, body) for body in bodies])
    return journal


def known(book: Book) -> object:
    """What must survive: unfinished orders, positions, latch, last bar."""
    return book.carried(frozenset())


@pytest.mark.parametrize("key", [None, KEY])
def test_the_chain_goes_through_the_archive_into_the_journal(tmp_path: Path, key: bytes | None) -> None:
    path = tmp_path / "j.db"
    journal = grown(path, key)
    knew, total, first = known(journal.book), journal.end.seq, journal.records()[3]
    moved = archive.archive(journal, 201 * DAY, 150)
    assert moved.segment is not None
    assert known(journal.book) == knew
    found = verify(path, key, witness=parse_witness(f"4:{first.hash.hex()}"))
    assert (found.archived, found.records) == (moved.segment.last, total - moved.segment.last + 1)
    again = archive.archive(journal, 201 * DAY, 50)
    assert again.segment is not None
    assert again.segment.first == moved.segment.last + 1
    assert archive.archive(journal, 201 * DAY, 50).segment is None
    assert known(journal.book) == knew
    journal.close()
    assert verify(path, key).archived == again.segment.last
    reopened = open_journal(path, NAME, key)
    assert known(reopened.book) == knew
    reopened.append([Entry(202 * DAY, fill(A, 9, 1.0))])
    assert reopened.book.positions["A"].quantity == 8.0
    reopened.close()
    verify(path, key)


def test_everything_can_be_archived_and_a_restart_knows_it_still(tmp_path: Path) -> None:
    journal = grown(tmp_path / "j.db")
    knew = known(journal.book)
    for day in (300, 500, 700):
        archive.archive(journal, day * DAY, 1)
        assert known(journal.book) == knew
        journal.append([Entry(day * DAY, Session(f"day {day}"))])
    journal.close()
    again = open_journal(tmp_path / "j.db", NAME)
    assert known(again.book) == knew
    assert again.recovered.latch is not None
    again.close()
    assert verify(tmp_path / "j.db").archived > 20


def test_an_order_that_ended_long_ago_is_kept_when_later_records_name_it(tmp_path: Path) -> None:
    order = intent(5, "L", 2.0)
    journal = write(tmp_path / "j.db", commits=[[order], [fill(order, 1, 2.0)]])
    journal.append([Entry(100 * DAY, fill(order, 2, 0.5)), Entry(100 * DAY, Alert("info", "x", "y"))])
    assert journal.book.positions["L"].quantity == 2.5
    archive.archive(journal, 101 * DAY, 50)
    assert journal.book.positions["L"].quantity == 2.5
    journal.close()
    again = open_journal(tmp_path / "j.db", NAME)
    assert again.book.positions["L"].quantity == 2.5
    again.close()
    verify(tmp_path / "j.db")


def test_the_files_open_in_pandas_and_duckdb(tmp_path: Path) -> None:
    pandas, duckdb = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    journal = grown(tmp_path / "j.db")
    moved = archive.archive(journal, 201 * DAY, 150)
    journal.close()
    assert moved.segment is not None
    file = archive.folder_of(tmp_path / "j.db") / moved.segment.file
    frame = pandas.read_parquet(file)
    assert list(frame["seq"]) == list(range(1, moved.segment.last + 1))
    assert str(frame["time"].dt.tz) == "UTC"
    assert duckdb.sql(f"select count(*) from '{file}' where kind = 'fill'").fetchall() == [(1,)]  # noqa: S608


def test_a_changed_missing_or_swapped_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = grown(path)
    for days in (150, 50):
        archive.archive(journal, 201 * DAY, days)
    journal.close()
    one, other = sorted(archive.folder_of(path).glob("*.parquet"))
    content = one.read_bytes()
    for at in range(0, len(content), len(content) // 40):
        turned = bytearray(content)
        turned[at] ^= 4
        one.write_bytes(turned)
        with pytest.raises(JournalError, match="not as it was written"):
            verify(path)
    one.write_bytes(other.read_bytes())
    with pytest.raises(JournalError, match="not as it was written"):
        verify(path)
    one.unlink()
    with pytest.raises(JournalError, match=r"missing: it holds records 1 to"):
        verify(path)
    assert "was not looked at" in verify(path, with_archive=False).notes[0]
    one.write_bytes(content)
    (one.parent / "more.parquet").write_bytes(content)
    assert "more.parquet" in verify(path).notes[0]


def test_a_file_is_dropped_after_its_retention_and_the_seam_stays(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = grown(path)
    for days in (150, 50):
        archive.archive(journal, 201 * DAY, days)
    end = journal.end.seq
    with pytest.raises(JournalError, match="a name and a reason"):
        archive.drop(journal, 3000 * DAY, archive.RETENTION_DAYS, who="", role="admin", why="old")
    assert archive.drop(journal, 2500 * DAY, archive.RETENTION_DAYS, who="anna", role="admin", why="old") == []
    assert journal.end.seq == end
    over = archive.drop(journal, 2600 * DAY, archive.RETENTION_DAYS, who="anna", role="admin", why="seven years")
    assert [segment.first for segment in over] == [1]
    knew = known(journal.book)
    journal.close()
    found = verify(path)
    assert (found.dropped, found.counts["control"]) == (over[0].last, 2)
    assert len(list(archive.folder_of(path).glob("*.parquet"))) == 1
    again = open_journal(path, NAME)
    assert known(again.book) == knew
    archive.archive(again, 3000 * DAY, 10)
    again.close()
    verify(path)


def test_at_least_a_day_stays(tmp_path: Path) -> None:
    journal = grown(tmp_path / "j.db")
    with pytest.raises(JournalError, match="at least 1 day"):
        archive.archive(journal, 201 * DAY, 0)
    journal.close()


def test_a_backup_is_taken_while_the_journal_is_written(tmp_path: Path) -> None:
    journal = grown(tmp_path / "j.db", KEY)
    archive.archive(journal, 201 * DAY, 150)
    copied = backup(tmp_path / "j.db", tmp_path / "safe" / "copy.db", KEY)
    assert copied.end == journal.end
    journal.append([Entry(201 * DAY, Alert("info", "x", "after"))])
    with pytest.raises(JournalError, match="overwrites nothing"):
        backup(tmp_path / "j.db", tmp_path / "safe" / "copy.db", KEY)
    with pytest.raises(JournalError, match="no key is set"):
        backup(tmp_path / "j.db", tmp_path / "other.db")
    knew = known(journal.book)
    journal.close()
    assert sorted(f.name for f in (tmp_path / "safe").iterdir()) == ["copy.db", "copy.db.archive", "copy.db.head"]
    restored = open_journal(tmp_path / "safe" / "copy.db", NAME, KEY)
    assert known(restored.book) == knew
    restored.close()
    assert verify(tmp_path / "safe" / "copy.db", KEY).archived == copied.archived
    assert not (tmp_path / "other.db").exists()


def archive_once(folder: str) -> None:
    """What is killed below."""
    journal = open_journal(Path(folder) / "j.db", NAME)
    archive.archive(journal, 201 * DAY, 150)
    archive.archive(journal, 201 * DAY, 50)
    journal.close()


def test_killed_anywhere_while_it_archives_it_loses_nothing(tmp_path: Path) -> None:
    with Killing(Path(__file__), "archive_once") as killing:
        made = tmp_path / "made"
        made.mkdir()
        journal = grown(made / "j.db")
        knew, total = known(journal.book), journal.end.seq
        journal.close()
        lines = killing.count(made)
        for at in range(lines // 24, lines, lines // 12):
            folder = tmp_path / str(at)
            folder.mkdir()
            grown(folder / "j.db").close()
            assert killing.kill(at, folder)
            verify(folder / "j.db")
            killing.run(folder)
            found = verify(folder / "j.db")
            assert found.archived + found.records == total + found.counts["archived"]
            again = open_journal(folder / "j.db", NAME)
            assert known(again.book) == knew
            again.close()
