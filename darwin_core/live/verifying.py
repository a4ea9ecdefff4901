"""``darwin audit``: is a journal, with its archive, as it was written? And copies of it, and a head accepted anew."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from darwin_core.live import anchor, archive, loading, models, storage
from darwin_core.live.anchor import Anchor
from darwin_core.live.book import Book
from darwin_core.live.chain import Checker, Place, genesis
from darwin_core.live.errors import JournalError
from darwin_core.live.journal import open_journal
from darwin_core.live.schema import Control, Entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from darwin_core.live.book import Change
    from darwin_core.live.chain import Record
    from darwin_core.live.loading import Loaded

    _Look = Callable[[Record], None]


@frozen
class Verified:
    """A journal in which nothing is amiss.

    Parameters
    ----------
    name
        The journal's.
    records, archived
        How many are in the journal, and how many in its archive's files.
    dropped
        How many were in files whose retention is over.
    end
        Where the chain ends: note it elsewhere, and it is a witness.
    keyed, key_checked
        Whether the journal has a key, and whether it was there to check with.
    counts
        The journal's records by kind.
    notes
        What is odd, but no damage.
    """

    name: str
    records: int
    archived: int
    dropped: int
    end: Place
    keyed: bool
    key_checked: bool
    counts: dict[str, int]
    notes: tuple[str, ...]


def name_of(path: Path) -> str:
    """Return the name of an existing journal; refuse what is none."""
    if not path.is_file():
        raise JournalError(f"{path}: there is no journal")
    with closing(storage.connect(path, write=False)) as connection, storage.telling(path):
        return storage.about(connection, path).name


def parse_witness(text: str) -> Place:
    """Read ``SEQ:HASH``."""
    seq, _, digest = text.partition(":")
    try:
        place = Place(int(seq), bytes.fromhex(digest))
    except ValueError:
        place = Place(-1, b"")
    if place.seq < 0 or len(place.hash) != 32:
        raise JournalError(f"witness {text!r:.80}: write SEQ:HASH, as `darwin audit verify` prints it")
    return place


def verify(
    path: Path, key: bytes | None = None, *, witness: Place | None = None, with_archive: bool = True
) -> Verified:
    """Check every record of a journal and its archive; it may be written meanwhile.

    Parameters
    ----------
    key
        Without it, a journal that has one is checked for accidents only.
    witness
        A place that the chain must go through.
    with_archive
        Ask for the archive's files too; without, the chain is checked from where they end.

    Raises
    ------
    JournalError
        Names the first thing that is not as it was written.
    """
    seen: dict[int, bytes] = {}

    def look(record: Record) -> None:
        if witness and record.seq == witness.seq:
            seen[record.seq] = record.hash

    name_of(path)
    with closing(storage.connect(path, write=False)) as connection:
        loaded = _with_tables(path, connection, key, look)
    look_at = {0: genesis(loaded.about.name, keyed=loaded.about.keyed).hash, loaded.start.seq: loaded.start.hash}
    archived = dropped = 0
    notes = [loaded.note] if loaded.note else []
    if loaded.archived and with_archive:
        archived, dropped = _check_archive(path, loaded, key, look)
        notes += _extra_files(path, loaded)
    elif loaded.archived:
        notes.append(f"the archive, records 1 to {loaded.start.seq}, was not looked at")
    if loaded.about.keyed and not key:
        notes.append("no key is set: whoever can write these files could have computed them anew")
    if witness and {**look_at, **seen}.get(witness.seq) != witness.hash:
        raise JournalError(f"{path}: the chain does not go through {witness}: it was rolled back, or rewritten")
    counts = dict(sorted(loaded.counts.items()))
    return Verified(
        loaded.about.name, sum(counts.values()), archived, dropped, loaded.end,
        loaded.about.keyed, bool(key), counts, tuple(notes),
    )  # fmt: skip


def _with_tables(path: Path, connection: sqlite3.Connection, key: bytes | None, look: _Look) -> Loaded:
    """Load a journal, and compare its tables with what its records make of them."""
    with closing(sqlite3.connect(":memory:")) as again:
        models.make(again)
        changes: list[Change] = []

        def watch(record: Record, change: Change) -> None:
            look(record)
            changes.append(change)

        with storage.telling(path), storage.snapshot(connection):
            loaded = loading.load(path, connection, key, watch=watch)
            models.write_all(again, Book.carry(loaded.archived.state) if loaded.archived else Book())
            models.write(again, changes)
            for difference in models.differences(connection, again):
                raise JournalError(f"{path}: the table {difference} does not follow from the records")
        return loaded


def _check_archive(path: Path, loaded: Loaded, key: bytes | None, look: _Look) -> tuple[int, int]:
    """Follow the chain from its beginning through the archive's files to the journal."""
    folder = archive.folder_of(path)
    checker = Checker(str(folder), genesis(loaded.about.name, keyed=loaded.about.keyed), key)
    held = dropped = 0
    for segment in loaded.archived.segments if loaded.archived else ():
        if segment.first != checker.place.seq + 1 or segment.before != checker.place.hash.hex():
            raise JournalError(f"{folder}: {segment.file} does not follow record {checker.place.seq}")
        if segment.dropped:
            dropped += segment.last - segment.first + 1
            checker.place = Place(segment.last, bytes.fromhex(segment.after))
            continue
        checker.where = str(folder / segment.file)
        for record in archive.read(folder / segment.file, segment):
            checker.take(record)
            look(record)
            held += 1
        if (checker.place.seq, checker.place.hash.hex()) != (segment.last, segment.after):
            raise JournalError(f"{folder / segment.file} ends at record {checker.place.seq}, not at {segment.last}")
    if checker.place != loaded.start:
        raise JournalError(f"{folder} ends at record {checker.place.seq}, and {path} begins after {loaded.start.seq}")
    return held, dropped


