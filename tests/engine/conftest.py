from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs
import numpy as np
import pytest

from darwin_core import Bars, Proposal
from darwin_core.assembly import AgentPart, Line, StrategyPart
from darwin_core.config import Trust, settings
from darwin_core.plugins import Owner
from darwin_core.source import Source

DAY = 86_400_000_000_000
Make: TypeAlias = Callable[..., Line]


class Walk:
    """A feed of random walks, some bars missing."""

    fields = ("open", "high", "low", "close", "volume")
    timezone, interval = "UTC", DAY

    def __init__(self, bars: int, symbols: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.symbols = tuple(f"S{i}" for i in range(symbols))
        self.reads: list[tuple[int, int]] = []
        self.time = 946_684_800_000_000_000 + DAY * np.arange(bars)
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.02, (bars, symbols)), axis=0))
        opens = close * np.exp(rng.normal(0.0, 0.005, close.shape))
        values = [opens, np.maximum(opens, close) * 1.002, np.minimum(opens, close) * 0.998, close, np.ones_like(close)]
        missing = rng.random(close.shape) < 0.02
        for each in values:
            each[missing] = np.nan
            each.flags.writeable = False
        self.values = dict(zip(self.fields, values, strict=True))

    def times(self) -> Any:
        return self.time

    def read(self, start: int, stop: int) -> Bars:
        self.reads.append((start, stop))
        fields = {name: values[start:stop] for name, values in self.values.items()}
        return Bars(self.time[start:stop], self.symbols, fields)

    def fingerprint(self) -> str:
        return "walk"

    def findings(self) -> tuple[str, ...]:
        return ()


@attrs.frozen
class Rising:
    """Holds what closed above its close `n` bars before, in equal parts."""

    n: int = 5
    requires: tuple[str, ...] = ()

    @property
    def lookback(self) -> int:
        return self.n

    def propose(self, market: Any) -> Proposal:
        close = market.bars.close
        before = np.full_like(close, np.nan)
        before[self.n :] = close[: -self.n]
        return Proposal((close > before).astype(np.int8), 1.0 / close.shape[1], 0.5)


@pytest.fixture
def line(tmp_path: Any) -> Make:
    """Make a line: agents as objects, the rest of the deployment as TOML."""

    def make(
        *agents: Any,
        text: str = "",
        bars: int = 800,
        symbols: int = 4,
        seed: int = 0,
        strategy: Any = None,
        mode: str = "active",
        trust: dict[str, Any] | None = None,
    ) -> Line:
        toml = '[feed]\nuse = "x"\n[strategy]\nuse = "x"\n' + text
        made = settings(Source.parse(toml, tmp_path / "darwin.toml"), {})
        parts = tuple(
            AgentPart(agent, Owner("agent", f"a{i}", "a test"), Trust(f"a{i}", mode=mode, **(trust or {})))
            for i, agent in enumerate(agents)
        )
        owner = Owner("strategy", "x", "a test")
        limits = made.safety.limits
        return Line(made, Walk(bars, symbols, seed), (), StrategyPart(strategy or Rising(), owner), parts, (), limits)

    return make
