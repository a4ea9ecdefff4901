"""Noise taken out by a Fourier transform of the whole series.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Smooth:
    lookback = 60

    def compute(self, bars):
        returns = np.nan_to_num(np.diff(np.log(bars.close), axis=0, prepend=np.nan))
        spectrum = np.fft.rfft(returns, axis=0)
        spectrum[len(spectrum) // 10 :] = 0.0
        return np.fft.irfft(spectrum, n=len(returns), axis=0)


class Library:
    names = ("smooth",)

    def column(self, name, arguments):
        return Smooth()


@hookimpl
def make_features(options):
    return Library()
