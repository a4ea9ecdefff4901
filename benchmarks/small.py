"""What a run costs beside its work: a short backtest, and a call of a Python agent.

``python benchmarks/small.py`` prints the milliseconds of 2,000 bars of one symbol, with and without the audit, and how
many bars a second the engine takes an agent in Python through that does nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import workloads
from attrs import evolve
from memory import Sober
from ours import account_line, cross_line

from darwin_core import engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from workloads import Floats

    from darwin_core import Observation

BARS = 100_000


class Idle(Sober):
    """Answers what it has answered before."""

    answer = np.ones(1)

    def decide(self, observation: Observation) -> Floats:  # noqa: ARG002
        return self.answer


def best(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds, best of some."""
    found = float("inf")
    for _ in range(repeats + 1):
        started = time.process_time()
        work()
        found = min(found, time.process_time() - started)
    return found


def own_time(repeats: int) -> float:
    """CPU seconds that the idle agent itself takes."""
    agent = Idle()

    def calls() -> None:
        for _ in range(BARS):
            agent.decide(None)  # type: ignore[arg-type]

    return best(calls, repeats)


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    short = cross_line(workloads.w1(2_000), "auto")
    line = account_line(workloads.w4_long(BARS), "auto", compiled=False)
    line = evolve(line, agents=tuple(evolve(part, agent=Idle()) for part in line.agents))
    run = best(lambda: engine.run(line, audit=False), chosen.repeats // 3)
    found = {
        "short_seconds": best(lambda: engine.run(short, audit=False), chosen.repeats * 10),
        "short_audited_seconds": best(lambda: engine.run(short), chosen.repeats * 4),
        "bars_per_second": BARS / (run - own_time(chosen.repeats)),
    }
    if chosen.json:
        print(json.dumps(found, indent=1))
        return 0
    print(f"2,000 bars: {found['short_seconds'] * 1e3:.2f} ms; audited: {found['short_audited_seconds'] * 1e3:.2f} ms")
    print(f"a Python agent at each bar: {found['bars_per_second']:,.0f} bars/s, its own time not counted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
