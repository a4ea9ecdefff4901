"""Small ONNX models, built node by node."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
from darwin_onnx.backend import OnnxBackend
from onnx import TensorProto, helper, numpy_helper


def tensor(values, name):
    return numpy_helper.from_array(np.asarray(values), name)


def graph(nodes, inputs, outputs, weights=(), opsets=(("", 20),)):
    """Return a model of nodes over named float32 weights."""
    made = helper.make_graph(nodes, "policy", inputs, outputs, [tensor(w, name) for name, w in dict(weights).items()])
    return helper.make_model(made, opset_imports=[helper.make_opsetid(*each) for each in opsets], ir_version=10)


def value(name, columns, rows="batch", kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, [rows, columns])


def mlp(sizes, activation="Tanh", layer="gemm_t", seed=0):
    """Return a network as a ModelProto; `layer` is gemm_t (weights out x in), gemm (in x out) or matmul (and an Add)."""
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


def one_op(op, columns=4, out=None, weights=(), rest=(), domain="", opsets=(("", 20),), **attributes):
    """Return a model of a single node."""
    node = helper.make_node(op, ["obs", *dict(weights), *rest], ["out"], domain=domain, **attributes)
    return graph([node], [value("obs", columns)], [value("out", out or columns)], weights, opsets)


def rows(count, columns, seed=1):
    return np.random.default_rng(seed).standard_normal((count, columns), dtype=np.float32)


def reference(model, batch):
    """Return what the onnx package's own interpreter computes, an implementation of nobody's runtime."""
    from onnx.reference import ReferenceEvaluator

    (out,) = ReferenceEvaluator(model).run(None, {"obs": batch})
    return out


@pytest.fixture(scope="session")
def build():
    """The helpers above, as one object: test files cannot import a conftest."""

    class Build:
        pass

    for each in (tensor, graph, value, mlp, one_op, rows, reference):
        setattr(Build, each.__name__, staticmethod(each))
    return Build


@pytest.fixture(scope="session")
def load():
    """Return a function that loads a ModelProto or bytes."""

    def load(model, golden=None):
        content = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
        return OnnxBackend().load(content, golden)

    return load
