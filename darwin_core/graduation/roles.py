"""What kind of agent it is, which version of it decides, and whether that version has beaten its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import evolve, frozen

if TYPE_CHECKING:
    from darwin_core.assembly import AgentPart
    from darwin_core.config import Settings
    from darwin_core.protocols import Agent
    from darwin_core.types import Mode

Role: TypeAlias = 'Literal["gate", "portfolio", "meta", "any"]'
_ROLES: dict[str, Role] = {"gate": "gate", "portfolio": "portfolio", "meta": "meta", "meta-learner": "meta"}


def role_of(agent: Agent) -> Role | None:
    """Return what an agent says it is: its ``role``, or the task that it was trained for; None: it does not say."""
    task = getattr(getattr(agent, "task", None), "name", "")
    return _ROLES.get(str(getattr(agent, "role", "") or task))


def version_of(part: AgentPart) -> str:
    """Return which version decides: that of its policy, or of the plugin that made it."""
    return str(getattr(part.agent, "version", "") or part.owner.origin)


@frozen
class Deployed:
    """An agent as a deployment has it now.

    Parameters
    ----------
    mode, share
        As the deployment's file says.
    version, role
        See `version_of` and `role_of`.
    beats
        Whether its policy was better than its baseline on held-out time; None: it is no trained policy.
    number
        Its place among ``[[agents]]``.
    """

    name: str
    mode: Mode
    share: float
    version: str
    role: Role | None
    beats: bool | None
    number: int


def deployed(settings: Settings, name: str) -> Deployed | None:
    """Return the agent of that name, made as a run would make it; None: the deployment has none of that name.

    Raises
    ------
    DarwinError
        The deployment cannot be assembled; a policy that is not as it was signed, for example.
    """
    from darwin_core.assembly import assemble

    places = [i for i, table in enumerate(settings.agents) if table.trust.name == name]
    if not places:
        return None
    (number,) = places
    trust = settings.agents[number].trust
    awake = [evolve(t, trust=evolve(t.trust, mode="observe")) if t.trust.name == name else t for t in settings.agents]
    line = assemble(evolve(settings, agents=tuple(awake), reporters=(), broker=None))
    part = next(part for part in line.agents if part.name == name)
    return described(evolve(part, trust=trust), number)


def described(part: AgentPart, number: int) -> Deployed:
    """Return what is known of an agent that was made already; `number` is its place among ``[[agents]]``."""
    trust, beats = part.trust, getattr(getattr(part.agent, "policy", None), "beats_baseline", None)
    return Deployed(part.name, trust.mode, trust.share, version_of(part), role_of(part.agent), beats, number)
