"""Conformance suites and stand-ins for plugin authors.

A suite is inherited by a class whose name begins with ``Test``, and pytest does the rest::

    from darwin_core.testing import AgentTests


    class TestGate(AgentTests):
        use = "gate"
        options = {"share": 0.5}

Each case has an id and says in its docstring what to do when it fails. Importing this package needs no pytest.
"""

from __future__ import annotations

from darwin_core.testing.agent import AgentTests
from darwin_core.testing.backend import BackendTests
from darwin_core.testing.bars_feed import BarsFeed
from darwin_core.testing.broker_base import sample_deployed, sample_order, sample_slice
from darwin_core.testing.brokers import BrokerTests
from darwin_core.testing.fake import fake_distribution, fake_options
from darwin_core.testing.features import FeaturesTests
from darwin_core.testing.feed import FeedTests
from darwin_core.testing.monitor import MonitorTests
from darwin_core.testing.reporter import ReporterTests, sample_run
from darwin_core.testing.sample import daily_bars, intraday_bars, lend, sample_markets
from darwin_core.testing.strategy import StrategyTests
from darwin_core.testing.stream import StreamTests
from darwin_core.testing.suite import departs

__all__ = [
    "AgentTests",
    "BackendTests",
    "BarsFeed",
    "BrokerTests",
    "FeaturesTests",
    "FeedTests",
    "MonitorTests",
    "ReporterTests",
    "StrategyTests",
    "StreamTests",
    "daily_bars",
    "departs",
    "fake_distribution",
    "fake_options",
    "intraday_bars",
    "lend",
    "sample_deployed",
    "sample_markets",
    "sample_order",
    "sample_run",
    "sample_slice",
]
