"""The ops of a small network, from ONNX to PyTorch. None of them lets a row see another row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from darwin_core import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Attributes: TypeAlias = Mapping[str, Any]
    Run: TypeAlias = Callable[..., Tensor]


def _gemm(attributes: Attributes) -> Run:
    """Return ``alpha * a b + beta * c``."""
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    if attributes.get("transA", 0):
        raise PluginError("the op 'Gemm' of the model transposes its rows")
    turned = attributes.get("transB", 0)

    def run(rows: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
        weights = weights.T if turned else weights
        if bias is None:
            return torch.mul(rows @ weights, alpha)
        return torch.addmm(bias, rows, weights, beta=beta, alpha=alpha)

    return run


def _softmax(function: Run) -> Callable[[Attributes], Run]:
    def make(attributes: Attributes) -> Run:
        if attributes.get("axis", -1) not in (-1, 1):
            raise PluginError("the model takes a softmax over the batch: a row would depend on the others")
        return lambda x: function(x, dim=-1)

    return make


def _flatten(attributes: Attributes) -> Run:
    if attributes.get("axis", 1) != 1:
        raise PluginError("the op 'Flatten' of the model does not keep the rows")
    return lambda x: x


def _gelu(attributes: Attributes) -> Run:
    approximate = attributes.get("approximate", b"none").decode()
    return lambda x: torch.nn.functional.gelu(x, approximate=approximate)


def _clip(_: Attributes) -> Run:
    return lambda x, low=None, high=None: torch.clamp(x, low, high)


def _leaky(attributes: Attributes) -> Run:
    slope = attributes.get("alpha", 0.01)
    return lambda x: torch.nn.functional.leaky_relu(x, slope)


def _elu(attributes: Attributes) -> Run:
    alpha = attributes.get("alpha", 1.0)
    return lambda x: torch.nn.functional.elu(x, alpha)


def _plain(function: Run) -> Callable[[Attributes], Run]:
    return lambda _: function


WEIGHTED = ("Gemm", "MatMul")
"""Ops whose second operand must be weights: a product of two computed tables would mix rows."""

OPS: dict[str, Callable[[Attributes], Run]] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "Clip": _clip,
    "Div": _plain(torch.div),
    "Elu": _elu,
    "Exp": _plain(torch.exp),
    "Flatten": _flatten,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "Identity": _flatten,
    "LeakyRelu": _leaky,
    "Log": _plain(torch.log),
    "LogSoftmax": _softmax(torch.log_softmax),
    "MatMul": _plain(torch.matmul),
    "Max": _plain(torch.maximum),
    "Min": _plain(torch.minimum),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Relu": _plain(torch.relu),
    "Sigmoid": _plain(torch.sigmoid),
    "Softmax": _softmax(torch.softmax),
    "Softplus": _plain(torch.nn.functional.softplus),
    "Sqrt": _plain(torch.sqrt),
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
}
