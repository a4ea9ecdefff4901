"""Plain files only, read whole and once; written beside, synced and renamed; one writer at a time."""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core.registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

DRAFT = ".draft-"
LOCK = ".lock"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
_TRIES, _PAUSE_S = 2000, 0.005


@contextmanager
def telling(path: Path, doing: str) -> Iterator[None]:
    """Turn the operating system's errors into words."""
    try:
        yield
    except OSError as error:
        raise RegistryError(f"{path} cannot be {doing}: {error.strerror or error}") from None


def refuse_link(path: Path) -> None:
    """Refuse a symbolic link."""
    if path.is_symlink():
        raise RegistryError(f"{path} is a symbolic link; a registry holds plain files and folders only")


def names(folder: Path) -> list[str]:
    """Return what is in a folder, sorted; refuse a link, and what is no folder."""
    refuse_link(folder)
    if not folder.exists():
        raise RegistryError(f"{folder} is missing")
    if not folder.is_dir():
        raise RegistryError(f"{folder} is no folder")
    with telling(folder, "read"):
        return sorted(entry.name for entry in folder.iterdir())


def read(path: Path, limit: int) -> bytes:
    """Return the content of a plain file of at most `limit` bytes; never wait on it and never follow a link."""
    refuse_link(path)
    try:
        handle = os.open(path, _READ)
    except FileNotFoundError:
        raise RegistryError(f"{path} is missing") from None
    except OSError as error:
        raise RegistryError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise RegistryError(f"{path} is no plain file")
        with telling(path, "read"), os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(content) > limit:
        raise RegistryError(f"{path} is larger than the {limit:,} bytes that it may have")
    return content


@frozen
class Folder:
    """A version's folder on disk, as `darwin_core.registry.verifying.Place`."""

    path: Path

    def names(self) -> Sequence[str]:
        """Return what is in it, sorted."""
        return names(self.path)

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's content."""
        return read(self.path / name, limit)


def write_new(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file that is not there yet; returns when it is on disk."""
    with os.fdopen(os.open(path, _WRITE, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes, home: Path) -> None:
    """Switch a file in one step: after a crash there is the old one or the new one, whole. `home` holds the draft."""
    beside = home / f"{DRAFT}{path.name}-{os.getpid()}"
    write_new(beside, content)
    beside.replace(path)
    sync(path.parent)


def install(home: Path, name: str, contents: Mapping[str, bytes]) -> None:
    """Make a folder of files: it is there whole or not at all. Only for who holds the lock."""
    draft = home / f"{DRAFT}{name}"
    draft.mkdir()
    for each, content in contents.items():
        write_new(draft / each, content)
    sync(draft)
    draft.rename(home / name)
    sync(home)


def sync(folder: Path) -> None:
    """Make a folder's entries durable; Windows has no way to, and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(home: Path) -> None:
    """Delete what interrupted writers left. Only for who holds the lock: drafts are made under it."""
    for draft in home.glob(f"{DRAFT}*"):
        if draft.is_dir() and not draft.is_symlink():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold an agent's lock; wait for another writer up to ten seconds."""
    handle = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o644)
    try:
        for attempt in range(_TRIES):
            try:
                _lock(handle)
            except OSError:
                if attempt == _TRIES - 1:
                    raise RegistryError(f"another process is writing in {home}; try again") from None
                time.sleep(_PAUSE_S)
            else:
                break
        sweep(home)
        yield
    finally:
        with suppress(OSError):
            os.close(handle)


def _lock(handle: int) -> None:
    """Lock an open file without waiting; the lock goes when the file is closed or the process dies."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
