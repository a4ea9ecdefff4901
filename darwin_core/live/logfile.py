"""The log of a session: one JSON object a line, rotated by size, never in the way of trading.

The journal is the record; this is for people and for log collectors. A line is with the system when `write` returns:
it survives the death of the process, not that of the machine.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any

import attrs

from darwin_core.live.status import AlertLine
from darwin_core.options import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HIDDEN = "***"
_SECOND = 1_000_000_000
_DEEPEST = 8
# ASCII only: a terminal in which somebody reads the log cannot be steered by what is in it.
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class LogFile:
    """Append lines to ``log.jsonl``; ``log.jsonl.1`` is the newest of the older files.

    Nothing here raises: a line that cannot be written is lost, counted, and told by `alert`; the first line that can
    be written again is preceded by one that says how many are missing.

    Parameters
    ----------
    path
        The file. One process writes it; any of its threads may.
    most_bytes, keep
        At what size a new file begins, and how many old ones stay, at least one.
    secrets
        Texts that must not be in the log wherever they come from, such as a key in a broker's error. Values of type
        `Secret` never are.
    """

    def __init__(self, path: Path, most_bytes: int = 10_000_000, keep: int = 5, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self.lost = 0
        """How many lines could not be written since the session began."""
        self._most, self._keep = most_bytes, max(keep, 1)
        self._secrets = tuple(sorted((each for each in secrets if each), key=len, reverse=True))
        self._lock = RLock()  # a signal's handler may write while its own thread is writing
        self._handle, self._size = -1, 0
        self._missing, self._problem, self._told = 0, "", False

    def write(self, time: int, level: str, source: str, text: str, /, **fields: object) -> None:
        """Write one line: `time` in ns UTC, `level` info, warning or critical."""
        with self._lock:
            try:
                if self._missing:
                    self._append(time, "warning", "log", f"lines lost before this one: {self._missing}", {})
                    self._missing, self._told = 0, False
                self._append(time, level, source, text, fields)
            except Exception as error:  # noqa: BLE001 - whatever a disk or a field's own code does: trading goes on
                self.lost += 1
                self._missing += 1
                self._problem = str(error) or type(error).__name__
                self._close()  # the next line opens it anew, wherever the file is by then

    def alert(self, now: int) -> AlertLine | None:
        """Return, once each time that lines begin to be lost, what people should know of it; else None."""
        with self._lock:
            if not self._missing or self._told:
                return None
            self._told = True
            return AlertLine(now, "warning", "log", f"{self.path.name} cannot be written: {self._problem}")

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._lock:
            self._close()

    def _append(self, time: int, level: str, source: str, text: str, fields: Mapping[str, object]) -> None:
        line = {"time": _iso(time), "ns": time, "level": level, "source": source, "text": text, "fields": fields}
        data = _JSON.encode(self._safe(line)).encode() + b"\n"
        self._make_room(len(data))
        written = os.write(self._handle, data)
        if written < len(data):
            os.ftruncate(self._handle, self._size)  # half a line would spoil the file for who reads JSON
            raise OSError(f"only {written} of {len(data)} bytes could be written")
        self._size += written

    def _make_room(self, more: int) -> None:
        """Have the file open, and a new one begun when the old one is full."""
        if self._handle < 0:
            self._open()
        if not self._size or self._size + more <= self._most:
            return
        self._close()
        try:
            for number in range(self._keep, 0, -1):
                newer = self._old(number - 1)
                if newer.exists():
                    newer.replace(self._old(number))
        except OSError:
            if self._size + more > 2 * self._most:  # the disk is the journal's too
                raise
        self._open()

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def _open(self) -> None:
        self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o640)
        self._size = os.fstat(self._handle).st_size
        if self._size and not _ends_a_line(self._handle):  # the last process died while it wrote
            self._size += os.write(self._handle, b"\n")

    def _close(self) -> None:
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            with suppress(OSError):
                os.close(handle)

    def _safe(self, value: Any, depth: int = 0) -> Any:
        """Return JSON's own types without a secret in them; NaN and infinities are null."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            return self._without_secrets(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, Secret):
            return HIDDEN
        if depth == _DEEPEST:
            return "..."
        if isinstance(value, Mapping):
            return {self._without_secrets(str(key)): self._safe(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._safe(each, depth + 1) for each in value]
        if hasattr(value, "tolist"):  # NumPy's scalars and arrays
            return self._safe(value.tolist(), depth + 1)
        if attrs.has(type(value)):
            return {each.name: self._safe(getattr(value, each.name), depth + 1) for each in attrs.fields(type(value))}
        return self._without_secrets(str(value))

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def _iso(time: int) -> str:
    """Return ISO 8601 UTC with ns; the bare number where no calendar reaches."""
    seconds, rest = divmod(time, _SECOND)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:09d}Z"
    except (ValueError, OverflowError, OSError):
        return str(time)


def _ends_a_line(handle: int) -> bool:
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1) == b"\n"
