"""What each decision of a log is measured against: the agent's baseline, or what its fallback had decided then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.lockstep import LIMITED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core.assembly import AgentPart
    from darwin_core.types import Floats


def standing(parts: Sequence[AgentPart], number: int, log: NDArray[Any]) -> Floats:
    """Return what stood in for agent `number` (from 0) at each of its rows in a log, (N,); as `lockstep` has it.

    Parameters
    ----------
    parts
        The line's agents.
    log
        A decision log from its beginning, DECISION_DTYPE, in the order of time.
    """
    part = parts[number]
    mine = log[log["stage"] == number + 1]
    if not part.fallback:
        return np.full(len(mine), float(part.agent.baseline))
    by = [each.name for each in parts].index(part.fallback)
    rows = log[log["stage"] == by + 1]
    words = np.where(rows["flags"] & LIMITED != 0, standing(parts, by, log), rows["value"])
    found = np.full(len(mine), float(parts[by].agent.baseline))
    for symbol in np.unique(mine["symbol"]):
        own, said = mine["symbol"] == symbol, rows["symbol"] == symbol
        last = np.searchsorted(rows["time"][said], mine["time"][own], side="right") - 1
        if said.any():
            found[own] = np.where(last >= 0, words[said][last], found[own])
    return found
