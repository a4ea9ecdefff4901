"""The listening socket of a session: made where only its owner can reach it, taken away at the end."""

from __future__ import annotations

import os
import secrets
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core.errors import ConfigError
from darwin_core.live.control import places, private
from darwin_core.live.control.places import Address

if TYPE_CHECKING:
    from asyncio.trsock import TransportSocket

_PEER = struct.Struct("3i")
NAMES_PEERS = hasattr(socket, "SO_PEERCRED")
"""Whether the system says which user is at the other end of a socket."""

LOOPBACK = not hasattr(socket, "AF_UNIX")
"""Whether to listen on a port of this machine, for want of anything better."""


@frozen(eq=False)
class Listening:
    """An open listening socket and the files that lead to it."""

    opened: socket.socket
    address: Address
    pointer: Path
    inode: int = 0

    def close(self) -> None:
        """Close it and take its files away, unless a later process has put its own there."""
        self.opened.close()
        with suppress(OSError):
            if self.address.port == 0 and Path(self.address.path).stat().st_ino == self.inode:
                Path(self.address.path).unlink()
        with suppress(OSError):
            if self.pointer.read_bytes() == self.address.encode():
                self.pointer.unlink()

    def is_owner(self, peer: socket.socket | TransportSocket, key: str) -> bool:
        """Return whether the user who runs this process is at the other end.

        The system says so; or, where it does not, the caller knows the key in the session's folder.
        """
        if self.address.key:
            return secrets.compare_digest(key.encode(errors="replace"), self.address.key.encode())
        try:
            content = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        except OSError:
            return False
        uid: int = _PEER.unpack(content)[1]
        return uid == os.geteuid()


def listen(folder: Path, *, loopback: bool = LOOPBACK) -> Listening:
    """Listen for a session; its folder becomes its owner's alone (mode 0700).

    Raises
    ------
    ConfigError
        Another process listens for it, or the socket cannot be made.
    """
    if places.listens(folder):
        raise ConfigError(f"{folder}: another process runs this session")
    try:
        if os.name != "nt":
            folder.chmod(0o700)
        return _loopback(folder) if loopback else _unix(folder)
    except OSError as error:
        raise ConfigError(f"{folder}: its control socket cannot be made: {error.strerror or error}") from None


def _unix(folder: Path) -> Listening:
    path = places.socket_path(folder)
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        path.chmod(0o600)
        made.listen(64)
        address = Address(str(path), key="" if NAMES_PEERS else secrets.token_hex(32))
        pointer = folder / places.POINTER
        if address.key or path.parent != folder.resolve():
            private.replace(pointer, address.encode())
        else:
            pointer.unlink(missing_ok=True)
        return Listening(made, address, pointer, path.stat().st_ino)
    except BaseException:
        made.close()
        raise


def _loopback(folder: Path) -> Listening:
    made = socket.create_server(("127.0.0.1", 0), backlog=64)
    try:
        address = Address(port=made.getsockname()[1], key=secrets.token_hex(32))
        private.replace(folder / places.POINTER, address.encode())
        return Listening(made, address, folder / places.POINTER)
    except BaseException:
        made.close()
        raise
