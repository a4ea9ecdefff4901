from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import AgentTests


class TestSteps(AgentTests):
    use = "drawdown-scaler"


class TestContinuous(AgentTests):
    use = "drawdown-scaler"
    options: ClassVar[dict[str, Any]] = {"start": 0.0, "end": 0.5, "minimum": 0.0, "steps": 0}
