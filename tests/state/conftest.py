"""Make the helpers beside the tests importable, and backtests to record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from state_cases import COSTS, EXITS, Measure, Rising, Walk

from darwin_core import backtest
from darwin_core.assembly import AgentPart, Line, StrategyPart
from darwin_core.config import Trust, settings
from darwin_core.plugins import Owner
from darwin_core.source import Source

if TYPE_CHECKING:
    from darwin_core.backtest import Outcome


@pytest.fixture
def measured(tmp_path: Path) -> Measure:
    """Backtest agents (name to agent, or to agent and mode) on random walks."""

    def make(
        agents: Mapping[str, Any], *, text: str = EXITS + COSTS, bars: int = 300, symbols: int = 3, seed: int = 0
    ) -> Outcome:
        toml = f'[feed]\nuse = "x"\n[strategy]\nuse = "x"\n{text}'
        made = settings(Source.parse(toml, tmp_path / "darwin.toml"), {})
        pairs = {name: agent if isinstance(agent, tuple) else (agent, "observe") for name, agent in agents.items()}
        parts = tuple(
            AgentPart(agent, Owner("agent", name, f"{name} 1.0"), Trust(name, mode=mode))
            for name, (agent, mode) in pairs.items()
        )
        strategy = StrategyPart(Rising(), Owner("strategy", "rising", "a test"))
        return backtest.measure(Line(made, Walk(bars, symbols, seed), (), strategy, parts, (), made.safety.limits))

    return make
