"""A terminal that nobody waits for: what it does not take at once is kept for the next time.

A terminal stops reading when somebody presses Ctrl-S, or when the connection behind it is gone: a plain write then
waits until it reads again, and so would trading.
"""

from __future__ import annotations

import os
import select
import time
from typing import IO, TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

_LAST_S = 1.0


def patient(console: Console) -> Terminal | None:
    """Make a console write to its terminal without waiting; None, and no change, where that is not possible."""
    try:
        return Terminal(console)
    except (OSError, AttributeError, ValueError):  # no file of the system, no terminal, or no such thing here
        return None


def takes_a_line(file: IO[str]) -> bool:
    """Say whether a line could be written to a file without waiting; yes where the system cannot say."""
    try:
        return bool(select.select([], [file], [], 0)[1])
    except (OSError, ValueError, AttributeError, TypeError):  # no file of the system, or Windows
        return True


class Terminal:
    """The file that a console writes to for a while; it opens the same terminal a second time, not to block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._file = cast("TextIO", console.file)
        self.encoding = self._file.encoding or "utf-8"
        self._unsent, self._gone = b"", False
        self._handle = os.open(os.ttyname(self._file.fileno()), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        console.file = self  # type: ignore[assignment]

    def write(self, text: str) -> int:
        """Keep a text to be sent."""
        self._unsent += text.encode(self.encoding, "replace")
        return len(text)

    def flush(self) -> None:
        """Send what the terminal takes now."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._handle, self._unsent) :]
        except BlockingIOError:
            pass  # it is full
        except OSError:
            self._gone = True

    def ready(self) -> bool:
        """Say whether everything has been taken."""
        if self._unsent and not self._gone:
            self.flush()
        return not self._unsent

    def isatty(self) -> bool:
        """Say that it is a terminal."""
        return True

    def fileno(self) -> int:
        """Return the terminal's handle."""
        return self._handle

    def close(self) -> bool:
        """Give the console its own file back, after a moment for a slow terminal; return whether it took everything."""
        deadline = time.monotonic() + _LAST_S
        while not self.ready() and not self._gone and time.monotonic() < deadline:
            time.sleep(0.01)
        self._console.file = self._file
        os.close(self._handle)
        return not self._unsent
