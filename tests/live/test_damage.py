"""A journal that was changed, by accident or by somebody: recovered whole, or refused in words; never half."""

# ruff: noqa: S608
from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from samples import COMMITS, KEY, NAME, write

from darwin_core.live import anchor, loading, storage
from darwin_core.live.chain import Place, Record, genesis, link
from darwin_core.live.errors import JournalError
from darwin_core.live.journal import open_journal
from darwin_core.live.schema import Alert, Entry
from darwin_core.live.verifying import mend, parse_witness, verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = ("j.db", "j.db-wal", "j.db.head")


def read(path: Path, key: bytes | None = None) -> list[Record]:
    """Return the records of a journal that a session would start from."""
    with closing(storage.connect(path, write=False)) as connection:
        loading.load(path, connection, key)
        return list(storage.records(connection, str(path)))


@pytest.fixture(params=[None, KEY], ids=["open", "keyed"])
def key(request: pytest.FixtureRequest) -> bytes | None:
    found: bytes | None = request.param
    return found


@pytest.fixture
def path(tmp_path: Path, key: bytes | None) -> Path:
    write(tmp_path / "j.db", key).close()
    return tmp_path / "j.db"


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


LAST = sum(map(len, COMMITS))
EDITS = {
    "a body": ("UPDATE records SET body = replace(body, '\"quantity\":10.0', '\"quantity\":11.0') WHERE kind = 'intent'",),
    "a time": ("UPDATE records SET time = time + 1 WHERE seq = 5",),
    "a kind": ("UPDATE records SET kind = 'alert' WHERE seq = 5",),
    "a hash": ("UPDATE records SET hash = randomblob(32) WHERE seq = 5",),
    "the last record": (f"UPDATE records SET time = 0 WHERE seq = {LAST}",),
    "deleted": ("DELETE FROM records WHERE seq = 5",),
    "the first deleted": ("DELETE FROM records WHERE seq = 1",),
    "deleted and closed up": ("DELETE FROM records WHERE seq = 5", "UPDATE records SET seq = -seq WHERE seq > 5",
                              "UPDATE records SET seq = -seq - 1 WHERE seq < 0"),
    "the tail cut off": (f"DELETE FROM records WHERE seq = {LAST}",),
    "half of it cut off": (f"DELETE FROM records WHERE seq > {LAST // 2}",),
    "all of it": ("DELETE FROM records",),
    "put in": ("UPDATE records SET seq = -seq WHERE seq > 5", "UPDATE records SET seq = -seq + 1 WHERE seq < 0",
               "INSERT INTO records SELECT 6, time, kind, body, previous, hash, mac FROM records WHERE seq = 5"),
    "put after the end": (f"INSERT INTO records SELECT {LAST + 1}, time, kind, body, previous, hash, mac FROM records WHERE seq = 5",),
    "two changed places": ("UPDATE records SET seq = -6 WHERE seq = 5", "UPDATE records SET seq = 5 WHERE seq = 6",
                           "UPDATE records SET seq = 6 WHERE seq = -6"),
    "another name": ("UPDATE about SET name = 'other'",),
    "no key asked for": ("UPDATE about SET keyed = 1 - keyed",),
    "the table dropped": ("DROP TABLE records",),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_found(path: Path, key: bytes | None, edit: tuple[str, ...]) -> None:
    sql(path, *edit)
    with pytest.raises(JournalError, match=r"j\.db"):
        verify(path, key)
    with pytest.raises(JournalError, match=r"j\.db"):
        open_journal(path, NAME, key)


def test_every_record_is_missed_when_it_is_changed_moved_deleted_or_the_last(tmp_path: Path) -> None:
    write(tmp_path / "j.db").close()
    whole = (tmp_path / "j.db").read_bytes()
    for seq in range(1, LAST + 1):
        other = seq % LAST + 1
        for statements in (
            [f"DELETE FROM records WHERE seq = {seq}"],
            [f"UPDATE records SET body = body || ' ' WHERE seq = {seq}"],
            [
                f"UPDATE records SET seq = -1 WHERE seq = {seq}",
                f"UPDATE records SET seq = {seq} WHERE seq = {other}",
                f"UPDATE records SET seq = {other} WHERE seq = -1",
            ],
            [f"DELETE FROM records WHERE seq >= {seq}"],
        ):
            (tmp_path / "j.db").write_bytes(whole)
            sql(tmp_path / "j.db", "PRAGMA synchronous = OFF", *statements)
            with pytest.raises(JournalError):
                read(tmp_path / "j.db")
    (tmp_path / "j.db").write_bytes(whole)
    assert len(read(tmp_path / "j.db")) == LAST


def test_errors_name_the_record_and_what_happened(path: Path, key: bytes | None) -> None:
    for statement, message in (
        ("DELETE FROM records WHERE seq = 5", "record 5 is missing"),
        ("UPDATE records SET time = 3 WHERE seq = 7", "record 5 is missing"),
        ("DELETE FROM records WHERE seq > 4", "ends at record 4, but it had"),
    ):
        sql(path, statement)
        with pytest.raises(JournalError, match=message):
            verify(path, key)


def test_a_table_that_does_not_follow_from_the_records_is_found(path: Path, key: bytes | None) -> None:
    sql(path, "UPDATE positions SET quantity = 0")
    with pytest.raises(JournalError, match="the table positions"):
        verify(path, key)
    journal = open_journal(path, NAME, key)
    assert journal.recovered.positions["A"].quantity == 7.0
    journal.close()


def forge(path: Path, known: bytes | None, *, head: bool = True) -> None:
    """Change record 5 and compute everything after it anew, its head too, as far as `known` allows."""
    with closing(sqlite3.connect(path)) as connection:
        rows = list(storage.records(connection, str(path)))
        place = genesis(NAME, keyed=connection.execute("SELECT keyed FROM about").fetchone()[0] == 1)
        connection.execute("DELETE FROM records")
        made = []
        for row in rows:
            made.append(link(place, row.time + (row.seq == 5), row.kind, row.body, known))
            place = Place(made[-1].seq, made[-1].hash)
        storage.insert(connection, made)
        connection.commit()
    if head:
        anchor.Anchor.make(anchor.head_of(path), known, place).close()


def test_who_has_no_key_cannot_compute_a_keyed_journal_anew(tmp_path: Path) -> None:
    write(tmp_path / "j.db", KEY).close()
    forge(tmp_path / "j.db", None)
    with pytest.raises(JournalError, match="written without one: begun so, or forged"):
        verify(tmp_path / "j.db", KEY)
    forge(tmp_path / "j.db", KEY + b"?")
    with pytest.raises(JournalError, match="not written with this key"):
        verify(tmp_path / "j.db", KEY)


def test_a_chain_computed_anew_is_not_the_one_that_the_head_knows(path: Path, key: bytes | None) -> None:
    forge(path, key, head=False)
    with pytest.raises(JournalError, match="not the one that the head knows"):
        verify(path, key)
    with pytest.raises(JournalError, match="not the one that the head knows"):
        open_journal(path, NAME, key)


def test_a_record_put_after_the_end_passes_for_an_interrupted_commit_only_with_the_key(
    path: Path, key: bytes | None
) -> None:
    end = verify(path, key).end
    with closing(sqlite3.connect(path)) as connection:
        storage.insert(connection, [link(end, 99, "alert", b'{"about":"","level":"info","source":"","text":""}', None)])
        connection.commit()
    if key:
        with pytest.raises(JournalError, match="was not written with this key"):
            verify(path, key)
    else:
        assert "(1 records)" in verify(path, key).notes[0]


def test_a_reopened_journal_leaves_its_newest_slot_alone(path: Path, key: bytes | None) -> None:
    for number in range(3):
        journal = open_journal(path, NAME, key)
        before = journal.end
        journal.append([Entry(number, Alert("info", "test", "more"))])
        journal.close()
        content = anchor.head_of(path).read_bytes()
        assert before.hash.hex().encode() in content
        assert journal.end.hash.hex().encode() in content


def test_without_a_key_he_can_and_only_a_witness_tells(tmp_path: Path) -> None:
    write(tmp_path / "j.db").close()
    witness = verify(tmp_path / "j.db").end
    verify(tmp_path / "j.db", witness=parse_witness(str(witness)))
    forge(tmp_path / "j.db", None)
    assert verify(tmp_path / "j.db").end != witness
    with pytest.raises(JournalError, match="rolled back, or rewritten"):
        verify(tmp_path / "j.db", witness=witness)


def test_an_older_copy_of_both_files_passes_and_a_witness_tells(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db", KEY, COMMITS[:6])
    journal.close()
    for name in ("j.db", "j.db.head"):
        shutil.copy(tmp_path / name, tmp_path / f"old-{name}")
    for file in tmp_path.glob("j.db*"):
        file.unlink()
    journal = write(tmp_path / "j.db", KEY)
    witness = journal.end
    journal.close()
    for name in ("j.db", "j.db.head"):
        shutil.copy(tmp_path / f"old-{name}", tmp_path / name)
    assert verify(tmp_path / "j.db", KEY).end.seq < witness.seq
    with pytest.raises(JournalError, match="does not go through"):
        verify(tmp_path / "j.db", KEY, witness=witness)


@pytest.mark.parametrize("text", ["", "5", "x:00", "5:zz", "-1:" + "0" * 64, "5:" + "0" * 60])
def test_a_witness_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(JournalError, match="write SEQ:HASH"):
        parse_witness(text)


def test_a_deleted_journal_is_not_begun_anew(path: Path, key: bytes | None) -> None:
    path.unlink()
    with pytest.raises(JournalError, match="the journal was deleted"):
        open_journal(path, NAME, key)
    with pytest.raises(JournalError, match="there is no journal"):
        verify(path, key)


def test_a_missing_head_is_refused_and_mended_on_the_record(path: Path, key: bytes | None) -> None:
    anchor.head_of(path).unlink()
    with pytest.raises(JournalError, match="head is missing"):
        open_journal(path, NAME, key)
    with pytest.raises(JournalError, match="a name and a reason"):
        mend(path, 5, "anna", " ", key)
    found = mend(path, 5, "anna", "disk restored", key)
    assert found.records == LAST + 1
    assert b"head is missing" in read(path, key)[-1].body
    verify(path, key)


def test_a_lost_tail_is_refused_and_mended_on_the_record(path: Path, key: bytes | None) -> None:
    sql(path, f"DELETE FROM records WHERE seq > {LAST - 2}", "DELETE FROM fills", "DELETE FROM positions")
    with pytest.raises(JournalError, match="tail was cut off"):
        open_journal(path, NAME, key)
    sql(path, "DELETE FROM orders")
    with pytest.raises(JournalError, match="the table"):
        mend(path, 5, "anna", "disk restored", key)


def test_a_broken_chain_is_not_mended(path: Path, key: bytes | None) -> None:
    sql(path, "DELETE FROM records WHERE seq = 5")
    with pytest.raises(JournalError, match="record 5 is missing"):
        mend(path, 5, "anna", "it looks fine", key)


def test_a_commit_whose_head_was_not_written_is_kept(tmp_path: Path, key: bytes | None) -> None:
    journal = write(tmp_path / "j.db", key, COMMITS[:-1])
    head = anchor.head_of(journal.path).read_bytes()
    journal.close()
    for file in tmp_path.glob("j.db*"):
        file.unlink()
    write(tmp_path / "j.db", key).close()
    anchor.head_of(tmp_path / "j.db").write_bytes(head)
    assert "interrupted before its head" in verify(tmp_path / "j.db", key).notes[0]
    journal = open_journal(tmp_path / "j.db", NAME, key)
    assert "(2 records)" in journal.recovered.note
    journal.close()
    assert not any("interrupted" in note for note in verify(tmp_path / "j.db", key).notes)


def test_a_torn_slot_is_accepted_only_where_a_crash_explains_it(tmp_path: Path, key: bytes | None) -> None:
    journal = write(tmp_path / "j.db", key)
    newest = journal._anchor._slot ^ 1
    journal.close()
    head = anchor.head_of(tmp_path / "j.db")
    whole = head.read_bytes()
    torn = bytearray(whole)
    torn[newest * 4096 + 30] ^= 1
    head.write_bytes(torn)
    assert "interrupted before its head" in verify(tmp_path / "j.db", key).notes[0]
    torn = bytearray(whole)
    torn[(1 - newest) * 4096 + 30] ^= 1
    head.write_bytes(torn)
    with pytest.raises(JournalError, match="one slot of the head is damaged"):
        verify(tmp_path / "j.db", key)


def sample(folder: Path, key: bytes | None, *, running: bool) -> list[Record]:
    """Make a journal as it lies on disk while it runs (most of it in the WAL), or after it was closed."""
    made = folder / "made"
    made.mkdir(parents=True)
    if running:
        write(made / "j.db", key, COMMITS[:8]).close()
        journal = open_journal(made / "j.db", NAME, key)
        for number, bodies in enumerate(COMMITS[8:], start=8):
            journal.append([Entry(number, body) for body in bodies])
    else:
        journal = write(made / "j.db", key)
    records = journal.records()
    if not running:
        journal.close()
    for name in FILES:
        if (made / name).exists():
            shutil.copy(made / name, folder / name)
    journal.close()
    return records


def damaged(content: bytes, stride: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield a file cut off, and with one bit turned, at every `stride`-th offset."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    for at in range(rng.randrange(stride), len(content), stride):
        yield f"cut at {at}", content[:at]
        turned = bytearray(content)
        turned[at] ^= 1 << rng.randrange(8)
        yield f"bit at {at}", bytes(turned)


def campaign(folder: Path, key: bytes | None, stride: int, *, running: bool) -> dict[str, int]:
    """Damage each file in turn; count what became of it; fail on anything accepted that is not the whole."""
    whole = sample(folder, key, running=running)
    seen, said = {"recovered": 0, "refused": 0}, []
    present = [name for name in FILES if (folder / name).exists()]
    originals = {name: (folder / name).read_bytes() for name in present}
    for name in present:
        for what, content in damaged(originals[name], stride, len(name)):
            for each in present:
                (folder / each).write_bytes(content if each == name else originals[each])
            (folder / "j.db-shm").unlink(missing_ok=True)
            try:
                found = read(folder / "j.db", key)
            except JournalError as error:
                seen["refused"] += 1
                said.append(str(error))
            else:
                assert found == whole, f"{name} {what}: accepted, and not what was written"
                seen["recovered"] += 1
    assert all("j.db" in each for each in said)
    return seen


@pytest.mark.parametrize("running", [True, False], ids=["running", "closed"])
def test_cut_off_or_bit_flipped_anywhere_it_is_recovered_whole_or_refused(tmp_path: Path, running: bool) -> None:
    seen = campaign(tmp_path, None, 397, running=running)
    assert seen["refused"] > 50
    assert seen["recovered"] > 20


@pytest.mark.slow
@pytest.mark.parametrize("running", [True, False], ids=["running", "closed"])
def test_at_every_byte_offset_it_is_recovered_whole_or_refused(
    tmp_path: Path, key: bytes | None, running: bool
) -> None:
    seen = campaign(tmp_path, key, 1, running=running)
    print(f"{'keyed' if key else 'open'}, {'running' if running else 'closed'}: {seen}")  # noqa: T201
    assert sum(seen.values()) > 50_000
