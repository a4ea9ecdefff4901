"""Cross-sectional momentum: hold the symbols that rose most: the plugin ``momentum``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Options, Strategy

__version__ = "0.1.0"


@hookimpl
def make_strategy(options: Options) -> Strategy:
    """Make the strategy."""
    from darwin_momentum.momentum import Momentum

    return options.into(Momentum)
