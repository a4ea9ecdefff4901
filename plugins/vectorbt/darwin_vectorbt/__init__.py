"""A run as a vectorbt portfolio: the plugin ``vectorbt``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_core import hookimpl

if TYPE_CHECKING:
    import argparse

__version__ = "0.1.0"


def to_vectorbt(result: Any) -> Any:
    """Return a backtest's result as a `vectorbt.Portfolio` whose value is the result's equity."""
    from darwin_vectorbt.portfolio import of_result

    return of_result(result)


@hookimpl
def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add ``darwin vectorbt stats``."""
    from darwin_vectorbt.commands import add

    add(parser)
