"""Hold every symbol from its first bar on: the plugin ``buy-and-hold``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Options, Strategy

__version__ = "0.1.0"


@hookimpl
def make_strategy(options: Options) -> Strategy:
    """Make the strategy."""
    from darwin_buy_and_hold.hold import BuyAndHold

    return options.into(BuyAndHold)
