"""What is refused, and in which words; whatever the bytes, nothing but a PluginError comes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from darwin_core import PluginError

W = {"w": np.ones((4, 4), np.float32)}


def refused(load, model, says):
    with pytest.raises(PluginError, match=says):
        load(model)


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"not a model", b"PK\x03\x04" + bytes(99), b"\x80\x04K\x01.", bytes(50)]
)
def test_what_is_no_model_is_called_so(load, content):
    refused(load, content, "no ONNX model")


def test_a_path_is_no_model(load, tmp_path):
    refused(load, tmp_path, "a model is bytes, not .*: a backend opens no files")


@settings(max_examples=80)
@given(content=st.binary(max_size=300))
def test_random_bytes_are_refused(load, content):
    refused(load, content, "no ONNX model|the model|ONNX Runtime")


@settings(max_examples=80)
@given(cut=st.floats(0.0, 1.0, exclude_max=True))
def test_a_truncated_model_is_refused(load, build, cut):
    content = build.mlp([5, 8, 2]).SerializeToString()
    refused(load, content[: int(len(content) * cut)], "no ONNX model|ONNX Runtime|a policy has")


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
        out = model.predict(build.rows(3, model.inputs))
        assert out.shape == (3, model.outputs)


def test_nothing_is_printed_about_a_model_that_is_refused(load, build, capfd):
    refused(
        load, build.one_op("MatMul", weights={"w": np.ones((9, 4), np.float32)}), "ONNX Runtime .* refuses the model: "
    )
    assert capfd.readouterr() == ("", "")


def test_weights_in_another_file_are_refused_before_anything_is_opened(load, build, tmp_path, monkeypatch):
    (tmp_path / "secret.bin").write_bytes(np.ones(16, np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    model = build.one_op("MatMul", weights=W)
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="secret.bin")
    refused(load, model, "the weights 'w' lie in another file: .*external_data=False")


def test_a_constant_in_another_file_is_refused(load, build):
    constant = TensorProto(name="k", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    constant.external_data.add(key="location", value="/etc/hostname")
    nodes = [helper.make_node("Constant", [], ["c"], value=constant), helper.make_node("Add", ["obs", "c"], ["out"])]
    refused(load, build.graph(nodes, [build.value("obs", 4)], [build.value("out", 4)]), "'k' lie in another file")


@pytest.mark.parametrize("domain", ["com.microsoft", "ai.onnx.training", "my.ops"])
def test_ops_of_other_domains_are_refused(load, build, domain):
    refused(load, build.one_op("Gelu", domain=domain, opsets=(("", 20), (domain, 1))), f"ops of the domain '{domain}'")


def test_a_function_of_its_own_is_refused(load, build):
    model = build.one_op("Relu")
    body = [helper.make_node("Tanh", ["x"], ["y"])]
    model.functions.append(helper.make_function("", "Relu", ["x"], ["y"], body, [helper.make_opsetid("", 20)]))
    refused(load, model, "a function of its own, 'Relu'")


@pytest.mark.parametrize(
    "op", ["If", "Loop", "Scan", "RandomNormalLike", "Dropout", "Bernoulli", "ReduceSum", "Tile", "Expand", "NoSuchOp"]
)
def test_loops_chance_and_other_ops_no_policy_is_made_of_are_refused(load, build, op):
    refused(load, build.one_op(op), f"the op '{op}', of which no policy is made")


def test_a_graph_inside_an_op_is_refused(load, build):
    inner = build.one_op("Relu").graph
    refused(load, build.one_op("Relu", body=inner), "'Relu' of the model holds a graph of its own")


def test_a_second_input_is_refused(load, build):
    node = helper.make_node("Add", ["obs", "mask"], ["out"])
    inputs = [build.value("obs", 4), build.value("mask", 4)]
    refused(
        load, build.graph([node], inputs, [build.value("out", 4)]), r"one input, this model has 2 \('obs', 'mask'\)"
    )


def test_a_second_output_is_refused(load, build):
    nodes = [helper.make_node("Relu", ["obs"], ["a"]), helper.make_node("Tanh", ["obs"], ["b"])]
    model = build.graph(nodes, [build.value("obs", 4)], [build.value("a", 4), build.value("b", 4)])
    refused(load, model, r"one output, this model has 2 \('a', 'b'\)")


def test_inputs_of_other_shapes_are_refused(load, build):
    node = [helper.make_node("Relu", ["obs"], ["out"])]

    def shaped(*shape, kind=TensorProto.FLOAT):
        given = helper.make_tensor_value_info("obs", kind, list(shape))
        return build.graph(node, [given], [helper.make_tensor_value_info("out", kind, None)])

    refused(load, shaped(8, 4), "batches of 8 rows only: export it with a dynamic batch")
    refused(load, shaped("batch", "columns"), "does not say how many columns")
    refused(load, shaped("batch", 4, 4), "has 3 dimensions")
    refused(load, shaped("batch", 4, kind=TensorProto.DOUBLE), "'obs' is double; a policy has float32")
    refused(load, shaped("batch", 4, kind=TensorProto.FLOAT16), "'obs' is float16")


def test_outputs_of_other_types_and_shapes_are_refused(load, build):
    cast = helper.make_node("Cast", ["obs"], ["out"], to=TensorProto.INT64)
    model = build.graph([cast], [build.value("obs", 4)], [build.value("out", 4, kind=TensorProto.INT64)])
    refused(load, model, "output 'out' is int64; a policy has float32")
    most = helper.make_node("ReduceMax", ["obs"], ["out"], keepdims=0)
    one = build.graph([most], [build.value("obs", 4)], [helper.make_tensor_value_info("out", TensorProto.FLOAT, [])])
    refused(load, one, r"for 4096 rows the model's output has the shape \(\), not \(4096, actions\)")


def test_a_model_that_mixes_rows_is_refused(load, build):
    refused(load, build.one_op("Softmax", axis=0), "of one and the same row is .* the model mixes rows")
    centred = [
        helper.make_node("ReduceMax", ["obs", "axes"], ["most"], keepdims=1),
        helper.make_node("Sub", ["obs", "most"], ["out"]),
    ]
    weights = {"axes": np.array([0])}
    refused(
        load, build.graph(centred, [build.value("obs", 4)], [build.value("out", 4)], weights), "the model mixes rows"
    )


def test_a_model_whose_outputs_are_not_finite_is_refused(load, build):
    refused(load, build.one_op("Log"), "of the model is nan for ordinary rows")
    refused(
        load, build.one_op("Mul", weights={"w": np.full(4, np.inf, np.float32)}), "of the model is -?inf for ordinary"
    )


def test_settings_in_the_metadata_do_not_reach_the_run_time(load, build, monkeypatch):
    """ONNX Runtime can be told by the environment to take a session's options from the model."""
    monkeypatch.setenv("ORT_LOAD_CONFIG_FROM_MODEL", "1")
    model = build.mlp([4, 8, 2])
    model.metadata_props.add(key="ort_config", value='{"session_options": {"execution_mode": 77}}')
    assert load(model).outputs == 2
