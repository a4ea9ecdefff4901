"""The head: a small file beside the journal that says how far the chain went, so that a missing tail is found.

It is written and synced after every commit. It has two slots, written in turn, in place: a write that is interrupted
tears one of them, and the other still holds. The file never grows, so it can be written on a full disk.

Since a slot is written only after its records are on disk, a crash leaves the chain at the newest slot or beyond it,
never before it; and it leaves a torn slot only when the chain goes beyond the other one. Anything else is damage.

What somebody with write access to journal and head can still do:

- without a key: compute everything anew, or put records after the end, which pass for an interrupted commit. No trace
  is left in the two files.
- with a key that he cannot read: put back an older copy of both (a snapshot of his own, or the other slot, one commit
  older). That is a whole and true journal, only not the newest. Nothing in the two files can tell; a witness can: a
  place (``SEQ:HASH``, as `darwin audit verify` prints it) that was noted elsewhere and is asked for with ``--witness``.
- delete both: there is no journal then, and `darwin audit verify` says that. A run that finds no journal starts a new
  one, so its supervisor must know that there was one.
- who can read the trader's environment or memory has the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from darwin_core.live import chain
from darwin_core.live.chain import Place
from darwin_core.live.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: the journal's own check finds a second writer, later
    fcntl = None  # type: ignore[assignment]

_BLOCK = 4096
"""Slots lie in blocks of their own, because a device may tear what it writes as one block."""
_LINE = 20 + 1 + 64 + 1 + 64 + 1 + 16 + 1
_NO_MAC = "-" * 64
_SYNC = getattr(os, "fdatasync", os.fsync)
"""The file has its full size from the beginning, so that only its data has to be synced."""


def head_of(journal: Path) -> Path:
    """Return the place of a journal's head file."""
    return journal.with_name(journal.name + ".head")


@frozen
class Slots:
    """What a head file says: the newest place, and whether the other slot is damaged."""

    newest: Place
    slot: int
    torn: bool


def read(path: Path, key: bytes | None) -> Slots:
    """Read a head file.

    Raises
    ------
    JournalError
        There is none, no slot can be read, or one was not written with this key.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise JournalError(f"{path}: the journal's head is missing: nothing says how far the journal went") from None
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from None
    places = [_parse(content[at : at + _LINE], path, key) for at in (0, _BLOCK)]
    valid = [(place.seq, slot, place) for slot, place in enumerate(places) if place is not None]
    if not valid:
        raise JournalError(f"{path}: both slots of the journal's head are damaged: nothing says how far it went")
    _, slot, newest = max(valid, key=lambda each: (each[0], each[1]))
    return Slots(newest, slot, torn=len(valid) < len(places))


def check(slots: Slots, end: Place, seen: bytes | None, path: Path) -> str:
    """Compare a head with the chain; return a note for people, or nothing.

    Parameters
    ----------
    end
        Where the chain ends.
    seen
        The hash that the chain has at the head's place; None when it does not go so far.

    Raises
    ------
    JournalError
        The tail of the journal is missing, or the two are not of one journal.
    """
    newest = slots.newest
    if end.seq < newest.seq:
        raise JournalError(
            f"{path}: the journal ends at record {end.seq}, but it had {newest.seq}: its tail was cut off. "
            "Restore a backup, or accept what is left with `darwin audit mend`, and reconcile with the venue"
        )
    if seen != newest.hash:
        raise JournalError(f"{path}: record {newest.seq} is not the one that the head knows: another journal's head?")
    if slots.torn and end.seq == newest.seq:
        raise JournalError(
            f"{path}: one slot of the head is damaged, and no interrupted write explains it: a newer tail may be "
            "missing. Compare with a witness or a backup; `darwin audit mend` accepts the journal as it is"
        )
    if end.seq > newest.seq:
        return f"the last commit ({end.seq - newest.seq} records) was interrupted before its head was written"
    return ""


@define(eq=False)
class Anchor:
    """The head of a journal that is being written; it also keeps a second writer out."""

    path: Path
    key: bytes | None
    durable: bool = True
    _handle: int = field(init=False)
    _slot: int = field(init=False, default=0)

    @classmethod
    def make(cls, path: Path, key: bytes | None, place: Place) -> Anchor:
        """Make a head file whose both slots say `place`."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        anchor = cls(path, key)
        os.ftruncate(anchor._handle, 2 * _BLOCK)
        anchor.write(place)
        anchor.write(place)
        _sync_folder(path.parent)
        return anchor

    def __attrs_post_init__(self) -> None:
        """Open the file and lock it; the system releases the lock when the process ends, however it ends."""
        self._handle = os.open(self.path, os.O_RDWR)
        try:
            if fcntl is not None:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise JournalError(
                f"{self.path}: another process is writing this journal: its session is running"
            ) from None

    def after(self, slots: Slots) -> None:
        """Go on after what the file says: the next write leaves the newest slot alone."""
        self._slot = 1 - slots.slot

    def write(self, place: Place) -> None:
        """Say how far the chain goes; returns when that is on disk."""
        os.lseek(self._handle, self._slot * _BLOCK, os.SEEK_SET)
        os.write(self._handle, _line(place, self.key))
        if self.durable:
            _SYNC(self._handle)
        self._slot = 1 - self._slot

    def close(self) -> None:
        """Close the file and release the lock."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _line(place: Place, key: bytes | None) -> bytes:
    text = f"{place.seq:020d} {place.hash.hex()}"
    text += f" {chain.mac(key, 'head', text.encode()).hex() if key else _NO_MAC}"
    return f"{text} {_sum(text)}\n".encode()


def _parse(line: bytes, path: Path, key: bytes | None) -> Place | None:
    """Return a slot's place, or None when it is damaged."""
    try:
        seq, digest, code, checksum = line.decode("ascii").removesuffix("\n").split(" ")
        text = f"{seq} {digest}"
        if len(line) != _LINE or not line.endswith(b"\n") or checksum != _sum(f"{text} {code}"):
            return None
        place = Place(int(seq), bytes.fromhex(digest))
    except ValueError:
        return None
    if key and code == _NO_MAC:
        raise JournalError(f"{path}: a key is set, and this head was written without one: begun so, or forged")
    if key and not hmac.compare_digest(code.encode(), chain.mac(key, "head", text.encode()).hex().encode()):
        raise JournalError(f"{path}: the head was not written with this key")
    return place


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on disk; Windows cannot, and need not."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
