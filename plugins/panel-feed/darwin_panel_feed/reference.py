"""Series that are watched and not traded, aligned with the panel's times."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen

from darwin_core import DataError
from darwin_panel_feed.files import find
from darwin_panel_feed.panel import read_panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Options
    from darwin_panel_feed.options import Reference
    from darwin_panel_feed.report import Report
    from darwin_panel_feed.setup import Setup

    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]


@frozen(eq=False)
class Watched:
    """Reads watched series for a panel with bars complete at `time`, (T,) ns UTC."""

    options: Options
    setup: Setup
    report: Report
    time: Ints

    def read(self, name: str, spec: Reference) -> Floats:
        """Read one series, (T,); NaN where it has no value."""
        paths = find(self.options, spec.path, "reference")
        if len(paths) > 1:
            raise self.options.error("reference", f"{name}: {spec.path} names {len(paths)} files; name one")
        series = read_panel(paths, self.setup.for_reference(spec), self.report, str(paths[0]))
        values = series.fields["close"][:, 0]
        if count := int((values <= 0).sum()):
            self.report.findings.append(f"{name}: {count:,} values are not above zero; kept")
        aligned = align(series.time, values, self.time, last=spec.align == "last")
        missing = int(np.isnan(aligned).sum())
        if missing == len(aligned):
            hint = '; to take the newest one known, set align = "last"' if spec.align == "exact" else ""
            msg = f"{paths[0]}: {name} has no value at any time of the panel's {missing:,} bars{hint}"
            raise DataError(msg)
        if missing:
            text = f"{name} has no value on {missing:,} of {len(aligned):,} bars; missing there"
            self.report.findings.append(text)
        return aligned


def align(known: Ints, values: Floats, time: Ints, *, last: bool) -> Floats:
    """Take a series to other times.

    Parameters
    ----------
    known
        (n,) increasing: when each value was known, ns UTC.
    values
        (n,) the values.
    time
        (T,) the times that are wanted.
    last
        Whether the newest value known by then will do; else only one of the very same time.

    Returns
    -------
    (T,) float64, NaN where there is none.
    """
    place = np.searchsorted(known, time, side="right") - 1
    there = (place >= 0) & (last | (known[place] == time))
    return np.where(there, values[place], np.nan)
