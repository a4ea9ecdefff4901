"""Time every contender on every workload, in one process, and check that they agree.

``python benchmarks/run.py --help`` says how; `README.md` says what the figures mean.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import platform
import statistics
import sys
import time
import warnings
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import limit
import workloads
from workloads import Convention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

WORKLOADS = {
    "w1": "SMA 10/50 cross, 1 symbol x 1,000,000 bars",
    "w2": "SMA 10/50 cross, 500 symbols x 2,520 bars, one portfolio",
    "w3": "1,000 SMA pairs x 10,000 bars, 1 symbol",
    "w4_wide": "a decision a bar that sees the account, 100 symbols x 1,000 bars",
    "w4_long": "a decision a bar that sees the account, 1 symbol x 100,000 bars",
}
LIMIT, OURS = "limit", "darwin"
TOLERANCE = 1e-9
SAMPLE_SECONDS = 0.02
"""A contender faster than this is called several times a sample."""


@dataclass(frozen=True)
class Contender:
    """One module, under the name the table gives it."""

    name: str
    module: ModuleType

    def function(self, workload: str) -> Callable[[Any], float] | None:
        """What it does for a workload, if it does anything."""
        found: Callable[[Any], float] | None = getattr(self.module, workload, None)
        return found

    def convention(self, workload: str) -> Convention:
        """How its fills work in a workload."""
        conventions: dict[str, Convention] = getattr(self.module, "CONVENTIONS", {})
        return conventions.get(workload, Convention.NEXT_OPEN)

    def slow(self, workload: str) -> bool:
        """Whether once is enough."""
        return workload in getattr(self.module, "SLOW", ())

    def tolerance(self) -> float:
        """Relative difference of the final equity that it may have."""
        return float(getattr(self.module, "TOLERANCE", TOLERANCE))


@dataclass
class Result:
    """What one contender did with one workload; times in seconds a call."""

    workload: str
    contender: str
    fills: str
    final_equity: float
    expected_equity: float | None
    tolerance: float
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def difference(self) -> float | None:
        """Relative difference from the limit under the same fills."""
        if self.expected_equity is None:
            return None
        return self.final_equity / self.expected_equity - 1.0

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference is None or abs(self.difference) <= self.tolerance


def load(names: list[str] | None) -> tuple[list[Contender], dict[str, str]]:
    """The contenders that can be imported, and why the others cannot."""
    found, absent = [Contender(LIMIT, limit)], {}
    here = Path(__file__).parent / "peers"
    stems = sorted(path.stem for path in here.glob("*.py") if path.stem != "__init__")
    modules = {OURS: "ours", "darwin_python": "ours_python", "darwin_default": "ours_default"}
    modules |= {stem: f"peers.{stem}" for stem in stems}
    for name in names or modules:
        try:
            found.append(Contender(name, importlib.import_module(modules[name])))
        except KeyError:
            sys.exit(f"no contender {name!r}; there are: {', '.join(modules)}")
        except ImportError as reason:
            absent[name] = str(reason)
    return found, absent


def versions(contenders: list[Contender]) -> Iterator[tuple[str, str]]:
    """Versions of the distributions that take part."""
    names = {"numpy", "numba", "pandas"}
    for contender in contenders:
        names.update(getattr(contender.module, "DISTRIBUTIONS", ()))
    for name in sorted(names):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"


def machine() -> dict[str, str]:
    """The processor and the Python."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line.partition(":") for line in info.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if "model name" in key), model)
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def sample(function: Callable[[Any], float], data: Any, calls: int) -> tuple[float, float, float]:
    """CPU and wall seconds a call, and the final equity."""
    gc.collect()
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        final = function(data)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    gc.enable()
    return cpu / calls, wall / calls, final


