from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import StrategyTests

COLUMNS = {"sma(3)": (95.0, 105.0), "sma(8)": (95.0, 105.0)}


class TestLongOnly(StrategyTests):
    use = "sma-cross"
    options: ClassVar[dict[str, Any]] = {"fast": 3, "slow": 8}
    columns = COLUMNS


class TestLongAndShort(StrategyTests):
    use = "sma-cross"
    options: ClassVar[dict[str, Any]] = {"fast": 3, "slow": 8, "short": True, "weight": 0.5, "full_gap": 0.0}
    columns = COLUMNS
