"""The reference of `workloads.py`: plain NumPy, one step a bar or, for one symbol, none at all."""

from __future__ import annotations

import numpy as np
from workloads import (
    Account,
    Convention,
    Crosses,
    Grid,
    all_in,
    crosses,
    replay_account,
    replay_crosses,
)

DISTRIBUTIONS = ("numpy",)


def w1(data: Crosses) -> float:
    """The closed form."""
    want = crosses(data.bars.close, data.fast, data.slow)[:, 0]
    return all_in(want, data.bars, data.cash, data.fee)


def w2(data: Crosses) -> float:
    """One step a bar."""
    return replay_crosses(data, Convention.NEXT_OPEN)


def w3(data: Grid) -> float:
    """The closed form for each pair."""
    close = data.bars.close
    wants = (crosses(close, fast, slow)[:, 0] for fast, slow in data.pairs.tolist())
    return float(np.mean([all_in(want, data.bars, data.cash, data.fee) for want in wants]))


def w4_wide(data: Account) -> float:
    """One step a bar."""
    return replay_account(data, Convention.NEXT_OPEN)


def w4_long(data: Account) -> float:
    """One step a bar."""
    return replay_account(data, Convention.NEXT_OPEN)
