"""A safety monitor: no new risk while markets are turbulent, and fixed limits: the plugin ``turbulence-halt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Monitor, Options

__version__ = "0.1.0"


@hookimpl
def make_monitor(options: Options) -> Monitor:
    """Make the monitor."""
    from darwin_turbulence_halt.halt import TurbulenceHalt

    return options.into(TurbulenceHalt)
