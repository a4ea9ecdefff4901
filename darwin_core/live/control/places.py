"""Where a session keeps what control needs, and how its socket is found."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from attrs import field, frozen

from darwin_core.errors import ConfigError
from darwin_core.live.latch import Latch

SOCKET, POINTER, LATCH, JOURNAL = "control.sock", "control.json", "latch.json", "journal.sqlite"
_LONGEST = 100
"""Bytes of a socket's path that every system takes (macOS 103, Linux 107)."""

_PAUSE_S = 0.02


@frozen
class Address:
    """Where a session listens: a socket's path, or a port of this machine.

    `key` proves that the caller can read the session's folder, where the system does not say who calls.
    """

    path: str = ""
    port: int = 0
    key: str = field(default="", repr=False)

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connection; raise TimeoutError when somebody listens and takes none, OSError when nobody listens."""
        until = time.monotonic() + timeout_s
        while True:
            connection = socket.socket(socket.AF_INET if self.port else socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(timeout_s)
            try:
                connection.connect(("127.0.0.1", self.port) if self.port else self.path)
            except BlockingIOError:  # so many are waiting that there is no room for one more
                connection.close()
                if time.monotonic() > until:
                    raise TimeoutError from None
                time.sleep(_PAUSE_S)
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    def encode(self) -> bytes:
        """Return the content of the pointer file."""
        return json.dumps({"path": self.path, "port": self.port, "key": self.key}).encode()


def find(folder: Path) -> Address:
    """Return where the session of a folder listens, if it does; OSError when its pointer file cannot be read."""
    try:
        value: Any = json.loads((folder / POINTER).read_bytes())
        return Address(str(value["path"]), int(value["port"]), str(value["key"]))
    except FileNotFoundError:
        return Address(str(folder.resolve() / SOCKET))
    except (ValueError, TypeError, KeyError):
        raise OSError(f"{folder / POINTER} is damaged") from None


def socket_path(folder: Path) -> Path:
    """Return where to put a session's socket: in its folder, or, when that path is too long, in the runtime folder."""
    path = folder.resolve() / SOCKET
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    path = _runtime_folder() / f"{name}.sock"
    if len(os.fsencode(path)) > _LONGEST:
        raise ConfigError(f"{path} is too long for a socket: set XDG_RUNTIME_DIR or TMPDIR to a shorter folder")
    return path


def _runtime_folder() -> Path:
    """Return a folder that belongs to this user alone; make it when it is not there."""
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if given.is_absolute() and given.is_dir() and given.stat().st_uid == os.getuid():
        folder = given / "darwin"
    else:
        folder = Path(tempfile.gettempdir()) / f"darwin-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(f"{folder} is not a folder of this user alone: a control socket does not belong there")
    return folder


def listens(folder: Path) -> bool:
    """Return whether a process listens for the session of a folder."""
    try:
        find(folder).connect(1.0).close()
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


def latch(folder: Path) -> Latch:
    """Return the kill latch of a session; where a journal is and no latch, somebody took it away: that is closed."""
    return Latch(folder / LATCH, must_exist=(folder / JOURNAL).exists())
