"""Write what was measured into docs/performance.md.

    python benchmarks/run.py --json results.json
    python benchmarks/linear.py --json > linear.json
    python benchmarks/big.py > big.json
    python benchmarks/small.py --json > small.json
    python benchmarks/publish.py results.json linear.json big.json small.json

Tables and the list of goals are made of the files; a goal that is missed says so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run import LIMIT, OURS, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
OWN = (LIMIT, OURS, "darwin_python", "darwin_default", "plain_numpy")
EVENT_DRIVEN = ("bt_peer", "backtesting_py", "backtrader_peer", "raptorbt_peer")
NAMES = {
    "darwin_python": "darwin, agent in Python",
    "darwin_default": "darwin, default blocks",
    "limit": "limit",
    "plain_numpy": "plain NumPy",
    "vectorbt_rust": "vectorbt",
    "raptorbt_peer": "raptorbt",
    "bt_peer": "bt",
    "backtesting_py": "backtesting.py",
    "backtrader_peer": "backtrader",
}

Times = dict[str, dict[str, float]]


def cpu(results: list[dict[str, Any]]) -> Times:
    """Best CPU seconds, by workload and contender."""
    times: Times = {}
    for row in results:
        times.setdefault(row["workload"], {})[row["contender"]] = row["cpu_min"]
    return times


def milliseconds(seconds: float) -> str:
    """Three figures."""
    value = seconds * 1e3
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def tables(results: list[dict[str, Any]]) -> Iterator[str]:
    """One table a workload."""
    for workload, what in WORKLOADS.items():
        rows = sorted((r for r in results if r["workload"] == workload), key=lambda r: r["cpu_min"])
        if not rows:
            continue
        base = {row["contender"]: row["cpu_min"] for row in rows}
        yield f"**{workload.upper().replace('_', ' ')}**: {what}"
        yield ""
        yield "| | CPU ms | wall ms | times darwin | times the limit | agrees within | fills |"
        yield "|---|--:|--:|--:|--:|--:|---|"
        for row in rows:
            name = NAMES.get(row["contender"], row["contender"])
            off = "-" if row["difference"] is None else f"{abs(row['difference']):.0e}"
            yield (
                f"| {'**darwin**' if name == OURS else name} | {milliseconds(row['cpu_min'])} "
                f"| {milliseconds(row['wall_min'])} | {row['cpu_min'] / base[OURS]:.2f} "
                f"| {row['cpu_min'] / base[LIMIT]:.1f} | {off if row['agrees'] else 'DISAGREES'} | {row['fills']} |"
            )
        yield ""


def goals(times: Times, big: dict[str, Any], small: dict[str, float]) -> Iterator[tuple[str, str, bool]]:
    """What was aimed at, what came out, and whether it is met."""
    for name in ("w1", "w2", "w3"):
        peers = {key: value for key, value in times[name].items() if key not in OWN}
        fastest = min(peers, key=lambda key: peers[key])
        ratio, limits = peers[fastest] / times[name][OURS], times[name][OURS] / times[name][LIMIT]
        yield f"{name.upper()}: 2x faster than the fastest peer", f"{ratio:.1f}x ({NAMES[fastest]})", ratio >= 2.0
        yield f"{name.upper()}: within 5x of the limit", f"{limits:.1f}x", limits <= 5.0
    for name in ("w4_wide", "w4_long"):
        label, mine = name.upper().replace("_", " "), times[name]
        ratio = mine["vectorbt_rust"] / mine[OURS]
        yield f"{label}: compiled agent 20x faster than vectorbt's order function", f"{ratio:.1f}x", ratio >= 20.0
        python = mine["darwin_python"]
        if name == "w4_wide":
            ratio = min(mine[peer] for peer in EVENT_DRIVEN if peer in mine) / python
            yield f"{label}: agent in Python 10x faster than any event-driven peer", f"{ratio:.1f}x", ratio >= 10.0
            ratio = mine["vectorbt_rust"] / python
            yield f"{label}: agent in Python faster than vectorbt's order function", f"{ratio:.1f}x", ratio >= 1.0
        else:
            ratio = min(mine[peer] for peer in ("raptorbt_peer", "backtesting_py") if peer in mine) / python
            yield f"{label}: agent in Python faster than raptorbt and backtesting.py", f"{ratio:.1f}x", ratio >= 1.0
    rate = small["bars_per_second"]
    yield "1 x 100,000, agent in Python: 1,000,000 bars/s, its own time not counted", f"{rate:,.0f}", rate >= 1e6
    text = f"{milliseconds(small['short_seconds'])} ms, audited {milliseconds(small['short_audited_seconds'])} ms"
    yield "2,000 bars in less than 3 ms of engine", text, small["short_seconds"] < 0.003
    text = f"{big['peak_gib']:.1f} GiB, {big['cpu_seconds']:.0f} s of CPU"
    yield f"{big['symbols']:,} symbols x {big['bars']:,} bars in under 8 GiB", text, big["peak_gib"] < 8.0


def page(
    results: dict[str, Any], linear: list[dict[str, Any]], big: dict[str, Any], small: dict[str, float]
) -> Iterator[str]:
    """The lines of the measured part."""
    machine, versions = results["machine"], results["versions"]
    known = ", ".join(f"{name} {each}" for name, each in versions.items() if each != "not installed")
    yield f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; {known}."
    yield ""
    yield "### Goals"
    yield ""
    yield "| goal | measured | |"
    yield "|---|---|---|"
    for what, found, met in goals(cpu(results["results"]), big, small):
        yield f"| {what} | {found} | {'met' if met else '**missed**'} |"
    yield ""
    yield "### Workloads"
    yield ""
    yield from tables(results["results"])
    yield "### Growth"
    yield ""
    yield "| bars | symbols | CPU ms | ns a bar and symbol |"
    yield "|--:|--:|--:|--:|"
    for row in linear:
        each = row["seconds"] / row["bars"] / row["symbols"] * 1e9
        yield f"| {row['bars']:,} | {row['symbols']} | {milliseconds(row['seconds'])} | {each:.0f} |"
    yield ""
    yield (
        f"{big['symbols']:,} symbols x {big['bars']:,} bars, by blocks: {big['cpu_seconds']:.0f} s of CPU, of which "
        f"{big['feed_seconds']:.0f} s made up the bars; {big['peak_gib']:.1f} GiB at most."
    )


def main() -> int:
    """Replace the measured part of the page."""
    measured = [json.loads(Path(name).read_text()) for name in sys.argv[1:5]]
    text = PAGE.read_text()
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text("\n".join([before + BEGIN, "", *page(*measured), "", END + after]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
