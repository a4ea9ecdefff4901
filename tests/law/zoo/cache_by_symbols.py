"""Computed once for these symbols and kept in a module's dictionary.

Feed: daily. Verdict: looks ahead or has shape.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl

_CACHE = {}


class Scaled:
    lookback = 0

    def compute(self, bars):
        if bars.symbols not in _CACHE:
            _CACHE[bars.symbols] = bars.close / np.nanmax(bars.close, axis=0)
        return _CACHE[bars.symbols][: len(bars)]


class Library:
    names = ("scaled",)

    def column(self, name, arguments):
        return Scaled()


@hookimpl
def make_features(options):
    return Library()
