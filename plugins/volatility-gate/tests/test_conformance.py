from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import AgentTests, FeaturesTests


class TestCap(AgentTests):
    use = "volatility-gate"
    options: ClassVar[dict[str, Any]] = {"cap": 0.02}
    columns: ClassVar[dict[str, tuple[float, float]]] = {"volatility(20)": (0.0, 0.04)}


class TestQuantile(AgentTests):
    use = "volatility-gate"
    options: ClassVar[dict[str, Any]] = {"quantile": 0.7, "past": 60, "otherwise": 0.5}
    columns: ClassVar[dict[str, tuple[float, float]]] = {"volatility_rank(20, 60)": (0.0, 1.0)}


class TestRanks(FeaturesTests):
    use = "volatility-gate"
    expressions = ("volatility_rank(5, 20)", "volatility_rank(2, 2)")
