"""An agent that lets pass only what goes with the long trend: the plugin ``acme-trend-gate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Options

__version__ = "1.2.0"


@hookimpl
def make_agent(options: Options) -> Agent:
    """Make the agent."""
    from acme_trend_gate.gate import TrendGate

    return options.into(TrendGate)
