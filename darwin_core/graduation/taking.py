"""A step up or down that a person takes: judged by the evidence, told to a running session, put on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darwin_core.clock import now
from darwin_core.errors import ConfigError, DarwinError
from darwin_core.graduation import record
from darwin_core.graduation.record import Taken, rank

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.config import Settings
    from darwin_core.graduation.reading import Reading
    from darwin_core.graduation.roles import Deployed

_NEXT = {"observe": "canary", "canary": "active"}


def obstacles(reading: Reading, agent: Deployed) -> list[str]:
    """Return what stands against any promotion of an agent as it is deployed."""
    found = []
    if agent.version != reading.version:
        found.append(f"the evidence is about {reading.version}, and the deployment has {agent.version}")
    if agent.beats is False:
        found.append(f"{agent.version} did not beat its baseline in training, and cannot graduate")
    if reading.account is not None and reading.account < 0.0 < reading.standing.mean:
        found.append(
            f"its decisions are worth more than its baseline's, yet the account is worse with it than without it, by "
            f"{-reading.account * 100.0:.2f} bp a day: what it is measured against is not what there is without it"
        )
    return found


def way(reading: Reading, to: str | None, action: str) -> str:
    """Return the mode that a step leads to; raise ConfigError when it does not lead there.

    An observing agent that is demoted begins a new attempt: with another declaration, for example.
    """
    stage = reading.stage
    after = to or (_NEXT.get(stage, stage) if action == "promote" else "observe")
    if action == "promote" and rank(after) <= rank(stage):
        raise ConfigError(f"{reading.agent} is in {stage}: a promotion leads to a higher mode than that")
    if action == "demote" and (rank(after) > rank(stage) or (after == stage != "observe")):
        raise ConfigError(f"{reading.agent} is in {stage}: a demotion leads to a lower mode than that")
    return after


def against(reading: Reading, agent: Deployed, after: str) -> list[str]:
    """Return why the evidence does not carry a promotion; empty when it does."""
    standing = reading.standing
    found = obstacles(reading, agent)
    if reading.kind != "live":
        found.append(f"the evidence is that of a {reading.kind}, whose days were known before the agent was chosen")
    step = standing.step
    if step is not None and step.after == "observe":
        found.append(f"it has to step back: {step.why}")
    elif step is None:
        found += standing.missing
    if after == "active" and reading.stage == "observe":
        found.append("it becomes a canary first")
    return found


def judge(reading: Reading, agent: Deployed, after: str, who: str, why: str, *, override: bool) -> Taken:
    """Return a step as it goes on record.

    Raises
    ------
    ConfigError
        No name or no reason, or a promotion that the evidence does not carry and that nobody answers for.
    """
    before, standing = reading.stage, reading.standing
    up = rank(after) > rank(before)
    if not who.strip() or not why.strip():
        raise ConfigError("a step up or down needs a name and a reason, for the record: --who NAME --reason TEXT")
    reasons = against(reading, agent, after) if up else []
    if reasons and not override:
        raise ConfigError(
            f"{reading.agent} is not promoted to {after}: {'; '.join(reasons)}. With --override it is, on your name"
        )
    evidence = {
        "kind": reading.kind, "sessions": list(reading.sessions), "attempt": standing.attempt,
        "blocks": standing.blocks, "worth": standing.worth, "wanted": standing.wanted, "against": reasons,
    }  # fmt: skip
    time = int(now().timestamp() * 1e9)
    day = int(np.datetime64(reading.last, "D").astype(np.int64))
    return Taken(time, reading.agent, agent.version, before, after, who, why, bool(reasons), day, evidence)


def tell_session(settings: Settings, taken: Taken, token: str) -> str:
    """Have the deployment's running session change the agent's mode; return what it says, empty when none runs.

    Raises
    ------
    DarwinError
        It refuses, or does not answer: then nothing is put on record.
    """
    from darwin_core.live.control import client, places
    from darwin_core.live.session import home

    folder = home(settings) / settings.deployment.name
    if not folder.is_dir() or not places.listens(folder):
        return ""
    details = {"agent": taken.agent, "mode": taken.after}
    answer = client.ask(
        folder, {"do": "override", "why": taken.why, "who": taken.who, "token": token, "details": details}
    )
    if answer.get("kind") != "done":
        raise DarwinError(f"the running session {folder.name} has not done it: {answer.get('text', '')}")
    return str(answer.get("text", ""))


def keep(settings: Settings, taken: Taken) -> Path:
    """Put a step on record; return where."""
    place = record.place_of(settings)
    record.write(place, settings.deployment.name, taken)
    return place


def lines(settings: Settings, agent: Deployed, after: str) -> list[str]:
    """Return where to write what, so that a new session and every backtest has it."""
    where = settings.source.at(("agents", agent.number))
    share = [f"share = {agent.share:g}"] if after == "canary" else []
    return [where, f'mode = "{after}"', *share]
