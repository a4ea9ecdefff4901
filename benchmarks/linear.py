"""How the cost of a backtest grows with bars and with symbols: it should be as fast as they do, not faster.

``python benchmarks/linear.py`` prints nanoseconds a bar and symbol; in a linear engine the columns are level, but for
the fixed cost of a run on the left, and for what no longer fits in a cache.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from attrs import evolve
from big import deployment
from memory import feed_of

from darwin_core import engine
from darwin_core.assembly import assemble
from darwin_core.config import load

BARS = [(bars, 10) for bars in (2_000, 8_000, 32_000, 128_000, 512_000)]
SYMBOLS = [(20_000, symbols) for symbols in (1, 4, 16, 64, 256)]


def cost(bars: int, symbols: int, repeats: int) -> float:
    """CPU seconds of the engine, best of some; the bars are in memory, not made up on the way."""
    with tempfile.TemporaryDirectory() as folder:
        line = assemble(load(deployment(Path(folder), bars, symbols)))
        whole = line.feed.read(0, bars)
        line = evolve(line, feed=feed_of(whole.time, **whole.fields))
        best = float("inf")
        for _ in range(repeats + 1):
            started = time.process_time()
            engine.run(line)
            best = min(best, time.process_time() - started)
    return best


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = []
    for name, sizes in (("bars", BARS), ("symbols", SYMBOLS)):
        for bars, symbols in sizes:
            seconds = cost(bars, symbols, chosen.repeats)
            found.append({"grows": name, "bars": bars, "symbols": symbols, "seconds": seconds})
            if not chosen.json:
                each = seconds / bars / symbols * 1e9
                size = f"{bars:9,} bars x {symbols:3} symbols"
                print(f"{size}  {seconds * 1e3:10.2f} ms  {each:8.1f} ns a bar and symbol", flush=True)
    if chosen.json:
        print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
