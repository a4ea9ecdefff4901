"""Panels of bars that several tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from darwin_core import Bars

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86_400_000_000_000


def make_bars(rows: int, symbols: int, seed: int = 0, missing: float = 0.0) -> Bars:
    """Return a random walk of daily bars, some missing, in arrays that refuse to be written to."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, (rows, symbols)), axis=0))
    fields = {
        "high": close * (1.0 + random.random(close.shape) * 0.02),
        "low": close * (1.0 - random.random(close.shape) * 0.02),
        "close": close,
        "volume": random.integers(0, 1_000_000, close.shape).astype(np.float64),
    }
    gone = random.random(close.shape) < missing
    if missing:
        gone[: rows // 5, symbols // 2 :] = True  # listed later
        gone[rows // 2 : rows // 2 + rows // 10, 0] = True  # suspended
    for values in fields.values():
        values[gone] = np.nan
        values.flags.writeable = False
    index = 20.0 + random.random(rows)
    index.flags.writeable = False
    time = np.arange(1, rows + 1) * DAY
    time.flags.writeable = False
    return Bars(time, tuple(f"S{i}" for i in range(symbols)), fields, {"VIX": index}, "America/New_York")


@pytest.fixture(scope="session")
def panel() -> Callable[..., Bars]:
    """Make a panel: ``panel(rows, symbols, seed=0, missing=0.0)``."""
    return make_bars


@pytest.fixture(scope="session")
def bars() -> Bars:
    """A panel without a missing bar."""
    return make_bars(900, 5)


@pytest.fixture(scope="session")
def gappy() -> Bars:
    """A panel with holidays, late listings and a suspension."""
    return make_bars(900, 6, seed=1, missing=0.03)
