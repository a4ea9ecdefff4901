"""What a loaded policy answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from darwin_torch.backend import TorchBackend
from darwin_torch.ops import OPS
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core import PluginError
from darwin_core.testing import fake_options

W = np.array([0.5, -1.5, 2.0, 3.0], np.float32)
TABLE = np.linspace(-1.0, 1.0, 16, dtype=np.float32).reshape(4, 4)
POSITIVE = ("Log", "Sqrt")
CASES = {
    "Clip": {"weights": {"low": np.float32(-0.5), "high": np.float32(0.7)}},
    "Elu": {"alpha": 0.7},
    "Flatten": {"axis": 1},
    "Gelu": {"approximate": "tanh"},
    "Gemm": {"weights": {"w": TABLE, "b": W}, "alpha": 0.5, "beta": 2.0, "transB": 1},
    "LeakyRelu": {"alpha": 0.2},
    "LogSoftmax": {"axis": 1},
    "MatMul": {"weights": {"w": TABLE}},
    **{op: {"weights": {"w": W}} for op in ("Add", "Div", "Max", "Min", "Mul", "Sub")},
}


def test_it_knows_its_width_and_answers_a_row_for_each_row(load, build):
    model = load(build.mlp([7, 16, 3]))
    assert (model.inputs, model.outputs) == (7, 3)
    out = model.predict(build.rows(5, 7))
    assert out.shape == (5, 3)
    assert out.dtype == np.float32


@pytest.mark.parametrize("op", [op for op in OPS if op not in POSITIVE])
def test_each_op_computes_what_onnx_says(load, build, op):
    model, batch = build.one_op(op, **CASES.get(op, {})), build.rows(50, 4)
    assert np.abs(load(model).predict(batch) - build.reference(model, batch)).max() < 2e-6


@pytest.mark.parametrize("op", POSITIVE)
def test_a_function_of_positive_numbers_does_too(load, build, op):
    from onnx import helper

    nodes = [helper.make_node("Exp", ["obs"], ["e"]), helper.make_node(op, ["e"], ["out"])]
    model = build.graph(nodes, [build.value("obs", 4)], [build.value("out", 4)])
    batch = build.rows(50, 4)
    assert np.abs(load(model).predict(batch) - build.reference(model, batch)).max() < 2e-6


@pytest.mark.parametrize("given", [{"value_float": 1.5}, {"value_floats": [1.0, 2.0, 3.0, 4.0]}])
def test_constants_may_stand_in_the_graph(load, build, given):
    from onnx import helper

    nodes = [helper.make_node("Constant", [], ["k"], **given), helper.make_node("Mul", ["obs", "k"], ["out"])]
    model, batch = build.graph(nodes, [build.value("obs", 4)], [build.value("out", 4)]), build.rows(5, 4)
    assert np.array_equal(load(model).predict(batch), build.reference(model, batch))


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 130), min_size=2, max_size=4),
    activation=st.sampled_from(["Tanh", "Relu", "Sigmoid", "Elu", "Gelu"]),
    layer=st.sampled_from(["gemm_t", "gemm", "matmul"]),
    count=st.integers(1, 600),
    at=st.integers(0, 599),
)
def test_a_network_computes_what_onnx_says_and_rows_see_no_other_row(load, build, sizes, activation, layer, count, at):
    network, batch = build.mlp(sizes, activation, layer), build.rows(count, sizes[0])
    model, at = load(network), at % count
    out = model.predict(batch)
    assert np.abs(out - build.reference(network, batch)).max() < 5e-5
    assert np.abs(out[at] - model.predict(batch[at : at + 1])[0]).max() < 2e-5


def test_no_rows_are_no_answers(load, build):
    assert load(build.mlp([6, 8, 2])).predict(np.empty((0, 6), np.float32)).shape == (0, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_answered_by_nan_and_no_other_row_is(load, build, bad):
    model, batch = load(build.mlp([6, 8, 2], "Relu")), build.rows(9, 6)
    clean = model.predict(batch)
    batch[4, 3] = bad
    out = model.predict(batch)
    assert np.isnan(out[4]).all()
    assert np.delete(out, 4, axis=0).tobytes() == np.delete(clean, 4, axis=0).tobytes()


def test_rows_stay_as_they_are_and_may_be_read_only_and_strided(load, build):
    model, batch = load(build.one_op("Relu")), build.rows(40, 8)
    before = batch.copy()
    batch.flags.writeable = False
    model.predict(batch[::2, ::2])
    assert batch.tobytes() == before.tobytes()


def test_rows_of_another_kind_are_refused(load, build):
    model = load(build.mlp([6, 8, 2]))
    for rows, says in [
        (np.zeros((2, 6)), "float32 rows, not float64"),
        (np.zeros((2, 5), np.float32), r"rows of 6 columns, not an array of the shape \(2, 5\)"),
        ([[0.0] * 6], "float32 rows, not list"),
    ]:
        with pytest.raises(PluginError, match=says):
            model.predict(rows)


def test_golden_vectors_are_held_to_one_part_in_a_hundred_thousand(load, build):
    network, batch = build.mlp([6, 16, 3]), build.rows(20, 6)
    outputs = build.reference(network, batch)
    assert load(network, (batch, outputs)).outputs == 3
    with pytest.raises(PluginError, match=r"golden outputs have the shape \(20, 2\) and the model's \(20, 3\)"):
        load(network, (batch, outputs[:, :2]))
    outputs[7, 2] += 1e-3
    with pytest.raises(PluginError, match="golden row 7, output 2: .* these are not the same model"):
        load(network, (batch, outputs))


def test_it_does_not_promise_equal_bits():
    assert TorchBackend().batch_invariant is False


def test_the_threads_are_those_of_the_options(build):
    before = torch.get_num_threads()
    try:
        options = fake_options({"device": "cpu", "threads": 2})
        options.into(TorchBackend).load(build.mlp([2, 2]).SerializeToString())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_missed_in_words_and_auto_takes_the_cpu(load, build):
    network = build.mlp([3, 4, 2])
    with pytest.raises(PluginError, match="sees no GPU here: write device = 'auto' or 'cpu'"):
        load(network, device="cuda")
    batch = build.rows(4, 3)
    assert load(network, device="auto").predict(batch).tobytes() == load(network).predict(batch).tobytes()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 500, 4096, 4097, 10_000])
def test_the_gpu_answers_as_the_cpu_does(load, build, count):
    network, batch = build.mlp([33, 64, 64, 5]), build.rows(count, 33)
    model = load(network, device="cuda")
    expected = load(network).predict(batch)
    assert np.abs(model.predict(batch) - expected).max() < 1e-5
    model.predict(build.rows(4096, 33, seed=9))  # what stood in the memory before must not matter
    assert np.abs(model.predict(batch) - expected).max() < 1e-5
