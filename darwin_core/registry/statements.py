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
    from collections.abc import Callable
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
    if known and not path.exists() and not path.is_symlink():
        raise RegistryError(f"{path} is missing, though {copy} is there: it was taken away; copy that file back to it")
    now = unseal(disk.read(path, LIMIT), agent, trusted, path)
    counter = now.pointer.counter
    if counter < max(known, seen):
        what = f"{copy} is there" if counter < known else f"number {seen} has been seen"
        raise RegistryError(f"{path} is statement number {counter}, but {what}: an old one was put back")
    if counter == known and disk.read(copy, LIMIT) != now.content:
        raise RegistryError(f"{path} and {copy} are two statements of one number: one of them was put there")
    return now


def chain(home: Path, now: Sealed) -> tuple[Sealed, ...]:
    """Return all statements up to the one in force, oldest first.

    Each is known by its SHA-256, which stands in the signed one after it; so the history of a key that is trusted no
    more can still be read.

    Raises
    ------
    RegistryError
        One is missing, or is not the one that the next follows.
    """
    found = [now]
    while found[0].pointer.previous:
        number = found[0].pointer.counter
        path = _place(home, number - 1)
        content = disk.read(path, LIMIT)
        if sha256(content) != found[0].pointer.previous:
            raise RegistryError(f"{path} is not the statement that number {number} follows: it was changed or replaced")
        found.insert(0, Sealed(parse(content, path), content))
    return tuple(found)


def following(home: Path, now: Sealed | None, newest: Sealed, fetch: Callable[[int], bytes]) -> tuple[Sealed, ...]:
    """Return a statement from elsewhere and those before it, back to the first one that is here, oldest first.

    Parameters
    ----------
    now
        What is in force here.
    newest
        The statement from elsewhere, signed by a trusted key, not older than `now`.
    fetch
        Returns what there is elsewhere of a number. Each is known by its SHA-256, as in `chain`.

    Raises
    ------
    RegistryError
        `now` is not among those that it follows, or one of them was changed.
    """
    found = [newest]
    while found[0].pointer.previous:
        number = found[0].pointer.counter - 1
        own = _own(home, now, number)
        content = fetch(number) if own is None else own
        if sha256(content) != found[0].pointer.previous:
            what = "was changed or replaced" if own is None else "is not the one that is here: two machines promoted"
            raise RegistryError(f"statement number {number}, which number {number + 1} follows, {what}")
        if own is not None:
            return tuple(found)
        found.insert(0, Sealed(parse(content, _place(home, number)), content))
    if now is not None and newest.content != now.content:
        raise RegistryError(
            f"statement number {newest.pointer.counter} does not follow number {now.pointer.counter}, which is in "
            f"force here: the registry was begun anew there; move {home} aside first"
        )
    return tuple(found)


def _own(home: Path, now: Sealed | None, number: int) -> bytes | None:
    if now is not None and now.pointer.counter == number:
        return now.content
    path = _place(home, number)
    return disk.read(path, LIMIT) if path.exists() or path.is_symlink() else None


def write(home: Path, now: Sealed | None, new: Pointer, signer: Signer) -> None:
    """Put a statement into force. The caller holds the lock."""
    adopt(home, now, (Sealed(new, seal(new, signer)),))


def adopt(home: Path, now: Sealed | None, new: tuple[Sealed, ...]) -> None:
    """Put the last of some statements into force, the others before it on record. The caller holds the lock.

    The copies are written oldest first, so that after a crash those that are missing are the newest ones.
    """
    history = home / HISTORY
    disk.refuse_link(history)
    history.mkdir(exist_ok=True)
    if now is not None:
        _copy(home, now.pointer.counter, now.content)
    if now is None or now.content != new[-1].content:
        disk.replace(home / CURRENT, new[-1].content, home)
    for each in new:
        _copy(home, each.pointer.counter, each.content)


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
