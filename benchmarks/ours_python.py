"""darwin with an agent in Python where `ours` has a compiled one: called once a bar with all symbols."""

from __future__ import annotations

from ours import CONVENTIONS, DISTRIBUTIONS, w4_long_python, w4_wide_python

__all__ = ["CONVENTIONS", "DISTRIBUTIONS", "w4_long", "w4_wide"]

w4_wide = w4_wide_python
w4_long = w4_long_python
