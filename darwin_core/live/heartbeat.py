"""A sign of life in a session's folder: its trader touches a file; an ordinary end takes it away.

Nobody compares clocks: who watches notes that the file has changed. Touching needs no room on a disk.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

FILE = "heartbeat"


@frozen
class Heartbeat:
    """The heartbeat of the session in a folder."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    def beat(self) -> None:
        """Show that the loop turns; a disk that takes nothing does not stop it."""
        try:
            os.utime(self.path)
        except FileNotFoundError:
            with suppress(OSError):
                self.path.write_text(f"{os.getpid()}\n", encoding="ascii")
        except OSError:
            pass

    def end(self) -> None:
        """Say that nobody is meant to trade here now."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def last(self) -> int | None:
        """Return a number that is another after each beat; None: nobody is meant to trade."""
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return None
