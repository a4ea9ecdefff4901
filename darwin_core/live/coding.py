"""Values to canonical JSON and back: the same value always gives the same bytes.

Keys sorted, no blanks, ASCII only, floats by `repr`, no NaN, no infinity, no minus zero; a float field is written as a
float even when it was given as an int.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from darwin_core.live.errors import JournalError

Turn: TypeAlias = Callable[[Any, str], Any]
"""Turns a value, which stands at a place that errors name, to JSON's own types or back."""

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: object) -> str:
    """Return a value's only JSON text.

    Raises
    ------
    JournalError
        NaN or infinity, a key that is no text, or something that JSON cannot say.

    Examples
    --------
    >>> canonical({"b": 1.0, "a": (True, None)})
    '{"a":[true,null],"b":1.0}'
    """
    return _JSON.encode(_plain(value))


def encode(body: object) -> str:
    """Return the canonical JSON of an attrs instance, its fields checked against their types."""
    return _JSON.encode(plain(body))


def decode(cls: type[Any], text: str | bytes) -> Any:
    """Return the attrs instance that `encode` wrote.

    Raises
    ------
    JournalError
        Not JSON, a missing or unknown field, or a value of another type.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"{cls.__name__}: this is no JSON: {error}") from None
    return instance(cls, value)


def plain(body: object) -> dict[str, Any]:
    """Return an attrs instance as JSON's own types."""
    return {name: out(getattr(body, name), where) for name, where, out, _ in _fields(type(body))}


def instance(cls: type[Any], value: object) -> Any:
    """Return the attrs instance that `plain` took apart."""
    fields = _fields(cls)
    if not isinstance(value, dict) or len(value) != len(fields) or any(name not in value for name, *_ in fields):
        found = sorted(value) if isinstance(value, dict) else value
        raise JournalError(f"{cls.__name__} needs the fields {[name for name, *_ in fields]}; this has {found!r:.200}")
    return cls(**{name: back(value[name], where) for name, where, _, back in fields})


_KNOWN: dict[type[Any], tuple[tuple[str, str, Turn, Turn], ...]] = {}


def _fields(cls: type[Any]) -> tuple[tuple[str, str, Turn, Turn], ...]:
    """Return a class's fields: name, how errors call it, and the way to JSON and back."""
    if cls not in _KNOWN:
        hints = get_type_hints(cls)
        _KNOWN[cls] = tuple((f.name, f"{cls.__name__}.{f.name}", *_turns(hints[f.name])) for f in attrs.fields(cls))
    return _KNOWN[cls]


def _turns(hint: Any) -> tuple[Turn, Turn]:
    """Return the way to JSON and back for a field of a type."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        out, back = _turns(next(each for each in inside if each is not NoneType))
        return _or_none(out), _or_none(back)
    if origin is Literal:
        return _one_of(inside), _one_of(inside)
    if origin is tuple:
        out, back = _turns(inside[0])
        return _each(out, list), _each(back, tuple)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping, _mapping
    if attrs.has(hint):
        return lambda value, _where: plain(value), lambda value, _where: instance(hint, value)
    return (_float, _float) if hint is float else (_exactly(hint), _exactly(hint))


def _or_none(turn: Turn) -> Turn:
    return lambda value, where: None if value is None else turn(value, where)


def _one_of(words: tuple[Any, ...]) -> Turn:
    def turn(value: Any, where: str) -> Any:
        if value not in words:
            raise JournalError(f"{where} is {value!r}; it may be {', '.join(map(repr, words))}")
        return value

    return turn


def _each(turn: Turn, made: type[Any]) -> Turn:
    def turns(value: Any, where: str) -> Any:
        if not isinstance(value, list | tuple):
            raise JournalError(f"{where} is {value!r:.80}; it must be a list")
        return made(turn(each, where) for each in value)

    return turns


def _mapping(value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise JournalError(f"{where} is {value!r:.80}; it must be a table")
    return _plain(value, where)


def _float(value: Any, where: str) -> float:
    """Return a finite float; minus zero becomes zero, because it is the same number."""
    if type(value) is not float:
        value = _scalar(value)
        if not isinstance(value, float | int) or isinstance(value, bool):
            raise JournalError(f"{where} is {value!r:.80}, of type {type(value).__name__}; it must be a number")
        value = float(value)
    if not math.isfinite(value):
        raise JournalError(f"{where} is {value!r}; only finite numbers can be written")
    return float(value + 0.0)


def _exactly(kind: type[Any]) -> Turn:
    def turn(value: Any, where: str) -> Any:
        if type(value) is not kind:
            value = _scalar(value)
            if type(value) is not kind:
                raise JournalError(
                    f"{where} is {value!r:.80}, of type {type(value).__name__}; it must be {kind.__name__}"
                )
        return value

    return turn


def _scalar(value: Any) -> Any:
    """Return a NumPy scalar as Python's own."""
    return value.item() if hasattr(value, "item") else value


def _plain(value: Any, where: str = "a value") -> Any:
    """Return JSON's own types."""
    value = _scalar(value)
    if isinstance(value, bool | str | NoneType):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _float(value, where)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise JournalError(f"{where} has a key that is no text: {list(value)!r:.80}")
        return {key: _plain(each, f"{where}.{key}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, where) for each in value]
    raise JournalError(f"{where} is {value!r:.80}, of type {type(value).__name__}; JSON cannot say that")
