"""A feed over bars in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from darwin_core.testing.sample import contents, lend
from darwin_core.types import Market

if TYPE_CHECKING:
    from darwin_core.types import Bars, Ints


@frozen(eq=False)
class BarsFeed:
    """Serves bars that are in memory; satisfies the `Feed` protocol."""

    bars: Bars

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols."""
        return self.bars.symbols

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(self.bars.fields)

    @property
    def timezone(self) -> str:
        """IANA zone of days and sessions."""
        return self.bars.timezone

    @property
    def interval(self) -> int:
        """The most frequent time between bars, in ns."""
        steps, counts = np.unique(np.diff(self.bars.time), return_counts=True)
        return int(steps[np.argmax(counts)]) if len(steps) else 1

    def times(self) -> Ints:
        """Return the bars' times."""
        return self.bars.time

    def read(self, start: int, stop: int) -> Bars:
        """Return some rows, without a copy."""
        return self.bars[start:stop]

    def fingerprint(self) -> str:
        """Return the SHA-256 of all arrays."""
        total = hashlib.sha256(repr((self.symbols, self.timezone)).encode())
        for name, values in contents(Market(lend(self.bars), {})).items():
            total.update(name.encode() + values.tobytes())
        return total.hexdigest()

    def findings(self) -> tuple[str, ...]:
        """Return nothing: nobody has dropped anything."""
        return ()
