"""Pre-trade controls: every order is reviewed here, and nothing else can make it `Approved`."""

from __future__ import annotations

from darwin_core.live.controls.book import REPEATS, Book
from darwin_core.live.controls.facts import OpenOrder, Price, Recent, Reenabled
from darwin_core.live.controls.lately import Lately
from darwin_core.live.controls.review import Control, Controls

__all__ = ["REPEATS", "Book", "Control", "Controls", "Lately", "OpenOrder", "Price", "Recent", "Reenabled"]
