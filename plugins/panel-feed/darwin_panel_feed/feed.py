"""The feed: a checked panel in memory, with the watched series beside it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from attrs import define, field

from darwin_core import Bars, DataError, did_you_mean
from darwin_panel_feed import zones
from darwin_panel_feed.files import find
from darwin_panel_feed.options import PanelOptions
from darwin_panel_feed.panel import UnknownSymbolError, read_panel
from darwin_panel_feed.reference import Watched
from darwin_panel_feed.report import Report
from darwin_panel_feed.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Options

    Ints: TypeAlias = NDArray[np.int64]
    Values = TypeVar("Values", Ints, NDArray[np.float64])


@define(eq=False)
class PanelFeed:
    """A panel as the core reads it: every array read-only, every block a view.

    Parameters
    ----------
    bars
        All bars.
    interval
        Nominal time between bars, ns.
    """

    bars: Bars
    interval: int
    _findings: tuple[str, ...] = ()
    _digest: str = field(default="", init=False)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols."""
        return self.bars.symbols

    @property
    def fields(self) -> tuple[str, ...]:
        """Which of open, high, low, close, volume there are."""
        return tuple(self.bars.fields)

    @property
    def timezone(self) -> str:
        """IANA zone of days and sessions."""
        return self.bars.timezone

    def times(self) -> Ints:
        """Return when each bar is complete, (T,) ns UTC."""
        return self.bars.time

    def read(self, start: int, stop: int) -> Bars:
        """Return bars `start` to `stop` (exclusive), without a copy; raise DataError outside of 0 to T."""
        if not 0 <= start <= stop <= len(self.bars):
            msg = f"bars {start} to {stop} were asked for, of {len(self.bars)}"
            raise DataError(msg)
        return self.bars[start:stop]

    def fingerprint(self) -> str:
        """Return the SHA-256 of everything that `read` can give, the same on every machine."""
        if not self._digest:
            self._digest = digest(self.bars, self.interval)
        return self._digest

    def findings(self) -> Sequence[str]:
        """Return one sentence for each kind of row that was left out or flagged."""
        return self._findings


def locked(array: Values) -> Values:
    """Return a view that nobody can make writable again, since its base is not."""
    array.flags.writeable = False
    return array.view()


def digest(bars: Bars, interval: int) -> str:
    """Hash names and little-endian bytes; a missing value is always the same NaN."""
    total = hashlib.sha256()

    def add(name: str, data: bytes | memoryview) -> None:
        for piece in (name.encode(), data):
            total.update(len(piece).to_bytes(8, "little"))
            total.update(piece)

    add("darwin panel 1", b"")
    add("timezone", bars.timezone.encode())
    add("interval", interval.to_bytes(8, "little"))
    for symbol in bars.symbols:
        add("symbol", symbol.encode())
    add("time", bars.time.astype("<i8", copy=False).data.cast("B"))
    for kind, arrays in (("field", bars.fields), ("reference", bars.reference)):
        for name in sorted(arrays):
            add(f"{kind} {name}", np.ascontiguousarray(arrays[name], "<f8").data.cast("B"))
    return total.hexdigest()


def open_feed(options: Options) -> PanelFeed:
    """Read the files that the options name; raise ConfigError or DataError when they cannot be trusted."""
    chosen = options.into(PanelOptions)
    _check_zones(options, chosen)
    setup = Setup.of(chosen)
    report = Report(chosen.policy, f"[{'.'.join(map(str, (*options.key, 'policy')))}]")
    patterns = (chosen.path,) if isinstance(chosen.path, str) else chosen.path
    paths = [path for pattern in patterns for path in find(options, pattern, "path")]
    if not paths:
        raise options.error("path", "name at least one file")
    try:
        panel = read_panel(list(dict.fromkeys(paths)), setup, report, ", ".join(patterns))
    except UnknownSymbolError as error:
        raise options.error("symbols", f"there is no {error.name!r}: {did_you_mean(error.name, error.known)}") from None
    watched = Watched(options, setup, report, panel.time)
    reference = {name: watched.read(name, spec) for name, spec in chosen.references.items()}
    for column, symbol in enumerate(panel.symbols):
        if np.isnan(panel.fields["close"][:, column]).all():
            report.findings.append(f"{symbol} has no bar")
    fields = {name: locked(values) for name, values in panel.fields.items()}
    reference = {name: locked(values) for name, values in reference.items()}
    bars = Bars(locked(panel.time), panel.symbols, fields, reference, setup.zone or "UTC")
    if chosen.follow:
        from darwin_panel_feed.follow import followed

        return followed(options, chosen, setup, paths, PanelFeed(bars, panel.interval, tuple(report.findings)))
    return PanelFeed(bars, panel.interval, tuple(report.findings))


def _check_zones(options: Options, chosen: PanelOptions) -> None:
    """Refuse time zones that do not exist."""
    if chosen.timezone and (wrong := zones.problem(chosen.timezone)):
        raise options.error("timezone", wrong)
    for name, spec in chosen.references.items():
        if spec.timezone and (wrong := zones.problem(spec.timezone)):
            raise options.error("reference", f"{name}: {wrong}")
