"""A trained agent that follows an expert or overrules it: the plugin ``meta-learner``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Backend, Options, Task

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options, backend: Backend | None) -> Agent:
    """Load a trained policy."""
    from darwin_meta_learner.agent import MetaLearner
    from darwin_meta_learner.task import MetaTask

    return MetaLearner.load(options, backend, MetaTask)


def make_task(options: Options) -> Task:
    """Return what a policy is trained for."""
    from darwin_meta_learner.task import MetaTask

    return options.into(MetaTask)
