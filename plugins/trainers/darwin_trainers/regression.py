"""The direct way: learn what each action is worth, and take the best.

These are problems of one step whose outcome is known for every action, so nothing has to be explored: a ridge
regression (Hoerl and Kennard 1970) of the rewards on the columns and on fixed random Tanh units of them (random
features, Rahimi and Recht 2007), its penalties chosen by cross-validation over contiguous stretches of the training
window. Closed form, seconds at most, the same bits every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

from darwin_core import Trained
from darwin_trainers.graph import linear_and_hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from darwin_core import Lesson, TrainingPlan

    Floats = NDArray[np.float64]

PENALTIES = (0.003, 0.03, 0.3, 3.0, 30.0)
NONE = 1e6
"""A penalty that leaves nothing of a column: the mean alone is predicted, or the units are not used."""


@frozen
class Regression:
    """The trainer.

    Parameters
    ----------
    units
        Random Tanh units beside the columns themselves.
    folds
        Stretches of the cross-validation.
    """

    units: int = field(default=64, validator=ge(1))
    folds: int = field(default=5, validator=ge(2))

    def train(self, lesson: Lesson, plan: TrainingPlan, tell: Callable[[int, int], None]) -> Trained:
        """Fit; the steps of the plan mean nothing here, and the validation rows are not looked at."""
        rows = lesson.train.observations.astype(np.float64)
        rewards = lesson.train.rewards
        hidden = _units(rows.shape[1], self.units, plan.seed)
        inputs = np.hstack([rows, np.tanh(rows @ hidden[0] + hidden[1])])
        grid = [(a, b) for a in (*PENALTIES, NONE) for b in (*PENALTIES, NONE)]
        moments = [_Moments.of(x, y) for x, y in _folds(inputs, rewards, self.folds)]
        errors = np.zeros(len(grid))
        for i, (columns, units) in enumerate(grid):
            penalty = _penalty(rows.shape[1], self.units, columns, units)
            errors[i] = sum(_left_out(moments, k, penalty) for k in range(len(moments))) / len(rows)
            tell(i + 1, len(grid))
        best = int(np.argmin(errors))
        penalty = _penalty(rows.shape[1], self.units, *grid[best])
        weights, bias = _solve(_sum(moments), penalty)
        details = {
            "units": self.units,
            "folds": self.folds,
            "penalty_columns": grid[best][0],
            "penalty_units": grid[best][1],
            "squared_error": float(errors[best]),
            "squared_error_of_the_mean": float(errors[-1]),
            "rows": len(rows),
        }
        return Trained(linear_and_hidden(hidden, (weights, bias)), details, _libraries())


@frozen(eq=False)
class _Moments:
    """Sums over rows: everything that a ridge regression needs of them."""

    n: int
    x: Floats
    y: Floats
    xx: Floats
    xy: Floats
    yy: float

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Moments:
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, float((y * y).sum()))


def _sum(parts: list[_Moments]) -> _Moments:
    def total(name: str) -> Any:
        return sum(getattr(part, name) for part in parts)

    return _Moments(*(total(name) for name in ("n", "x", "y", "xx", "xy", "yy")))


def _solve(m: _Moments, penalty: Floats) -> tuple[Floats, Floats]:
    """Return weights and bias; the bias is not penalised."""
    mean_x, mean_y = m.x / m.n, m.y / m.n
    covariance = m.xx / m.n - np.outer(mean_x, mean_x)
    cross = m.xy / m.n - np.outer(mean_x, mean_y)
    weights: Any = np.linalg.solve(covariance + np.diag(penalty), cross)
    return weights, mean_y - mean_x @ weights


def _left_out(parts: list[_Moments], k: int, penalty: Floats) -> float:
    """Return the summed squared error on part `k` of what the other parts say."""
    weights, bias = _solve(_sum([*parts[:k], *parts[k + 1 :]]), penalty)
    m = parts[k]
    return (
        m.yy
        - 2.0 * float((weights * m.xy).sum()) - 2.0 * float(bias @ m.y)
        + float((weights * (m.xx @ weights)).sum())
        + 2.0 * float(bias @ (weights.T @ m.x))
        + m.n * float(bias @ bias)
    )  # fmt: skip


def _folds(inputs: Floats, rewards: Floats, count: int) -> list[tuple[Floats, Floats]]:
    return list(zip(np.array_split(inputs, count), np.array_split(rewards, count), strict=True))


def _units(columns: int, units: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng([seed, columns, units])
    weights = rng.normal(size=(columns, units)) / np.sqrt(columns)
    # What is exported is float32, so what is learnt on is it too.
    return weights.astype(np.float32).astype(np.float64), rng.uniform(-1.0, 1.0, units).astype(np.float32).astype(float)


def _penalty(columns: int, units: int, on_columns: float, on_units: float) -> Floats:
    return np.concatenate([np.full(columns, on_columns), np.full(units, on_units)])


def _libraries() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("darwin-trainers", "numpy", "onnx")}
