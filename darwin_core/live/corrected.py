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
    changes: dict[int, dict[int, Revision]] = field(factory=dict, init=False)
    """The last revision of each bar, by row and symbol."""
    watched: dict[int, dict[str, Revision]] = field(factory=dict, init=False)
    """The same of the watched series, by row and name."""

    def __attrs_post_init__(self) -> None:
        """Take the revisions in; the later of two stands."""
        times = self.tape.times()
        for each in self.tape.revisions():
            row = int(np.searchsorted(times, each.time))
            if row == len(times) or times[row] != each.time:
                continue
            if each.symbol in self.symbols:
                self.changes.setdefault(row, {})[self.symbols.index(each.symbol)] = each
            elif each.symbol in self.tape.reference:
                self.watched.setdefault(row, {})[each.symbol] = each

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
        fields = {name: values.copy() for name, values in bars.fields.items()}
        reference = {name: values.copy() for name, values in bars.reference.items()}
        for row in range(start, stop) if self.changes or self.watched else ():
            for s, revision in self.changes.get(row, {}).items():
                for name, value in zip(self.fields, revision.values, strict=True):
                    fields[name][row - start, s] = value
            for name, revision in self.watched.get(row, {}).items():
                reference[name][row - start] = revision.values[0]
        sealed = [{name: read_only(values) for name, values in each.items()} for each in (fields, reference)]
        return Bars(bars.time, bars.symbols, sealed[0], sealed[1], bars.timezone)

    def fingerprint(self) -> str:
        """Return the tape's: it names the session, not the corrections."""
        return self.tape.fingerprint()

    def findings(self) -> tuple[str, ...]:
        """Return nothing: what is wrong with a bar in live is an alert."""
        return ()
