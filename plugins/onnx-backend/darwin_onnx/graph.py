"""Read an ONNX model and refuse everything in it that a policy has no need of.

Nothing is run here and no file is opened. What passes is a straight line of arithmetic from one table of numbers to
another: no files, no code of its own, no loops, no chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from attrs import frozen

from darwin_core import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_OPS = frozenset(
    {
        # weights
        "Gemm", "LinearRegressor", "MatMul", "Scaler", "TreeEnsemble", "TreeEnsembleRegressor",
        # arithmetic
        "Abs", "Add", "Clip", "Div", "Erf", "Exp", "Log", "Max", "Min", "Mul", "Neg", "Pow", "Reciprocal", "Sign",
        "Sqrt", "Sub", "Sum",
        # activations and norms
        "Elu", "Gelu", "HardSigmoid", "HardSwish", "LayerNormalization", "LeakyRelu", "LogSoftmax", "Relu", "Selu",
        "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
        # along a row; not ReduceSum and ReduceMean, whose order of adding up depends on where in memory a row begins
        "ReduceMax", "ReduceMin",
        # choice
        "And", "Equal", "Greater", "GreaterOrEqual", "IsNaN", "Less", "LessOrEqual", "Not", "Or", "Where",
        # shape
        "Cast", "Concat", "Constant", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Squeeze",
        "Unsqueeze",
    }
)  # fmt: skip


@frozen
class Graph:
    """A model that may be run.

    Parameters
    ----------
    content
        The model as bytes, written anew from what was read: what is run is what was checked.
    input, output
        Names of its one input and its one output.
    inputs
        Columns of a row, F.
    """

    content: bytes
    input: str
    output: str
    inputs: int


def read(model: bytes) -> Graph:
    """Read a model; raise PluginError with a sentence when it is none, or holds what a policy must not."""
    proto = _parse(model)
    _refuse_foreign(proto)
    _refuse_external(proto.graph)
    constants = {tensor.name for tensor in proto.graph.initializer}
    source = _only("input", [value for value in proto.graph.input if value.name not in constants])
    target = _only("output", list(proto.graph.output))
    width = _width(source)
    _refuse_other_types("output", target)
    # Settings for the run time can travel in the metadata; a policy brings none.
    del proto.metadata_props[:]
    return Graph(proto.SerializeToString(deterministic=True), source.name, target.name, width)


def _parse(model: bytes) -> onnx.ModelProto:
    if not isinstance(model, bytes):
        raise PluginError(f"a model is bytes, not {type(model).__name__}: a backend opens no files")
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(model)
    except Exception as error:
        msg = f"these {len(model):,} bytes are no ONNX model: cut short, damaged or another kind"
        raise PluginError(msg) from error
    if not proto.graph.node or not proto.opset_import:
        raise PluginError(f"these {len(model):,} bytes are no ONNX model: there is no graph in them")
    return proto


def _refuse_foreign(proto: onnx.ModelProto) -> None:
    if proto.functions:
        raise PluginError(f"the model brings a function of its own, {proto.functions[0].name!r}: export it inlined")
    for domain in (*(opset.domain for opset in proto.opset_import), *(node.domain for node in proto.graph.node)):
        if domain not in _DOMAINS:
            raise PluginError(f"the model uses ops of the domain {domain!r}: policies use those of ONNX itself")
    for node in proto.graph.node:
        if node.op_type not in _OPS:
            raise PluginError(f"the model uses the op {node.op_type!r}, of which no policy is made (see the README)")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise PluginError(f"the op {node.op_type!r} of the model holds a graph of its own")
    if proto.graph.sparse_initializer:
        raise PluginError("the model holds sparse weights: export them as ordinary tensors")


def _refuse_external(graph: onnx.GraphProto) -> None:
    for tensor in _tensors(graph):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            msg = f"the weights {tensor.name!r} lie in another file: export the model with external_data=False"
            raise PluginError(msg)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield sparse.values
                yield sparse.indices


def _only(kind: str, values: list[onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
    if len(values) != 1:
        names = ", ".join(repr(value.name) for value in values) or "none"
        msg = f"a policy has one {kind}, this model has {len(values)} ({names}); masks are the agent's business"
        raise PluginError(msg)
    return values[0]


def _width(value: onnx.ValueInfoProto) -> int:
    """Return the columns of the input, whose type and shape are checked: float32 (any number of rows, F)."""
    _refuse_other_types("input", value)
    shape = value.type.tensor_type.shape.dim
    if len(shape) != 2:
        raise PluginError(f"the input {value.name!r} has {len(shape)} dimensions; a policy reads (rows, columns)")
    rows, columns = shape
    if rows.HasField("dim_value"):
        msg = f"the input {value.name!r} takes batches of {rows.dim_value} rows only: export it with a dynamic batch"
        raise PluginError(msg)
    if columns.dim_value < 1:
        raise PluginError(f"the input {value.name!r} does not say how many columns a row has")
    return int(columns.dim_value)


def _refuse_other_types(kind: str, value: onnx.ValueInfoProto) -> None:
    if value.type.WhichOneof("value") != "tensor_type":
        raise PluginError(f"the {kind} {value.name!r} is no tensor; a policy has tensors of float32")
    number = value.type.tensor_type.elem_type
    if number != onnx.TensorProto.FLOAT:
        known = onnx.TensorProto.DataType.values()
        name = onnx.TensorProto.DataType.Name(number).lower() if number in known else f"type {number}"
        raise PluginError(f"the {kind} {value.name!r} is {name}; a policy has float32")
