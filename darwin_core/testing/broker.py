"""The suite for brokers. Minimal: the protocol is completed with the live runtime, and this suite with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from darwin_core.testing.compare import check
from darwin_core.testing.suite import PluginTests


class BrokerTests(PluginTests):
    """Cases for a broker: so far what every plugin owes, and its capabilities.

    The order of acknowledgements, submission by client order id and reconnection come with the live runtime.
    """

    kind: ClassVar[str] = "broker"

    def test_says_what_it_can_do(self) -> None:
        """K1: `capabilities` maps names to what the venue can do, and stays the same.

        When it fails: return a mapping with text keys that is built from the options alone, without asking the
        venue.
        """
        broker = self.make()
        capabilities = broker.capabilities
        check(isinstance(capabilities, Mapping), f"capabilities is {type(capabilities).__name__}, not a mapping")
        check(all(isinstance(name, str) for name in capabilities), "the names of capabilities are texts")
        check(dict(capabilities) == dict(broker.capabilities), "capabilities change between two looks at them")
