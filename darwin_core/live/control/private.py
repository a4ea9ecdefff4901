"""Files that only their owner reads: replaced in one step, one writer at a time."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from darwin_core import clock
from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_TRIES, _PAUSE_S = 400, 0.005


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file, mode 0600; whoever reads it sees the old content or the new one, whole.

    Parameters
    ----------
    durable
        Return only when it is on disk.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, _NEW, 0o600), "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a file's lock, which lies beside it; wait for another writer up to two seconds."""
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for attempt in range(_TRIES):
            try:
                _lock(handle)
            except OSError:
                if attempt == _TRIES - 1:
                    raise ConfigError(f"another process is writing {path}; try again") from None
                time.sleep(_PAUSE_S)
            else:
                break
        yield
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


def now_ns() -> int:
    """Return the wall clock, ns UTC."""
    return round(clock.now().timestamp() * 1e6) * 1000
