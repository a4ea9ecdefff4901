"""Old records moved from a journal to Parquet files that pandas, polars and DuckDB open, their chain unbroken.

What leaves is always the oldest part of the chain, whole. The journal keeps, in a record of its own, the hashes at the
seam, each file's digest and what the records amounted to; so a restart needs no archive, and `darwin audit verify`
checks journal and archive as one chain. When a file's retention is over it may be dropped: the seam stays, and who did
it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from darwin_core.live import loading, storage
from darwin_core.live.book import Book
from darwin_core.live.errors import JournalError
from darwin_core.live.schema import Archived, Control, Entry, Role, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from darwin_core.live.chain import Record
    from darwin_core.live.journal import Journal
    from darwin_core.live.schema import Body

DAY = 86_400_000_000_000
RETENTION_DAYS = 2557
"""Seven years, two of them leap years: how long records of orders and trades are kept."""


@frozen
class Moved:
    """What an archiving did: the new segment, or None when nothing was old enough."""

    segment: Segment | None
    kept: int


def folder_of(journal: Path) -> Path:
    """Return the folder of a journal's archive."""
    return journal.with_name(journal.name + ".archive")


def archive(journal: Journal, now: int, older_than_days: int) -> Moved:
    """Move the records that are older to one new file of the archive.

    It may run inside the session that writes the journal; a crash at any point loses nothing.

    Parameters
    ----------
    now
        ns UTC.
    older_than_days
        Everything before the first record that is younger is moved.

    Raises
    ------
    JournalError
        The file cannot be written, or the days are not positive.
    """
    if older_than_days < 1:
        raise JournalError(f"records older than {older_than_days} days: at least 1 day stays in the journal")
    rows = journal.records()
    cutoff = now - older_than_days * DAY
    count = next((i for i, row in enumerate(rows) if row.time >= cutoff), len(rows))
    previous = _last_archived(journal, rows)
    if not count:
        return Moved(None, len(rows))
    old, rest = rows[:count], rows[count:]
    segment = _write(folder_of(journal.path), old)
    known = previous[1].segments if previous else ()
    before = Book.carry(previous[1].state) if previous else Book()
    for row in old:
        loading.fold(before, row, journal.path)
    state = before.carried(_named(rest, journal.path))
    body = Archived(segment.last, (*known, segment), state)
    journal.forget(Entry(now, body), segment.last, rest)
    return Moved(segment, len(rest) + 1)


def whole(journal: Journal) -> Iterator[tuple[int, Body]]:
    """Yield time and content of every record since the beginning, those in the archive first.

    Raises
    ------
    JournalError
        A file of the archive is missing, not as it was written, or was dropped when its retention was over.
    """
    rows = journal.records()
    last = _last_archived(journal, rows)
    for segment in last[1].segments if last else ():
        if segment.dropped:
            raise JournalError(
                f"{journal.path}: records {segment.first} to {segment.last} were dropped when their retention ended, "
                f"and the account follows from all of them. Flatten, move the session's folder away, and begin anew"
            )
        for row in read(folder_of(journal.path) / segment.file, segment):
            yield row.time, loading.body_of(row, journal.path)
    for row in rows:
        yield row.time, loading.body_of(row, journal.path)


def _last_archived(journal: Journal, rows: list[Record]) -> tuple[Record, Archived] | None:
    for row in reversed(rows):
        if row.kind == "archived":
            body = loading.body_of(row, journal.path)
            return (row, body) if isinstance(body, Archived) else None
    return None


def _named(rows: list[Record], path: Path) -> frozenset[str]:
    """Return the orders that later records speak of."""
    bodies = (loading.body_of(row, path) for row in rows)
    return frozenset(name for body in bodies if (name := getattr(body, "client_id", None)))


def _write(folder: Path, rows: list[Record]) -> Segment:
    """Write rows to a file, whole or not at all."""
    import pyarrow.parquet as pq

    from darwin_core.store import sha256

    first, last = rows[0].seq, rows[-1].seq
    final = folder / f"records-{first:012d}-{last:012d}.parquet"
    draft = final.with_suffix(".unfinished")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(_table(rows), draft, compression="zstd")
        _sync(draft)
        draft.replace(final)
        _sync(folder)
        digest = sha256(final)
    except OSError as error:
        raise JournalError(f"{final} cannot be written: {error.strerror or error}; nothing was moved") from None
    newest = max(row.time for row in rows)
    return Segment(first, last, final.name, digest, rows[0].previous.hex(), rows[-1].hash.hex(), newest)


def _table(rows: list[Record]) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "seq": pa.array([row.seq for row in rows], pa.int64()),
            "time": pa.array([row.time for row in rows], pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "kind": pa.array([row.kind for row in rows], pa.string()).dictionary_encode(),
            "body": pa.array([row.body.decode("ascii") for row in rows], pa.string()),
            "previous": pa.array([row.previous for row in rows], pa.binary()),
            "hash": pa.array([row.hash for row in rows], pa.binary()),
            "mac": pa.array([row.mac for row in rows], pa.binary()),
        }
    )


def read(path: Path, segment: Segment) -> Iterator[Record]:
    """Yield a segment's records; refuse a file that is missing or not as it was written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from darwin_core.store import sha256

    if not path.is_file():
        raise JournalError(f"{path} is missing: it holds records {segment.first} to {segment.last}")
    if sha256(path) != segment.sha256:
        raise JournalError(f"{path} is not as it was written (its SHA-256 differs)")
    try:
        table = pq.read_table(path)
        columns = [table[name].cast(pa.int64()) if name == "time" else table[name] for name in
                   ("seq", "time", "kind", "body", "previous", "hash", "mac")]  # fmt: skip
    except (OSError, KeyError, pa.ArrowException) as error:
        raise JournalError(f"{path} cannot be read: {error}") from None
    for batch in pa.table(columns, names=list("abcdefg")).to_batches():
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            seq, time, kind, body, *hashes = row
            yield storage.record((seq, time, kind.encode(), body.encode(), *hashes), str(path))


def drop(journal: Journal, now: int, retain_days: int, *, who: str, role: Role, why: str) -> list[Segment]:
    """Delete the archive files whose every record is older than the retention; say so in the journal first.

    Raises
    ------
    JournalError
        No name or no reason.
    """
    if not who.strip() or not why.strip():
        raise JournalError("dropping archived records needs a name and a reason: they go on the record")
    found = _last_archived(journal, journal.records())
    if found is None:
        return []
    archived = found[1]
    over = [s for s in archived.segments if not s.dropped and s.newest < now - retain_days * DAY]
    if not over:
        return []
    details = {"files": [s.file for s in over], "last": over[-1].last, "retain_days": retain_days}
    segments = tuple(evolve(s, dropped=True) if s in over else s for s in archived.segments)
    journal.append([
        Entry(now, Control("drop archived records", who, role, why, details)),
        Entry(now, evolve(archived, segments=segments)),
    ])  # fmt: skip
    for segment in over:
        (folder_of(journal.path) / segment.file).unlink(missing_ok=True)
    return over


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
