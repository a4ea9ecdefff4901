"""A single-file plugin: bars that are in memory already, and W4's strategy, column and agents.

``use = "./memory.py"`` in a deployment. W4's feature travels as the bars' volume, of which the workload has no use.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numba import njit, types
from numpy.typing import NDArray

from darwin_core import Bars, Market, Observation, Options, Proposal, hookimpl

Floats = NDArray[np.float64]


@frozen(eq=False)
class MemoryFeed:
    """A feed over arrays."""

    bars: Bars
    interval: int
    fields: tuple[str, ...] = ("open", "high", "low", "close", "volume")
    timezone: str = "UTC"

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.bars.symbols

    def times(self) -> NDArray[np.int64]:
        return self.bars.time

    def read(self, start: int, stop: int) -> Bars:
        return self.bars[start:stop]

    def fingerprint(self) -> str:
        return "memory"

    def findings(self) -> tuple[str, ...]:
        return ()


def feed_of(time: NDArray[np.int64], **fields: Floats) -> MemoryFeed:
    """Return the feed over arrays (T, S)."""
    symbols = tuple(f"S{i:03d}" for i in range(fields["close"].shape[1]))
    views = {name: values.view() for name, values in fields.items()}
    for view in (time := time.view(), *views.values()):
        view.flags.writeable = False
    return MemoryFeed(Bars(time, symbols, views), int(time[1] - time[0]))


@frozen(eq=False)
class Volume:
    """The column ``signal``."""

    lookback: int = 0

    def compute(self, bars: Bars) -> Floats:
        return bars.volume


class Library:
    """The library that offers it."""

    names = ("signal",)

    def column(self, _name: str, _arguments: tuple[float, ...]) -> Volume:
        return Volume()


class Everything:
    """Proposes all symbols at all times, in equal parts; the agents decide."""

    requires: tuple[str, ...] = ()
    lookback = 0

    def propose(self, market: Market) -> Proposal:
        return Proposal(np.int8(1), 1.0 / len(market.bars.symbols))


@frozen
class Sober:
    """Hold while the signal is positive and the account's drawdown is small: W4's rule in Python."""

    max_drawdown: float = 0.2
    when: str = "bar"
    requires: tuple[str, ...] = ("signal", "account.drawdown")
    effect: str = "scale"
    baseline: float = 0.0

    def decide(self, observation: Observation) -> Floats:
        values = observation.values
        return ((values[:, 0] > 0.0) & (values[:, 1] < self.max_drawdown)).astype(np.float64)


@frozen
class SoberCompiled(Sober):
    """The same rule, with a compiled function for 20 % beside it."""

    @property
    def compiled(self):
        return _sober


@njit(types.void(types.float64[:, ::1], types.float64[::1]), cache=True)
def _sober(observation, actions):
    for i in range(len(observation)):
        actions[i] = observation[i, 0] > 0.0 and observation[i, 1] < 0.2


@hookimpl
def make_feed() -> MemoryFeed:
    one = np.ones((2, 1))
    return feed_of(np.arange(2) * 86_400_000_000_000, open=one, high=one, low=one, close=one, volume=one)


@hookimpl
def make_features() -> Library:
    return Library()


@hookimpl
def make_strategy() -> Everything:
    return Everything()


@hookimpl
def make_agent(options: Options) -> Sober:
    compiled = options.table.get("compiled", False)
    return SoberCompiled() if compiled else Sober()
