"""A stand-in for an expert, made of a few rules: the plugin ``rules-expert``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Options

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options) -> Agent:
    """Make the agent."""
    from darwin_rules_expert.rules import RulesExpert

    return options.into(RulesExpert)
