"""darwin: learning agents between a trading signal and an order, trusted by evidence.

What plugins may import is here and in `darwin_core.testing`; everything else is the engine's own.
"""

from __future__ import annotations

from darwin_core.errors import ConfigError, DarwinError, DataError, PluginError, did_you_mean
from darwin_core.hooks import hookimpl
from darwin_core.options import Options, Secret
from darwin_core.protocols import (
    WHOLE_TAPE,
    Agent,
    Backend,
    Broker,
    Column,
    Feed,
    Features,
    Monitor,
    Reporter,
    Strategy,
)
from darwin_core.types import Bars, Limits, Market, Observation, Proposal

__version__ = "0.1.0"

__all__ = [
    "WHOLE_TAPE",
    "Agent",
    "Backend",
    "Bars",
    "Broker",
    "Column",
    "ConfigError",
    "DarwinError",
    "DataError",
    "Feed",
    "Features",
    "Limits",
    "Market",
    "Monitor",
    "Observation",
    "Options",
    "PluginError",
    "Proposal",
    "Reporter",
    "Secret",
    "Strategy",
    "did_you_mean",
    "hookimpl",
]
