"""The suite for inference backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.errors import PluginError
from darwin_core.testing.compare import check, differences
from darwin_core.testing.suite import ComponentTests
from darwin_core.types import read_only

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core.protocols import Model
    from darwin_core.types import Floats32

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

    def model(self) -> bytes:
        """Return a small model, as the bytes that `load` takes."""
        raise NotImplementedError

    def rows(self, count: int = _ROWS) -> Floats32:
        """Return `count` rows of the model's input, (count, width), read-only."""
        drawn: Floats32 = np.random.default_rng(0).standard_normal((_ROWS, self.width), dtype=np.float32)
        return read_only(drawn[:count].copy())

    def loaded(self) -> Model:
        """Return the small model, loaded by a fresh backend."""
        model: Model = self.make().load(self._bytes())
        return model

    def says(self, folder: Path) -> dict[str, NDArray[Any]]:  # noqa: ARG002 - a backend reads no files
        """Return a fresh backend's outputs."""
        return {"outputs": np.asarray(self.loaded().predict(self.rows())).copy()}

    def _bytes(self) -> bytes:
        try:
            return self.model()
        except NotImplementedError:
            msg = f"give {type(self).__name__} a method model(self) that returns the bytes of a small model"
            raise AssertionError(msg) from None

    def test_one_finite_row_for_each_row(self) -> None:
        """B1: `predict` returns finite float32 of shape (N, outputs), for no row, for one and for many.

        When it fails: keep the first axis for a single row, and convert to float32 at the end.
        """
        model = self.loaded()
        check(model.inputs == self.width, f"the model says that it reads {model.inputs} columns, not {self.width}")
        for count in (1, 2, _ROWS, 0):
            out = model.predict(self.rows(count))
            shape = (count, model.outputs)
            check(isinstance(out, np.ndarray) and out.ndim == 2, f"predict returned shape {np.shape(out)}, not (N, A)")
            check(out.shape == shape, f"predict returned shape {out.shape}, not {shape}")
            check(out.dtype == np.float32, f"predict returned {out.dtype}, not float32")
            check(np.isfinite(out).all(), "an output is not finite, for finite inputs")

    def test_batch_invariant_where_it_says_so(self) -> None:
        """B2: a backend that calls itself batch-invariant gives a row the same bits in a batch of any size.

        When it fails: set `batch_invariant` to False; or compute without a BLAS matrix product, and mind what
        vectorized functions do with the last few numbers of an array.
        """
        invariant = self.make().batch_invariant
        check(isinstance(invariant, bool), "batch_invariant is True or False")
        if not invariant:
            return
        model = self.loaded()
        whole = np.asarray(model.predict(self.rows())).copy()
        for size in (1, 2, 3, 5, 8, 16, 31, 64, 100):
            for start in range(0, _ROWS, size):
                part = read_only(self.rows()[start : start + size].copy())
                again = np.asarray(model.predict(part))
                found = differences({"outputs": whole[start : start + size]}, {"outputs": again})
                check(not found, f"rows {start} to {start + len(part)} in the batch and by themselves: {found}")

    def test_inputs_stay_as_they_are(self) -> None:
        """B3: the rows are not written to.

        When it fails: copy before you scale.
        """
        model, rows = self.loaded(), self.rows()
        try:
            model.predict(rows)
        except ValueError as error:
            check("read-only" not in str(error), f"it writes to its input: {error}")
            raise
        check(not differences({"rows": self.rows()}, {"rows": rows}), "it changed its input")

    def test_calls_do_not_disturb_each_other(self) -> None:
        """B4: an output does not depend on what was asked before, and is not overwritten by what is asked after.

        When it fails: reset whatever state the model carries from call to call, and return an array of its own.
        """
        model = self.loaded()
        kept = np.asarray(model.predict(self.rows()))
        first = kept.copy()
        model.predict(self.rows(3))
        found = differences({"outputs": first}, {"outputs": kept})
        check(not found, f"an answer changed when the next question was asked: {found}")
        found = differences({"outputs": first}, {"outputs": np.asarray(model.predict(self.rows()))})
        check(not found, f"asked again after another question: {found}")

    def test_broken_models_are_refused(self) -> None:
        """B5: bytes that are no model are refused with a PluginError that says so.

        When it fails: catch what the library raises in `load`, and raise ``PluginError("a sentence")`` from it.
        """
        backend, whole = self.make(), self._bytes()
        noise = np.random.default_rng(0).bytes(200)
        for what, content in (("no bytes", b""), ("random bytes", noise), ("half a model", whole[: len(whole) // 2])):
            try:
                backend.load(content)
            except PluginError as error:
                check(str(error).strip(), f"{what} are refused without a word")
            except Exception as error:
                msg = f"{what} raise {type(error).__name__}, not PluginError: {error}"
                raise AssertionError(msg) from error
            else:
                raise AssertionError(f"{what} are taken for a model")

    def test_what_is_not_finite_is_answered_by_nan(self) -> None:
        """B6: a row with NaN or an infinite number is answered by NaN in every output; no other row notices.

        When it fails: set the outputs of such rows to NaN at the end of `predict`: some activations turn NaN into
        an ordinary number.
        """
        model = self.loaded()
        clean = np.asarray(model.predict(self.rows())).copy()
        for bad in (np.nan, np.inf):
            rows = self.rows().copy()
            rows[7, self.width - 1] = bad
            out = np.asarray(model.predict(read_only(rows)))
            check(np.isnan(out[7]).all(), f"a row with {bad} is answered by {out[7].tolist()}")
            others = np.arange(_ROWS) != 7
            found = differences({"outputs": clean[others]}, {"outputs": out[others]})
            check(not found, f"other rows change when one holds {bad}: {found}")
