"""The journal: everything that was decided, sent and heard, in order, on disk before anybody acts on it.

`append` returns when its records are on disk and in the head. A commit is whole or not there. What darwin is about to
do and must not (a second live order for a leg, an order sent twice) is refused before it is written; what a venue says
is written whatever it says, and an alert stands after it when it cannot be.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from darwin_core.live import anchor, coding, loading, models, storage
from darwin_core.live.anchor import Anchor
from darwin_core.live.book import Book, together
from darwin_core.live.chain import Place, Record, genesis, link
from darwin_core.live.errors import IllegalTransition, JournalError
from darwin_core.live.recovery import Recovered
from darwin_core.live.schema import OWN, Alert, Archived, Entry
from darwin_core.live.storage import About

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from darwin_core.live.book import Change


_PAGES = 8_000
"""Of SQLite's write-ahead log, 32 MB: beyond that a commit copies it back itself, whoever waits for it."""
_COMMITS = 100


@frozen
class Written:
    """What a group of entries became: its records, and the alerts among them that the journal added."""

    records: tuple[Record, ...]
    alerts: tuple[Alert, ...]


@define
class _Draft:
    """Records that are not on disk yet."""

    place: Place
    records: list[Record] = field(factory=list)
    changes: list[Change] = field(factory=list)
    alerts: list[Alert] = field(factory=list)


