"""Lessons with an edge that was planted on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from darwin_core import Lesson, Rows


@pytest.fixture(scope="session")
def lesson():
    """Return a function that makes a lesson: column 0 tells part of what the second of two actions is worth."""

    def make(count: int = 1200, edge: float = 0.5, *, masked: bool = False, seed: int = 0) -> Lesson:
        rng = np.random.default_rng(seed)

        def rows(n: int) -> Rows:
            x = rng.normal(size=(n, 4)).astype(np.float32)
            worth = edge * x[:, 0] + rng.normal(size=n)
            allowed = None
            if masked:
                allowed = np.ones((n, 2), np.bool_)
                allowed[:, 0] = rng.random(n) < 0.5
            return Rows(x, np.column_stack([np.zeros(n), worth]), allowed)

        return Lesson(rows(count), rows(count // 2), 1)

    return make
