from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import StrategyTests


class TestEqualWeights(StrategyTests):
    use = "buy-and-hold"


class TestTableOfWeights(StrategyTests):
    use = "buy-and-hold"
    options: ClassVar[dict[str, Any]] = {"weights": {"AAA": 0.6, "BBB": 0.4}, "max_gap": 3}
