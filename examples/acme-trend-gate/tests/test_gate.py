"""What this gate does."""

from __future__ import annotations

import numpy as np
import pytest
from darwin_core import Observation

from acme_trend_gate.gate import TrendGate


@pytest.mark.parametrize(
    ("side", "close", "average", "scale"),
    [(1, 110, 100, 1.0), (1, 90, 100, 0.0), (-1, 90, 100, 1.0), (-1, 110, 100, 0.0), (1, 100, 100, 0.0)],
)
def test_only_what_goes_with_the_trend_passes(side: float, close: float, average: float, scale: float) -> None:
    """One candidate at a time."""
    gate = TrendGate(window=50)
    values = np.array([[side, close, average]], dtype=np.float64)
    row = Observation(gate.requires, values, np.array([0]), np.array([0]), ("A",))
    assert gate.decide(row).tolist() == [scale]


def test_the_margin_is_a_share_of_the_average() -> None:
    """A close 4 % above is not 5 % above."""
    gate = TrendGate(margin=0.05, otherwise=0.25)
    values = np.array([[1.0, 104.0, 100.0], [1.0, 106.0, 100.0]])
    rows = Observation(gate.requires, values, np.array([0, 0]), np.array([0, 1]), ("A", "B"))
    assert gate.decide(rows).tolist() == [0.25, 1.0]
