"""A journal read from its first record to its last: the chain checked, the head compared, the book made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core.live import anchor, coding, storage
from darwin_core.live.book import Book, Change
from darwin_core.live.chain import Checker, Place, genesis
from darwin_core.live.errors import IllegalTransition, JournalError
from darwin_core.live.schema import KINDS, OWN, Archived

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from darwin_core.live.chain import Record
    from darwin_core.live.schema import Body
    from darwin_core.live.storage import About


@frozen
class Loaded:
    """A journal that holds together.

    Parameters
    ----------
    about
        Its name, and whether it has a key.
    start, end
        Where its chain begins (after what was archived) and ends.
    archived
        What the archive holds, or None.
    book
        What the records amount to.
    counts
        Records by kind.
    note
        What an interrupted write left, for people; usually empty.
    """

    about: About
    start: Place
    end: Place
    archived: Archived | None
    book: Book
    counts: dict[str, int]
    note: str


def load(
    path: Path,
    connection: sqlite3.Connection,
    key: bytes | None,
    *,
    headless: bool = False,
    watch: Callable[[Record, Change], None] = lambda _record, _change: None,
) -> Loaded:
    """Read and check a whole journal.

    Parameters
    ----------
    key
        Checks the MACs of a journal that has a key. Without it, only chain and head are checked.
    headless
        Do not look at the head, which is about to be made anew.
    watch
        Is told of every record and of what it changed.

    Raises
    ------
    JournalError
        Anything that is not as it was written, or not there any more.
    """
    # The head first: a running trader may go on meanwhile, and then the records are ahead of it, never behind.
    slots = None if headless else anchor.read(anchor.head_of(path), key)
    with storage.telling(path), storage.snapshot(connection):
        return _load(path, connection, key, slots, watch)


def _load(
    path: Path,
    connection: sqlite3.Connection,
    key: bytes | None,
    slots: anchor.Slots | None,
    watch: Callable[[Record, Change], None],
) -> Loaded:
    about = storage.about(connection, path)
    if key and not about.keyed:
        raise JournalError(f"{path}: this journal was begun without a key, and a key is set: start another journal")
    archived, start = _start(path, connection, about)
    checker = Checker(str(path), start, key)
    book = Book.carry(archived.state) if archived else Book()
    counts: dict[str, int] = {}
    seen = start.hash if slots and slots.newest.seq == start.seq else None
    for record in storage.records(connection, str(path)):
        checker.take(record)
        watch(record, fold(book, record, path))
        counts[record.kind] = counts.get(record.kind, 0) + 1
        if slots and record.seq == slots.newest.seq:
            seen = record.hash
    note = anchor.check(slots, checker.place, seen, anchor.head_of(path)) if slots else ""
    return Loaded(about, start, checker.place, archived, book, counts, note)


def _start(path: Path, connection: sqlite3.Connection, about: About) -> tuple[Archived | None, Place]:
    """Return what the archive holds, and the place after it."""
    newest = storage.last_of(connection, str(path), "archived")
    if newest is None:
        return None, genesis(about.name, keyed=about.keyed)
    archived = body_of(newest, path)
    if not isinstance(archived, Archived) or not archived.segments or archived.segments[-1].last != archived.last:
        raise JournalError(f"{path}: record {newest.seq} does not say where the archive ends")
    return archived, Place(archived.last, bytes.fromhex(archived.segments[-1].after))


def body_of(record: Record, path: Path) -> Body:
    """Return what a record says."""
    cls = KINDS.get(record.kind)
    if cls is None:
        raise JournalError(f"{path}: record {record.seq} is of an unknown kind, {record.kind!r:.30}")
    try:
        body: Body = coding.decode(cls, record.body)
    except JournalError as error:
        raise JournalError(f"{path}: record {record.seq} ({record.kind}): {error}") from None
    return body


def fold(book: Book, record: Record, path: Path) -> Change:
    """Take a record into a book, as it was taken when it was written."""
    body = body_of(record, path)
    try:
        return book.apply(body)
    except IllegalTransition as error:
        if record.kind in OWN:
            raise JournalError(f"{path}: record {record.seq} ({record.kind}) cannot be: {error}") from None
        return Change()
    finally:
        book.keep()
