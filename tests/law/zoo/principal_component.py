"""A principal component of all returns: the future chooses the axes.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Factor:
    lookback = 60

    def compute(self, bars):
        returns = np.nan_to_num(np.diff(np.log(bars.close), axis=0, prepend=np.nan))
        centred = returns - returns.mean(axis=0)
        _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(centred, rowvar=False)))
        return np.einsum("ts,s->t", centred, vectors[:, -1])


class Library:
    names = ("factor",)

    def column(self, name, arguments):
        return Factor()


@hookimpl
def make_features(options):
    return Library()
