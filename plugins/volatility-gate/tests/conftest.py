"""A deployment around the plugin: sample bars as its feed, and plain stand-ins for the columns that it reads."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import frozen

from darwin_core import assembly, config, engine, hookimpl
from darwin_core.testing import BarsFeed, daily_bars


@hookimpl
def make_feed(options):
    return BarsFeed(daily_bars(700))


@frozen
class OwnBars:
    """A column over the bars that a symbol has, computed for each row by itself."""

    needed: int
    formula: object

    @property
    def lookback(self):
        return 2 * self.needed

    def compute(self, bars):
        out = np.full(bars.close.shape, np.nan)
        for s in range(out.shape[1]):
            rows = np.flatnonzero(~np.isnan(bars.close[:, s]))
            for i in range(self.needed - 1, len(rows)):
                first = rows[i - self.needed + 1]
                if rows[i] - first <= self.lookback:
                    out[rows[i], s] = self.formula(bars.close[rows[i - self.needed + 1 : i + 1], s])
        return out


class Library:
    names = ("volatility",)

    def column(self, name, arguments):
        (n,) = map(int, arguments)
        return OwnBars(n + 1, lambda close: np.std(close[1:] / close[:-1], ddof=1))


@hookimpl
def make_features(options):
    return Library()


@pytest.fixture
def backtest(tmp_path):
    """Return a function that runs a deployment whose feed is the sample's."""

    def run(text, tier="auto"):
        path = tmp_path / "darwin.toml"
        path.write_text(f'[feed]\nuse = "{__file__}"\n[[features]]\nuse = "{__file__}"\n{text}')
        return engine.run(assembly.assemble(config.load(path)), tier=tier)

    return run
