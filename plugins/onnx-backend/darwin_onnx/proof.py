"""What a model must show on this machine before it decides anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from darwin_core import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

Floats32: TypeAlias = NDArray[np.float32]
Golden: TypeAlias = tuple[Floats32, Floats32]

LARGEST = 4096
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 100, 127, 257, 500, 1000, 2048, 4095)
PLACES = 3
TOLERANCE = 1e-5
_SEED = 20_240


def prove(run: Callable[[Floats32], Floats32], inputs: int, golden: Golden | None) -> int:
    """Check a model on seeded rows and on its golden vectors; return the columns of its output, A.

    The outputs must be finite, (N, A), and bit for bit the same for a row whatever the batch it stands in. The
    golden outputs must come out within 1e-5 (absolute, or relative above 1): they were made on another machine
    perhaps, and only one machine type with one set of versions is promised the same bits.

    Parameters
    ----------
    run
        The model: float32 (N, F) to its output.
    inputs
        Columns of a row, F.
    golden
        Rows (G, F) and the outputs (G, A) that the trainer got for them.

    Raises
    ------
    PluginError
        When the model fails any of it.
    """
    rows = np.random.default_rng(_SEED).standard_normal((LARGEST, inputs), dtype=np.float32)
    if golden is not None:
        _check_golden_shape(golden, inputs)
        rows[: len(golden[0])] = golden[0][:LARGEST]
    whole = run(rows)
    _check_output(whole, LARGEST)
    if not np.isfinite(whole).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(whole))[0])
        of = "golden" if golden is not None and row < len(golden[0]) else "ordinary"
        raise PluginError(f"output {column} of the model is {whole[row, column]} for {of} rows")
    _check_invariance(run, rows, whole)
    if golden is not None:
        _check_golden(run(golden[0]), golden[1])
    return int(whole.shape[1])


def _check_output(out: Floats32, rows: int) -> None:
    if not isinstance(out, np.ndarray) or out.dtype != np.float32:
        raise PluginError(f"the model's output is {getattr(out, 'dtype', type(out).__name__)}; a policy has float32")
    if out.ndim != 2 or len(out) != rows or out.shape[1] < 1:
        raise PluginError(f"for {rows} rows the model's output has the shape {out.shape}, not ({rows}, actions)")


def _check_invariance(run: Callable[[Floats32], Floats32], rows: Floats32, whole: Floats32) -> None:
    places = np.random.default_rng(_SEED + 1)
    for size in SIZES:
        for start in places.integers(0, LARGEST - size + 1, PLACES):
            part = run(np.ascontiguousarray(rows[start : start + size]))
            _check_output(part, size)
            wrong = np.argwhere(part.view(np.uint32) != whole[start : start + size].view(np.uint32))
            if len(wrong):
                row, column = (int(i) for i in wrong[0])
                alone, among = part[row, column].item(), whole[start + row, column].item()
                msg = (
                    f"output {column} of one and the same row is {alone!r} in a batch of {size} and {among!r} in "
                    f"one of {LARGEST}: the model mixes rows, or ONNX Runtime rounds "
                    "on this machine by the size of the batch; a backtest would not decide as live trading does"
                )
                raise PluginError(msg)


def _check_golden_shape(golden: Golden, inputs: int) -> None:
    rows, outputs = golden
    for name, values in (("rows", rows), ("outputs", outputs)):
        if values.dtype != np.float32 or values.ndim != 2 or not len(values) or not np.isfinite(values).all():
            raise PluginError(f"the golden {name} are {values.dtype} {values.shape}; finite float32 rows are expected")
    if rows.shape[1] != inputs:
        raise PluginError(f"the golden rows have {rows.shape[1]} columns and the model reads {inputs}")
    if len(rows) != len(outputs):
        raise PluginError(f"there are {len(rows)} golden rows and {len(outputs)} golden outputs")


def _check_golden(out: Floats32, wanted: Floats32) -> None:
    if out.shape != wanted.shape:
        raise PluginError(f"the golden outputs have {wanted.shape[1]} columns and the model's {out.shape[1]}")
    wrong = np.argwhere(np.abs(out - wanted) > TOLERANCE * np.maximum(1.0, np.abs(wanted)))
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        msg = (
            f"golden row {row}, output {column}: {out[row, column].item()!r} here, {wanted[row, column].item()!r} when "
            "it was trained: these are not the same model, or this machine cannot compute it"
        )
        raise PluginError(msg)
