from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import AgentTests


class TestDecision(AgentTests):
    use = "rules-expert"
    options: ClassVar[dict[str, Any]] = {"rules": ["rsi(14) < 70", "strategy.confidence >= 0.5"]}
    columns: ClassVar[dict[str, Any]] = {"rsi(14)": (0.0, 100.0)}


class TestConfidence(AgentTests):
    use = "rules-expert"
    options: ClassVar[dict[str, Any]] = {"rules": ["a > 0", "a < 2", "b != 1"], "action": "confidence"}
