"""The conformance suite of feature libraries."""

from __future__ import annotations

from typing import Any, ClassVar

from darwin_indicators.calendar import CALENDAR
from darwin_indicators.library import OF_REFERENCES

from darwin_core.testing import FeaturesTests

SHORT = {
    "level": "level",
    "momentum": "momentum(20, 5)",
    "macd": "macd(5, 10, 4)",
    "macd_signal": "macd_signal(5, 10, 4)",
    "macd_hist": "macd_hist(5, 10, 4)",
    "bollinger": "bollinger(10, 2)",
}
CLOSES = tuple(SHORT.get(name, f"{name}(7)") for name in OF_REFERENCES)


class TestIndicators(FeaturesTests):
    use = "indicators"
    options: ClassVar[dict[str, Any]] = {"references": {"vix": "VIX"}}
    expressions = (
        *CLOSES,
        *(f"vix_{each}" for each in CLOSES),
        "drawdown(0)",
        "channel(10)",
        "atr(5)",
        "atr_ratio(5)",
        "volume_z(10)",
        "breadth(10)",
        "rank(20, 5)",
        *CALENDAR,
    )
