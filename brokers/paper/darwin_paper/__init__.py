"""A simulated venue that fills as a backtest does, with faults for rehearsal: the plugin ``paper``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Broker, Deployed, Options

__version__ = "0.1.0"


@hookimpl
def make_broker(options: Options, deployed: Deployed) -> Broker:
    """Make the broker."""
    from darwin_paper.broker import PaperBroker
    from darwin_paper.faults import Faults

    return PaperBroker(options.into(Faults), deployed)
