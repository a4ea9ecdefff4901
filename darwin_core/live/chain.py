"""The hash chain: every record names the one before it, so that none can be changed, taken out or put in unnoticed.

    hash(n) = SHA-256(hash(n-1) | n | time | kind | SHA-256(body))        hash(0) = SHA-256(format | name | keyed)
    mac(n)  = HMAC-SHA-256(key, "record" | hash(n))                       only with a key

The chain alone finds accidents, and edits by somebody who does not compute it anew. With a key it finds edits by
anybody who has not got the key. What it cannot find by itself, a missing tail, `darwin_core.live.anchor` finds.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from darwin_core.live.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "darwin journal 1"
KEY_VARIABLE = "DARWIN_JOURNAL_KEY"
_LEAST_KEY = 32


@frozen
class Record:
    """One row of a journal.

    Parameters
    ----------
    seq
        1, 2, 3, ... without gaps.
    time
        ns UTC, from the session's clock.
    kind
        See `darwin_core.live.schema.KINDS`.
    body
        Canonical JSON, ASCII.
    previous, hash
        32 bytes each.
    mac
        32 bytes, or None in a journal without a key.
    """

    seq: int
    time: int
    kind: str
    body: bytes
    previous: bytes = field(repr=False)
    hash: bytes = field(repr=False)
    mac: bytes | None = field(default=None, repr=False)


@frozen
class Place:
    """A place in a chain: after record `seq`, whose hash it is."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


def genesis(name: str, *, keyed: bool) -> Place:
    """Return the place before the first record of the journal of that name."""
    return Place(0, hashlib.sha256("\0".join((FORMAT, name, "keyed" if keyed else "open")).encode()).digest())


def key_from(environment: Mapping[str, str] | None = None) -> bytes | None:
    """Return the key of the environment variable DARWIN_JOURNAL_KEY, or None; refuse a short one."""
    text = (os.environ if environment is None else environment).get(KEY_VARIABLE, "")
    if text and len(text) < _LEAST_KEY:
        raise JournalError(f"{KEY_VARIABLE} has {len(text)} characters; a key has at least {_LEAST_KEY} random ones")
    return text.encode() or None


def link(previous: Place, time: int, kind: str, body: bytes, key: bytes | None) -> Record:
    """Return the record that follows `previous`."""
    seq = previous.seq + 1
    digest = _digest(previous.hash, seq, time, kind, body)
    return Record(seq, time, kind, body, previous.hash, digest, mac(key, "record", digest) if key else None)


def mac(key: bytes, purpose: str, message: bytes) -> bytes:
    """Return an HMAC-SHA-256; `purpose` keeps one kind of message from passing for another."""
    return hmac.digest(key, purpose.encode() + b"\0" + message, "sha256")


def _digest(previous: bytes, seq: int, time: int, kind: str, body: bytes) -> bytes:
    name = kind.encode()
    head = previous + seq.to_bytes(8, "big") + time.to_bytes(8, "big", signed=True) + len(name).to_bytes(2, "big")
    return hashlib.sha256(head + name + hashlib.sha256(body).digest()).digest()


@define
class Checker:
    """Follows a chain record by record.

    Parameters
    ----------
    where
        The file, for errors.
    place
        Where the chain is to go on from.
    key
        Checks the records' MACs too; None: they are not looked at.
    """

    where: str
    place: Place
    key: bytes | None = None

    def take(self, record: Record) -> None:
        """Go on by one record; raise JournalError when it does not follow."""
        wanted = self.place.seq + 1
        if record.seq > wanted:
            missing = f"{wanted}" if record.seq == wanted + 1 else f"{wanted} to {record.seq - 1}"
            raise JournalError(f"{self.where}: record {missing} is missing: deleted, or the numbers were changed")
        if record.seq < wanted:
            raise JournalError(
                f"{self.where}: record {record.seq} stands after {wanted - 1}: inserted, or out of order"
            )
        if record.previous != self.place.hash:
            raise JournalError(
                f"{self.where}: record {record.seq} does not follow record {wanted - 1}: one of the two was replaced"
            )
        if not -(2**63) <= record.time < 2**63 or record.hash != _digest(
            record.previous, record.seq, record.time, record.kind, record.body
        ):
            raise JournalError(f"{self.where}: record {record.seq} ({record.kind:.20}) is not as it was written")
        self._check_mac(record)
        self.place = Place(record.seq, record.hash)

    def _check_mac(self, record: Record) -> None:
        if self.key is None:
            return
        if record.mac is None or not hmac.compare_digest(record.mac, mac(self.key, "record", record.hash)):
            raise JournalError(f"{self.where}: record {record.seq} was not written with this key")