def _extra_files(path: Path, loaded: Loaded) -> list[str]:
    segments = loaded.archived.segments if loaded.archived else ()
    known = {segment.file for segment in segments if not segment.dropped}
    odd = sorted(f.name for f in archive.folder_of(path).glob("*") if f.name not in known)
    return [f"the archive has files that the journal does not speak of: {', '.join(odd)}"] if odd else []


def backup(path: Path, target: Path, key: bytes | None = None) -> Verified:
    """Copy a journal, its head and its archive while it is being written; check the copy.

    Raises
    ------
    JournalError
        The target exists, the copy is not sound, or a key is needed to sign its head.
    """
    if target.exists() or anchor.head_of(target).exists():
        raise JournalError(f"{target} exists; a backup overwrites nothing")
    name_of(path)
    draft = target.with_name(target.name + ".unfinished")
    target.parent.mkdir(parents=True, exist_ok=True)
    newest = anchor.read(anchor.head_of(path), key).newest
    try:
        with closing(storage.connect(path, write=False)) as source, storage.telling(path, "copied"):
            if storage.about(source, path).keyed and not key:
                raise JournalError(f"{path}: a copy's head is signed, and no key is set")
            with closing(sqlite3.connect(draft)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
        Anchor.make(anchor.head_of(draft), key, newest).close()
        with closing(storage.connect(draft, write=False)) as copy:
            end = loading.load(draft, copy, key).end
        Anchor.make(anchor.head_of(target), key, end).close()
        _copy_archive(path, target)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
        anchor.head_of(draft).unlink(missing_ok=True)
    return verify(target, key)


def _copy_archive(path: Path, target: Path) -> None:
    for file in sorted(archive.folder_of(path).glob("*.parquet")):
        archive.folder_of(target).mkdir(exist_ok=True)
        shutil.copy2(file, archive.folder_of(target) / file.name)


def mend(path: Path, now: int, who: str, why: str, key: bytes | None = None) -> Verified:
    """Accept a sound chain whose head is missing, damaged or ahead of it; say so in the journal.

    For a tail that is known to be lost: after it, the venue has to be asked about everything.

    Raises
    ------
    JournalError
        The chain itself is not sound (restore a backup), or there is no name or reason.
    """
    if not who.strip() or not why.strip():
        raise JournalError("mending a journal needs a name and a reason: they go on the record")
    name_of(path)
    head = anchor.head_of(path)
    with closing(storage.connect(path, write=False)) as connection:
        loaded = loading.load(path, connection, key, headless=True)
    if loaded.about.keyed and not key:
        raise JournalError(f"{path}: its head is signed, and no key is set")
    try:
        slots = anchor.read(head, key)
        was = f"{slots.newest}{' and a damaged slot' if slots.torn else ''}"
    except JournalError as error:
        was = str(error)
    Anchor.make(head, key, loaded.end).close()
    journal = open_journal(path, loaded.about.name, key)
    try:
        details = {"head_was": was, "end": str(loaded.end)}
        journal.append([Entry(now, Control("mend the journal's head", who, "admin", why, details))])
    finally:
        journal.close()
    found = verify(path, key, with_archive=False)
    return evolve(found, notes=(*found.notes, f"the head was {was}"))
