"""Build a network in PyTorch from the bytes of an ONNX model.

PyTorch's own exported programs (``.pt2``) are not read: loading one falls back to unpickling, which runs whatever
code the file holds. ONNX is data, and both backends read the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from attrs import frozen
from onnx import numpy_helper
from torch import Tensor

from darwin_core import PluginError
from darwin_torch.ops import OPS, WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@frozen
class Step:
    """One op: the names of what it reads ("" where an operand is left out), and of what it makes."""

    run: Callable[..., Tensor]
    reads: tuple[str, ...]
    makes: str


@frozen(eq=False)
class Network:
    """A straight line of ops.

    Parameters
    ----------
    inputs
        Columns of a row, F.
    """

    inputs: int
    _source: str
    _target: str
    _steps: tuple[Step, ...]
    _constants: Mapping[str, Tensor]

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the outputs, (N, A), of rows (N, F)."""
        values: dict[str, Tensor | None] = {"": None, **self._constants, self._source: rows}
        for step in self._steps:
            values[step.makes] = step.run(*(values[name] for name in step.reads))
        out = values[self._target]
        assert out is not None  # noqa: S101 - the checker has seen that the output is made
        return out

    def to(self, device: torch.device) -> Network:
        """Return the network with its weights on a device."""
        constants = {name: tensor.to(device) for name, tensor in self._constants.items()}
        return Network(self.inputs, self._source, self._target, self._steps, constants)


def build(model: bytes) -> Network:
    """Build the network; raise PluginError with a sentence when the bytes are no such model."""
    proto = _parse(model)
    _refuse_external(proto.graph)
    try:
        onnx.checker.check_model(proto)
    except Exception as error:
        raise PluginError(f"the model breaks the rules of ONNX: {_first_line(error)}") from error
    constants = dict(_constant(tensor, tensor.name) for tensor in proto.graph.initializer)
    source = _only("input", [value for value in proto.graph.input if value.name not in constants])
    target = _only("output", list(proto.graph.output))
    steps: list[Step] = []
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            constants.update([_constant(_value(node), node.output[0])])
        else:
            steps.append(_step(node, constants))
    return Network(_width(source), source.name, target.name, tuple(steps), constants)


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
    if any(opset.domain in ("", "ai.onnx") and opset.version < 13 for opset in proto.opset_import):
        raise PluginError("the model is written for an opset below 13, in which softmax means something else")
    return proto


def _refuse_external(graph: onnx.GraphProto) -> None:
    for tensor in _tensors(graph):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            msg = f"the weights {tensor.name!r} lie in another file: export the model with external_data=False"
            raise PluginError(msg)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    if graph.sparse_initializer:
        raise PluginError("the model holds sparse weights: export them as ordinary tensors")
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs or attribute.HasField("sparse_tensor"):
                raise PluginError(f"the op {node.op_type!r} of the model holds a graph or sparse numbers of its own")
            yield attribute.t
            yield from attribute.tensors


def _step(node: onnx.NodeProto, constants: Mapping[str, Tensor]) -> Step:
    if node.domain not in ("", "ai.onnx") or node.op_type not in OPS:
        known = ", ".join(OPS)
        name = f"{node.domain}.{node.op_type}".lstrip(".")
        raise PluginError(f"the model uses the op {name!r}, which this backend does not know; it knows {known}")
    if node.op_type in WEIGHTED and (node.input[1] not in constants or constants[node.input[1]].ndim != 2):
        raise PluginError(f"the op {node.op_type!r} of the model multiplies by something else than a table of weights")
    if node.op_type in ("Max", "Min") and len(node.input) != 2:
        raise PluginError(f"the op {node.op_type!r} of the model has {len(node.input)} operands; here it has two")
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    return Step(OPS[node.op_type](attributes), tuple(node.input), node.output[0])


def _value(node: onnx.NodeProto) -> onnx.TensorProto:
    attribute = node.attribute[0]
    if attribute.name == "value_float":
        return numpy_helper.from_array(np.array(attribute.f, np.float32))
    if attribute.name == "value_floats":
        return numpy_helper.from_array(np.array(attribute.floats, np.float32))
    tensor: onnx.TensorProto = attribute.t
    return tensor


def _constant(tensor: onnx.TensorProto, name: str) -> tuple[str, Tensor]:
    if tensor.data_type != onnx.TensorProto.FLOAT:
        raise PluginError(f"the constant {name!r} is {_type(tensor.data_type)}; here all numbers are float32")
    try:
        array: Any = numpy_helper.to_array(tensor)
    except Exception as error:
        raise PluginError(f"the constant {name!r} is damaged: {_first_line(error)}") from error
    if array.ndim > 2:
        raise PluginError(f"the constant {name!r} has {array.ndim} dimensions; a row has one, a table of weights two")
    return name, torch.tensor(array)


def _only(kind: str, values: Sequence[onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
    if len(values) != 1:
        names = ", ".join(repr(value.name) for value in values) or "none"
        msg = f"a policy has one {kind}, this model has {len(values)} ({names}); masks are the agent's business"
        raise PluginError(msg)
    if values[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        kind_of = _type(values[0].type.tensor_type.elem_type)
        raise PluginError(f"the {kind} {values[0].name!r} is {kind_of}; a policy has float32")
    return values[0]


def _width(value: onnx.ValueInfoProto) -> int:
    shape = value.type.tensor_type.shape.dim
    if len(shape) != 2:
        raise PluginError(f"the input {value.name!r} has {len(shape)} dimensions; a policy reads (rows, columns)")
    if shape[0].HasField("dim_value"):
        msg = f"the input {value.name!r} takes batches of {shape[0].dim_value} rows only: export a dynamic batch"
        raise PluginError(msg)
    if shape[1].dim_value < 1:
        raise PluginError(f"the input {value.name!r} does not say how many columns a row has")
    return int(shape[1].dim_value)


def _type(number: int) -> str:
    known = onnx.TensorProto.DataType.values()
    return onnx.TensorProto.DataType.Name(number).lower() if number in known else f"of type {number}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
