"""An agent that makes positions smaller as the account draws down: the plugin ``drawdown-scaler``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Options

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options) -> Agent:
    """Make the agent."""
    from darwin_drawdown_scaler.scaler import DrawdownScaler

    return options.into(DrawdownScaler)
