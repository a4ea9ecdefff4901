"""500 symbols x 1,000,000 bars by blocks: time and memory of one backtest that does not fit in memory.

``python benchmarks/big.py`` runs the engine; ``--command`` runs all of ``darwin backtest``, with figures, tables and
store. Bars are made up where they are read (`endless.py`), which the figures include and the last line states.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from darwin_core import engine
from darwin_core.assembly import assemble
from darwin_core.backtest import backtest
from darwin_core.config import load

DEPLOYMENT = """
[deployment]
name = "big"
[feed]
use = "{here}/endless.py"
bars = {bars}
count = {symbols}
[[features]]
use = "indicators"
[strategy]
use = "sma-cross"
fast = {fast}
slow = {slow}
full_gap = 0.0
[execution]
cash = 1e8
fee = 1e-5
"""


def deployment(folder: Path, bars: int, symbols: int, fast: int = 50, slow: int = 200) -> Path:
    """Write the deployment file."""
    path = folder / "darwin.toml"
    here = Path(__file__).parent.resolve().as_posix()
    path.write_text(DEPLOYMENT.format(here=here, bars=bars, symbols=symbols, fast=fast, slow=slow))
    return path


def peak() -> float:
    """Most memory that the process has held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def measure(bars: int, symbols: int, *, command: bool) -> dict[str, float | str]:
    """Run one backtest; return what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = deployment(Path(folder), bars, symbols)
        started, before = time.process_time(), peak()
        clock = time.perf_counter()
        digest = backtest(path)[0].info["digest"] if command else engine.run(assemble(load(path))).digest
        took, wall = time.process_time() - started, time.perf_counter() - clock
    cells = bars * symbols
    return {
        "bars": bars, "symbols": symbols, "cpu_seconds": took, "wall_seconds": wall, "cells_per_second": cells / took,
        "feed_seconds": feed_seconds(bars, symbols), "peak_gib": peak(), "before_gib": before, "digest": digest,
    }  # fmt: skip


def feed_seconds(bars: int, symbols: int) -> float:
    """CPU seconds that making the bars takes, estimated from a part of them."""
    with tempfile.TemporaryDirectory() as folder:
        feed = assemble(load(deployment(Path(folder), bars, symbols))).feed
        some = min(bars, 8 * 1440)
        started = time.process_time()
        for start in range(0, some, 1440):
            feed.read(start, min(start + 1440, some))
    return (time.process_time() - started) * bars / some


def main() -> int:
    """Run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--command", action="store_true", help="all of `darwin backtest`, not the engine alone")
    chosen = parser.parse_args()
    found = measure(chosen.bars, chosen.symbols, command=chosen.command)
    print(json.dumps(found, indent=1))
    return 0 if float(found["peak_gib"]) < 8.0 else 1


if __name__ == "__main__":
    sys.exit(main())
