"""What every broker owes, with and without faults that a line has to live with."""

from __future__ import annotations

from typing import ClassVar

from darwin_core.testing.brokers import BrokerTests


class TestPaper(BrokerTests):
    use = "paper"


class TestPaperThatTellsTwiceAndInDisorder(BrokerTests):
    use = "paper"
    options: ClassVar = {"duplicate": 0.3, "reorder": 0.3, "latency_ms": 1.0}
