"""The journal: durable, in order, one writer, the same bytes for the same order."""

from __future__ import annotations

import math
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st
from samples import COMMITS, KEY, NAME, A, B, C, D, fill, intent, report, write

from darwin_core.live import book as book_module
from darwin_core.live import coding, loading, storage
from darwin_core.live.book import Book
from darwin_core.live.chain import key_from
from darwin_core.live.errors import IllegalTransition, JournalError
from darwin_core.live.journal import open_journal
from darwin_core.live.orders import Intent
from darwin_core.live.recovery import recover
from darwin_core.live.schema import (
    KIND_OF,
    KINDS,
    Alert,
    Archived,
    Body,
    Control,
    Decision,
    Entry,
    Segment,
    Sent,
    Session,
)
from darwin_core.live.verifying import verify

if TYPE_CHECKING:
    from pathlib import Path


def test_a_restart_knows_what_was_on_disk(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db")
    knew = journal.book.carried(frozenset(journal.book.orders))
    end = journal.end
    journal.close()
    again = open_journal(tmp_path / "j.db", NAME)
    assert again.book.carried(frozenset(again.book.orders)) == knew
    assert again.end == end
    found = again.recovered
    assert [(o.client_id, o.status, o.filled) for o in found.unfinished] == [(A.client_id, "cancelling", 7.0)]
    assert found.in_doubt == found.unfinished
    assert (found.last_bar, found.positions["A"].quantity, found.positions["A"].seen) == (2, 7.0, 4.0)
    assert found.positions["A"].cash == pytest.approx(-7 * 10.5 - 0.02)
    assert found.latch is not None
    assert (found.latch.who, found.note) == ("anna", "")
    assert [again.book.orders[i.client_id].status for i in (B, C, D)] == ["cancelled", "denied", "refused"]
    again.close()


def test_a_reader_sees_a_running_journal(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db")
    assert recover(tmp_path / "j.db").end == journal.end
    assert verify(tmp_path / "j.db").end == journal.end
    journal.append([Entry(99, Alert("info", "test", "more"))])
    assert recover(tmp_path / "j.db").end == journal.end
    journal.close()


def test_the_tables_say_what_the_book_says(tmp_path: Path) -> None:
    write(tmp_path / "j.db").close()
    with sqlite3.connect(tmp_path / "j.db") as connection:
        orders = connection.execute("SELECT symbol, status, filled FROM orders ORDER BY symbol").fetchall()
        fills = connection.execute("SELECT fill_id, quantity FROM fills ORDER BY 1").fetchall()
        positions = connection.execute("SELECT symbol, quantity, seen FROM positions").fetchall()
    connection.close()
    assert orders == [("A", "cancelling", 7.0), ("B", "cancelled", 0.0), ("C", "denied", 0.0), ("D", "refused", 0.0)]
    assert fills == [("F1", 4.0), ("F2", 3.0)]
    assert positions == [("A", 7.0, 4.0)]


@pytest.mark.parametrize("key", [None, KEY])
def test_the_same_entries_give_the_same_bytes(tmp_path: Path, key: bytes | None) -> None:
    ends = []
    for name in ("one.db", "other.db"):
        journal = write(tmp_path / name, key)
        ends.append((journal.end, journal.records()))
        journal.close()
    assert ends[0] == ends[1]


def test_what_must_not_be_done_is_not_written_and_an_alert_is(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db", commits=COMMITS[:4])
    before = journal.end.seq
    with pytest.raises(IllegalTransition, match="cannot take 'sent'"):
        journal.append([Entry(9, Decision(2)), Entry(9, Sent(A.client_id))])
    assert [r.kind for r in journal.records(after=before)] == ["alert"]
    assert journal.book.last_bar == 1
    with pytest.raises(IllegalTransition, match="A has a live order for target already"):
        journal.append([Entry(9, intent(2, "A", 1.0))])
    with pytest.raises(IllegalTransition, match="no quantity"):
        journal.append([Entry(9, intent(2, "Z", 0.0))])
    journal.append([Entry(9, intent(2, "A", 1.0, leg="stop"))])
    journal.close()
    assert verify(tmp_path / "j.db").counts["alert"] == 3


def test_what_a_venue_says_is_written_even_when_it_cannot_be(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db", commits=COMMITS[:6])
    strange: list[Body] = [
        fill(A, 1, 5.0),
        fill(intent(9, "Q", 1.0), 3, 1.0),
        report(B, "working", 0.0, 9),
        fill(A, 4, 20.0),
    ]
    written = journal.append([Entry(9, body) for body in strange])
    assert [record.kind for record in written.records] == ["fill", "alert", "fill", "alert", "report", "fill", "alert"]
    assert "come twice" in written.alerts[0].text
    assert "not ours" in written.alerts[1].text
    assert "more filled than ordered: 24.0 of 10.0" in written.alerts[2].text
    assert journal.book.positions["A"].quantity == 24.0
    assert "Q" not in journal.book.positions
    knew = journal.book.carried(frozenset())
    journal.close()
    assert open_and_close(tmp_path / "j.db").carried(frozenset()) == knew
    verify(tmp_path / "j.db")


def open_and_close(path: Path) -> Book:
    journal = open_journal(path, NAME)
    journal.close()
    return journal.book


def test_a_group_that_is_refused_leaves_the_others_alone(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db", commits=COMMITS[:4])
    good, bad = [Entry(9, intent(2, "X", 1.0))], [Entry(9, intent(2, "Y", 1.0)), Entry(9, Sent(A.client_id))]
    results = journal.append_groups([good, bad, [Entry(9, intent(2, "Z", 1.0))]])
    assert [isinstance(result, Exception) for result in results] == [False, True, False]
    assert {o.intent.symbol for o in journal.book.orders.values()} == {"A", "B", "X", "Z"}
    journal.close()
    verify(tmp_path / "j.db")


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db", commits=COMMITS[:4])
    for body in (evolve(intent(2, "X", 1.0), quantity=math.nan), evolve(intent(2, "X", 1.0), limit_price=math.inf),
                 Decision(2, {"weights": [0.1, math.nan]}), Decision(2, {"what": {1, 2}})):  # fmt: skip
        with pytest.raises(IllegalTransition, match=r"only finite numbers|JSON cannot say"):
            journal.append([Entry(9, body)])
    journal.close()


def test_a_full_disk_is_an_error_and_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db", commits=COMMITS[:4])
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    end, orders = journal.end, dict(journal.book.orders)
    with pytest.raises(JournalError, match="cannot be written: database or disk is full"):
        journal.append([Entry(9, intent(3, f"S{n}", 1.0)) for n in range(500)])
    assert (journal.end, journal.book.orders) == (end, orders)
    journal._connection.execute("PRAGMA max_page_count = 100000")
    journal.append([Entry(9, intent(3, "S1", 1.0))])
    journal.close()
    assert verify(tmp_path / "j.db").records == end.seq + 1


def test_there_is_one_writer(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db")
    with pytest.raises(JournalError, match="another process is writing"):
        open_journal(tmp_path / "j.db", NAME)
    stranger = storage.connect(tmp_path / "j.db", write=True)
    stranger.execute(
        "INSERT INTO records SELECT seq + 1, time, kind, body, previous, hash, mac FROM records ORDER BY seq DESC LIMIT 1"
    )
    stranger.close()
    with pytest.raises(JournalError, match="somebody else has written"):
        journal.append([Entry(9, Session("x"))])
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append([Entry(9, Session("x"))])


def test_a_journal_is_opened_under_its_own_name_and_key(tmp_path: Path) -> None:
    write(tmp_path / "open.db").close()
    write(tmp_path / "keyed.db", KEY).close()
    for path, name, key, message in (
        ("open.db", "other", None, "is the journal of 'sample', and not of 'other'"),
        ("open.db", NAME, KEY, "written without one"),
        ("keyed.db", NAME, None, "begun with a key, and none is set"),
        ("keyed.db", NAME, KEY + b"!", "not written with this key"),
    ):
        with pytest.raises(JournalError, match=message):
            open_journal(tmp_path / path, name, key)
    open_journal(tmp_path / "keyed.db", NAME, KEY).close()


def test_a_short_key_is_refused() -> None:
    assert key_from({}) is None
    assert key_from({"DARWIN_JOURNAL_KEY": "x" * 32}) == b"x" * 32
    with pytest.raises(JournalError, match="has 5 characters"):
        key_from({"DARWIN_JOURNAL_KEY": "x" * 5})


def test_an_interrupted_beginning_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    connection = storage.connect(path, write=True)
    storage.make(connection, storage.About(NAME, keyed=False))
    connection.close()
    open_journal(path, NAME).close()
    (tmp_path / "j.db.head").write_bytes(b"")
    open_journal(path, NAME).close()
    assert verify(path).records == 0


def test_finished_orders_are_forgotten_one_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "KEPT", 3)
    journal = open_journal(tmp_path / "j.db", NAME)
    for bar in range(9):
        order = intent(bar, "A", 1.0)
        journal.append([Entry(bar, order), Entry(bar, Sent(order.client_id)), Entry(bar, fill(order, bar, 1.0))])
    assert len(journal.book.orders) <= 4
    assert journal.book.positions["A"].quantity == 9.0
    late = journal.append([Entry(9, fill(intent(0, "A", 1.0), 0, 1.0))])
    assert "ended long ago" in late.alerts[0].text
    assert journal.book.positions["A"].quantity == 9.0
    knew = journal.book.carried(frozenset(journal.book.orders))
    journal.close()
    assert (book := open_and_close(tmp_path / "j.db")).carried(frozenset(book.orders)) == knew
    verify(tmp_path / "j.db")


def test_taking_back_leaves_a_book_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "KEPT", 1)
    book = Book()
    for bodies in COMMITS:
        for body in bodies:
            book.apply(body)
        book.keep()
        whole = frozenset(book.orders)
        before = book.carried(whole), list(book._ended), dict(book._live)
        for again in COMMITS:
            for body in again:
                try:
                    book.apply(evolve(body, client_id="X") if isinstance(body, Intent) else body)
                except IllegalTransition:
                    continue
        book.undo()
        assert (book.carried(whole), list(book._ended), dict(book._live)) == before


TEXTS = st.text(max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read_again_whatever_the_order_of_its_keys(content: dict[str, object]) -> None:
    text = coding.encode(Control("a", "b", "risk", "c", content))
    turned = dict(reversed(list(content.items())))
    assert coding.encode(Control("a", "b", "risk", "c", turned)) == text
    assert text.isascii()
    again = coding.decode(Control, text)
    assert again.details == content
    assert coding.encode(again) == text


@given(NUMBERS, NUMBERS, st.none() | NUMBERS)
def test_floats_come_back_bit_for_bit(quantity: float, reference: float, limit: float | None) -> None:
    order = evolve(A, quantity=quantity, reference=reference, limit_price=limit)
    assert coding.decode(Intent, coding.encode(order)) == order


def test_equal_numbers_have_equal_bytes() -> None:
    one = coding.encode(evolve(A, quantity=10, reference=np.float64(10.0), target=-0.0, bar=np.int64(1)))  # type: ignore[arg-type]
    assert one == coding.encode(evolve(A, quantity=10.0, reference=10.0, target=0.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is no JSON"),
        ("[]", "needs the fields"),
        ('{"client_id":"x"}', None),
        ('{"client_id":"x","more":1}', "needs the fields"),
        ('{"client_id":1}', "must be str"),
    ],
)
def test_a_body_of_another_shape_is_refused(text: str, message: str | None) -> None:
    if message is None:
        assert coding.decode(Sent, text) == Sent("x")
    else:
        with pytest.raises(JournalError, match=message):
            coding.decode(Sent, text)


def test_every_kind_of_record_can_be_written_and_read() -> None:
    bodies = [body for commit in COMMITS for body in commit]
    bodies.append(Archived(3, (Segment(1, 3, "f", "ab", "cd", "ef", 7),), {"orders": []}))
    assert {KIND_OF[type(body)] for body in bodies} == set(KINDS)
    for body in bodies:
        assert coding.decode(type(body), coding.encode(body)) == body
        assert len(coding.plain(body)) == len(fields(type(body)))


def test_a_book_is_the_fold_of_its_records(tmp_path: Path) -> None:
    journal = write(tmp_path / "j.db")
    book = Book()
    for record in journal.records():
        loading.fold(book, record, journal.path)
    assert book.carried(frozenset(book.orders)) == journal.book.carried(frozenset(journal.book.orders))
    journal.close()
