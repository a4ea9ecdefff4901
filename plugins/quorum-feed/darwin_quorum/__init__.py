"""Several providers of the same bars, joined by vote: the plugin ``quorum``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core import Feed, Options


@hookimpl
def make_feed(options: Options, feeds: Callable[[str], tuple[Feed, ...]]) -> Feed:
    """Make the providers of ``[feed]`` and let them vote."""
    from darwin_quorum.feed import open_feed

    return open_feed(options, feeds)
