"""A deployment around the plugin: sample bars as its feed."""

from __future__ import annotations

import pytest

from darwin_core import assembly, config, engine, hookimpl
from darwin_core.testing import daily_bars, lend


class SampleFeed:
    fields = ("open", "high", "low", "close", "volume")
    interval = 86_400 * 10**9

    def __init__(self):
        self.bars = daily_bars(700)
        self.symbols, self.timezone = self.bars.symbols, self.bars.timezone

    def times(self):
        return self.bars.time

    def read(self, start, stop):
        return lend(self.bars, slice(start, stop))

    def fingerprint(self):
        return "sample"

    def findings(self):
        return ()


@hookimpl
def make_feed(options):
    return SampleFeed()


@pytest.fixture
def backtest(tmp_path):
    """Return a function that runs a deployment whose feed is the sample's."""

    def run(text, tier="auto"):
        path = tmp_path / "darwin.toml"
        path.write_text(f'[feed]\nuse = "{__file__}"\n{text}')
        return engine.run(assembly.assemble(config.load(path)), tier=tier)

    return run
