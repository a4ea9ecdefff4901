"""Weights by age, measured from now.

Feed: daily. Verdict: answers differently.
"""

from __future__ import annotations

import time

import numpy as np

from darwin_core import hookimpl


class Recency:
    lookback = 60

    def compute(self, bars):
        age = (time.time_ns() - bars.time) / 86_400e9
        return np.exp(-age / 3650.0)


class Library:
    names = ("recency",)

    def column(self, name, arguments):
        return Recency()


@hookimpl
def make_features(options):
    return Library()
