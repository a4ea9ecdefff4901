"""The suite for inference backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.testing.compare import check, differences
from darwin_core.testing.suite import ComponentTests
from darwin_core.types import read_only

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core.types import Floats

_ROWS = 129


class BackendTests(ComponentTests):
    """Cases for an inference backend.

    Attributes
    ----------
    width
        How many columns the rows of `model` have.
    """

    kind: ClassVar[str] = "backend"
    width: ClassVar[int] = 4

    def model(self, folder: Path) -> Any:
        """Return a small model as `predict` takes it; write files into `folder` if it needs any."""
        raise NotImplementedError

    def rows(self, count: int = _ROWS) -> Floats:
        """Return `count` rows of the model's input, (count, width), read-only."""
        drawn: Floats = np.random.default_rng(0).normal(size=(_ROWS, self.width))[:count].copy()
        return read_only(drawn)

    def says(self, folder: Path) -> dict[str, NDArray[Any]]:
        """Return a fresh backend's outputs."""
        return {"outputs": np.asarray(self.fresh(folder).predict(self._model(folder), self.rows())).copy()}

    def _model(self, folder: Path) -> Any:
        try:
            return self.model(folder)
        except NotImplementedError:
            msg = f"give {type(self).__name__} a method model(self, folder) that returns a small model"
            raise AssertionError(msg) from None

    def test_one_finite_row_for_each_row(self, tmp_path: Path) -> None:
        """B1: `predict` returns finite float64 of shape (N, K), for one row and for many.

        When it fails: keep the first axis for a single row, and convert to float64 at the end.
        """
        backend, model = self.make(), self._model(tmp_path)
        for count in (1, 2, _ROWS):
            out = backend.predict(model, self.rows(count))
            check(isinstance(out, np.ndarray) and out.ndim == 2, f"predict returned shape {np.shape(out)}, not (N, K)")
            check(len(out) == count, f"predict returned {len(out)} rows for {count}")
            check(out.dtype == np.float64, f"predict returned {out.dtype}, not float64")
            check(np.isfinite(out).all(), "an output is not finite, for finite inputs")

    def test_batch_invariant_where_it_says_so(self, tmp_path: Path) -> None:
        """B2: a backend that calls itself batch-invariant gives a row the same bits in a batch of any size.

        When it fails: set `batch_invariant` to False, so that the core asks row by row; or compute without a BLAS
        matrix product.
        """
        backend, model = self.make(), self._model(tmp_path)
        check(isinstance(backend.batch_invariant, bool), "batch_invariant is True or False")
        if not backend.batch_invariant:
            return
        whole = np.asarray(backend.predict(model, self.rows())).copy()
        for size in (1, 2, 3, 5, 8, 16, 31, 64, 100):
            for start in range(0, _ROWS, size):
                part = read_only(self.rows()[start : start + size].copy())
                again = np.asarray(backend.predict(model, part))
                found = differences({"outputs": whole[start : start + size]}, {"outputs": again})
                check(not found, f"rows {start} to {start + len(part)} in the batch and by themselves: {found}")

    def test_inputs_stay_as_they_are(self, tmp_path: Path) -> None:
        """B3: the rows are not written to.

        When it fails: copy before you scale.
        """
        backend, model, rows = self.make(), self._model(tmp_path), self.rows()
        try:
            backend.predict(model, rows)
        except ValueError as error:
            check("read-only" not in str(error), f"it writes to its input: {error}")
            raise
        check(not differences({"rows": self.rows()}, {"rows": rows}), "it changed its input")

    def test_calls_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        """B4: an output does not depend on what was asked before.

        When it fails: reset whatever state the model carries from call to call.
        """
        backend, model = self.make(), self._model(tmp_path)
        first = np.asarray(backend.predict(model, self.rows())).copy()
        backend.predict(model, self.rows(3))
        found = differences({"outputs": first}, {"outputs": np.asarray(backend.predict(model, self.rows()))})
        check(not found, f"asked again after another question: {found}")
