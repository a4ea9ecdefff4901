"""A market with an edge that was planted on purpose, as a plugin: feed, features, strategy and an expert.

Every sixth bar a symbol's volume says what its next five bars will do: their drift is ``edge * 0.002`` times the standard
normal number whose exponential the volume is. Whoever reads the volume can know it; with ``edge = 0`` there is
nothing to know.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from darwin_core import Bars, Observation, Proposal, hookimpl
from darwin_core.testing import BarsFeed

CYCLE, SYMBOLS = 6, 6


@frozen
class World:
    edge: float = 1.0
    bars: int = 1500
    seed: int = 0
    drift: float = 0.0


def market(world: World) -> Bars:
    rng = np.random.default_rng(world.seed)
    days = np.datetime64("2010-01-01") + np.arange(world.bars)
    time = days.astype("datetime64[ns]").astype(np.int64) + 21 * 3600 * 10**9
    shape = (world.bars, SYMBOLS)
    z = rng.normal(size=shape)
    begins = (np.arange(world.bars)[:, None] + np.arange(SYMBOLS)) % CYCLE == 0
    moves = rng.normal(0.0, 0.01, shape) + world.drift
    for k in range(1, CYCLE):
        known = np.where(begins, z, 0.0)
        moves[k:] += world.edge * 0.002 * known[:-k]
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    opening = np.vstack([np.full((1, SYMBOLS), 100.0), close[:-1]])
    high, low = np.maximum(opening, close), np.minimum(opening, close)
    fields = {"open": opening, "high": high, "low": low, "close": close, "volume": np.exp(z)}
    return Bars(time, tuple(f"S{i}" for i in range(SYMBOLS)), fields)


@hookimpl
def make_feed(options):
    return BarsFeed(market(options.into(World)))


@frozen
class Own:
    lookback: int
    function: object

    def compute(self, bars):
        return self.function(bars)


class Library:
    names = ("signal", "change", "late")

    def column(self, name, arguments):
        if name == "signal":
            return Own(1, lambda bars: np.log(bars.volume))
        if name == "late":
            return Own(0, lambda bars: np.where(bars.time[:, None] < 1.32e18, np.nan, bars.close * 0.0))
        n = int(arguments[0])
        return Own(n, lambda bars: np.vstack([np.full((n, SYMBOLS), np.nan), bars.close[n:] / bars.close[:-n] - 1.0]))


@hookimpl
def make_features(options):
    return Library()


class Beat:
    """Long for five bars of six, each symbol in its turn."""

    requires = ()
    lookback = 0

    def propose(self, market):
        day = market.bars.time // (86_400 * 10**9) - np.datetime64("2010-01-01").astype(int)
        phase = (day[:, None] + np.arange(SYMBOLS)) % CYCLE
        return Proposal(np.where(phase < CYCLE - 1, 1, 0).astype(np.int8), weight=0.1, confidence=0.5)


@hookimpl
def make_strategy(options):
    return Beat()


@frozen
class Expert:
    """Refuses a third of the candidates, for no reason that helps."""

    when = "candidate"
    effect = "scale"
    baseline = 1.0
    requires = ("change(1)",)

    def decide(self, observation: Observation):
        return np.where(observation["change(1)"] < -0.0045, 0.0, 1.0)


@hookimpl
def make_agent(options):
    return options.into(Expert)
