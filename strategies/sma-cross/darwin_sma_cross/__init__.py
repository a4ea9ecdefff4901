"""Long while a fast moving average is above a slow one: the plugin ``sma-cross``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Options, Strategy

__version__ = "0.1.0"


@hookimpl
def make_strategy(options: Options) -> Strategy:
    """Make the strategy."""
    from darwin_sma_cross.cross import SmaCross

    return options.into(SmaCross)
