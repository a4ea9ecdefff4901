"""A tape with the corrections that came after the fact: what a backtest would see that knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core.types import Bars, read_only

if TYPE_CHECKING:
    from darwin_core.live.tape import Revision, Tape
    from darwin_core.types import Ints


@define(eq=False)
class Corrected:
    """A feed: the tape, each bar in its last revision; one of a moment that has no row on the tape is left out."""

    tape: Tape
    changes: dict[int, dict[int, Revision]] = field(init=False)
    """The last revision of each bar, by row and symbol."""

    def __attrs_post_init__(self) -> None:
        """Take the revisions in; the later of two stands."""
        times, self.changes = self.tape.times(), {}
        for each in self.tape.revisions():
            row = int(np.searchsorted(times, each.time))
            if row < len(times) and times[row] == each.time and each.symbol in self.symbols:
                self.changes.setdefault(row, {})[self.symbols.index(each.symbol)] = each

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the traded symbols."""
        return self.tape.symbols

    @property
    def fields(self) -> tuple[str, ...]:
        """Which fields there are."""
        return self.tape.fields

    @property
    def timezone(self) -> str:
        """The feed's zone."""
        return self.tape.timezone

    @property
    def interval(self) -> int:
        """Nominal time between bars, ns."""
        return self.tape.interval

    def times(self) -> Ints:
        """Return the times of all bars."""
        return self.tape.times()

    def read(self, start: int, stop: int) -> Bars:
        """Return rows as they are now known."""
        bars = self.tape.read(start, stop)
        rows = [row for row in self.changes if start <= row < stop]
        if not rows:
            return bars
        fields = {name: values.copy() for name, values in bars.fields.items()}
        for row in rows:
            for s, revision in self.changes[row].items():
                for name, value in zip(self.fields, revision.values, strict=True):
                    fields[name][row - start, s] = value
        sealed = {name: read_only(values) for name, values in fields.items()}
        return Bars(bars.time, bars.symbols, sealed, bars.reference, bars.timezone)

    def fingerprint(self) -> str:
        """Return the tape's: it names the session, not the corrections."""
        return self.tape.fingerprint()

    def findings(self) -> tuple[str, ...]:
        """Return nothing: what is wrong with a bar in live is an alert."""
        return ()
