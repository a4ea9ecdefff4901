from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def big(bars: int, symbols: int) -> dict[str, Any]:
    """Run the benchmark in a process of its own, so that its peak of memory is its own."""
    pytest.importorskip("darwin_indicators")
    pytest.importorskip("darwin_sma_cross")
    words = [sys.executable, BENCHMARKS / "big.py", "--bars", str(bars), "--symbols", str(symbols)]
    found: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return found


@pytest.mark.slow
def test_memory_does_not_grow_with_bars_that_are_not_in_memory() -> None:
    short, long = big(20_160, 500), big(60_480, 500)
    in_memory = 5 * 8 * 500 * (60_480 - 20_160) / 2**30  # what the bars alone would take
    log = 0.35  # orders, fills and decisions are kept
    assert long["peak_gib"] < 1.5
    assert long["peak_gib"] - short["peak_gib"] < log < 0.5 * in_memory


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import endless

    return endless


@pytest.mark.parametrize(("start", "stop"), [(0, 5000), (0, 1), (1023, 1025), (1024, 2048), (2500, 4999)])
def test_the_endless_feed_reads_the_same_however_it_is_cut(endless: Any, start: int, stop: int) -> None:
    feed = endless.Endless(5000, 3, seed=1)
    whole, part = feed.read(0, 5000), feed.read(start, stop)
    assert part.time.tobytes() == feed.times()[start:stop].tobytes()
    for name in feed.fields:
        assert part.fields[name].tobytes() == whole.fields[name][start:stop].tobytes()


def test_the_endless_feed_is_a_market(endless: Any) -> None:
    bars = endless.Endless(20_000, 2).read(0, 20_000)
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low > 0.0).all()
    returns = np.diff(np.log(bars.close), axis=0)
    assert 0.0005 < returns.std() < 0.003
    assert np.abs(returns).max() < 0.02
