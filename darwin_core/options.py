"""From a TOML table to a frozen attrs class: every key known, every type right, every error located."""

from __future__ import annotations

import math
import os
import re
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union

import attrs

from darwin_core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from darwin_core.source import KeyPath, Source

T = TypeVar("T")
_REFERENCE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")


class Secret:
    """A value that stands in the environment or in a file of its own, and is never shown.

    In the deployment: ``key = "${NAME}"`` or ``key = { file = "path" }``.
    """

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def __repr__(self) -> str:
        """Show where the secret is, not what it is."""
        return f"Secret({self.reference!r})"

    def reveal(self) -> str:
        """Return the secret; raise ConfigError when it is not there."""
        name = _REFERENCE.match(self.reference)
        if name is None:
            try:
                return Path(self.reference).read_text(encoding="utf-8").strip()
            except OSError as error:
                msg = f"the secret's file {self.reference} cannot be read: {error.strerror}"
                raise ConfigError(msg) from None
        try:
            return os.environ[name[1]]
        except KeyError:
            msg = f"the environment variable {name[1]} is not set"
            raise ConfigError(msg) from None


@attrs.define(eq=False)
class Options:
    """The options of one plugin, as they stand in the deployment.

    A plugin's hook calls ``options.into(MyClass)``, where `MyClass` is a frozen attrs class whose fields are
    the options it knows: their types, defaults and validators are the documentation and the check.
    """

    table: Mapping[str, Any]
    source: Source
    key: KeyPath
    _made: Any = attrs.field(default=None, init=False)
    _resolved: dict[str, Any] = attrs.field(factory=dict, init=False)

    @property
    def folder(self) -> Path:
        """The folder of the deployment file: relative paths in options start here."""
        return self.source.path.parent

    def into(self, cls: type[T]) -> T:
        """Return an instance of attrs class `cls`; raise ConfigError with file, line and key."""
        self._made = made = structure(cls, self.table, self.source, self.key)
        return made

    @property
    def resolved(self) -> dict[str, Any]:
        """What the options came to, defaults and all, as JSON-able data; empty until they were asked for."""
        if self._made is not None:
            self._resolved, self._made = plain(self._made), None
        return self._resolved

    def error(self, key: str, what: str) -> ConfigError:
        """Return a ConfigError that points at one of the options."""
        return ConfigError(f"{self.source.at((*self.key, key))}: {what}")


def structure(cls: type[T], table: Mapping[str, Any], source: Source, key: KeyPath) -> T:
    """Build attrs class `cls` from a table, refusing unknown keys, wrong types and values out of range."""
    attrs.resolve_types(cls)  # type: ignore[type-var]
    known = {field.name: field for field in attrs.fields(cls) if field.init}  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            raise ConfigError(f"{source.at((*key, name))}: unknown key: {did_you_mean(name, known)}")
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in table:
            values[name] = convert(table[name], field.type, source, (*key, name))
            _validate(cls, field, values[name], source, (*key, name))
        elif field.default is attrs.NOTHING:
            raise ConfigError(f"{source.at(key)}: the key {name!r} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{source.at(key)}: {error}") from None


def _validate(cls: type, field: attrs.Attribute[Any], value: Any, source: Source, key: KeyPath) -> None:
    """Run one field's validator by itself, so that the error has the field's own line."""
    if field.validator is None:
        return
    try:
        field.validator(cls, field, value)
    except (ValueError, TypeError) as error:
        text = str(error.args[0] if error.args else error).replace(f"'{field.name}' ", "")
        raise ConfigError(f"{source.at(key)}: {text}") from None


def convert(value: Any, kind: Any, source: Source, key: KeyPath) -> Any:
    """Check one TOML value against a type; return it as that type."""
    origin = typing.get_origin(kind)
    if kind in _SCALARS:
        return _scalar(value, kind, source, key)
    if kind is Secret:
        return _secret(value, source, key)
    if origin is Literal:
        return _choice(value, typing.get_args(kind), source, key)
    if origin in (Union, types.UnionType):
        return _union(value, typing.get_args(kind), source, key)
    if origin is tuple:
        return tuple(_items(value, typing.get_args(kind)[0], source, key))
    if origin is dict:
        _expect(isinstance(value, dict), value, "a table", source, key)
        inner = typing.get_args(kind)[1]
        return {name: convert(each, inner, source, (*key, name)) for name, each in value.items()}
    if attrs.has(kind):
        _expect(isinstance(value, dict), value, "a table", source, key)
        return structure(kind, value, source, key)
    return value


def _union(value: Any, kinds: tuple[Any, ...], source: Source, key: KeyPath) -> Any:
    """Take the first member that fits; with none, the last one's error is the clearest."""
    *first, last = [kind for kind in kinds if kind is not type(None)]
    for kind in first:
        try:
            return convert(value, kind, source, key)
        except ConfigError:
            continue
    return convert(value, last, source, key)


def _items(value: Any, kind: Any, source: Source, key: KeyPath) -> Iterator[Any]:
    _expect(isinstance(value, list), value, "an array", source, key)
    for number, item in enumerate(value):
        yield convert(item, kind, source, (*key, number))


_SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "a string", Path: "a path"}


def _scalar(value: Any, kind: Any, source: Source, key: KeyPath) -> Any:
    wanted = _SCALARS[kind]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is Path:
        _expect(isinstance(value, str), value, wanted, source, key)
        _refuse_reference(value, source, key)
        return source.path.parent / value
    _expect(type(value) is kind, value, wanted, source, key)
    if kind is float and not math.isfinite(value):
        raise ConfigError(f"{source.at(key)}: {value} is not a finite number")
    if kind is str:
        _refuse_reference(value, source, key)
    return value


def _refuse_reference(value: str, source: Source, key: KeyPath) -> None:
    if "${" in value:
        msg = f"{source.at(key)}: ${{...}} is for secrets only, and this key is not one: write the value itself"
        raise ConfigError(msg)


def _secret(value: Any, source: Source, key: KeyPath) -> Secret:
    if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
        return Secret(str(source.path.parent / value["file"]))
    if isinstance(value, str) and _REFERENCE.match(value):
        return Secret(value)
    msg = f'{source.at(key)}: a secret does not stand in this file: write "${{NAME}}" or {{ file = "PATH" }}'
    raise ConfigError(msg)


def _choice(value: Any, choices: tuple[Any, ...], source: Source, key: KeyPath) -> Any:
    if value in choices and type(value) in {type(choice) for choice in choices}:
        return value
    hint = did_you_mean(str(value), [str(choice) for choice in choices])
    raise ConfigError(f"{source.at(key)}: {value!r} is not one of the choices: {hint}")


def _expect(fits: bool, value: Any, wanted: str, source: Source, key: KeyPath) -> None:
    if not fits:
        raise ConfigError(f"{source.at(key)}: {wanted} is expected, not {value!r}")


def plain(value: Any) -> Any:
    """Return settings as JSON-able data; paths and secrets become the text that the deployment may show."""
    if isinstance(value, Options):
        return {**{name: plain(each) for name, each in value.table.items()}, **value.resolved}
    if attrs.has(type(value)):
        return _as_written(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, Path):
        return value.as_posix()
    return value


def _as_written(value: Any) -> dict[str, Any]:
    """Return a settings object as its table stands in the file: a plugin's options beside its other keys."""
    table: dict[str, Any] = {}
    for field in attrs.fields(type(value)):
        content = plain(getattr(value, field.name))
        if field.name in ("options", "trust"):
            table.update(content)
        elif content is not None:
            table[field.name] = content
    return table
