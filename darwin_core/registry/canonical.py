"""Frozen attrs values as canonical JSON bytes: the same value always gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from darwin_core.live import coding
from darwin_core.live.errors import JournalError
from darwin_core.registry.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Return an attrs instance as canonical JSON, ASCII; see `darwin_core.live.coding`.

    Raises
    ------
    RegistryError
        A field of another type than it says, NaN, infinity, or something that JSON cannot say.
    """
    try:
        return coding.encode(value).encode("ascii")
    except JournalError as error:
        raise RegistryError(str(error)) from None


def decode(cls: type[T], content: bytes, where: Path | str) -> T:
    """Return the attrs instance that `encode` wrote; `where` names the file in errors."""
    try:
        made: Any = coding.decode(cls, content)
    except (JournalError, ValueError) as error:
        raise RegistryError(f"{where}: {error}") from None
    if encode(made) != content:
        raise RegistryError(f"{where}: this is not the canonical JSON of what it says")
    return made  # type: ignore[no-any-return]
