"""One value a bar for all symbols.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Breadth:
    lookback = 60

    def compute(self, bars):
        up = np.diff(bars.close, axis=0, prepend=np.nan) > 0.0
        return up.sum(axis=1) - 0.5 * np.isfinite(bars.close).sum(axis=1)


class Library:
    names = ("breadth",)

    def column(self, name, arguments):
        return Breadth()


@hookimpl
def make_features(options):
    return Library()
