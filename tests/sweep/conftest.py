from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FEED = """
import numpy as np
from darwin_core import Bars, hookimpl

class Walk:
    symbols, fields, timezone, interval = ("A", "B"), ("open", "high", "low", "close", "volume"), "UTC", 86_400_000_000_000

    def __init__(self, bars):
        rng = np.random.default_rng(3)
        self.time = 946_684_800_000_000_000 + self.interval * np.arange(bars)
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, (bars, 2)), axis=0))
        opens = close * np.exp(rng.normal(0.0, 0.003, close.shape))
        high, low = np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999
        self.values = dict(zip(self.fields, (opens, high, low, close, np.ones_like(close))))
        for values in (self.time, *self.values.values()):
            values.flags.writeable = False

    def times(self):
        return self.time

    def read(self, start, stop):
        return Bars(self.time[start:stop], self.symbols, {k: v[start:stop] for k, v in self.values.items()}, {}, "UTC")

    def fingerprint(self):
        return "walk"

    def findings(self):
        return ()

@hookimpl
def make_feed(options):
    return Walk(options.table.get("bars", 1500))
"""

STRATEGY = """
import numpy as np
from attrs import field, frozen
from attrs.validators import ge
from darwin_core import Proposal, hookimpl

class Mean:
    def __init__(self, n):
        self.n = n
        self.lookback = n - 1

    def compute(self, bars):
        out = np.full(bars.close.shape, np.nan)
        if len(bars) >= self.n:
            windows = np.lib.stride_tricks.sliding_window_view(bars.close, self.n, axis=0)
            out[self.n - 1 :] = windows.mean(axis=-1)
        return out

class Library:
    names = ("mean",)

    def column(self, name, arguments):
        if arguments[0] < 1:
            raise ValueError("mean takes a number from 1 on")
        return Mean(int(arguments[0]))

@frozen
class Cross:
    fast: int = field(default=5, validator=ge(1))
    slow: int = 20
    peeks: bool = False

    def __attrs_post_init__(self):
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) has to be less than slow ({self.slow})")

    @property
    def requires(self):
        return f"mean({self.fast})", f"mean({self.slow})"

    @property
    def lookback(self):
        return 0

    def propose(self, market):
        fast, slow = (market[name] for name in self.requires)
        side = (fast > slow).astype(np.int8)
        if self.peeks:
            side = np.roll(side, -1, axis=0)
        return Proposal(side, 0.5)

@hookimpl
def make_features():
    return Library()

@hookimpl
def make_strategy(options):
    return options.into(Cross)
"""

DEPLOYMENT = """
[feed]
use = "./feed.py"
[[features]]
use = "./strategy.py"
[strategy]
use = "./strategy.py"
[run]
block = "year"
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """A deployment of single files, whose strategy takes `fast` and `slow`."""
    (tmp_path / "feed.py").write_text(FEED)
    (tmp_path / "strategy.py").write_text(STRATEGY)
    path = tmp_path / "darwin.toml"
    path.write_text(DEPLOYMENT)
    return path
