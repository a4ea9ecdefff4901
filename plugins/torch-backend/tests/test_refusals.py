"""What is refused, and in which words; whatever the bytes, nothing but a PluginError comes out."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from darwin_core import PluginError

TABLE = np.ones((4, 4), np.float32)


def refused(load, model, says):
    with pytest.raises(PluginError, match=says):
        load(model)


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a model", b"\x80\x04K\x01.", bytes(50)])
def test_what_is_no_model_is_called_so(load, content):
    refused(load, content, "no ONNX model")


class Planted:
    """Unpickling this raises: whoever reads a model must not come that far."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('the planted code ran')",))


def test_pickled_checkpoints_and_exported_programs_are_not_opened(load):
    saved = io.BytesIO()
    torch.save({"weights": Planted()}, saved)
    refused(load, saved.getvalue(), "no ONNX model")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive_format", "pt2")
        file.writestr("data/constants/model.pt", saved.getvalue())
    refused(load, archive.getvalue(), "no ONNX model")


def test_a_path_is_no_model(load, tmp_path):
    refused(load, tmp_path, "a model is bytes, not .*: a backend opens no files")


@settings(max_examples=80)
@given(content=st.binary(max_size=300))
def test_random_bytes_are_refused(load, content):
    refused(load, content, "model")


@settings(max_examples=80)
@given(cut=st.floats(0.0, 1.0, exclude_max=True))
def test_a_truncated_model_is_refused(load, build, cut):
    content = build.mlp([5, 8, 2]).SerializeToString()
    refused(load, content[: int(len(content) * cut)], "no ONNX model|rules of ONNX|a policy has")


@settings(max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_model_is_refused_or_still_a_policy(load, build, changes):
    content = bytearray(build.mlp([3, 4, 2]).SerializeToString())
    for at, byte in changes:
        content[at % len(content)] = byte
    try:
        model = load(bytes(content))
    except PluginError as error:
        assert str(error).strip()
    else:
        assert model.predict(build.rows(3, model.inputs)).shape == (3, model.outputs)


def test_weights_in_another_file_are_refused_before_anything_is_opened(load, build, tmp_path, monkeypatch):
    (tmp_path / "secret.bin").write_bytes(TABLE.tobytes())
    monkeypatch.chdir(tmp_path)
    model = build.one_op("MatMul", weights={"w": TABLE})
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="secret.bin")
    refused(load, model, "the weights 'w' lie in another file: .*external_data=False")


@pytest.mark.parametrize("op", ["Loop", "RandomNormalLike", "ReduceMean", "Transpose", "Sin"])
def test_an_op_that_it_does_not_know_is_named(load, build, op):
    refused(load, build.one_op(op), f"the op '{op}', which this backend does not know; it knows Abs, Add|rules of ONNX")


def test_an_op_of_another_domain_is_named_with_it(load, build):
    model = build.one_op("Relu")
    model.graph.node[0].domain = "my.ops"
    model.opset_import.append(helper.make_opsetid("my.ops", 1))
    refused(load, model, "the op 'my.ops.Relu', which this backend does not know")


def test_a_graph_inside_an_op_is_refused(load, build):
    model = build.one_op("Relu")
    model.graph.node[0].attribute.append(helper.make_attribute("body", build.one_op("Relu").graph))
    refused(load, model, "'Relu' of the model holds a graph")


def test_a_second_input_or_output_is_refused(load, build):
    node = helper.make_node("Add", ["obs", "mask"], ["out"])
    inputs = [build.value("obs", 4), build.value("mask", 4)]
    refused(
        load, build.graph([node], inputs, [build.value("out", 4)]), r"one input, this model has 2 \('obs', 'mask'\)"
    )
    nodes = [helper.make_node("Relu", ["obs"], ["a"]), helper.make_node("Tanh", ["obs"], ["b"])]
    both = build.graph(nodes, [build.value("obs", 4)], [build.value("a", 4), build.value("b", 4)])
    refused(load, both, r"one output, this model has 2 \('a', 'b'\)")


def test_inputs_of_other_shapes_and_types_are_refused(load, build):
    node = [helper.make_node("Relu", ["obs"], ["out"])]

    def shaped(*shape, kind=TensorProto.FLOAT):
        given = helper.make_tensor_value_info("obs", kind, list(shape))
        return build.graph(node, [given], [helper.make_tensor_value_info("out", kind, list(shape))])

    refused(load, shaped(8, 4), "batches of 8 rows only: export a dynamic batch")
    refused(load, shaped("batch", "columns"), "does not say how many columns")
    refused(load, shaped("batch", 4, 4), "has 3 dimensions")
    refused(load, shaped("batch", 4, kind=TensorProto.DOUBLE), "'obs' is double; a policy has float32")


def test_weights_of_another_type_or_shape_are_refused(load, build):
    refused(load, build.one_op("Mul", weights={"w": np.ones(4)}), "'w' is double; here all numbers are float32")
    refused(load, build.one_op("Mul", weights={"w": np.ones((1, 1, 4), np.float32)}), "'w' has 3 dimensions")
    refused(
        load, build.one_op("MatMul", weights={"w": np.ones(4, np.float32)}), "something else than a table of weights"
    )
    refused(
        load, build.one_op("MatMul", weights={"w": np.ones((9, 4), np.float32)}), "rules of ONNX|cannot be computed"
    )


def test_what_mixes_rows_is_refused(load, build):
    refused(load, build.one_op("Softmax", axis=0), "softmax over the batch")
    refused(load, build.one_op("Flatten", axis=0), "does not keep the rows")
    refused(load, build.one_op("Gemm", weights={"w": TABLE}, transA=1), "transposes its rows")
    nodes = [helper.make_node("MatMul", ["obs", "obs"], ["out"])]
    product = build.graph(nodes, [build.value("obs", 4)], [build.value("out", 4)])
    refused(load, product, "something else than a table of weights")
    refused(
        load,
        build.one_op("Add", weights={"w": np.ones((3, 4), np.float32)}),
        "the model's output has the shape|computed",
    )


def test_a_model_whose_outputs_are_not_finite_is_refused(load, build):
    refused(load, build.one_op("Log"), "of the model is nan for ordinary rows")


def test_an_old_opset_is_refused(load, build):
    model = build.one_op("Softmax")
    model.opset_import[0].version = 11
    refused(load, model, "opset below 13")
