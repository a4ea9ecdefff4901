from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from darwin_core.testing import BackendTests

WIDE, OUT = 13, 3


def network() -> bytes:
    """One elu layer of an odd width, where vectorized kernels have something left over."""
    random = np.random.default_rng(0)
    shapes = {"w0": (31, WIDE), "b0": (31,), "w1": (OUT, 31), "b1": (OUT,)}
    weights = [numpy_helper.from_array(random.standard_normal(s, dtype=np.float32), n) for n, s in shapes.items()]
    nodes = [
        helper.make_node("Gemm", ["rows", "w0", "b0"], ["sum"], transB=1),
        helper.make_node("Elu", ["sum"], ["layer"]),
        helper.make_node("Gemm", ["layer", "w1", "b1"], ["out"], transB=1),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", w]) for n, w in (("rows", WIDE), ("out", OUT))]
    graph = helper.make_graph(nodes, "policy", ends[:1], ends[1:], weights)
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()
    return content


class TestOnnx(BackendTests):
    use = "onnx"
    width = WIDE

    def model(self) -> bytes:
        return network()
