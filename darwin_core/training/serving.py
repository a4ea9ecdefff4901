"""Whether a policy was shown in service what training shows it: the hashes of its decisions against a recorded run.

A decision keeps the hash of the row that the policy was shown (`darwin_core.remarks`). A stored run, walked through
once more as training walks through it, gives training's row for each time and symbol. Where both know a row they must
be the same to the bit, unless an agent that acts has made the account another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core import config
from darwin_core.assembly import assemble
from darwin_core.errors import ConfigError, did_you_mean
from darwin_core.evaluate import stamp
from darwin_core.graduation.roles import version_of
from darwin_core.remarks import observed, row_hashes
from darwin_core.training.probing import look_again

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from darwin_core.assembly import AgentPart
    from darwin_core.state import Shown
    from darwin_core.store import Run


@frozen
class Difference:
    """The first row that differs: where, its hash in service and in training, and training's values by column."""

    time: str
    symbol: str
    served: str
    trained: str
    values: dict[str, float]


@frozen
class Comparison:
    """What was shown in service against what training would be shown.

    Parameters
    ----------
    run
        The stored run.
    version
        Of the policy.
    decisions, hashed
        How many the state database holds, and how many of them have a hash.
    compared, equal
        How many of those the run knows the row of, and how many rows are the same.
    first
        The first that differs.
    """

    run: str
    version: str
    decisions: int
    hashed: int
    compared: int
    equal: int
    first: Difference | None


def compare(
    shown: Shown, run: Run, deployment: Path, agent: str, tell: Callable[[int, int], None] | None = None
) -> Comparison:
    """Return how the rows of an agent's decisions compare with those of a stored run.

    Raises
    ------
    ConfigError
        The deployment has no such agent, it has not learnt, or serves another version.
    RunError
        The run cannot be repeated.
    """
    part = _agent(deployment, agent)
    columns = observed(part.agent)
    if not columns:
        raise ConfigError(f"{part.owner} has learnt nothing: only what trained policies are shown is hashed")
    if version_of(part) != shown.version:
        raise ConfigError(
            f"{deployment} serves {agent} {version_of(part)}, and the decisions are of {shown.version}: set its "
            "version there, or name other decisions with --run"
        )
    seen = look_again(run, deployment, columns, agent, tell, part.agent.when)
    symbols = run.info["symbols"]
    places = zip(seen.time.tolist(), (symbols[s] for s in seen.symbol.tolist()), strict=True)
    row_of = {place: row for row, place in enumerate(places)}
    hashed = [each for each in shown.rows if each[2] is not None]
    known = [(*each, row_of[each[:2]]) for each in hashed if each[:2] in row_of]
    trained = row_hashes(columns, seen.values[[row for *_, row in known]]) if known else []
    differ = [n for n, (each, wanted) in enumerate(zip(known, trained, strict=True)) if each[2] != wanted]
    first = None
    if differ:
        time, symbol, served, row = known[differ[0]]
        values = dict(zip(columns, seen.values[row].tolist(), strict=True))
        first = Difference(stamp(time), symbol, str(served), trained[differ[0]], values)
    return Comparison(run.id, shown.version, len(shown.rows), len(hashed), len(known), len(known) - len(differ), first)


def _agent(deployment: Path, name: str) -> AgentPart:
    parts = {part.name: part for part in assemble(config.load(deployment)).agents}
    if name not in parts:
        raise ConfigError(f"{deployment} has no agent {name!r}: {did_you_mean(name, list(parts))}")
    return parts[name]
