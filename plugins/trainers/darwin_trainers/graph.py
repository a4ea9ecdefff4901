"""Small networks as ONNX graphs, made node by node: what is in the file is what stands here, and nothing else.

Only MatMul, Add, Tanh and Concat on float32: under ONNX Runtime a row's result does not depend on the size of the
batch, which the backend proves again wherever a policy is loaded. The same weights give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Layer = tuple[NDArray[Any], NDArray[Any]]

OPSET, IR = 20, 10


def perceptron(layers: Sequence[Layer]) -> bytes:
    """Return a network of dense layers with Tanh between them.

    Parameters
    ----------
    layers
        (weights (in, out), bias (out,)) of each.
    """
    nodes: list[Any] = []
    weights: dict[str, NDArray[Any]] = {}
    last = "observation"
    for i, layer in enumerate(layers):
        end = i == len(layers) - 1
        nodes += _dense(f"{i}", last, "scores" if end else f"sum{i}", layer, weights)
        if not end:
            nodes.append(_node("Tanh", [f"sum{i}"], f"out{i}"))
            last = f"out{i}"
    return _model(nodes, weights, len(layers[0][0]), len(layers[-1][1]))


def linear_and_hidden(hidden: Layer, output: Layer) -> bytes:
    """Return scores that are linear in the columns and in Tanh units of them: ``[x, tanh(x W + b)] V + c``."""
    weights: dict[str, NDArray[Any]] = {}
    nodes = [
        *_dense("hidden", "observation", "sum", hidden, weights),
        _node("Tanh", ["sum"], "units"),
        _node("Concat", ["observation", "units"], "all", axis=1),
        *_dense("output", "all", "scores", output, weights),
    ]
    return _model(nodes, weights, len(hidden[0]), len(output[1]))


def _dense(name: str, source: str, target: str, layer: Layer, weights: dict[str, NDArray[Any]]) -> list[Any]:
    weights[f"w_{name}"], weights[f"b_{name}"] = layer
    return [
        _node("MatMul", [source, f"w_{name}"], f"product_{name}"),
        _node("Add", [f"product_{name}", f"b_{name}"], target),
    ]


def _node(op: str, sources: list[str], target: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(op, sources, [target], **attributes)


def _model(nodes: list[Any], weights: dict[str, NDArray[Any]], inputs: int, outputs: int) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    tensors = [numpy_helper.from_array(np.ascontiguousarray(w, np.float32), name) for name, w in weights.items()]
    source = helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["rows", inputs])
    target = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", outputs])
    graph = helper.make_graph(nodes, "policy", [source], [target], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
