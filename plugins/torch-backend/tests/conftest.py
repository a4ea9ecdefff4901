"""Small ONNX models, built node by node."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
from darwin_torch.backend import TorchBackend
from onnx import TensorProto, helper, numpy_helper


def graph(nodes, inputs, outputs, weights=(), opset=20):
    """Return a model of nodes over named weights."""
    tensors = [numpy_helper.from_array(np.asarray(w), name) for name, w in dict(weights).items()]
    made = helper.make_graph(nodes, "policy", inputs, outputs, tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def value(name, columns, rows="batch", kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, [rows, columns])


def mlp(sizes, activation="Tanh", layer="gemm_t", seed=0):
    """Return a network; `layer` is gemm_t (weights out x in), gemm (in x out) or matmul (and an Add)."""
    rng = np.random.default_rng(seed)
    nodes, weights, last = [], {}, "obs"
    for i, (a, b) in enumerate(pairwise(sizes)):
        w = (rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32)
        weights[f"w{i}"] = np.ascontiguousarray(w.T) if layer == "gemm_t" else w
        weights[f"b{i}"] = rng.normal(size=b).astype(np.float32)
        if layer == "matmul":
            nodes.append(helper.make_node("MatMul", [last, f"w{i}"], [f"m{i}"]))
            nodes.append(helper.make_node("Add", [f"m{i}", f"b{i}"], [f"g{i}"]))
        else:
            nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [f"g{i}"], transB=int(layer == "gemm_t")))
        last = f"g{i}"
        if i < len(sizes) - 2:
            nodes.append(helper.make_node(activation, [last], [f"a{i}"]))
            last = f"a{i}"
    return graph(nodes, [value("obs", sizes[0])], [value(last, sizes[-1])], weights)


def one_op(op, columns=4, weights=(), **attributes):
    """Return a model of a single node."""
    node = helper.make_node(op, ["obs", *dict(weights)], ["out"], **attributes)
    return graph([node], [value("obs", columns)], [value("out", columns)], weights)


def rows(count, columns, seed=1):
    return np.random.default_rng(seed).standard_normal((count, columns), dtype=np.float32)


def reference(model, batch):
    """Return what the onnx package's own interpreter computes, which shares no code with PyTorch."""
    from onnx.reference import ReferenceEvaluator

    (out,) = ReferenceEvaluator(model).run(None, {"obs": batch})
    return out


@pytest.fixture(scope="session")
def build():
    """The helpers above, as one object: test files cannot import a conftest."""

    class Build:
        pass

    for each in (graph, value, mlp, one_op, rows, reference):
        setattr(Build, each.__name__, staticmethod(each))
    return Build


@pytest.fixture(scope="session")
def load():
    """Return a function that loads a ModelProto or bytes, on the CPU unless it is told otherwise."""

    def load(model, golden=None, device="cpu"):
        content = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
        return TorchBackend(device).load(content, golden)

    return load
