"""What three policies cost: gate, meta-learner and portfolio, 64 columns and two layers of 64, over 500 symbols.

``python benchmarks/inference.py`` prints p50 and p99 of a whole pass on one core, for each installed backend, for ONNX
Runtime called directly and for plain NumPy, which are the limits. The exit status is 1 if darwin's own way over the
``onnx`` backend takes more than 5 ms of CPU at p99.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from darwin_core.cli.bench import network
from darwin_core.plugins import Plugins
from darwin_core.testing import fake_options

if TYPE_CHECKING:
    from collections.abc import Callable

SYMBOLS, COLUMNS, LAYER = 500, 64, 64
POLICIES = {"gate": 2, "meta": 2, "portfolio": 5}
GOAL = 0.005
FEWEST = 200


def measured(work: Callable[[], object], seconds: float) -> dict[str, float]:
    """Percentiles of CPU seconds, and of wall seconds, which the neighbours on the machine are part of."""
    for _ in range(20):
        work()
    wall, cpu = [], []
    end = time.perf_counter() + seconds
    while len(wall) < FEWEST or time.perf_counter() < end:
        started, used = time.perf_counter(), time.process_time()
        work()
        cpu.append(time.process_time() - used)
        wall.append(time.perf_counter() - started)
    found = {"passes": float(len(wall))}
    for name, taken in (("cpu", cpu), ("wall", wall)):
        found[f"{name}_p50"], found[f"{name}_p99"] = np.percentile(taken, [50, 99]).tolist()
    return found


def through(backend: str, models: list[bytes], rows: np.ndarray) -> Callable[[], object]:
    """All three policies by a backend's plugin, with the action of each row."""
    options = fake_options({"device": "cpu"} if backend == "torch" else {})
    made, _ = Plugins(Path()).make("make_backend", "backend", backend, "the benchmark", options=options)
    loaded = [made.load(model) for model in models]
    return lambda: [policy.predict(rows).argmax(axis=1) for policy in loaded]


def direct(models: list[bytes], rows: np.ndarray) -> Callable[[], object]:
    """ONNX Runtime without the checks of the backend."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = [onnxruntime.InferenceSession(m, options, providers=["CPUExecutionProvider"]) for m in models]
    return lambda: [session.run(None, {"rows": rows})[0].argmax(axis=1) for session in sessions]


def plain(models: list[bytes], rows: np.ndarray) -> Callable[[], object]:
    """NumPy: faster at one row, and its matrix products change with the number of rows."""
    weights = []
    for model in models:
        tensors = onnx.load_from_string(model).graph.initializer
        arrays = [numpy_helper.to_array(tensor) for tensor in tensors]
        weights.append([(w.T.copy(), b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)])

    def one(layers: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        out = rows
        for table, bias in layers[:-1]:
            out = np.tanh(out @ table + bias)
        return (out @ layers[-1][0] + layers[-1][1]).argmax(axis=1)

    return lambda: [one(layers) for layers in weights]


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    models = [network([COLUMNS, LAYER, LAYER, actions]) for actions in POLICIES.values()]
    rows = np.random.default_rng(0).standard_normal((SYMBOLS, COLUMNS), dtype=np.float32)
    ways = {
        "darwin, onnx": through("onnx", models, rows),
        "ONNX Runtime directly": direct(models, rows),
        "NumPy": plain(models, rows),
    }
    try:
        ways["darwin, torch on the CPU"] = through("torch", models, rows)
    except Exception as error:  # noqa: BLE001 - torch is not part of every installation
        print(f"without torch: {error}", file=sys.stderr)
    found = {name: measured(work, chosen.seconds) for name, work in ways.items()}
    met = found["darwin, onnx"]["cpu_p99"] <= GOAL
    versions = {name: version(name) for name in ("numpy", "onnx", "onnxruntime")}
    if chosen.json:
        about = {"python": platform.python_version(), **versions}
        print(json.dumps({"versions": about, "symbols": SYMBOLS, "goal": GOAL, "met": met, "results": found}, indent=1))
    else:
        print(f"{'milliseconds a pass':26}{'CPU p50':>10}{'p99':>8}{'wall p50':>11}{'p99':>8}")
        for name, row in found.items():
            cpu, cpu_p99, wall, wall_p99 = (
                row[f"{kind}_{p}"] * 1e3 for kind in ("cpu", "wall") for p in ("p50", "p99")
            )
            print(f"{name:26}{cpu:10.3f}{cpu_p99:8.3f}{wall:11.3f}{wall_p99:8.3f}")
        goal = f"{SYMBOLS} symbols through {', '.join(POLICIES)} in {GOAL * 1e3:g} ms of CPU at p99"
        print(f"{goal}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
