"""CSV and Parquet price files as a feed: the plugin ``panel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Feed, Options


@hookimpl
def make_feed(options: Options) -> Feed:
    """Read and check the files of ``[feed]``."""
    from darwin_panel_feed.feed import open_feed

    return open_feed(options)
