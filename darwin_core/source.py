"""Where each key of a TOML file stands, so that an error can name the line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from darwin_core.errors import ConfigError

KeyPath: TypeAlias = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_ASSIGNMENT = re.compile(rf"^\s*({_KEY_PART}(?:\s*\.\s*{_KEY_PART})*)\s*=")
_STRING = re.compile(r'"""(?:.|\n)*?"""|\'\'\'(?:.|\n)*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*')


@frozen
class Source:
    """A parsed deployment file that knows the lines of its keys."""

    path: Path
    text: str = field(repr=False)
    tables: dict[str, Any] = field(repr=False)
    lines: dict[KeyPath, int] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Source:
        """Read and parse a file; raise ConfigError when it is missing or is no TOML."""
        try:
            text = path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            msg = f"there is no deployment file {path} (name one: darwin backtest PATH)"
            raise ConfigError(msg) from None
        except IsADirectoryError:
            msg = f"{path} is a folder; name the deployment file in it"
            raise ConfigError(msg) from None
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{path} cannot be read as UTF-8 text: {error}"
            raise ConfigError(msg) from None
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> Source:
        """Parse TOML text that came from `path`."""
        try:
            tables = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            msg = f"{path}: this is not TOML: {error}"
            raise ConfigError(msg) from None
        return cls(path, text, tables, key_lines(text))

    def at(self, key: KeyPath) -> str:
        """Return ``file:line: a.b[0].c``, with the line of the nearest enclosing key that is known."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.lines:
                return f"{self.path}:{self.lines[key[:end]]}: {dotted(key)}"
        return f"{self.path}: {dotted(key)}" if key else str(self.path)


def dotted(key: KeyPath) -> str:
    """Write a key path as people do: ``agents[0].mode``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every table header and top-level assignment of a valid TOML text."""
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    prefix: KeyPath = ()
    depth = 0
    for number, line in enumerate(_blank_strings(text).splitlines(), start=1):
        if depth == 0:
            header = _HEADER.match(line)
            if header:
                prefix = _table(header[2], arrays, is_array=header[1] == "[[")
                lines.setdefault(prefix, number)
                continue
            assignment = _ASSIGNMENT.match(line)
            if assignment:
                lines.setdefault(prefix + _parts(assignment[1]), number)
        depth = max(0, depth + sum(line.count(c) for c in "[{") - sum(line.count(c) for c in "]}"))
    return lines


def _blank_strings(text: str) -> str:
    """Take what looks like TOML out of strings and comments, keeping every line break and quoted key."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == "#":
            return ""
        return found[0] + re.sub(r"[\[\]{}#=\"']", "_", found[1:-1]) + found[0]

    return _STRING.sub(blank, text)


def _table(name: str, arrays: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """Return the key path of a header, with the index of each array of tables on the way."""
    prefix: KeyPath = ()
    parts = _parts(name)
    for position, part in enumerate(parts):
        prefix += (part,)
        if is_array and position == len(parts) - 1:
            arrays[prefix] = arrays.get(prefix, -1) + 1
        if prefix in arrays:
            prefix += (arrays[prefix],)
    return prefix


def _parts(dotted_key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(_KEY_PART, dotted_key))
