"""Policies in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
import torch
from attrs import field, frozen
from attrs.validators import ge
from numpy.typing import NDArray

from darwin_core import PluginError
from darwin_torch.network import Network, build

if TYPE_CHECKING:
    from collections.abc import Callable

Floats32: TypeAlias = NDArray[np.float32]
Golden: TypeAlias = tuple[Floats32, Floats32]
TOLERANCE = 1e-5


@frozen
class TorchBackend:
    """Loads ONNX models to run in PyTorch.

    Parameters
    ----------
    device
        Where: ``auto`` is a GPU when there is one, and the CPU otherwise.
    threads
        CPU threads of an op. PyTorch has one number for the whole process, and it is set when a model is loaded.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = field(default=1, validator=ge(1))

    batch_invariant: ClassVar[bool] = False

    def load(self, model: bytes, golden: Golden | None = None) -> TorchModel:
        """Make a model ready to run.

        Parameters
        ----------
        model
            An ONNX model, verified: one float32 input (N, F), one float32 output (N, A), of the ops in the README.
        golden
            Rows (G, F) and the outputs (G, A) that they gave when the model was made; checked within 1e-5.

        Raises
        ------
        PluginError
            When the bytes are no such model, or the GPU that was asked for is not there.
        """
        network = build(model)
        on_gpu = self._on_gpu()
        torch.set_num_threads(self.threads)
        outputs = _try_out(_on_cpu(network), network.inputs)
        run = _on_cuda(network) if on_gpu else _on_cpu(network)
        if on_gpu:
            _try_out(run, network.inputs)
        loaded = TorchModel(network.inputs, outputs, run)
        if golden is not None:
            _check_golden(loaded, golden)
        return loaded

    def _on_gpu(self) -> bool:
        there = torch.cuda.is_available()
        if self.device == "cuda" and not there:
            msg = f"device = 'cuda', and PyTorch {torch.__version__} sees no GPU here: write device = 'auto' or 'cpu'"
            raise PluginError(msg)
        return there and self.device != "cpu"


@frozen(eq=False)
class TorchModel:
    """A policy that may be asked, by one thread at a time.

    Parameters
    ----------
    inputs, outputs
        Columns of a row, F, and of an answer, A.
    """

    inputs: int
    outputs: int
    _run: Callable[[Floats32], Floats32] = field(repr=False)

    def predict(self, rows: Floats32) -> Floats32:
        """Return the outputs, (N, A) float32.

        A row with a value that is not finite, or whose outputs are not, is NaN altogether: some activations turn
        NaN into an ordinary number, and nobody would see that the decision was made about nothing.
        """
        _check(rows, self.inputs)
        if not len(rows):
            return np.empty((0, self.outputs), np.float32)
        out = self._run(rows)
        if not (np.isfinite(rows).all() and np.isfinite(out).all()):
            out[~(np.isfinite(rows).all(axis=1) & np.isfinite(out).all(axis=1))] = np.nan
        return out


def _on_cpu(network: Network) -> Callable[[Floats32], Floats32]:
    def run(rows: Floats32) -> Floats32:
        with torch.inference_mode():
            out: Floats32 = network(torch.tensor(rows)).numpy()
        return out

    return run


def _on_cuda(network: Network) -> Callable[[Floats32], Floats32]:
    from darwin_torch.cuda import record

    return record(network, torch.device("cuda"))


def _check(rows: Floats32, inputs: int) -> None:
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float32:
        raise PluginError(f"a policy reads float32 rows, not {getattr(rows, 'dtype', type(rows).__name__)}")
    if rows.ndim != 2 or rows.shape[1] != inputs:
        raise PluginError(f"the policy reads rows of {inputs} columns, not an array of the shape {rows.shape}")


def _try_out(run: Callable[[Floats32], Floats32], inputs: int) -> int:
    """Ask for seeded rows in batches of three sizes; return the columns of the answers, A."""
    columns = 0
    for count in (3, 1, 64):
        rows = np.random.default_rng(count).standard_normal((count, inputs), dtype=np.float32)
        try:
            out = run(rows)
        except Exception as error:
            line = next(iter(str(error).splitlines()), type(error).__name__)
            raise PluginError(f"the model cannot be computed: {line}") from error
        if out.ndim != 2 or len(out) != count or out.shape[1] < 1:
            raise PluginError(f"for {count} rows the model's output has the shape {out.shape}, not ({count}, actions)")
        if not np.isfinite(out).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(out))[0])
            raise PluginError(f"output {column} of the model is {out[row, column]} for ordinary rows")
        columns = int(out.shape[1])
    return columns


def _check_golden(model: TorchModel, golden: Golden) -> None:
    out, wanted = model.predict(golden[0]), golden[1]
    if out.shape != wanted.shape:
        raise PluginError(f"the golden outputs have the shape {wanted.shape} and the model's {out.shape}")
    wrong = np.argwhere(~(np.abs(out - wanted) <= TOLERANCE * np.maximum(1.0, np.abs(wanted))))
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        msg = (
            f"golden row {row}, output {column}: {out[row, column].item()!r} here, {wanted[row, column].item()!r} when "
            "it was trained: these are not the same model, or this machine cannot compute it"
        )
        raise PluginError(msg)
