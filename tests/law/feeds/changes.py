"""A lawful library with one column, for those who need something to look at."""

from __future__ import annotations

import attrs
import numpy as np

from darwin_core import hookimpl


@attrs.frozen
class Change:
    lookback: int

    def compute(self, bars):
        out = np.full(bars.close.shape, np.nan)
        out[self.lookback :] = bars.close[self.lookback :] / bars.close[: -self.lookback] - 1.0
        return out


class Library:
    names = ("change",)

    def column(self, name, arguments):
        return Change(int(arguments[0]))


@hookimpl
def make_features(options):
    return Library()
