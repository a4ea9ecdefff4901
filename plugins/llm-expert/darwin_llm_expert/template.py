"""Prompts: a text file in which ``{COLUMN}`` stands for a value of the candidate."""

from __future__ import annotations

import hashlib
from string import Formatter
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PLAIN = ".6g"


@frozen
class Template:
    """A prompt, cut at its fields.

    Parameters
    ----------
    parts
        Text, then the number of the column whose value follows it (-1: none) and how it is written.
    digest
        SHA-256 of the file, hex.
    """

    parts: tuple[tuple[str, int, str], ...]
    digest: str

    def render(self, values: Sequence[float]) -> str:
        """Return the prompt for one row, (F,)."""
        return "".join(
            text if column < 0 else f"{text}{values[column] + 0.0:{spec}}"  # -0 is written as 0
            for text, column, spec in self.parts
        )


def template_of(path: Path, columns: Sequence[str]) -> Template:
    """Read a prompt; raise ValueError with a sentence when it cannot be used.

    Parameters
    ----------
    columns
        The names that may stand between braces. ``{{`` and ``}}`` are braces themselves.
    """
    try:
        content = path.read_bytes()
        text = content.decode()
    except OSError as error:
        raise ValueError(f"the prompt {path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"the prompt {path.name} is not UTF-8 (byte {error.start})") from None
    try:
        parts = tuple(_part(*part, columns) for part in Formatter().parse(text))
    except ValueError as error:
        hint = " (a brace that is no column is written twice: {{ or }})"
        raise ValueError(f"the prompt {path.name}: {error}{hint}") from None
    if all(column < 0 for _, column, _ in parts):
        raise ValueError(f"the prompt {path.name} names no column: every candidate would get the same answer")
    return Template(parts, hashlib.sha256(content).hexdigest())


def _part(
    text: str, name: str | None, spec: str | None, conversion: str | None, columns: Sequence[str]
) -> tuple[str, int, str]:
    if name is None:
        return text, -1, ""
    if name not in columns:
        raise ValueError(f"the column {name!r} is not in `requires`: {did_you_mean(name, columns)}")
    spec = spec or _PLAIN
    try:
        format(1.0, spec)
    except ValueError:
        raise ValueError(f"{name!r} is a number, and {spec!r} is no way to write one") from None
    if conversion:
        raise ValueError(f"{name!r} is a number: write {{{name}:.2f}}, without !{conversion}")
    return text, columns.index(name), spec
