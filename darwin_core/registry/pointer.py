"""Which version is in service: signed statements with a counter, each naming the one before it.

A rollback is a new statement; nothing is ever taken back. What a statement says of the past (the versions known to be
good) is in itself, so that it can be read alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from darwin_core.registry.bundle import sequence_of, sha256
from darwin_core.registry.canonical import decode, encode
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.keys import LINE

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.registry.keys import Signer, Trusted

LIMIT = 1_000_000
FORMAT: Literal["darwin pointer 1"] = "darwin pointer 1"


@frozen
class Named:
    """A version and the SHA-256 of its manifest: the name alone could be given to other files."""

    version: str
    manifest: str


@frozen
class Pointer:
    """One statement.

    Parameters
    ----------
    counter
        1, 2, 3, ... without gaps; a registry begun anew goes on above what has been seen.
    act
        promote or rollback.
    named
        What is in service from now on.
    good
        What was in service before and was not rolled back from, oldest first; the last one is the last known good.
    who, why, time
        The person, the reason, ns UTC.
    previous
        SHA-256 of the statement before, hex; empty for the first.
    """

    format: Literal["darwin pointer 1"]
    agent: str
    counter: int
    act: Literal["promote", "rollback"]
    named: Named
    good: tuple[Named, ...]
    who: str
    why: str
    time: int
    previous: str

    @property
    def version(self) -> str:
        """The version in service."""
        return self.named.version

    @property
    def last_known_good(self) -> str | None:
        """The version that `rollback` goes to, or None."""
        return self.good[-1].version if self.good else None


def _strip(text: str) -> str:
    return text.strip()


@frozen
class By:
    """Who says it, why and when (ns UTC)."""

    who: str = field(converter=_strip)
    why: str = field(converter=_strip)
    time: int

    def __attrs_post_init__(self) -> None:
        if not self.who or not self.why:
            raise RegistryError("a version is put into service by a named person, with a reason: give both")


@frozen
class Sealed:
    """A statement with the bytes that say it."""

    pointer: Pointer
    content: bytes = field(repr=False)


def seal(pointer: Pointer, signer: Signer) -> bytes:
    """Return a statement's file: one line of canonical JSON, one line of signature."""
    text = encode(pointer) + b"\n"
    return text + signer.sign("pointer", text)


def unseal(content: bytes, agent: str, trusted: Trusted, path: Path) -> Sealed:
    """Return the statement of a file; raise RegistryError when it is not one that a trusted key signed for `agent`."""
    if len(content) <= LINE:
        raise RegistryError(f"{path} is no signed statement: cut short, unsigned or empty")
    text, line = content[:-LINE], content[-LINE:]
    trusted.check("pointer", text, line, path, path)
    pointer = parse(content, path)
    if pointer.agent != agent:
        raise RegistryError(f"{path} is of the agent {pointer.agent!r}, not of {agent!r}: files were swapped or copied")
    return Sealed(pointer, content)


def parse(content: bytes, path: Path) -> Pointer:
    """Return what a file states, without looking at who signed it."""
    return decode(Pointer, content[:-LINE].removesuffix(b"\n"), path)


def promote(now: Sealed | None, agent: str, new: Named, by: By, seen: int = 0) -> Pointer:
    """Return the statement that puts a version into service; the first one counts on from `seen`.

    Raises
    ------
    RegistryError
        It is in service, or an older one than that which is.
    """
    if now is None:
        return Pointer(FORMAT, agent, seen + 1, "promote", new, (), by.who, by.why, by.time, "")
    current = now.pointer.named
    if new.version == current.version:
        raise RegistryError(f"{agent} {new.version} is in service already")
    if sequence_of(new.version) < sequence_of(current.version):
        raise RegistryError(f"{agent} {new.version} is older than {current.version}, which is in service: use rollback")
    return _next(now, "promote", new, (*now.pointer.good, current), by)


def rollback(now: Sealed, to: Named, by: By) -> Pointer:
    """Return the statement that goes back; what is above `to` in the line of good versions is good no more."""
    good = now.pointer.good
    return _next(now, "rollback", to, good[: good.index(to)] if to in good else good, by)


def _next(now: Sealed, act: Literal["promote", "rollback"], to: Named, good: tuple[Named, ...], by: By) -> Pointer:
    p = now.pointer
    return Pointer(FORMAT, p.agent, p.counter + 1, act, to, good, by.who, by.why, by.time, sha256(now.content))
