"""``darwin bench inference``: how long each installed backend takes over a policy, and how far their answers differ."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core.cli.running import FAILED, console
from darwin_core.errors import ConfigError, DarwinError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from rich.console import Console

    from darwin_core.types import Floats

    Floats32 = NDArray[np.float32]

BATCHES = (1, 8, 64, 512, 4096)
_SIZES = "64,64,64,5"
_SEED = 1
_FEWEST, _WARM = 20, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    what = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    inference = what.add_parser("inference", help="latency, rows a second and differences of the inference backends")
    inference.add_argument("model", nargs="?", metavar="MODEL.onnx", help="a policy (a made-up network)")
    inference.add_argument(
        "--sizes", metavar="F,H,...,A", help=f"columns, layers and actions of the network ({_SIZES})"
    )
    inference.add_argument("--seconds", type=float, default=0.5, help="how long each figure is measured (0.5)")


@frozen(eq=False)
class Timed:
    """A backend with its figures, or with the reason why there are none."""

    name: str
    plugin: str
    invariant: bool = False
    figures: Sequence[Mapping[str, float]] = ()
    answers: Sequence[Floats32] = ()
    failed: str | None = None

    @property
    def own_difference(self) -> float:
        """The largest difference of a row's answer between the batches that it was asked in."""
        whole = self.answers[-1]
        return max(_apart(part, whole[: len(part)]) for part in self.answers)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure every installed backend; the status is 1 when there is none that can run the model."""
    if not 0.0 < arguments.seconds <= 60.0:
        raise ConfigError(f"--seconds {arguments.seconds:g}: write a time of up to 60")
    if arguments.model is not None and arguments.sizes is not None:
        raise ConfigError("give a MODEL.onnx or --sizes, not both")
    what, model = _model(arguments.model, _SIZES if arguments.sizes is None else arguments.sizes)
    timed = [_measured(name, model, arguments.seconds) for name in _backends()]
    if not timed:
        raise ConfigError("no inference backend is installed: pip install darwin-onnx")
    found = _summary(what, timed)
    if not arguments.json:
        show(found, console())
    return found, 0 if found["backends"] else FAILED


def _model(path: str | None, sizes: str) -> tuple[str, bytes]:
    if path is None:
        return f"a made-up network, {sizes.replace(' ', '')}", network(_numbers(sizes))
    try:
        return Path(path).name, Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    good = [int(part) for part in parts if part.isascii() and part.isdigit() and 1 <= int(part) <= 8192]
    if len(good) != len(parts) or len(parts) < 2:
        raise ConfigError(f"--sizes {text}: write two numbers or more from 1 to 8192, as in {_SIZES}")
    return good


def network(sizes: Sequence[int]) -> bytes:
    """Return an ONNX model: tanh layers of seeded weights; `sizes` are columns, layers, actions."""
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        msg = "the network is made with the package onnx, which is not here: name a MODEL.onnx, or pip install onnx"
        raise ConfigError(msg) from None
    random = np.random.default_rng(_SEED)
    nodes, weights, last = [], [], "rows"
    for number, (wide, out) in enumerate(pairwise(sizes)):
        table = random.standard_normal((out, wide), dtype=np.float32) / np.float32(np.sqrt(wide))
        bias = np.linspace(-0.5, 0.5, out, dtype=np.float32)
        weights += [numpy_helper.from_array(table, f"w{number}"), numpy_helper.from_array(bias, f"b{number}")]
        nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"sum{number}"], transB=1))
        last = f"sum{number}"
        if number < len(sizes) - 2:
            nodes.append(helper.make_node("Tanh", [last], [f"layer{number}"]))
            last = f"layer{number}"
    source, target = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        for name, width in (("rows", sizes[0]), (last, sizes[-1]))
    )
    graph = helper.make_graph(nodes, "policy", [source], [target], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    content: bytes = made.SerializeToString()
    return content


def _backends() -> list[str]:
    """Return the names of the installed plugins that make backends; those that cannot be imported are passed by."""
    from darwin_core.plugins import Plugins, installed

    names = []
    for name in installed():
        try:
            module = Plugins(Path()).load(name, "darwin bench")
        except DarwinError:
            continue
        if hasattr(getattr(module, "make_backend", None), "darwin_impl"):
            names.append(name)
    return names


def _measured(name: str, model: bytes, seconds: float) -> Timed:
    from darwin_core.options import Options
    from darwin_core.plugins import Plugins, installed
    from darwin_core.source import Source

    options = Options({}, Source.parse("", Path("darwin.toml")), ("backend",))
    plugin = str(installed()[name])
    try:
        backend, _ = Plugins(Path()).make("make_backend", "backend", name, "darwin bench", options=options)
        loaded = backend.load(model)
        rows = np.random.default_rng(_SEED).standard_normal((BATCHES[-1], loaded.inputs), dtype=np.float32)
        figures = [_latency(loaded.predict, rows[:batch], seconds) for batch in BATCHES]
        answers = [np.array(loaded.predict(rows[:batch])) for batch in BATCHES]
    except DarwinError as error:
        return Timed(name, plugin, failed=str(error))
    return Timed(name, plugin, bool(backend.batch_invariant), figures, answers)


def _latency(predict: Callable[[Floats32], object], rows: Floats32, seconds: float) -> dict[str, float]:
    for _ in range(_WARM):
        predict(rows)
    taken: list[int] = []
    clock = time.perf_counter_ns
    end = clock() + int(seconds * 1e9)
    while len(taken) < _FEWEST or clock() < end:
        started = clock()
        predict(rows)
        taken.append(clock() - started)
    times: Floats = np.array(taken) / 1e9
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {
        "batch": len(rows),
        "p50_seconds": p50,
        "p99_seconds": p99,
        "rows_per_second": len(rows) / float(times.mean()),
        "calls": len(times),
    }


def _apart(first: Floats32, second: Floats32) -> float:
    """Return the largest absolute difference; infinite when the shapes differ, or one is NaN and the other is not."""
    if first.shape != second.shape or (np.isnan(first) != np.isnan(second)).any():
        return float("inf")
    return float(np.nanmax(np.abs(first.astype(np.float64) - second), initial=0.0))


def _summary(what: str, timed: Sequence[Timed]) -> dict[str, Any]:
    ran = [each for each in timed if each.failed is None]
    pairs = [(a, b) for number, a in enumerate(ran) for b in ran[number + 1 :]]
    apart = [_apart(x, y) for a, b in pairs for x, y in zip(a.answers, b.answers, strict=True)]
    return {
        "model": what,
        "backends": [
            {
                "name": each.name,
                "plugin": each.plugin,
                "batch_invariant": each.invariant,
                "own_difference": each.own_difference,
                "batches": list(each.figures),
            }
            for each in ran
        ],
        "largest_difference": max(apart, default=None),
        "failed": [{"name": each.name, "plugin": each.plugin, "why": each.failed} for each in timed if each.failed],
    }


def show(found: Mapping[str, Any], out: Console) -> None:
    """Print the figures as a table, and what they mean in words."""
    from rich.table import Table
    from rich.text import Text

    from darwin_core.screen.words import clean, line

    out.print(line((f"inference of {found['model']}", "bold")))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("backend")
    for heading in ("batch", "p50 µs", "p99 µs", "rows/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for backend in found["backends"]:
        for number, row in enumerate(backend["batches"]):
            name = Text(clean(backend["name"]) if number == 0 else "", "bold")
            table.add_row(name, f"{row['batch']:,}", *_microseconds(row), f"{row['rows_per_second']:,.0f}")
    if found["backends"]:
        out.print(table)
    for backend in found["backends"]:
        out.print(line(*_invariance(backend)))
    if found["largest_difference"] is not None:
        out.print(line((f"largest difference between backends: {found['largest_difference']:.2g}", "")))
    for failed in found["failed"]:
        out.print(line((f"{failed['name']} ({failed['plugin']}): {failed['why']}", "yellow")), soft_wrap=True)


def _microseconds(row: Mapping[str, float]) -> tuple[str, str]:
    p50, p99 = (f"{row[key] * 1e6:,.1f}" for key in ("p50_seconds", "p99_seconds"))
    return p50, p99


def _invariance(backend: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Say whether a row's answer depends on its batch, and whether that is what the backend says of itself."""
    name, apart = (f"{backend['name']}: ", "bold"), backend["own_difference"]
    if apart == 0.0:
        rest = "" if backend["batch_invariant"] else "; it does not promise that"
        return name, (f"a row has the same bits in every batch measured{rest}", "")
    text = f"a row changes by up to {apart:.2g} with the size of its batch"
    if backend["batch_invariant"]:
        return name, (f"{text}, and it says that it does not: do not use it", "bold red")
    return name, (f"{text}: live decisions may part from a backtest", "dim")
