"""Policies on ONNX Runtime."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import onnxruntime
from attrs import field, frozen

from darwin_core import PluginError
from darwin_onnx.graph import Graph, read
from darwin_onnx.proof import LARGEST, prove

if TYPE_CHECKING:
    from darwin_onnx.proof import Floats32, Golden


TOGETHER = 16
_ALIGNED = 64


@frozen
class OnnxBackend:
    """Loads ONNX models to run on one CPU thread. It has no options."""

    batch_invariant: ClassVar[bool] = True

    def load(self, model: bytes, golden: Golden | None = None) -> OnnxModel:
        """Make a model ready to run, after it has shown on this machine that it may be.

        Parameters
        ----------
        model
            An ONNX model, verified: one float32 input (N, F), one float32 output (N, A).
        golden
            Rows (G, F) and the outputs (G, A) that they gave when the model was made; checked within 1e-5.

        Raises
        ------
        PluginError
            When the bytes are no such model, or its rows depend on the batch that they stand in.
        """
        graph = read(model)
        session = _session(graph)
        loaded = OnnxModel(graph.inputs, 0, graph.input, graph.output, session)
        outputs = prove(loaded.run, graph.inputs, golden)
        return OnnxModel(graph.inputs, outputs, graph.input, graph.output, session)


@frozen(eq=False)
class OnnxModel:
    """A policy that may be asked.

    Parameters
    ----------
    inputs, outputs
        Columns of a row, F, and of an answer, A.
    """

    inputs: int
    outputs: int
    _input: str = field(repr=False)
    _output: str = field(repr=False)
    _session: Any = field(repr=False)

    def predict(self, rows: Floats32) -> Floats32:
        """Return the outputs, (N, A) float32; a row is the same bit for bit in a batch of any size.

        A row with a value that is not finite, or whose outputs are not, is NaN altogether: some activations turn
        NaN into an ordinary number, and nobody would see that the decision was made about nothing. Batches above the
        largest size that was proved are run in pieces of it.
        """
        _check(rows, self.inputs)
        out = np.empty((len(rows), self.outputs), np.float32)
        for start in range(0, len(rows), LARGEST):
            out[start : start + LARGEST] = self.run(rows[start : start + LARGEST])
        if not (np.isfinite(rows).all() and np.isfinite(out).all()):
            out[~(np.isfinite(rows).all(axis=1) & np.isfinite(out).all(axis=1))] = np.nan
        return out

    def run(self, rows: Floats32) -> Floats32:
        """Return what ONNX Runtime answers to rows laid out for it, as it is."""
        laid = _lay(rows)
        try:
            (out,) = self._session.run((self._output,), {self._input: laid})
        except Exception as error:
            raise PluginError(f"ONNX Runtime fails on {len(rows):,} rows: {_first_line(error)}") from error
        answer: Floats32 = out[: len(rows)] if np.shape(out)[:1] == (len(laid),) else out
        return answer


def _lay(rows: Floats32) -> Floats32:
    """Return the rows in memory that begins at a multiple of 64 bytes, with zeros up to a multiple of 16 rows.

    Vectorized kernels take 16 floats at a time and what is left over one by one, by another formula: softplus, elu
    and log then differ in the last bit at the end of a batch. Of 16 rows of any width nothing is left over.
    """
    count, columns = rows.shape
    padded = -(-count // TOGETHER) * TOGETHER
    memory = np.zeros(padded * columns + TOGETHER, np.float32)
    first = -memory.ctypes.data % _ALIGNED // memory.itemsize
    laid = memory[first : first + padded * columns].reshape(padded, columns)
    laid[:count] = rows
    return laid


def _check(rows: Floats32, inputs: int) -> None:
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float32:
        raise PluginError(f"a policy reads float32 rows, not {getattr(rows, 'dtype', type(rows).__name__)}")
    if rows.ndim != 2 or rows.shape[1] != inputs:
        raise PluginError(f"the policy reads rows of {inputs} columns, not an array of the shape {rows.shape}")


def _session(graph: Graph) -> Any:
    """Make a session that computes one op after another in one thread.

    The optimisation level is basic: constants are folded and what has no effect is left out. The levels above it
    choose layouts and fused kernels by the machine; for networks of this size they bring no speed.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what goes wrong is raised; nothing is written to a trader's terminal
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(
            graph.content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:
        raise PluginError(f"ONNX Runtime {onnxruntime.__version__} refuses the model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
