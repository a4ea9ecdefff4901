"""Tokens of a session: random secrets with a name and a role, of which only salted digests are kept.

A secret has 256 random bits, so that a plain SHA-256 with a salt is all that it needs: there is nothing to guess.
Whoever may write to the folder may write to ``tokens.json``, too: it is as safe as the folder.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen
from attrs.validators import and_, in_, matches_re, max_len

from darwin_core.errors import ConfigError, DarwinError, did_you_mean
from darwin_core.live import coding
from darwin_core.live.control import private
from darwin_core.live.control.actions import ROLES, Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "tokens.json"
DAY = 86_400 * 10**9
PREFIX = "darwin_"
"""How every secret begins."""

_NAME = and_(matches_re(r"[A-Za-z0-9][A-Za-z0-9_.@-]*"), max_len(60))


@frozen
class Token:
    """A token as it is kept: salt and digest hex, times in ns UTC, 0 for never."""

    name: str = field(validator=_NAME)
    role: Role = field(validator=in_(ROLES))
    salt: str = field(repr=False)
    sha256: str = field(repr=False)
    made: int
    made_by: str
    expires: int = 0
    revoked: int = 0
    revoked_by: str = ""

    def state(self, at: int) -> str:
        """Return valid, expired or revoked."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and at >= self.expires else "valid"


@frozen
class Tokens:
    """All tokens of a session, those that are over too; `require`: nobody comes in without one."""

    require: bool = False
    tokens: tuple[Token, ...] = ()

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret; how long that takes tells nothing about it."""
        found = None
        for token in self.tokens:
            if hmac.compare_digest(_digest(token.salt, secret), token.sha256):
                found = token
        return found

    def valid(self, name: str, at: int) -> Token:
        """Return the valid token of a name."""
        for token in self.tokens:
            if token.name == name and token.state(at) == "valid":
                return token
        names = [token.name for token in self.tokens if token.state(at) == "valid"]
        raise ConfigError(f"there is no valid token {name!r}: {did_you_mean(name, names)}")

    def admins(self, at: int) -> int:
        """Return how many valid tokens have the role of an admin."""
        return sum(token.role == "admin" and token.state(at) == "valid" for token in self.tokens)


def read(folder: Path) -> Tokens:
    """Return a session's tokens; none when there is no file.

    Raises
    ------
    ConfigError
        The file cannot be read: then nobody is let in by it.
    """
    path = folder / FILE
    try:
        decoded: Tokens = coding.decode(Tokens, path.read_bytes())
    except FileNotFoundError:
        return Tokens()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (DarwinError, ValueError):
        # What is wrong in it is not said: a digest does not belong in a message.
        raise ConfigError(f"{path} is damaged: put a copy back, or delete it, which takes every token away") from None
    return decoded


def add(folder: Path, name: str, role: Role, at: int, by: str, days: int = 0) -> str:
    """Make a token, valid for so many days (0: until it is revoked); return its secret, which is kept nowhere."""
    secret, salt = PREFIX + secrets.token_urlsafe(32), secrets.token_hex(16)
    if days < 0:
        raise ConfigError(f"--days {days}: a token is valid for at least 1 day, or with 0 until it is revoked")
    try:
        token = Token(name, role, salt, _digest(salt, secret), at, by, at + days * DAY if days else 0)
    except ValueError:
        rule = f"up to 60 letters, digits and . _ @ -, a letter or digit first; a role is one of {', '.join(ROLES)}"
        raise ConfigError(f"{name!r} as {role!r}: a token's name has {rule}") from None
    with _changing(folder) as (tokens, write):
        if any(each.name == name and each.state(at) == "valid" for each in tokens.tokens):
            raise ConfigError(f"there is a token {name!r} already: revoke it first, or take another name")
        write(evolve(tokens, tokens=(*tokens.tokens, token)))
    return secret


def revoke(folder: Path, name: str, at: int, by: str) -> Token:
    """Take a token's rights away, from its next request on; return it. It stays on record."""
    with _changing(folder) as (tokens, write):
        token = tokens.valid(name, at)
        over = evolve(token, revoked=at, revoked_by=by)
        left = evolve(tokens, tokens=tuple(over if each is token else each for each in tokens.tokens))
        _keep_an_admin(left, at)
        write(left)
    return over


def require(folder: Path, at: int, *, on: bool) -> None:
    """Say whether the user who owns the session needs a token as well."""
    with _changing(folder) as (tokens, write):
        changed = evolve(tokens, require=on)
        _keep_an_admin(changed, at)
        write(changed)


def _keep_an_admin(tokens: Tokens, at: int) -> None:
    if tokens.require and not tokens.admins(at):
        raise ConfigError("where tokens are required, one with the role admin must be valid: add one first")


class _Writer:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, tokens: Tokens) -> None:
        private.replace(self.path, coding.encode(tokens).encode("ascii"))


@contextmanager
def _changing(folder: Path) -> Iterator[tuple[Tokens, _Writer]]:
    try:
        with private.alone(folder / FILE):
            yield read(folder), _Writer(folder / FILE)
    except OSError as error:
        raise ConfigError(f"{folder / FILE} cannot be written: {error.strerror or error}") from None


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}:{secret}".encode(errors="replace")).hexdigest()