def measure(workload: str, contenders: list[Contender], repeats: int, slow: bool) -> list[Result]:
    """Warm up, then take turns."""
    data = getattr(workloads, workload)()

    @cache
    def expected(convention: Convention) -> float | None:
        if convention is Convention.OWN:
            return None
        return float(getattr(limit, workload)(data, convention))

    turns: list[tuple[Result, Callable[[Any], float], int, int]] = []
    for contender in contenders:
        function = contender.function(workload)
        once = contender.slow(workload)
        if function is None or (once and not slow):
            continue
        convention = contender.convention(workload)
        print(f"  {workload}: {contender.name}", end="\x1b[K\r", file=sys.stderr, flush=True)
        cpu, wall, final = sample(function, data, 1)
        result = Result(
            workload,
            contender.name,
            convention.value,
            float(final),
            expected(convention),
            contender.tolerance(),
        )
        if once:
            result.cpu.append(cpu)
            result.wall.append(wall)
        else:
            cpu, _, _ = sample(function, data, 1)
        calls = max(1, min(50, int(SAMPLE_SECONDS / max(cpu, 1e-6))))
        turns.append((result, function, calls, 0 if once else repeats))
    for turn in range(repeats):
        for result, function, calls, wanted in turns:
            if turn < wanted:
                cpu, wall, _ = sample(function, data, calls)
                result.cpu.append(cpu)
                result.wall.append(wall)
    return [result for result, *_ in turns]


def _seconds(value: float) -> str:
    """A time at a width."""
    return f"{value * 1e3:10.3f}" if value < 100 else f"{value * 1e3:10.0f}"


def _ratio(result: Result, base: Result | None) -> str:
    """Best time over another's best time."""
    return f"{min(result.cpu) / min(base.cpu):9.2f}" if base else f"{'-':>9}"


def table(workload: str, results: list[Result]) -> Iterator[str]:
    """The lines to print for one workload."""
    by_name = {result.contender: result for result in results}
    yield f"{workload}: {WORKLOADS[workload]}"
    yield (
        f"  {'contender':16}{'cpu min':>10}{'median':>10}{'wall min':>10}"
        f"{'x darwin':>9}{'x limit':>9}{'final equity':>18}{'off by':>10}  fills"
    )
    for result in sorted(results, key=lambda each: min(each.cpu)):
        off = "-" if result.difference is None else f"{result.difference:.1e}"
        yield (
            f"  {result.contender:16}{_seconds(min(result.cpu))}"
            f"{_seconds(statistics.median(result.cpu))}{_seconds(min(result.wall))}"
            f"{_ratio(result, by_name.get(OURS))}{_ratio(result, by_name.get(LIMIT))}"
            f"{result.final_equity:18.4f}{off:>10}  {result.fills}"
            f"{'' if result.agrees else '  DISAGREES'}"
        )
    yield ""


def report(path: Path, facts: dict[str, Any], results: list[Result]) -> None:
    """Write all there is as JSON."""
    rows = [
        asdict(result)
        | {
            "cpu_min": min(result.cpu),
            "cpu_median": statistics.median(result.cpu),
            "wall_min": min(result.wall),
            "difference": result.difference,
            "agrees": result.agrees,
        }
        for result in results
    ]
    path.write_text(json.dumps(facts | {"results": rows}, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"workloads, by comma: {','.join(WORKLOADS)}")
    parser.add_argument("--peers", help=f"contenders, by comma ({OURS} is ours)")
    parser.add_argument("--repeats", type=int, default=7, help="samples of each, taken in turns")
    parser.add_argument("--no-slow", action="store_true", help="leave out what runs for seconds")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    chosen = parser.parse_args()
    chosen.only = chosen.only.split(",") if chosen.only else list(WORKLOADS)
    chosen.peers = chosen.peers.split(",") if chosen.peers else None
    if unknown := set(chosen.only) - set(WORKLOADS):
        parser.error(f"no workload {', '.join(sorted(unknown))}")
    return chosen


def main() -> int:
    """Run, print, write; 1 if a contender disagrees."""
    chosen = arguments()
    warnings.simplefilter("ignore")
    contenders, absent = load(chosen.peers)
    facts: dict[str, Any] = {"machine": machine(), "versions": dict(versions(contenders))}
    print(", ".join(f"{key} {value}" for part in facts.values() for key, value in part.items()))
    for name, reason in absent.items():
        print(f"{name}: left out, {reason}")
    print("\ntimes in milliseconds of a warm call\n")
    results: list[Result] = []
    for workload in chosen.only:
        done = measure(workload, contenders, chosen.repeats, not chosen.no_slow)
        print("\n".join(table(workload, done)), flush=True)
        results += done
    if chosen.json:
        report(chosen.json, facts | {"absent": absent}, results)
    return 0 if all(result.agrees for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
