"""An agent's statements on disk: ``current``, and ``history/`` with a copy of each.

``current`` is switched first and copied to the history after, so the history is never ahead of it; a writer that dies
in between leaves the copy to the next one. A history that is ahead means that an old ``current`` was put back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from darwin_core.registry import disk
from darwin_core.registry.bundle import sha256
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.pointer import LIMIT, Pointer, Sealed, parse, seal, unseal

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.registry.keys import Signer, Trusted

CURRENT, HISTORY = "current", "history"
_NUMBER = re.compile(r"[0-9]{8}")


def begun(home: Path) -> bool:
    """Whether there is any statement, sound or not."""
    path = home / CURRENT
    return path.is_symlink() or path.exists() or _newest_known(home) > 0


def newest(home: Path, agent: str, trusted: Trusted, seen: int = 0) -> Sealed:
    """Return the statement in force.

    Raises
    ------
    RegistryError
        It is missing, damaged, not signed, of another agent, or older than what is known to have been.
    """
    # The history is looked at first: a promotion in between can then only make `current` newer.
    known = _newest_known(home)
    path, copy = home / CURRENT, _place(home, known)
    now = unseal(disk.read(path, LIMIT), agent, trusted, path)
    counter = now.pointer.counter
    if counter < max(known, seen):
        what = f"{copy} is there" if counter < known else f"number {seen} has been seen"
        raise RegistryError(f"{path} is statement number {counter}, but {what}: an old one was put back")
    if counter == known and disk.read(copy, LIMIT) != now.content:
        raise RegistryError(f"{path} and {copy} are two statements of one number: one of them was put there")
    return now


def chain(home: Path, now: Sealed) -> tuple[Pointer, ...]:
    """Return all statements up to the one in force, oldest first.

    Each is known by its SHA-256, which stands in the signed one after it; so the history of a key that is trusted no
    more can still be read.

    Raises
    ------
    RegistryError
        One is missing, or is not the one that the next follows.
    """
    found = [now.pointer]
    while found[0].previous:
        number = found[0].counter
        path = _place(home, number - 1)
        content = disk.read(path, LIMIT)
        if sha256(content) != found[0].previous:
            raise RegistryError(f"{path} is not the statement that number {number} follows: it was changed or replaced")
        found.insert(0, parse(content, path))
    return tuple(found)


def write(home: Path, now: Sealed | None, new: Pointer, signer: Signer) -> None:
    """Put a statement into force. The caller holds the lock."""
    history = home / HISTORY
    disk.refuse_link(history)
    history.mkdir(exist_ok=True)
    if now is not None:
        _copy(home, now.pointer.counter, now.content)
    content = seal(new, signer)
    disk.replace(home / CURRENT, content, home)
    _copy(home, new.counter, content)


def _copy(home: Path, number: int, content: bytes) -> None:
    path = _place(home, number)
    if not path.exists():
        disk.replace(path, content, home)


def _newest_known(home: Path) -> int:
    folder = home / HISTORY
    if not folder.is_symlink() and not folder.exists():
        return 0
    return max((int(name) for name in disk.names(folder) if _NUMBER.fullmatch(name)), default=0)


def _place(home: Path, number: int) -> Path:
    return home / HISTORY / f"{number:08d}"
