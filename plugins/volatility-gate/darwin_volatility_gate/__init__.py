"""An agent that skips or reduces candidates while volatility is high: the plugin ``volatility-gate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Features, Options

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options) -> Agent:
    """Make the agent."""
    from darwin_volatility_gate.gate import VolatilityGate

    return options.into(VolatilityGate)


@hookimpl
def make_features(options: Options) -> Features:
    """Make the library of ``volatility_rank``, which a gate by quantile reads."""
    from darwin_volatility_gate.ranks import Ranks

    return options.into(Ranks)
