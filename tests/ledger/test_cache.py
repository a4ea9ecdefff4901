"""Compiled once: a second process compiles nothing, and a change in any source of the kernel is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import darwin_core

PACKAGE = Path(darwin_core.__file__).parent
PROGRAM = """
from darwin_core import compiled
compiled.on_compile(lambda: print("compiling"))
from darwin_core import lockstep, outcomes
for kernel in (lockstep.lockstep, outcomes._follow):
    stats = kernel.stats
    print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def run(folder: Path, cache: Path) -> list[str]:
    """Import the kernel in another process; return hits and misses of its entries."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=cache, capture_output=True, text=True, check=True
    )
    return done.stdout.split("\n")[:-1]


def test_a_second_process_compiles_nothing_and_a_changed_callee_is_compiled_again(tmp_path: Path) -> None:
    package, cache = tmp_path / "source" / "darwin_core", tmp_path / "cache"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    cache.mkdir()
    assert run(package.parent, cache) == ["compiling", "0 1", "0 1"]
    stored = {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    assert run(package.parent, cache) == ["1 0", "1 0"]
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == stored

    ledger = package / "ledger.py"
    ledger.write_text(ledger.read_text() + "\n")
    assert run(package.parent, cache)[:2] == ["compiling", "0 1"]
