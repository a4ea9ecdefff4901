"""A deployment around the plugin: sample bars as its feed."""

from __future__ import annotations

import pytest

from darwin_core import assembly, config, engine, hookimpl
from darwin_core.testing import BarsFeed, daily_bars


@hookimpl
def make_feed(options):
    return BarsFeed(daily_bars(700))


@pytest.fixture
def backtest(tmp_path):
    """Return a function that runs a deployment whose feed is the sample's."""

    def run(text, tier="auto"):
        path = tmp_path / "darwin.toml"
        path.write_text(f'[feed]\nuse = "{__file__}"\n{text}')
        return engine.run(assembly.assemble(config.load(path)), tier=tier)

    return run
