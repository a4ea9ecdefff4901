"""Asking a running session."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from darwin_core.errors import DarwinError
from darwin_core.live.control import places

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LARGEST = 16 * 2**20
_CONNECT_S = 2.0
PATIENCE_S = 8.0
"""How long to wait for the last answer: longer than a session gives its trader."""


class NoAnswer(DarwinError):  # noqa: N818 - it is what happened
    """Nobody answered. `mute`: somebody listens, and has not answered in time or in words that make sense."""

    def __init__(self, message: str, *, mute: bool) -> None:
        super().__init__(message)
        self.mute = mute


def ask(
    folder: Path,
    request: dict[str, Any],
    tell: Callable[[str], None] = lambda _text: None,
) -> dict[str, Any]:
    """Send one request to the session of a folder; return its answer.

    Parameters
    ----------
    tell
        Called with what the latch says, as soon as it says something.

    Raises
    ------
    NoAnswer
        No process answers.
    """
    try:
        address = places.find(folder)
        connection = address.connect(_CONNECT_S)
    except TimeoutError:
        raise NoAnswer(f"the process of {folder} does not answer", mute=True) from None
    except OSError:
        raise NoAnswer(f"no process runs the session {folder}", mute=False) from None
    with connection:
        try:
            connection.sendall(json.dumps({**request, "key": address.key}).encode("ascii") + b"\n")
            for answer in _answers(connection, time.monotonic() + PATIENCE_S):
                if not answer.get("more"):
                    return answer
                tell(str(answer.get("latch", "")))
        except (OSError, ValueError, RecursionError):
            pass
    raise NoAnswer(f"the process of {folder} does not answer", mute=True)


def _answers(connection: socket.socket, until: float) -> Iterator[dict[str, Any]]:
    """Yield what is answered, until the connection ends; raise OSError when the time is over."""
    rest = b""
    while len(rest) < _LARGEST:
        connection.settimeout(max(until - time.monotonic(), 0.001))
        got = connection.recv(2**16)
        if not got:
            return
        *lines, rest = (rest + got).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if not isinstance(answer, dict):
                raise ValueError(line)  # noqa: TRY004 - the same to the caller as any other nonsense
            yield answer
