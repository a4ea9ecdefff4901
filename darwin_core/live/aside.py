"""What is done beside the journal: by the watchdog, or by a trader whose journal takes nothing. One JSON object a line.

It is declared here before it goes on the wire, so that the trader knows these orders as its own when the venue tells
of them. The file is made, with room in it, in better times: a full disk still takes lines.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, field

from darwin_core.errors import ConfigError
from darwin_core.live import coding
from darwin_core.live.errors import JournalError
from darwin_core.live.orders import Intent

if TYPE_CHECKING:
    from pathlib import Path

TRADER, WATCHDOG = "trader.jsonl", "watchdog.jsonl"
"""The files in a session's folder."""

ORDER, LATCH = "order", "latch"
"""Kinds of lines: an order that goes on the wire next, and the closing of the kill latch."""

_ROOM = 128 * 1024


@define(eq=False)
class Aside:
    """Lines of one writer, which anybody reads.

    Parameters
    ----------
    path
        The file.
    """

    path: Path
    waiting: list[bytes] = field(factory=list, init=False)
    """Lines that the disk has not taken yet; they are tried again with each new one."""
    heard: int = field(default=0, init=False)
    """Lines that `news` has returned."""
    _declared: dict[str, Intent] = field(factory=dict, init=False)

    def prepare(self) -> None:
        """Make the file with its room, when there is none; raise ConfigError when it cannot be made."""
        try:
            if not self.path.exists():
                beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
                with beside.open("wb") as file:
                    file.write(b"\n" * _ROOM)
                    file.flush()
                    os.fsync(file.fileno())
                beside.chmod(0o600)
                beside.replace(self.path)
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror or error}") from None

    def add(self, time: int, what: str, /, **details: object) -> bool:
        """Write a line; return whether it is on disk, and all before it. Never raises for what a disk does."""
        line = {"time": time, "what": what, **details}
        self.waiting.append(json.dumps(line, separators=(",", ":"), default=str).encode("ascii") + b"\n")
        with suppress(OSError):
            self._write(b"".join(self.waiting))
            self.waiting.clear()
        return not self.waiting

    def declare(self, time: int, intent: Intent) -> bool:
        """Write down an order that goes on the wire next."""
        return self.add(time, ORDER, intent=coding.plain(intent))

    def _write(self, content: bytes) -> None:
        """Put lines behind the last one; a torn one before them is ended first."""
        with self.path.open("r+b") as file:
            known = file.read()
            end = len(known.rstrip(b"\n"))
            file.seek(end)
            file.write(b"\n" + content if end else content)
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> list[dict[str, Any]]:
        """Return all lines, oldest first; what is no line is passed over."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return []
        found = []
        for text in content.split(b"\n"):
            if text.strip():
                with suppress(ValueError):
                    value = json.loads(text)
                    if isinstance(value, dict) and "what" in value and isinstance(value.get("time"), int):
                        found.append(value)
        return found

    def news(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the lines that are new since the last time, each with its number from 1."""
        lines = self.lines()
        new = list(enumerate(lines, 1))[self.heard :]
        self.heard = max(self.heard, len(lines))
        return new

    def intent(self, client_id: str) -> Intent | None:
        """Return the order that was declared by this name."""
        if client_id not in self._declared:
            found = (_intent(line) for line in self.lines())
            self._declared = {each.client_id: each for each in found if each is not None}
        return self._declared.get(client_id)


def _intent(line: dict[str, Any]) -> Intent | None:
    if line["what"] != ORDER:
        return None
    try:
        intent: Intent = coding.instance(Intent, line.get("intent"))
    except JournalError:
        return None
    return intent
