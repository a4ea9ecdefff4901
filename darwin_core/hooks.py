# mypy: disable-error-code="empty-body"
"""The hooks, in the order of a run. They assemble; nothing here is called while bars go by.

A plugin is a module with functions of these names, marked with `hookimpl`. Take only the arguments you need.
The core calls a hook for the one plugin that the deployment names; wrappers decorate what others make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from darwin_core.live.orders import Deployed
    from darwin_core.options import Options
    from darwin_core.protocols import (
        Agent,
        Backend,
        Broker,
        Features,
        Feed,
        Mirror,
        Monitor,
        Reporter,
        Strategy,
    )

PROJECT = "darwin"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def make_feed(options: Options, feeds: Callable[[str], tuple[Feed, ...]]) -> Feed:
    """Make the feed of ``[feed]``. File names in the options are relative to the deployment file.

    `feeds` makes those of an array of tables among the options, ``providers = [{ use = "PLUGIN", ... }]`` for
    ``feeds("providers")``: for a feed that is made of others.
    """


@hookspec(firstresult=True)
def make_features(options: Options) -> Features:
    """Make the feature library of one ``[[features]]`` table."""


@hookspec(firstresult=True)
def make_strategy(options: Options) -> Strategy:
    """Make the strategy of ``[strategy]``."""


@hookspec(firstresult=True)
def make_backend(options: Options) -> Backend:
    """Make the inference backend of an agent: ``backend = { use = "...", ... }`` in its table."""


@hookspec(firstresult=True)
def make_agent(options: Options, backend: Backend | None, seed: int) -> Agent:
    """Make one agent of ``[[agents]]``; `seed` is its own, derived from the deployment's and its name."""


@hookspec(firstresult=True)
def make_monitor(options: Options) -> Monitor:
    """Make one safety monitor of ``[[monitors]]``."""


@hookspec(firstresult=True)
def make_broker(options: Options, deployed: Deployed) -> Broker:
    """Make the broker of ``[broker]``. Nothing is reached, and nothing written, before its `connect`."""


@hookspec(firstresult=True)
def make_reporter(options: Options) -> Reporter:
    """Make one reporter of ``[[reporters]]``."""


@hookspec(firstresult=True)
def make_mirror(options: Options) -> Mirror:
    """Make the shared place of ``[registry.mirror]``, for ``darwin models push`` and ``pull``; nothing is asked yet."""


@hookspec(firstresult=True)
def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add sub-commands to ``darwin PLUGIN``. Each sets ``run`` to a function of the parsed arguments."""
