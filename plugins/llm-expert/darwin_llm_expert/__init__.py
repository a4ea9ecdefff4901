"""An agent that asks a language model about each candidate: the plugin ``llm-expert``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Options

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options) -> Agent:
    """Make the agent; nobody is asked anything yet."""
    from darwin_llm_expert.expert import expert_of

    return expert_of(options)
