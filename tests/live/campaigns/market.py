"""A made-up market and a trader who changes his mind: feed, strategy and agent of the campaigns, a plugin of one file.

Bars of a minute, some of them missing, prices that run into stops. What the strategy wants is a pure function of the
minute and the symbol, and changes every few bars, so that targets change while orders wait for a bar that is missing.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from attrs import field, frozen

from darwin_core import Bars, Proposal, hookimpl

MINUTE = 60_000_000_000
FIRST = 1_600_000_020_000_000_000


def chance(row: Any, column: Any, salt: int) -> Any:
    """Return numbers in [0, 1) that depend on a row and a column alone."""
    mixed = np.asarray(salt * 0x9E3779B97F4A7C15 % 2**64, np.uint64)
    for each in (row, column):
        mixed = (mixed ^ np.asarray(each).astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(11)).astype(np.float64) / 2.0**53


@frozen
class Walks:
    """Random walks; `missing` is the share of bars that do not come."""

    bars: int = 30
    symbols_: int = 4
    missing: float = 0.1
    move: float = 0.004
    seed: int = 0
    fields: ClassVar[tuple[str, ...]] = ("open", "high", "low", "close", "volume")
    timezone: ClassVar[str] = "UTC"
    interval: ClassVar[int] = MINUTE
    symbols: tuple[str, ...] = field(init=False)
    _values: Any = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        close = np.exp(np.cumsum(rng.normal(0.0, self.move, (self.bars, self.symbols_)), axis=0)) * 50.0
        opens = close * np.exp(rng.normal(0.0, self.move / 4, close.shape))
        high, low = np.maximum(opens, close) * (1 + self.move / 2), np.minimum(opens, close) * (1 - self.move / 2)
        gone = rng.random(close.shape) < self.missing
        values = dict(zip(self.fields, (opens, high, low, close, np.ones_like(close)), strict=True))
        for each in values.values():
            each[gone] = np.nan
            each.flags.writeable = False
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "symbols", tuple(f"S{s}" for s in range(self.symbols_)))

    def times(self) -> Any:
        return FIRST + MINUTE * np.arange(self.bars)

    def read(self, start: int, stop: int) -> Bars:
        fields = {name: values[start:stop] for name, values in self._values.items()}
        return Bars(self.times()[start:stop], self.symbols, fields)

    def fingerprint(self) -> str:
        return repr(self)

    def findings(self) -> tuple[str, ...]:
        return ()


@frozen
class Fickle:
    """Wants something else of each symbol every `period` bars; its positions bring stops and take-profits."""

    period: int = 3
    weight: float = 0.06
    stop: float = 0.005
    take: float = 0.008
    requires: ClassVar[tuple[str, ...]] = ()
    lookback: ClassVar[int] = 0

    def propose(self, market: Any) -> Proposal:
        minute = market.bars.time[:, None] // MINUTE
        symbol = np.arange(len(market.bars.symbols))[None, :]
        turn = (minute + symbol) // self.period
        side = (np.floor(3.0 * chance(turn, symbol, 1)) - 1.0).astype(np.int8)
        weight = self.weight * (0.5 + 0.5 * chance(turn, symbol, 2))
        return Proposal(
            side, weight, 0.5, stop=np.full(side.shape, self.stop), take_profit=np.full(side.shape, self.take)
        )


@frozen
class Careful:
    """Makes positions smaller as the account draws down; so whatever happens to the account is in the decision log."""

    when: ClassVar[str] = "bar"
    effect: ClassVar[str] = "scale"
    requires: ClassVar[tuple[str, ...]] = ("account.drawdown",)
    baseline: ClassVar[float] = 1.0

    def decide(self, observation: Any) -> Any:
        return np.round(1.0 - np.minimum(observation["account.drawdown"] * 20.0, 0.5), 2)


@hookimpl
def make_feed(options: Any) -> Any:
    return options.into(Walks)


@hookimpl
def make_strategy(options: Any) -> Any:
    return options.into(Fickle)


@hookimpl
def make_agent(options: Any) -> Any:
    return options.into(Careful)
