"""What can be asked of a running session, who may ask for it, and what the session offers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

from attrs import field, frozen

from darwin_core.live.schema import Control

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from darwin_core.live.status import Status
    from darwin_core.types import Mode

Name: TypeAlias = Literal["halt", "resume", "flatten", "release", "override"]
Role: TypeAlias = Literal["viewer", "operator", "risk", "admin"]
Kind: TypeAlias = Literal["done", "refused", "failed", "unanswered"]

NAMES: tuple[Name, ...] = get_args(Name)
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: each may do what those before it may."""

MODES: tuple[Mode, ...] = ("off", "observe", "canary", "active")
"""An agent's modes, from the least say to the most."""

RULES = ("deny", "allow")
"""What can be said of a symbol."""

REDUCING: frozenset[Name] = frozenset({"halt", "flatten"})
"""They only ever take risk away: they are never withdrawn once asked for."""

_NEEDS: dict[Name, Role] = {
    "halt": "operator", "resume": "operator", "flatten": "risk", "release": "admin", "override": "risk",
}  # fmt: skip


@frozen
class Action:
    """Something that was asked for.

    Parameters
    ----------
    name, why
        What, and the reason that was given.
    who, role
        As whom the caller is known, ``user alice``, ``token ops`` or ``Ada (token ops)``, and the role; of a caller
        who could not be identified: ``nobody`` and the least role.
    details
        Of an override: ``agent``, ``mode`` and ``from`` (the mode that the last status showed, empty when none did;
        the rights were judged by it), or ``symbol`` and ``rule`` (deny or allow).
    """

    name: Name
    who: str
    role: Role
    why: str
    details: Mapping[str, Any] = field(factory=dict)


@frozen
class Answer:
    """What became of an action: done, refused, failed (tried in vain) or unanswered, and a sentence."""

    kind: Kind
    text: str


class Desk(Protocol):
    """What a running session offers to its control socket. The socket's thread calls it."""

    def status(self) -> Status:
        """Return the snapshot that was last published; at once, from any thread."""

    def act(self, action: Action) -> Future[str]:
        """Hand an action to the runtime; return at once. The result is a sentence.

        What the runtime refuses is a DarwinError in the future. Before it does anything it calls the future's
        ``set_running_or_notify_cancel()``, and lets the action be when that is False: an action that takes no risk
        away is withdrawn when the runtime does not answer in time.
        """

    def kill(self, action: Action) -> None:
        """Close the kill latch, at once, without waiting for the event loop; raise when it is not closed."""


def needed(name: Name, details: Mapping[str, Any]) -> Role:
    """Return the least role that may do this.

    Examples
    --------
    >>> needed("override", {"agent": "gate", "mode": "off", "from": "active"})
    'operator'
    >>> needed("override", {"agent": "gate", "mode": "active", "from": "canary"})
    'risk'
    """
    if name == "override" and details.get("from") in MODES:
        return "operator" if MODES.index(details["mode"]) <= MODES.index(details["from"]) else "risk"
    return _NEEDS[name]


def allows(role: Role, least: Role) -> bool:
    """Return whether a role has the rights of another."""
    return ROLES.index(role) >= ROLES.index(least)


def as_entry(action: Action, answer: Answer) -> Control:
    """Return an action and what became of it as the journal keeps it."""
    details = {**action.details, "outcome": answer.kind, "said": answer.text}
    return Control(action.name, action.who, action.role, action.why, details)
