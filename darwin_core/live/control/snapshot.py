"""The status as JSON, over the socket and in ``status.json``. NaN and infinities are null there, and NaN when read."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import attrs

from darwin_core import clock
from darwin_core.errors import DataError
from darwin_core.live.control import private
from darwin_core.live.status import Status

if TYPE_CHECKING:
    from pathlib import Path

FILE = "status.json"


def encode(status: Status) -> bytes:
    """Return the JSON text of a status."""
    return json.dumps(plain(status), ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def decode(value: object) -> Status:
    """Return the status that `encode` wrote, from JSON's own types; DataError when it is none."""
    try:
        made: Status = _instance(Status, value)
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"this is not the status of a session: {error}") from None
    return made


def write(folder: Path, status: Status) -> None:
    """Put a status into a session's folder, in one step.

    A disk that takes nothing does not stop a session: the file stays as it was, and its age says so. It is not forced
    to the disk either: after a power cut it may be older, or empty.
    """
    with suppress(OSError):
        private.replace(folder / FILE, encode(status), durable=False)


def last(folder: Path) -> tuple[Status, float] | None:
    """Return the status in a session's folder and its age in seconds, or None when there is none.

    Raises
    ------
    DataError
        It cannot be read.
    """
    path = folder / FILE
    try:
        content, at = path.read_bytes(), path.stat().st_mtime
        status = decode(json.loads(content))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, DataError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return status, max(0.0, clock.now().timestamp() - at)


def plain(value: Any) -> Any:
    """Return a status, or a part of one, as JSON's own types."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if attrs.has(type(value)):
        return {name: plain(getattr(value, name)) for name in _hints(type(value))}
    return value.item() if hasattr(value, "item") else value


def _instance(cls: type[Any], value: Any) -> Any:
    """Return an attrs instance; keys of a later version are passed over."""
    return cls(**{name: _typed(hint, value[name]) for name, hint in _hints(cls).items() if name in value})


def _typed(hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple:
        return tuple(_typed(get_args(hint)[0], each) for each in value)
    if attrs.has(hint):
        return _instance(hint, value)
    if hint is float:
        return math.nan if value is None else float(value)
    if type(value) is not hint:
        raise TypeError(f"{value!r:.60} is no {hint.__name__}")
    return value


_HINTS: dict[type[Any], dict[str, Any]] = {}


def _hints(cls: type[Any]) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = get_type_hints(cls)
    return _HINTS[cls]
