"""The standard cases for agents."""

from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import AgentTests


class TestTrendGate(AgentTests):
    """What every agent owes."""

    use = "acme-trend-gate"
    options: ClassVar[dict[str, Any]] = {"window": 100, "margin": 0.01}
    columns: ClassVar[dict[str, Any]] = {"level": (80.0, 120.0), "sma(100)": (80.0, 120.0)}
