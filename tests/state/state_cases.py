"""What the tests of the state database share: a feed, a strategy, agents, and a dump of a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import numpy as np

from darwin_core import Bars, Observation, Proposal
from darwin_core.backtest import Outcome
from darwin_core.state import connect

DAY = 86_400_000_000_000
EXITS = "[exits]\nstop = 0.03\ntake_profit = 0.05\nhorizon = 12\n"
COSTS = "[execution]\nfee = 0.001\nslippage = 0.0005\n"
Measure: TypeAlias = Callable[..., Outcome]


class Walk:
    """A feed of random walks, some bars missing."""

    fields = ("open", "high", "low", "close")
    timezone, interval = "America/New_York", DAY

    def __init__(self, bars: int, symbols: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.symbols = tuple(f"S{i}" for i in range(symbols))
        self.time = 946_760_400_000_000_000 + DAY * np.arange(bars)
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.02, (bars, symbols)), axis=0))
        opens = close * np.exp(rng.normal(0.0, 0.005, close.shape))
        values = [opens, np.maximum(opens, close) * 1.002, np.minimum(opens, close) * 0.998, close]
        missing = rng.random(close.shape) < 0.02
        for each in values:
            each[missing] = np.nan
            each.flags.writeable = False
        self.values = dict(zip(self.fields, values, strict=True))

    def times(self) -> Any:
        return self.time

    def read(self, start: int, stop: int) -> Bars:
        return Bars(
            self.time[start:stop], self.symbols, {k: v[start:stop] for k, v in self.values.items()},
            timezone=self.timezone,
        )  # fmt: skip

    def fingerprint(self) -> str:
        return "walk"

    def findings(self) -> tuple[str, ...]:
        return ()


@attrs.frozen
class Rising:
    """Holds what closed above its close some bars before."""

    requires: tuple[str, ...] = ()
    lookback: int = 5

    def propose(self, market: Any) -> Proposal:
        close = market.bars.close
        before = np.full_like(close, np.nan)
        before[self.lookback :] = close[: -self.lookback]
        return Proposal((close > before).astype(np.int8), 0.8 / close.shape[1], 0.5)


@attrs.frozen
class Says:
    """An agent that says one thing or another by the bits of the row's time and symbol."""

    says: tuple[float, ...] = (0.0, 1.0)
    effect: str = "scale"
    when: str = "candidate"
    baseline: float = 1.0
    requires: tuple[str, ...] = ("strategy.weight",)

    def decide(self, observation: Observation) -> Any:
        turn = np.broadcast_to(observation.time // DAY, len(observation)) * 7 + observation.symbol * 3
        return np.array(self.says)[turn % 11 % len(self.says)]


TABLES = ("sessions", "agent_decisions", "candidates", "incidents", "agent_days")


def dump(path: Path, *tables: str) -> dict[str, list[Any]]:
    """Return every row of the tables, in the order of their keys."""
    connection = connect(path)
    try:
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables or TABLES}  # noqa: S608
    finally:
        connection.close()
