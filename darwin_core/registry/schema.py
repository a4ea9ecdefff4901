"""The observation that a policy was trained on: names, order, normalisation, and a hash of all of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from attrs import field, frozen

from darwin_core.registry.canonical import decode, encode
from darwin_core.registry.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

    from attrs import Attribute
    from numpy.typing import NDArray

    from darwin_core.types import Floats

FORMAT: Literal["darwin observation 1"] = "darwin observation 1"
_LARGEST = float(np.finfo(np.float32).max)


def _number(value: float) -> float:
    return float(value) + 0.0  # minus zero becomes zero: JSON has one zero, and a row must not differ after a reload


def _positive(column: Column, attribute: Attribute[float], value: float) -> None:
    if not 0.0 < value <= _LARGEST:
        raise RegistryError(
            f"column {column.name!r}: {attribute.name} is {value}; it must be above 0 and at most {_LARGEST:.3g}"
        )


def _finite(column: Column, attribute: Attribute[float], value: float) -> None:
    if not np.isfinite(value):
        raise RegistryError(f"column {column.name!r}: {attribute.name} is {value}; it must be a finite number")


@frozen
class Column:
    """One column: ``min(max((value - mean) / scale, -clip), clip)``.

    Parameters
    ----------
    name
        As the agent's `requires` writes it.
    mean, scale
        Centre and spread of the training rows; scale > 0.
    clip
        Largest absolute normalised value, > 0.
    """

    name: str
    mean: float = field(default=0.0, converter=_number, validator=_finite)
    scale: float = field(default=1.0, converter=_number, validator=_positive)
    clip: float = field(default=10.0, converter=_number, validator=_positive)


def _tuple(columns: Iterable[Column]) -> tuple[Column, ...]:
    return tuple(columns)


def _columns(_instance: object, _attribute: object, value: tuple[Column, ...]) -> None:
    if not value:
        raise RegistryError("an observation has at least one column")
    name, times = Counter(column.name for column in value).most_common(1)[0]
    if times > 1:
        raise RegistryError(f"an observation has each column once; {name!r} is in it {times} times")


@frozen
class _File:
    """What ``schema.json`` says."""

    format: Literal["darwin observation 1"]
    input: Literal["float64"]
    dtype: Literal["float32"]
    columns: tuple[Column, ...]


@frozen
class ObservationSchema:
    """What a policy's rows are made of. Rows come as float64 and are given to the policy as float32.

    Parameters
    ----------
    columns
        F columns, in the order of the policy's input.
    """

    columns: tuple[Column, ...] = field(converter=_tuple, validator=_columns)
    _mean: Floats = field(init=False, eq=False, repr=False)
    _scale: Floats = field(init=False, eq=False, repr=False)
    _clip: Floats = field(init=False, eq=False, repr=False)
    digest: str = field(init=False, eq=False, repr=False)
    """SHA-256 of the canonical JSON, hex."""

    @_mean.default
    def _means(self) -> Floats:
        return np.array([column.mean for column in self.columns])

    @_scale.default
    def _scales(self) -> Floats:
        return np.array([column.scale for column in self.columns])

    @_clip.default
    def _clips(self) -> Floats:
        return np.array([column.clip for column in self.columns])

    @digest.default
    def _digest(self) -> str:
        return hashlib.sha256(self.to_json()).hexdigest()

    @classmethod
    def fit(cls, names: Sequence[str], values: Floats, clip: float = 10.0) -> ObservationSchema:
        """Return the schema whose statistics are those of training rows.

        Parameters
        ----------
        names
            F column names.
        values
            (N, F) float64, finite: training rows only, or the test set is known in training.
        clip
            Largest absolute normalised value.

        Raises
        ------
        RegistryError
            No rows, another shape or dtype, or a value that is not finite.
        """
        plain = cls(tuple(Column(name) for name in names))
        plain._check(values)
        if not len(values):
            raise RegistryError("an observation's statistics need training rows; there is none")
        values = np.ascontiguousarray(values)  # sums depend on the memory's order in their last bits
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite mean is refused below
            mean, spread = values.mean(axis=0), values.std(axis=0)
        constant = values.max(axis=0) == values.min(axis=0)  # its std may be a rounding error above 0
        scale = np.where(constant | (spread == 0.0), 1.0, spread)
        return cls(tuple(Column(n, m, s, clip) for n, m, s in zip(names, mean, scale, strict=True)))

    @classmethod
    def from_json(cls, content: bytes, where: Path | str = "the schema") -> ObservationSchema:
        """Return the schema that `to_json` wrote; `where` names the file in errors."""
        return cls(decode(_File, content, where).columns)

    def to_json(self) -> bytes:
        """Return the schema as canonical JSON."""
        return encode(_File(FORMAT, "float64", "float32", self.columns))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def apply(self, values: Floats) -> NDArray[np.float32]:
        """Return normalised rows. Each row is computed by itself: its bits do not depend on the other rows.

        Parameters
        ----------
        values
            (N, F) float64, finite.

        Returns
        -------
        numpy.ndarray
            (N, F) float32, C-contiguous.

        Raises
        ------
        RegistryError
            Another shape or dtype, or a value that is not finite.
        """
        self._check(values)
        # An overflow is an infinity here, and the clip makes it the largest value there is.
        with np.errstate(over="ignore", under="ignore"):
            z = np.subtract(values, self._mean, order="C")
            np.divide(z, self._scale, out=z)
            np.minimum(np.maximum(z, -self._clip, out=z), self._clip, out=z)
            return z.astype(np.float32)

    def _check(self, values: NDArray[Any]) -> None:
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            wanted = f"(N, {len(self.columns)})"
            raise RegistryError(f"an observation of shape {wanted} is needed, not one of {values.shape}")
        if values.dtype != np.float64:
            raise RegistryError(f"observations are float64, not {values.dtype}: rounding first would change the rows")
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            bad, name = values[row, column], self.columns[column].name
            raise RegistryError(f"row {row}, column {name!r} is {bad}; observations are finite")

    def difference(self, other: ObservationSchema | Sequence[str]) -> tuple[str, ...]:
        """Return, a sentence each, how an offered observation differs from this one; empty: it does not.

        Parameters
        ----------
        other
            A whole schema, or only the names that are offered, in their order.
        """
        if isinstance(other, ObservationSchema):
            return (*_names(self.names, other.names), *_numbers(self.columns, other.columns))
        return _names(self.names, tuple(other))

    def expect(self, offered: ObservationSchema | Sequence[str], where: str = "the policy") -> None:
        """Refuse an observation that is not the one this policy was trained on, with the whole difference.

        Raises
        ------
        RegistryError
            They differ.
        """
        found = self.difference(offered)
        if found:
            lines = "".join(f"\n  {each}" for each in found)
            raise RegistryError(f"{where} was trained on another observation than the one that it is offered:{lines}")


def _names(trained: tuple[str, ...], offered: tuple[str, ...]) -> tuple[str, ...]:
    if trained == offered:
        return ()
    lines = [f"column {i}, {name!r}, is missing" for i, name in enumerate(trained) if name not in offered]
    lines += [
        f"column {i}, {name!r}, is one that it was not trained on"
        for i, name in enumerate(offered)
        if name not in trained
    ]
    lines += [f"column {name!r} is offered {n} times" for name, n in Counter(offered).items() if n > 1]
    if lines:
        return tuple(lines)
    return tuple(
        f"column {name!r} is offered as column {offered.index(name)}; it was column {i}"
        for i, name in enumerate(trained)
        if offered[i] != name
    )


def _numbers(trained: tuple[Column, ...], offered: tuple[Column, ...]) -> tuple[str, ...]:
    theirs = {column.name: column for column in offered}
    return tuple(
        f"column {mine.name!r}: {what} {getattr(theirs[mine.name], what)!r} is offered; it was {getattr(mine, what)!r}"
        for mine in trained
        if mine.name in theirs
        for what in ("mean", "scale", "clip")
        if getattr(mine, what) != getattr(theirs[mine.name], what)
    )
