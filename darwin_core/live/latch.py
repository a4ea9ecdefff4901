"""The kill latch: a file that keeps trading shut over restarts, until a named person opens it with a reason.

Closed means: the file says so, or it cannot be read, or the emergency mark lies beside it. The mark is a small file
that was made in better times and only has to be renamed: that works on a full disk, and while another process holds
the lock.
Every closing and every release stays on record in the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from attrs import asdict, define, field, frozen

from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TRIES, _PAUSE_S = 100, 0.005


@frozen
class Record:
    """One closing or release: what, who, why and when (ns UTC)."""

    act: Literal["closed", "released"]
    who: str
    why: str
    time: int


@frozen
class State:
    """What the latch says.

    Parameters
    ----------
    closed
        Why it is closed; empty when it is open.
    records
        Everything on record, oldest first; empty when the file cannot be read.
    damaged
        Whether it counts as closed because it cannot be read.
    """

    closed: str = ""
    records: tuple[Record, ...] = ()
    damaged: bool = False


@define(eq=False)
class Latch:
    """The latch of one deployment.

    Parameters
    ----------
    path
        The file, in a folder that is there.
    must_exist
        A missing file counts as closed: for a deployment that has run before.
    """

    path: Path
    must_exist: bool = False
    _seen: tuple[object, State] = field(factory=lambda: (None, State()), init=False)
    _shut: str = field(default="", init=False)

    @property
    def mark(self) -> Path:
        """The emergency mark: while it is there, the latch is closed."""
        return self.path.with_name(self.path.name + ".emergency")

    @property
    def spare(self) -> Path:
        """What becomes the mark when nothing can be written."""
        return self.path.with_name(self.path.name + ".spare")

    def prepare(self) -> State:
        """Make the file, open, when there is none, and the spare mark; return the state. Call it at every start."""
        try:
            with self._alone():
                if not self.path.exists() and not self.must_exist:
                    _write(self.path, _encode(()))
                if not self.spare.exists():
                    _write(self.spare, b"closed in an emergency\n")
        except OSError as error:
            raise ConfigError(f"the latch {self.path} cannot be written: {error.strerror or error}") from None
        return self.state()

    def state(self) -> State:
        """Return what the latch says now; the files are read again when they have changed."""
        shut = self._shut  # before the files: another thread empties it as soon as they are written
        signature = (_signature(self.path), _signature(self.mark))
        known, state = self._seen
        if signature != known:
            state = self._read()
            self._seen = signature, state
        return State(shut, state.records, state.damaged) if shut else state

    def close(self, who: str, why: str, at: int, settle: Callable[[], None] = lambda: None) -> bool:
        """Close the latch; return whether the record is on disk with who and why.

        This process sees it closed from the first line on, whatever the disk does. After `settle` has been called, the
        mark shows it to everybody, until the record is on disk. False: it is closed on disk by the mark or by a damaged
        file only, or, when even the mark failed, in this process only.
        """
        self._shut = f"{why} ({who})"
        settle()
        self._set_mark()
        written = self._record_closing(Record("closed", who, why, at))
        if self._read().closed:
            self._shut = ""  # the disk knows, and another process may release it there
        return written

    def _record_closing(self, record: Record) -> bool:
        try:
            with self._alone():
                state = self._read()
                if not state.damaged:
                    _write(self.path, _encode((*state.records, record)))
                    with suppress(OSError):
                        self.mark.replace(self.spare)
                    return True
        except OSError:
            pass
        self._emergency()
        return False

    def release(self, person: str, reason: str, at: int) -> State:
        """Open the latch again.

        Raises
        ------
        ConfigError
            Without a person or a reason, or when the latch is open, or when the file cannot be written.
        """
        person, reason = person.strip(), reason.strip()
        if not person or not reason:
            raise ConfigError(f"the latch {self.path} is released by a named person, with a reason: give both")
        try:
            with self._alone():
                self._release(Record("released", person, reason, at))
        except OSError as error:
            raise ConfigError(f"the latch {self.path} stays closed: {error.strerror or error}") from None
        self._shut = ""
        with suppress(ConfigError):
            return self.prepare()
        return self.state()

    def _release(self, record: Record) -> None:
        state = self._read()
        if not state.closed and not self._shut:
            raise ConfigError(f"the latch {self.path} is open: there is nothing to release")
        records = state.records
        if state.damaged:
            kept = self._keep_damaged()
            records = (Record("closed", "darwin", f"{state.closed}{kept}", record.time),)
        elif self.mark.exists():
            records = (*records, Record("closed", "darwin", _EMERGENCY, record.time))
        _write(self.path, _encode((*records, record)))
        # The mark goes last: a crash before this line leaves the latch closed.
        self.mark.unlink(missing_ok=True)
        _sync(self.path.parent)

    def _keep_damaged(self) -> str:
        """Move a damaged file aside; it is evidence."""
        if not self.path.exists():
            return ""
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        # The mark holds the latch closed while its file is away; without it the file stays where it is.
        self._emergency()
        self.mark.stat()
        self.path.replace(aside)
        return f"; the file is kept as {aside.name}"

    def _set_mark(self) -> None:
        """Close by the mark for everybody who looks, without waiting for the disk."""
        with suppress(OSError):
            if not self.mark.exists():
                self.spare.replace(self.mark)

    def _emergency(self) -> None:
        """Close by the mark."""
        self._set_mark()
        if not self.mark.exists():
            with suppress(OSError):
                _write(self.mark, b"closed in an emergency\n")
        with suppress(OSError):
            _sync(self.path.parent)

    def _read(self) -> State:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            if not self.must_exist:
                return State(_EMERGENCY) if self.mark.exists() else State()
            return State(f"the latch file {self.path.name} is missing", damaged=True)
        except OSError as error:
            return State(f"the latch file {self.path.name} cannot be read: {error.strerror}", damaged=True)
        records = _decode(text)
        if records is None:
            return State(f"the latch file {self.path.name} is damaged", damaged=True)
        last = records[-1] if records else None
        if last is not None and last.act == "closed":
            return State(f"{last.why} ({last.who})", records)
        return State(_EMERGENCY, records) if self.mark.exists() else State("", records)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock; OSError when another process holds it for half a second."""
        with self.path.with_name(self.path.name + ".lock").open("ab") as file:
            for attempt in range(_TRIES):
                try:
                    _lock(file.fileno())
                except OSError:
                    if attempt == _TRIES - 1:
                        raise
                    time.sleep(_PAUSE_S)
                else:
                    break
            yield


_EMERGENCY = "closed in an emergency: the record could not be written"


def _encode(records: tuple[Record, ...]) -> bytes:
    body = json.dumps([asdict(record) for record in records], ensure_ascii=False, indent=1)
    return json.dumps({"sha256": _digest(body), "records": body}, ensure_ascii=False, indent=1).encode()


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _decode(text: bytes) -> tuple[Record, ...] | None:
    """Return the records, or None when this is not what `_encode` wrote."""
    try:
        outer: Any = json.loads(text)
        body = outer["records"]
        if outer["sha256"] != _digest(body):
            return None
        records = tuple(Record(**each) for each in json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return records if _encode(records) == text else None


def _write(path: Path, content: bytes) -> None:
    """Replace a file so that after a crash there is the old one or the new one, whole, and after return the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a folder's entries durable; Windows has no way to, and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock an open file without waiting; the lock goes when the file is closed or the process dies."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
