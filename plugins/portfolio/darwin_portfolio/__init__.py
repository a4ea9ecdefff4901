"""A trained agent that sizes positions: the plugin ``portfolio``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Backend, Options, Task

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options, backend: Backend | None) -> Agent:
    """Load a trained policy."""
    from darwin_core import LearnedAgent
    from darwin_portfolio.task import PortfolioTask

    return LearnedAgent.load(options, backend, PortfolioTask)


def make_task(options: Options) -> Task:
    """Return what a policy is trained for."""
    from darwin_portfolio.task import PortfolioTask

    return options.into(PortfolioTask)
