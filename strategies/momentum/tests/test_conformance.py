from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import StrategyTests


class TestEqualWeights(StrategyTests):
    use = "momentum"
    options: ClassVar[dict[str, Any]] = {"window": 20, "skip": 2, "top": 2, "rebalance": "week", "bars_per_day": 13}
    columns: ClassVar[dict[str, tuple[float, float]]] = {"momentum(20, 2)": (-0.3, 0.3)}


class TestInverseVolatility(StrategyTests):
    use = "momentum"
    options: ClassVar[dict[str, Any]] = {
        **TestEqualWeights.options,
        "weighting": "inverse-volatility",
        "volatility": 10,
        "absolute": False,
    }
    columns: ClassVar[dict[str, tuple[float, float]]] = {**TestEqualWeights.columns, "volatility(10)": (0.0, 0.05)}
