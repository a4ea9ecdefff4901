"""What the tests of reading share: a state database of live sessions in which a gate has an edge, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from darwin_core.state import Candidate, Decision, Outcome, Session, StateWriter
from darwin_core.types import Limits

DAY = 86_400_000_000_000
FIRST = 19_358  # 2023-01-01
A_DAY = 10


def gate(
    path: Path, days: int, *, edge: float = 0.0, version: str = "v1", mode: str = "observe", first: int = 0,
    seed: int = 0, session: str = "demo-1", kind: str = "live", deployment: str = "demo", skip: float = 0.3,
    held: int = 0, agent: str = "gate", open_after: int | None = None, skips_losers: float | None = None,
    adds: float | None = None,
) -> None:  # fmt: skip
    """Write a gate's decisions on ten candidates a day, and their outcomes.

    Parameters
    ----------
    edge
        What a skipped candidate loses on average, in R; what is passed gains 0.3 R.
    first
        Number of the first day.
    held
        Days until an outcome is known.
    open_after
        Candidates from this day on stay open.
    adds
        What the account gains by the agent each day, as a share; None writes nothing of the account.
    """
    rng = np.random.default_rng(seed)
    limits = Limits(max_weight=0.2)
    of = Session(session, kind, deployment, f"2023-01-01T00:00:{first % 60:02d}+00:00", "UTC", None, limits)
    with StateWriter(path, of) as writer, writer.bar():
        for number in range(first, first + days):
            time = (FIRST + number) * DAY + DAY // 2
            skips = rng.random(A_DAY) < skip
            noise = rng.normal(0.0, 0.6, A_DAY)
            r = np.clip(np.where(skips, -edge + noise, 0.3 + np.abs(noise)), -1.0, 2.0)
            made = [
                Decision(agent, version, mode, f"S{i}", "scale", "candidate", 0.0 if skips[i] else 1.0, 1.0, 0.1,
                         1000.0, mode == "active")
                for i in range(A_DAY)
            ]  # fmt: skip
            candidates = [Candidate(time, f"S{i}", 1, 0.1) for i in range(A_DAY)]
            writer.decisions(time, made, candidates)
            if adds is not None:
                writer.account(time, agent, version, 1000.0 * (1.0 + adds) ** number, 1000.0)
            if open_after is not None and number >= open_after:
                continue
            for i, each in enumerate(candidates):
                end = time + held * DAY
                writer.resolve(each, Outcome(time, 100.0, end, 100.0 + 5 * r[i], "signal", 1, 0.05 * r[i], r[i]))


def days_of_account(path: Path, agent: str, added: Any, *, session: str = "demo-1", version: str = "v1") -> None:
    """Write days of the account with an agent that adds so much each day, as a share, and without it."""
    with_agent = 1000.0 * np.cumprod(1.0 + np.asarray(added))
    with StateWriter(path, Session(session, "live", "demo", "2023-01-01T00:00:00+00:00")) as writer, writer.bar():
        for number, equity in enumerate(with_agent.tolist()):
            time = (FIRST + number) * DAY + DAY // 2
            writer.decisions(time, [Decision(agent, version, "observe", "S0", "scale", "bar", 0.5, 1.0, 0.1)])
            writer.account(time, agent, version, equity, 1000.0)
