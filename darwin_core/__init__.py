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
    from darwin_core.live.assembling import BarEvent, Finding
    from darwin_core.live.orders import (
        Absent,
        Accepted,
        AccountReport,
        Approved,
        Capabilities,
        Deployed,
        Event,
        FillReport,
        Heartbeat,
        OrderReport,
        Outcome,
        PositionReport,
        Refused,
        StreamDown,
        StreamUp,
        Unknown,
        exit_order_id,
    )
    from darwin_core.live.tape import Slice
    from darwin_core.options import Options, Secret
    from darwin_core.protocols import (
        WHOLE_TAPE,
        Agent,
        Backend,
        Broker,
        Column,
        Features,
        Feed,
        Mirror,
        Model,
        Monitor,
        Reporter,
        SimulatedVenue,
        Strategy,
        Stream,
    )
    from darwin_core.registry.bundle import Verified
    from darwin_core.training.policy import LearnedAgent, Policy, PolicyOptions
    from darwin_core.training.task import Examples, Task
    from darwin_core.training.trainer import Lesson, Rows, Trained, Trainer, TrainingPlan
    from darwin_core.types import Bars, Limits, Market, Observation, Proposal
    from darwin_core.venue import Venue

__version__ = "0.1.0"

_HOMES = {
    "blocks": ("period",),
    "errors": ("ConfigError", "DarwinError", "DataError", "PluginError", "did_you_mean"),
    "hooks": ("hookimpl",),
    "live.assembling": ("BarEvent", "Finding"),
    "live.orders": (
        "Absent",
        "Accepted",
        "AccountReport",
        "Approved",
        "Capabilities",
        "Deployed",
        "Event",
        "FillReport",
        "Heartbeat",
        "OrderReport",
        "Outcome",
        "PositionReport",
        "Refused",
        "StreamDown",
        "StreamUp",
        "Unknown",
        "exit_order_id",
    ),
    "live.tape": ("Slice",),
    "options": ("Options", "Secret"),
    "protocols": (
        "WHOLE_TAPE",
        "Agent",
        "Backend",
        "Broker",
        "Column",
        "Feed",
        "Features",
        "Mirror",
        "Model",
        "Monitor",
        "Reporter",
        "SimulatedVenue",
        "Strategy",
        "Stream",
    ),
    "registry.bundle": ("Verified",),
    "training.policy": ("LearnedAgent", "Policy", "PolicyOptions"),
    "training.task": ("Examples", "Task"),
    "training.trainer": ("Lesson", "Rows", "Trained", "Trainer", "TrainingPlan"),
    "types": ("Bars", "Limits", "Market", "Observation", "Proposal"),
    "venue": ("Venue",),
}

__all__ = [
    "WHOLE_TAPE",
    "Absent",
    "Accepted",
    "AccountReport",
    "Agent",
    "Approved",
    "Backend",
    "BarEvent",
    "Bars",
    "Broker",
    "Capabilities",
    "Column",
    "ConfigError",
    "DarwinError",
    "DataError",
    "Deployed",
    "Event",
    "Examples",
    "Features",
    "Feed",
    "FillReport",
    "Finding",
    "Heartbeat",
    "LearnedAgent",
    "Lesson",
    "Limits",
    "Market",
    "Mirror",
    "Model",
    "Monitor",
    "Observation",
    "Options",
    "OrderReport",
    "Outcome",
    "PluginError",
    "Policy",
    "PolicyOptions",
    "PositionReport",
    "Proposal",
    "Refused",
    "Reporter",
    "Rows",
    "Secret",
    "SimulatedVenue",
    "Slice",
    "Strategy",
    "Stream",
    "StreamDown",
    "StreamUp",
    "Task",
    "Trained",
    "Trainer",
    "TrainingPlan",
    "Unknown",
    "Venue",
    "Verified",
    "did_you_mean",
    "exit_order_id",
    "hookimpl",
    "period",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
