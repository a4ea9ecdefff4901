"""Well-known causal features: the plugin ``indicators``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Features, Options

__version__ = "0.1.0"


@hookimpl
def make_features(options: Options) -> Features:
    """Make the library of columns."""
    from darwin_indicators.library import Indicators

    return options.into(Indicators)
