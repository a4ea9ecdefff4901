"""A supervised forecast with a threshold, which stands in when another agent fails: the plugin ``sl-fallback``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Agent, Backend, Options, Task

__version__ = "0.1.0"


@hookimpl
def make_agent(options: Options, backend: Backend | None) -> Agent:
    """Load a trained forecast."""
    from darwin_sl_fallback.agent import fallback_of

    return fallback_of(options, backend)


def make_task(options: Options) -> Task:
    """Return what a forecast is trained for."""
    from darwin_sl_fallback.task import FallbackTask

    return options.into(FallbackTask)
