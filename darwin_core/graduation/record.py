"""The steps that were taken, by whom and why: ``artifacts/graduation/DEPLOYMENT.sqlite`` beside the deployment file.

It is a journal like a session's (`darwin_core.live.journal`): a hash chain that is only ever appended to, with a head
that finds a missing tail and, when DARWIN_JOURNAL_KEY is set, a MAC on each record; ``darwin audit verify`` checks it.
It does not stand in the state database, for that one can be deleted and made again from runs and sessions, and who
promoted an agent cannot be found out again from anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from darwin_core.config import Settings

_ACTIONS = ("promote", "demote")


@frozen
class Taken:
    """A step that was taken.

    Parameters
    ----------
    time
        When, ns UTC.
    agent, version
        Whose: the version that decided last before it.
    before, after
        Modes.
    who, why
        The person, or darwin, and the reason.
    override
        Whether the evidence did not carry it.
    day
        The last day that was on record then, since 1970.
    evidence
        What was known then: e-value, blocks, sessions, what was missing.
    """

    time: int
    agent: str
    version: str
    before: str
    after: str
    who: str
    why: str
    override: bool
    day: int
    evidence: Mapping[str, Any] = field(factory=dict)

    @property
    def action(self) -> str:
        """Promote or demote."""
        return _ACTIONS[0] if rank(self.after) > rank(self.before) else _ACTIONS[1]

    @property
    def anew(self) -> bool:
        """Whether an observing agent begins a new attempt."""
        return self.before == self.after


def rank(mode: str) -> int:
    """Return how much say a mode gives: 0 for off, 3 for active."""
    return ("off", "observe", "canary", "active").index(mode)


def place_of(settings: Settings) -> Path:
    """Return where a deployment's record is."""
    return settings.source.path.parent / "artifacts" / "graduation" / f"{settings.deployment.name}.sqlite"


def steps(path: Path) -> tuple[Taken, ...]:
    """Return the steps on record, oldest first, after the record has been checked; none where there is no record.

    Raises
    ------
    JournalError
        A step was changed, deleted, put in or cut off.
    """
    from darwin_core.live import anchor, storage
    from darwin_core.live.chain import key_from
    from darwin_core.live.deciding import decoded
    from darwin_core.live.verifying import verify

    if not path.exists() and not anchor.head_of(path).exists():
        return ()
    verify(path, key_from())
    connection = storage.connect(path, write=False)
    try:
        with storage.telling(path):
            bodies = [decoded(record) for record in storage.records(connection, str(path), kind="control")]
    finally:
        connection.close()
    return tuple(Taken(**body.details, who=body.who, why=body.why) for body in bodies if body.action in _ACTIONS)  # type: ignore[union-attr]


def write(path: Path, name: str, taken: Taken) -> None:
    """Put a step on record; it is on disk when this returns.

    Raises
    ------
    ConfigError
        It has no name or no reason.
    JournalError
        The record is damaged, or cannot be written.
    """
    from attrs import asdict

    from darwin_core.live.chain import key_from
    from darwin_core.live.control.actions import needed
    from darwin_core.live.journal import open_journal
    from darwin_core.live.schema import Control, Entry

    if not taken.who.strip() or not taken.why.strip():
        raise ConfigError("a step up or down needs a name and a reason, for the record: --who NAME --reason TEXT")
    details = asdict(taken)
    who, why = details.pop("who"), details.pop("why")
    role = needed("override", {"mode": taken.after, "from": taken.before})
    journal = open_journal(path, f"graduation {name}", key_from())
    try:
        journal.append([Entry(taken.time, Control(taken.action, who, role, why, details))])
    finally:
        journal.close()
