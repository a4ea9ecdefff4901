"""Where an agent stands, read from the state database: its decisions as facts, its versions and modes as a ladder.

*Evidence.* For an agent that decides at candidates a decision's uplift is its reward in R against the baseline, applied
or not (`darwin_core.state.rewards`); where candidates have no stop, and so no R, in per cent of the account. For any
other agent it is what the agent adds to the account, or would add, in per cent a day.

*Attempts.* Each change of the version that decides, and each step back to observing, begins a new attempt with evidence
of its own and a smaller share of the error budget (`rule`). A version that comes back is a new attempt too.

*Stages.* What an agent was in is the mode in which its decisions were made, block by block; a step on record counts
from then until there are live decisions of a later day, which then speak for themselves.

All live sessions of a deployment together are one history. A backtest or a rehearsal is about days that were known
before the agent was chosen, so it shows where an agent would stand and promotes nobody by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, field, frozen

from darwin_core.graduation import criteria
from darwin_core.graduation.facts import Facts, GateFacts, MetaFacts, PortfolioFacts
from darwin_core.graduation.ladders import fold
from darwin_core.graduation.rows import account_rows, candidate_rows, scope_of
from darwin_core.graduation.standing import stand
from darwin_core.graduation.table import GraduationTable
from darwin_core.state.database import StateError, connect, telling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from darwin_core.graduation.ladders import Attempt
    from darwin_core.graduation.record import Taken
    from darwin_core.graduation.roles import Role
    from darwin_core.graduation.rows import Rows, Scope
    from darwin_core.graduation.standing import Standing

LENGTHS = (1, 7, 28, 91, 364)
"""Days that a block may have when the deployment does not say: the shortest that nine of ten positions fit into."""
_DAY_NS = 86_400 * 10**9


@frozen(eq=False)
class Reading:
    """Where an agent stands, and what that rests on.

    Parameters
    ----------
    version, mode
        Of its latest decisions.
    kind, sessions, timezone
        live, backtest or replay; which ones; in which days are meant.
    role, declared
        What it is judged as, and whether the agent says so itself.
    first, last
        Days of the attempt, from its first decision to the last day on record.
    block
        Days in a block.
    unit
        Of the uplift: R, or % of the account.
    left_out
        Resolved decisions whose uplift cannot be known.
    standing
        See `darwin_core.graduation.standing`.
    recorded
        The newest step on record, None without any.
    account
        Mean of the per cents a day that the agent adds to the account in this attempt, against one without it; None
        where that was not recorded. A baseline need not be what there is without the agent.
    """

    agent: str
    version: str
    mode: str
    kind: str
    sessions: tuple[str, ...]
    timezone: str
    role: Role
    declared: bool
    first: str
    last: str
    block: int
    unit: str
    left_out: int
    standing: Standing
    recorded: Taken | None = field(default=None)
    account: float | None = field(default=None)

    @property
    def stage(self) -> str:
        """What it is in: as its live decisions and the record say; without live ones, as the record alone does."""
        if self.kind == "live" or self.recorded is None:
            return self.standing.stage
        return self.recorded.after


def read(
    path: Path, agent: str, *, session: str | None = None, table: GraduationTable | None = None,
    role: Role | None = None, steps: Sequence[Taken] = (), deployment: str | None = None,
) -> Reading:  # fmt: skip
    """Read where an agent stands.

    Parameters
    ----------
    path
        The state database.
    agent
        Its name in the deployment.
    session
        One session, by its name or the beginning of it. None: all live ones, or else the newest backtest or rehearsal.
    table
        What it takes.
    role
        What the agent says it is; None: judged by what it does.
    steps
        Those on record, oldest first.
    deployment
        Only sessions of this one.

    Raises
    ------
    StateError
        The database cannot be read, or knows no such agent or session.
    """
    terms = table or GraduationTable()
    connection = connect(path)
    try:
        with telling(path, "read"):
            connection.execute("BEGIN")
            scope = scope_of(connection, path, agent, session, deployment)
            decided = candidate_rows(connection, scope)
            account = account_rows(connection, scope, decided)
    finally:
        connection.close()
    rows = decided if scope.moment == "candidate" else account
    if not len(rows.day):
        raise StateError(
            f"{path} has no account with and without agent {agent!r}, and it does not decide at candidates"
        )
    length = terms.block or (_length(decided) if scope.moment == "candidate" else 1)
    mine = [each for each in steps if each.agent == agent]
    # The steps on record are those of the agent in service; the past is read as it was run.
    attempt = fold(rows, scope.today, length, terms, mine if scope.kind == "live" else (), scope.versions_before)
    kind = role or _seems(scope, decided)
    facts = _facts(kind, scope, rows, account, attempt)
    standing = stand(attempt.ladder, attempt.blocks, facts, _CRITERIA[kind])
    return Reading(
        agent, rows.version[-1], rows.mode[-1], scope.kind, scope.sessions, scope.timezone, kind, role is not None,
        _date(attempt.since), _date(scope.today), length, rows.unit, rows.left_out, standing,
        mine[-1] if mine else None, _mean(account.since(attempt.since)),
    )  # fmt: skip


_CRITERIA: dict[Role, tuple[Any, ...]] = {
    "gate": criteria.GATE,
    "portfolio": criteria.PORTFOLIO,
    "meta": criteria.META,
    "any": criteria.ANY,
}


def _length(rows: Rows) -> int:
    """Return the shortest of LENGTHS that nine of ten positions fit into."""
    held = rows.held[np.isfinite(rows.held)] / _DAY_NS
    days = float(np.quantile(held, 0.9)) if len(held) else 0.0
    return next((length for length in LENGTHS if length >= days), LENGTHS[-1])


def _seems(scope: Scope, rows: Rows) -> Role:
    """Return what an agent is that does not say it: a gate passes or skips candidates and does nothing else."""
    gates = scope.moment == "candidate" and scope.effect == "scale" and bool((rows.baseline == 1.0).all())
    return "gate" if gates and bool(np.isin(rows.action, (0.0, 1.0)).all()) else "any"


def _facts(role: Role, scope: Scope, rows: Rows, account: Rows, attempt: Attempt) -> Facts:
    """Return this attempt's decisions as the criteria of its kind want them."""
    mine = rows.since(attempt.since)
    trips = sum(count for day, count in scope.trips if day >= attempt.since)
    if role == "portfolio":
        both = account.since(attempt.since)
        return PortfolioFacts(mine.day, mine.uplift, both.acting, both.standing, trips=trips)
    own = ~mine.fallback & (mine.action != mine.baseline)
    if role == "gate":
        return GateFacts(mine.day, mine.uplift, own & (mine.action == 0.0), mine.outcome, trips=trips)
    if role == "meta":
        return MetaFacts(mine.day, mine.uplift, own, trips=trips)
    return Facts(mine.day, mine.uplift, trips=trips)


def _mean(account: Rows) -> float | None:
    return float(account.uplift.mean()) if len(account.day) else None


def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))


def plain(reading: Reading) -> dict[str, Any]:
    """Return a reading as JSON's own types."""
    return {**asdict(reading), "stage": reading.stage}
