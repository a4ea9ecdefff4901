from __future__ import annotations

from typing import Any, ClassVar

from darwin_core.testing import MonitorTests


class TestSeries(MonitorTests):
    use = "turbulence-halt"
    options: ClassVar[dict[str, Any]] = {"series": "VIX", "halt_above": 18.0, "resume_below": 16.0, "memory": 20}


class TestDispersion(MonitorTests):
    use = "turbulence-halt"
    options: ClassVar[dict[str, Any]] = {"halt_above": 0.01, "memory": 20, "missing": "allow", "max_weight": 0.2}