@define(eq=False)
class Journal:
    """An open journal; make it with `open_journal`. One writer; any thread may call it."""

    path: Path
    book: Book
    recovered: Recovered
    _connection: sqlite3.Connection
    _anchor: Anchor
    _end: Place
    _key: bytes | None = field(repr=False)
    _lock: Lock = field(factory=Lock)
    _broken: str = ""
    _commits: int = 0

    @property
    def end(self) -> Place:
        """Where the chain ends."""
        return self._end

    def append(self, entries: Sequence[Entry]) -> Written:
        """Write entries in one commit; return when they are on disk.

        Raises
        ------
        IllegalTransition
            One is something that darwin must not do, or says what a journal cannot hold. None of them is written; an
            alert is.
        JournalError
            They could not be written. Nothing may be sent on their account.
        """
        (result,) = self.append_groups([entries])
        if isinstance(result, Exception):
            raise result
        return result

    def append_groups(self, groups: Sequence[Sequence[Entry]]) -> list[Written | IllegalTransition]:
        """Write groups of entries in one commit; a group that is refused does not touch the others."""
        with self._lock:
            self._check_usable()
            try:
                drafts, results = self._draft(groups)
                with self._transaction() as connection:
                    storage.insert(connection, [record for draft in drafts for record in draft.records])
                    models.write(connection, together(change for draft in drafts for change in draft.changes))
            except BaseException:
                self.book.undo()
                raise
            self.book.keep()
            if drafts:
                self._end = drafts[-1].place
                self._say_head()
            self._commits += 1
            return results

    def rest(self) -> None:
        """Copy SQLite's write-ahead log back, after many commits: called when no order waits for the journal.

        Everything is on disk without it; a disk that is full, or a reader, leaves it for later.
        """
        with self._lock:
            if self._commits >= _COMMITS and not self._broken:
                self._commits = 0
                with suppress(sqlite3.Error):
                    self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _check_usable(self) -> None:
        if self._broken:
            raise JournalError(f"{self.path}: {self._broken}")

    def _draft(self, groups: Sequence[Sequence[Entry]]) -> tuple[list[_Draft], list[Written | IllegalTransition]]:
        drafts: list[_Draft] = []
        results: list[Written | IllegalTransition] = []
        place = self._end
        for entries in groups:
            draft, mark = _Draft(place), self.book.mark()
            try:
                for entry in entries:
                    self._take(draft, entry)
                results.append(Written(tuple(draft.records), tuple(draft.alerts)))
            except (IllegalTransition, JournalError) as error:
                self.book.undo(mark)
                draft = _Draft(place)
                self._alert(draft, entry, f"refused, and not written: {error}")
                results.append(IllegalTransition(str(error)))
            place = draft.place
            drafts.append(draft)
        return drafts, results

    def _take(self, draft: _Draft, entry: Entry) -> None:
        """Add an entry, and alerts after it where it is out of order."""
        body = coding.encode(entry.body).encode("ascii")
        warnings: tuple[str, ...] = ()
        try:
            change = self.book.apply(entry.body)
            draft.changes.append(change)
            warnings = change.warnings
        except IllegalTransition as error:
            if entry.kind in OWN:
                raise
            warnings = (str(error),)
        self._add(draft, entry, body)
        for warning in warnings:
            self._alert(draft, entry, warning)

    def _alert(self, draft: _Draft, entry: Entry, text: str) -> None:
        alert = Alert("critical", "journal", text, getattr(entry.body, "client_id", ""))
        draft.alerts.append(alert)
        self._add(draft, Entry(entry.time, alert), coding.encode(alert).encode("ascii"))

    def _add(self, draft: _Draft, entry: Entry, body: bytes) -> None:
        record = link(draft.place, entry.time, entry.kind, body, self._key)
        draft.records.append(record)
        draft.place = Place(record.seq, record.hash)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one commit, which is on disk at the end, or not there at all."""
        with storage.telling(self.path, "written"):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._check_alone()
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _check_alone(self) -> None:
        if storage.last_seq(self._connection) != self._end.seq:
            raise JournalError(f"{self.path}: somebody else has written to this journal")

    def _say_head(self) -> None:
        try:
            self._anchor.write(self._end)
        except OSError as error:
            self._broken = f"its head cannot be written ({error.strerror}); what is in the journal is safe"
            self._check_usable()

    def forget(self, entry: Entry, last: int, rest: Sequence[Record]) -> None:
        """Write an `Archived` entry and delete the records up to `last`, in one commit; `rest` stays.

        The book and the tables become what a restart would make of the state in the entry and of `rest`.
        """
        if not isinstance(entry.body, Archived):
            raise TypeError(entry)
        with self._lock:
            self._check_usable()
            draft = _Draft(self._end)
            self._add(draft, entry, coding.encode(entry.body).encode("ascii"))
            book = Book.carry(entry.body.state)
            changes = [loading.fold(book, record, self.path) for record in rest]
            with self._transaction() as connection:
                storage.insert(connection, draft.records)
                connection.execute("DELETE FROM records WHERE seq <= ?", (last,))
                models.clear(connection)
                models.write_all(connection, Book.carry(entry.body.state))
                models.write(connection, together(changes))
            self.book, self._end = book, draft.place
            self._say_head()

    def records(self, *, after: int = 0, kind: str | None = None) -> list[Record]:
        """Return the records after a number, of one kind or of all."""
        with self._lock, storage.telling(self.path):
            return list(storage.records(self._connection, str(self.path), after=after, kind=kind))

    def close(self) -> None:
        """Close the files; everything is on disk already."""
        with self._lock:
            self._broken = "it is closed"
            self._connection.close()
            self._anchor.close()


def open_journal(path: Path, name: str, key: bytes | None = None, *, durable: bool = True) -> Journal:
    """Open a journal, or begin one where there is none; check all of it first.

    Parameters
    ----------
    name
        What it is the journal of; it is part of every hash.
    key
        See `darwin_core.live.chain.key_from`. A journal that was begun with one is opened with it for ever.
    durable
        Whether a commit outlives a loss of power, which a rehearsal's need not; it always outlives the process.

    Raises
    ------
    JournalError
        It is damaged, its tail is missing, another process writes it, or it is another journal.
    """
    head = anchor.head_of(path)
    if not path.exists() and head.exists():
        raise JournalError(f"{path} is missing, and its head is here: the journal was deleted. Restore a backup")
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = storage.connect(path, write=True, durable=durable)
    try:
        with storage.telling(path):
            connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES}")
            if storage.is_new(connection):
                storage.make(connection, About(name, keyed=key is not None))
            _begin(connection, path, head, key)
        return _opened(path, name, key, connection, durable=durable)
    except BaseException:
        connection.close()
        raise


def _begin(connection: sqlite3.Connection, path: Path, head: Path, key: bytes | None) -> None:
    """Make the head of a journal that has no record yet: of a new one, or one whose beginning was interrupted."""
    if storage.last_seq(connection):
        return
    try:
        if anchor.read(head, key).newest.seq:
            return
    except JournalError:
        pass
    about = storage.about(connection, path)
    Anchor.make(head, key, genesis(about.name, keyed=about.keyed)).close()


def _opened(path: Path, name: str, key: bytes | None, connection: sqlite3.Connection, *, durable: bool) -> Journal:
    if not anchor.head_of(path).exists():
        anchor.read(anchor.head_of(path), key)
    lock = Anchor(anchor.head_of(path), key, durable)
    try:
        loaded = loading.load(path, connection, key)
        if loaded.about.name != name:
            raise JournalError(f"{path} is the journal of {loaded.about.name!r}, and not of {name!r}")  # noqa: TRY301
        if loaded.about.keyed and not key:
            raise JournalError(f"{path}: this journal was begun with a key, and none is set")  # noqa: TRY301
        lock.after(anchor.read(anchor.head_of(path), key))
        if loaded.note:
            lock.write(loaded.end)
    except BaseException:
        lock.close()
        raise
    return Journal(path, loaded.book, Recovered.of(loaded), connection, lock, loaded.end, key)
