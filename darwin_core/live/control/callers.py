"""Who is asking, and whether they may."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core.errors import ConfigError
from darwin_core.live.control import tokens
from darwin_core.live.control.actions import REDUCING, Name, Role, allows

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "DARWIN_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable that a token is taken from."""


@frozen
class Caller:
    """Somebody who asks.

    Parameters
    ----------
    name
        ``user alice``, ``token ops`` or ``nobody``.
    role
        None: they may do nothing.
    problem
        Why they have no role.
    guessing
        They presented a token that is not valid.
    emergency
        The tokens cannot be read, and this is the user who owns the session: risk may be taken away, nothing else.
    """

    name: str
    role: Role | None = None
    problem: str = ""
    guessing: bool = False
    emergency: bool = False

    def named(self, person: str) -> str:
        """Return how the record calls them: the person that they say they are, and as whom they are known."""
        return f"{person} ({self.name})" if person else self.name

    def refusal(self, name: Name | None, least: Role) -> str:
        """Return why they may not do this, empty when they may; a `name` of None only looks."""
        if self.role is None:
            return "" if self.emergency and (name is None or name in REDUCING) else self.problem
        if allows(self.role, least):
            return ""
        return f"{self.name} has the role {self.role}; this needs the role {least}"


def identify(folder: Path, secret: str, at: int, *, local: str) -> Caller:
    """Return who is asking.

    Parameters
    ----------
    secret
        The token that they present; one that is presented is the only thing that counts.
    local
        The login of the user who owns the session, when it is that user who asks; else empty.
    """
    user = f"user {local}" if local else "nobody"
    try:
        known = tokens.read(folder)
    except ConfigError as error:
        return Caller(user, problem=str(error), emergency=bool(local))
    if secret:
        return _bearer(known, secret, at)
    if local and not known.require:
        return Caller(user, "admin")
    return Caller(user, problem=f"this session wants a token: set {TOKEN} or give --token-file")


def _bearer(known: tokens.Tokens, secret: str, at: int) -> Caller:
    token = known.find(secret)
    if token is None:
        problem = f"this session does not know the token that was given ({TOKEN} or --token-file)"
        return Caller("nobody", problem=problem, guessing=True)
    if token.state(at) != "valid":
        return Caller(f"token {token.name}", problem=f"the token {token.name} is {token.state(at)}", guessing=True)
    return Caller(f"token {token.name}", token.role)


def login() -> str:
    """Return the name of the user who runs this process, as the system knows it and not as the environment says."""
    if os.name == "nt":
        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"
