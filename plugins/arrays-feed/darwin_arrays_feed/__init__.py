"""NumPy files on disk as a feed: the plugin ``arrays``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Feed, Options


@hookimpl
def make_feed(options: Options) -> Feed:
    """Open the folder of arrays that ``[feed]`` names."""
    from darwin_arrays_feed.feed import open_feed

    return open_feed(options)
