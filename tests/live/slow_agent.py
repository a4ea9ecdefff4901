"""The agent of the campaigns' market, which hangs while it is told to; the rest of that market as it is."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import switching
from attrs import frozen

from darwin_core import hookimpl


@frozen
class Slow:
    when: ClassVar[str] = "bar"
    effect: ClassVar[str] = "scale"
    requires: ClassVar[tuple[str, ...]] = ()
    baseline: ClassVar[float] = 1.0

    def decide(self, observation: Any) -> Any:
        while switching.HUNG.is_set():
            time.sleep(0.002)
        return 1.0 + 0.0 * observation.values.sum(axis=1)


@hookimpl
def make_agent(options: Any) -> Any:
    return options.into(Slow)
