"""darwin: learning agents between a trading signal and an order, trusted by evidence.

What plugins may import is here and in `darwin_core.testing`; everything else is the engine's own. A name's module
is imported when the name is first used, so that ``darwin --help`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darwin_core.blocks import period
    from darwin_core.errors import ConfigError, DarwinError, DataError, PluginError, did_you_mean
    from darwin_core.hooks import hookimpl
    from darwin_core.options import Options, Secret
    from darwin_core.protocols import (
        WHOLE_TAPE,
        Agent,
        Backend,
        Broker,
        Column,
        Features,
        Feed,
        Monitor,
        Reporter,
        Strategy,
    )
    from darwin_core.types import Bars, Limits, Market, Observation, Proposal

__version__ = "0.1.0"

_HOMES = {
    "blocks": ("period",),
    "errors": ("ConfigError", "DarwinError", "DataError", "PluginError", "did_you_mean"),
    "hooks": ("hookimpl",),
    "options": ("Options", "Secret"),
    "protocols": (
        "WHOLE_TAPE",
        "Agent",
        "Backend",
        "Broker",
        "Column",
        "Feed",
        "Features",
        "Monitor",
        "Reporter",
        "Strategy",
    ),
    "types": ("Bars", "Limits", "Market", "Observation", "Proposal"),
}

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
    "Features",
    "Feed",
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
    "period",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
