"""What a loaded policy answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core import PluginError

ACTIVATIONS = ("Tanh", "Relu", "Sigmoid", "Elu", "Gelu", "Softplus", "LeakyRelu", "HardSigmoid", "Selu")
WIDTH = st.one_of(st.integers(1, 40), st.sampled_from([47, 64, 100, 128, 257]))


def test_it_knows_its_width_and_answers_a_row_for_each_row(load, build):
    model = load(build.mlp([7, 16, 3]))
    assert (model.inputs, model.outputs) == (7, 3)
    out = model.predict(build.rows(5, 7))
    assert out.shape == (5, 3)
    assert out.dtype == np.float32


@pytest.mark.parametrize("layer", ["gemm_t", "gemm", "matmul"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_computes_what_onnx_says(load, build, activation, layer):
    model, batch = build.mlp([9, 32, 32, 4], activation, layer), build.rows(50, 9)
    assert np.abs(load(model).predict(batch) - build.reference(model, batch)).max() < 2e-5


@settings(max_examples=60)
@given(
    sizes=st.lists(WIDTH, min_size=2, max_size=4),
    activation=st.sampled_from(ACTIVATIONS),
    layer=st.sampled_from(["gemm_t", "gemm", "matmul"]),
    count=st.integers(1, 4096),
    data=st.data(),
)
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(load, build, sizes, activation, layer, count, data):
    model = load(build.mlp(sizes, activation, layer))
    batch = build.rows(count, sizes[0])
    whole = model.predict(batch)
    start = data.draw(st.integers(0, count - 1))
    stop = data.draw(st.integers(start + 1, count))
    assert model.predict(batch[start:stop]).tobytes() == whole[start:stop].tobytes()
    assert model.predict(batch[start : start + 1]).tobytes() == whole[start : start + 1].tobytes()


@pytest.mark.parametrize("op", ["Elu", "Selu", "Softplus", "Exp", "Tanh", "Sigmoid", "Gelu", "Softmax", "LogSoftmax"])
@pytest.mark.parametrize("columns", [1, 5, 13, 47])
def test_what_a_vectorized_kernel_leaves_over_is_computed_as_the_rest(load, build, op, columns):
    """ONNX Runtime by itself gives other bits at the end of a batch whose elements are no multiple of 16."""
    model, batch = load(build.one_op(op, columns)), 3 * build.rows(512, columns)
    whole = model.predict(batch)
    for size in (1, 2, 3, 7, 13, 31, 100):
        parts = [model.predict(batch[at : at + size]) for at in range(0, 512, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_row_does_not_depend_on_where_in_memory_it_lies(load, build):
    model, memory = load(build.mlp([13, 31, 3], "Elu")), np.empty(13 * 50 + 16, np.float32)
    batch = build.rows(50, 13)
    answers = set()
    for shift in range(16):
        memory[shift : shift + 13 * 50].reshape(50, 13)[:] = batch
        answers.add(model.predict(memory[shift : shift + 13 * 50].reshape(50, 13)).tobytes())
    assert len(answers) == 1


def test_rows_do_not_depend_on_their_neighbours_nor_on_their_place(load, build):
    model, batch = load(build.mlp([12, 64, 64, 5])), build.rows(300, 12)
    order = np.random.default_rng(0).permutation(300)
    assert model.predict(batch[order]).tobytes() == model.predict(batch)[order].tobytes()
    others = batch.copy()
    others[1::2] *= 1e6
    assert model.predict(others)[::2].tobytes() == model.predict(batch)[::2].tobytes()


def test_more_rows_than_were_proved_are_run_in_pieces(load, build):
    model, batch = load(build.mlp([6, 32, 2])), build.rows(10_000, 6)
    whole = model.predict(batch)
    assert len(whole) == 10_000
    for at in (0, 4095, 4096, 9_999):
        assert model.predict(batch[at : at + 1]).tobytes() == whole[at : at + 1].tobytes()


def test_no_rows_are_no_answers(load, build):
    assert load(build.mlp([6, 8, 2])).predict(np.empty((0, 6), np.float32)).shape == (0, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("activation", ["Relu", "Tanh"])
def test_a_row_that_is_not_finite_is_answered_by_nan_and_no_other_row_is(load, build, bad, activation):
    model, batch = load(build.mlp([6, 8, 2], activation)), build.rows(9, 6)
    clean = model.predict(batch)
    batch[4, 3] = bad
    out = model.predict(batch)
    assert np.isnan(out[4]).all()
    assert np.delete(out, 4, axis=0).tobytes() == np.delete(clean, 4, axis=0).tobytes()


def test_an_answer_that_is_not_finite_is_nan_in_all_its_outputs(load, build):
    model = load(build.one_op("Mul", weights={"w": np.array([1, 1, 1, 1e30], np.float32)}))
    batch = np.ones((3, 4), np.float32)
    batch[1, 3] = 1e20
    out = model.predict(batch)
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[[0, 2]]).all()


def test_rows_may_be_read_only_and_need_not_be_contiguous(load, build):
    model, batch = load(build.mlp([6, 8, 2])), build.rows(40, 12)
    batch.flags.writeable = False
    assert model.predict(batch[::2, ::2]).tobytes() == model.predict(batch[::2, ::2].copy()).tobytes()


def test_rows_of_another_kind_are_refused(load, build):
    model = load(build.mlp([6, 8, 2]))
    with pytest.raises(PluginError, match="float32 rows, not float64"):
        model.predict(np.zeros((2, 6)))
    with pytest.raises(PluginError, match=r"rows of 6 columns, not an array of the shape \(2, 5\)"):
        model.predict(np.zeros((2, 5), np.float32))
    with pytest.raises(PluginError, match=r"not an array of the shape \(6,\)"):
        model.predict(np.zeros(6, np.float32))
    with pytest.raises(PluginError, match="float32 rows, not list"):
        model.predict([[0.0] * 6])


def test_golden_vectors_are_held_to_one_part_in_a_hundred_thousand(load, build):
    network = build.mlp([6, 16, 3])
    batch = build.rows(20, 6)
    outputs = load(network).predict(batch)
    assert load(network, (batch, outputs + np.float32(3e-6))).outputs == 3
    outputs[7, 2] += 1e-3
    with pytest.raises(PluginError, match="golden row 7, output 2: .* these are not the same model"):
        load(network, (batch, outputs))


def test_golden_vectors_of_another_model_are_refused_by_their_shape(load, build):
    network, batch = build.mlp([6, 16, 3]), build.rows(20, 6)
    outputs = load(network).predict(batch)
    for golden, says in [
        ((batch[:, :5], outputs), "golden rows have 5 columns and the model reads 6"),
        ((batch, outputs[:, :2]), "golden outputs have 2 columns and the model's 3"),
        ((batch, outputs[:9]), "20 golden rows and 9 golden outputs"),
        ((batch[:0], outputs[:0]), "golden rows are float32"),
        ((batch.astype(float), outputs), "golden rows are float64"),
    ]:
        with pytest.raises(PluginError, match=says):
            load(network, golden)


def test_boosted_trees_run_too(load, build):
    """Two stumps on feature 0 and 1, with the sum as the answer."""
    stumps = {
        "nodes_treeids": [0, 0, 0, 1, 1, 1], "nodes_nodeids": [0, 1, 2] * 2, "nodes_featureids": [0, 0, 0, 1, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * 2, "nodes_values": [0.5, 0.0, 0.0, -0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0] * 2, "nodes_falsenodeids": [2, 0, 0] * 2,
        "target_treeids": [0, 0, 1, 1], "target_nodeids": [1, 2, 1, 2], "target_ids": [0] * 4,
        "target_weights": [1.0, 2.0, 10.0, 20.0],
    }  # fmt: skip
    model = build.one_op(
        "TreeEnsembleRegressor", 2, 1, domain="ai.onnx.ml", opsets=(("", 20), ("ai.onnx.ml", 3)), n_targets=1, **stumps
    )
    out = load(model).predict(np.array([[0, -1], [1, -1], [0, 0], [1, 0]], np.float32))
    assert out.tolist() == [[11.0], [12.0], [21.0], [22.0]]
