"""darwin as `ours`, with the blocks that a deployment has by default."""

from __future__ import annotations

from functools import partial

import ours
from ours import CONVENTIONS, DISTRIBUTIONS

__all__ = ["CONVENTIONS", "DISTRIBUTIONS", "w1", "w2", "w3", "w4_long", "w4_wide"]

w1 = partial(ours.w1, block="auto")
w2 = partial(ours.w2, block="auto")
w3 = partial(ours.w3, block="auto")
w4_wide = partial(ours.w4_wide, block="auto")
w4_long = partial(ours.w4_long, block="auto")
