"""The regression against plain formulas, and the graphs against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from darwin_onnx.backend import OnnxBackend
from darwin_trainers.graph import linear_and_hidden, perceptron
from darwin_trainers.regression import NONE, Regression, _folds, _left_out, _Moments, _solve

from darwin_core import Lesson, Rows, TrainingPlan


def numbers(count: int = 200, columns: int = 5, outputs: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, columns)) + 0.3
    return x, x @ rng.normal(size=(columns, outputs)) + rng.normal(size=(count, outputs)) + 0.7


def test_weights_minimise_the_penalised_squared_error() -> None:
    x, y = numbers()
    penalty = np.array([0.1, 0.2, 0.3, 0.0, 1.0])
    weights, bias = _solve(_Moments.of(x, y), penalty)

    def loss(w, b) -> float:
        return float(((y - x @ w - b) ** 2).sum() / len(x) + (penalty[:, None] * w**2).sum())

    best = loss(weights, bias)
    rng = np.random.default_rng(1)
    for _ in range(50):
        assert loss(weights + 0.01 * rng.normal(size=weights.shape), bias + 0.01 * rng.normal(size=3)) > best


def test_the_error_of_a_fold_is_that_of_a_fit_on_the_others() -> None:
    x, y = numbers()
    parts = _folds(x, y, 4)
    penalty = np.full(5, 0.1)
    for k in range(4):
        others = [part for i, part in enumerate(parts) if i != k]
        weights, bias = _solve(
            _Moments.of(np.vstack([a for a, _ in others]), np.vstack([b for _, b in others])), penalty
        )
        expected = ((parts[k][1] - parts[k][0] @ weights - bias) ** 2).sum()
        found = _left_out([_Moments.of(*part) for part in parts], k, penalty)
        assert found == pytest.approx(expected, rel=1e-9)


def test_a_curved_edge_is_found_by_the_units_and_noise_by_nothing() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3)).astype(np.float32)
    curved = np.column_stack([np.zeros(4000), np.abs(x[:, 0]) - 0.8 + rng.normal(size=4000)])
    noise = np.column_stack([np.zeros(4000), rng.normal(size=4000)])
    found = {}
    for name, rewards in (("curved", curved), ("noise", noise)):
        rows = Rows(x, rewards)
        found[name] = Regression().train(Lesson(rows, rows, 1), TrainingPlan(1, 1, 0), lambda *_: None)
    assert found["curved"].details["penalty_units"] < NONE
    scores = OnnxBackend().load(found["curved"].policy).predict(x)
    assert np.corrcoef(scores[:, 1], np.abs(x[:, 0]))[0, 1] > 0.9
    spread = OnnxBackend().load(found["noise"].policy).predict(x)[:, 1].std()
    assert spread < 0.05


def test_the_graphs_compute_what_numpy_computes() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(100, 6)).astype(np.float32)
    layers = [(rng.normal(size=(6, 7)), rng.normal(size=7)), (rng.normal(size=(7, 2)), rng.normal(size=2))]
    expected = np.tanh(x @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1]
    assert np.allclose(OnnxBackend().load(perceptron(layers)).predict(x), expected, atol=1e-5)
    units, out = layers[0], (rng.normal(size=(13, 3)), rng.normal(size=3))
    expected = np.hstack([x, np.tanh(x @ units[0] + units[1])]) @ out[0] + out[1]
    assert np.allclose(OnnxBackend().load(linear_and_hidden(units, out)).predict(x), expected, atol=1e-5)
    assert perceptron(layers) == perceptron(layers)
