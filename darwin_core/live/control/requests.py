"""Requests on the wire: one JSON object a line. Whatever else arrives is refused in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, cast

from attrs import field, frozen

from darwin_core.errors import ConfigError, did_you_mean
from darwin_core.live.control.actions import MODES, NAMES, RULES, Name

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 16_384
"""Most bytes of a request."""

Do: TypeAlias = Literal["status"] | Name
_KNOWN: dict[str, type] = {"do": str, "why": str, "who": str, "token": str, "key": str, "details": dict}
_MOST = {"do": 20, "why": 500, "who": 80}


@frozen
class Request:
    """A request: what, why, who the caller says he is, what it is about, and the caller's secrets."""

    do: Do
    why: str = ""
    who: str = ""
    details: Mapping[str, str] = field(factory=dict)
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


def parse(line: bytes) -> Request:
    """Read a request; raise ConfigError when it is none. What comes back can be written down and shown anywhere."""
    try:
        value = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ConfigError("a request is one line of JSON") from None
    if not isinstance(value, dict) or not _KNOWN.keys() >= value.keys():
        raise ConfigError(f"a request is an object with some of the keys {', '.join(_KNOWN)}")
    for name, each in value.items():
        if not isinstance(each, _KNOWN[name]):
            raise ConfigError(f"{name} must be {'an object' if name == 'details' else 'a text'}")
    do, why, who = (clean(value.get(name, ""), most) for name, most in _MOST.items())
    token, key = value.get("token", ""), value.get("key", "")  # as they are: a strange token is not the same as none
    if do not in ("status", *NAMES):
        raise ConfigError(f"nothing is called {do!r}: {did_you_mean(do, ('status', *NAMES))}")
    request = Request(cast("Do", do), why, who, _details(do, value.get("details", {})), token, key)
    _check_complete(request)
    return request


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def clean(text: str, most: int) -> str:
    """Return a text without line breaks, control characters and half letters, of at most so many characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most]).strip()


def _check_complete(request: Request) -> None:
    if request.do != "status" and not request.why:
        raise ConfigError(f"{request.do} needs a reason")
    if request.do == "release" and not request.who:
        raise ConfigError("the kill latch is released by a named person: say who")


def _details(do: str, given: dict[str, Any]) -> Mapping[str, str]:
    """Return what a request is about, checked."""
    texts = {name: clean(each, 60) for name, each in given.items() if isinstance(each, str)}
    if len(texts) == len(given):
        if do != "override" and not given:
            return {}
        if do == "override" and texts.keys() == {"agent", "mode"} and texts["agent"]:
            return {**texts, "mode": _one_of(texts["mode"], MODES, "an agent's mode")}
        if do == "override" and texts.keys() == {"symbol", "rule"} and texts["symbol"]:
            return {**texts, "rule": _one_of(texts["rule"], RULES, "the rule for a symbol")}
    raise ConfigError(f"{do}: details are an agent and a mode, or a symbol and a rule, and for an override only")


def _one_of(word: str, words: tuple[str, ...], what: str) -> str:
    if word not in words:
        raise ConfigError(f"{what} is one of {', '.join(words)}; this is {word!r}")
    return word
