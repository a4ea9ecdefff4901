"""The suite for feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from darwin_core.errors import did_you_mean
from darwin_core.testing.compare import check, differences
from darwin_core.testing.sample import contents
from darwin_core.testing.suite import ComponentTests
from darwin_core.types import FIELDS, Bars, Market

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class FeedTests(ComponentTests):
    """Cases for a feed.

    Paths in `options` are relative to the folder that `prepare` fills; use absolute paths for data elsewhere.
    """

    kind: ClassVar[str] = "feed"

    def prepare(self, folder: Path) -> None:
        """Write the data that the options name into `folder`; nothing by default."""

    def disturb(self, folder: Path) -> None:
        """Change one price in what `prepare` wrote, so that case E6 can see whether the fingerprint notices."""
        raise NotImplementedError

    def fresh(self, folder: Path) -> Any:
        """Return a feed over freshly written data."""
        folder.mkdir(parents=True, exist_ok=True)
        self.prepare(folder)
        return self.make(folder=folder)

    def says(self, folder: Path) -> dict[str, NDArray[Any]]:
        """Return all that a fresh feed holds."""
        feed = self.fresh(folder)
        words = [*feed.symbols, *feed.fields, feed.timezone, str(feed.interval), feed.fingerprint()]
        return {"words": np.array(words), "times": feed.times(), **_arrays(feed.read(0, len(feed.times())))}

    def test_times_increase(self, tmp_path: Path) -> None:
        """E1: `times` is (T,) int64 and strictly increasing, and there is at least one bar.

        When it fails: sort by time, and refuse or drop what is there twice; times are ns since 1970 in UTC.
        """
        times = self.fresh(tmp_path).times()
        check(times.dtype == np.int64, f"times are {times.dtype}, not int64")
        check(times.ndim == 1, f"times have shape {times.shape}, not (T,)")
        check(len(times), "the feed has no bars")
        back = np.flatnonzero(np.diff(times) <= 0)
        check(not len(back), f"times do not increase after row {back[0] if len(back) else 0}")

    def test_says_what_it_holds(self, tmp_path: Path) -> None:
        """E2: symbols, fields, zone and interval are valid, and are those of the bars.

        When it fails: symbols are distinct texts, fields are of open, high, low, close, volume with close among
        them, the zone is an IANA name, the interval is in ns.
        """
        feed = self.fresh(tmp_path)
        bars = feed.read(0, len(feed.times()))
        check(feed.symbols, "the feed has no symbols")
        check(isinstance(feed.symbols, tuple), "symbols are a tuple")
        check(len(set(feed.symbols)) == len(feed.symbols), f"a symbol is there twice: {feed.symbols}")
        check(
            all(isinstance(s, str) and s.strip() == s and s for s in feed.symbols),
            f"a symbol is no word: {feed.symbols}",
        )
        for name in feed.fields:
            check(name in FIELDS, f"there is no field {name!r}: {did_you_mean(name, FIELDS)}")
        check("close" in feed.fields, "the field close is always there")
        _check_zone(feed.timezone)
        check(
            isinstance(feed.interval, int) and feed.interval > 0,
            f"the interval is {feed.interval!r}, not a number of ns",
        )
        check(bars.symbols == feed.symbols, "the bars have other symbols than the feed")
        check(tuple(bars.fields) == tuple(feed.fields), "the bars have other fields than the feed")
        check(bars.timezone == feed.timezone, "the bars have another zone than the feed")

    def test_a_part_is_a_slice_of_the_whole(self, tmp_path: Path) -> None:
        """E3: ``read(a, b)`` is ``read(0, T)[a:b]``, bit for bit, in any order of reading.

        When it fails: a value depends on where the reading begins. Look for a fill, an adjustment or a
        normalization that is done in `read`; do it once over everything, from the past to the future, or not at
        all.
        """
        feed = self.fresh(tmp_path)
        rows = len(feed.times())
        whole = feed.read(0, rows)
        found = differences({"time": feed.times()}, {"time": whole.time})
        check(not found, f"times() and read(0, {rows}).time: {found}")
        random = np.random.default_rng(0)
        cuts = [sorted(random.integers(0, rows + 1, 2).tolist()) for _ in range(12)]
        for start, stop in [(0, rows), (0, 1), (rows - 1, rows), (rows // 2, rows // 2), *cuts]:
            found = differences(_arrays(whole[start:stop]), _arrays(feed.read(start, stop)))
            check(not found, f"read({start}, {stop}) and the same rows of all: {found}")

    def test_arrays_are_read_only(self, tmp_path: Path) -> None:
        """E4: prices are float64 of shape (T, S) that nobody can write to.

        When it fails: set ``values.flags.writeable = False`` on every array once, when the data are read.
        """
        feed = self.fresh(tmp_path)
        bars = feed.read(0, len(feed.times()))
        shape = (len(bars), len(bars.symbols))
        for name, values in _arrays(bars).items():
            check(not values.flags.writeable, f"{name} can be written to")
            check(name == "time" or values.dtype == np.float64, f"{name} is {values.dtype}, not float64")
        for name, values in bars.fields.items():
            check(values.shape == shape, f"{name} has shape {values.shape}, not {shape}")
        for name, values in bars.reference.items():
            check(values.shape == shape[:1], f"reference {name} has shape {values.shape}, not {shape[:1]}")

    def test_bars_are_possible(self, tmp_path: Path) -> None:
        """E5: prices are above 0 or missing, and missing in all fields at once; low <= open, close <= high.

        When it fails: check what you read, and refuse it with a DataError that names file and row, unless the
        options say drop or flag.
        """
        feed = self.fresh(tmp_path)
        bars = feed.read(0, len(feed.times()))
        missing = np.isnan(bars.close)
        check(not missing.all(), "every bar is missing")
        for name, values in bars.fields.items():
            check((np.isnan(values) == missing).all(), f"{name} is missing where close is not, or the other way round")
            least = 0.0 if name == "volume" else np.nextafter(0.0, 1.0)
            bad = np.argwhere(~missing & ~((values >= least) & (values < np.inf)))
            check(
                not len(bad),
                f"{name} is {values[tuple(bad[0])] if len(bad) else 0} at row {bad[0][0] if len(bad) else 0}",
            )
        _check_ranges(bars)

    def test_the_fingerprint_is_of_the_data(self, tmp_path: Path) -> None:
        """E6: the fingerprint is hexadecimal, the same for the same data, another one when a price changes.

        When it fails: hash the bytes of the files, or of the arrays: not paths, not dates of files. The case needs
        your suite's `disturb` to change one price in the data that `prepare` wrote.
        """
        first = self.fresh(tmp_path / "first").fingerprint()
        check(
            isinstance(first, str) and len(first) >= 16,
            f"the fingerprint is {first!r}, not 16 hexadecimal digits or more",
        )
        check(set(first) <= set("0123456789abcdef"), f"the fingerprint {first!r} is not hexadecimal")
        check(
            first == self.fresh(tmp_path / "second").fingerprint(),
            "the same data in another folder have another fingerprint",
        )
        try:
            self.disturb(tmp_path / "second")
        except NotImplementedError:
            msg = f"give {type(self).__name__} a method disturb(self, folder) that changes one price of the data"
            raise AssertionError(msg) from None
        check(
            first != self.make(folder=tmp_path / "second").fingerprint(), "a price changed and the fingerprint did not"
        )

    def test_findings_are_sentences(self, tmp_path: Path) -> None:
        """E7: `findings` is a sequence of sentences, the same at each call.

        When it fails: return a tuple of texts, one for each thing that was dropped or flagged; empty when there was
        none.
        """
        feed = self.fresh(tmp_path)
        findings = list(feed.findings())
        check(all(isinstance(each, str) and each.strip() for each in findings), f"a finding is no sentence: {findings}")
        check(findings == list(feed.findings()), "the findings change from call to call")


def _arrays(bars: Bars) -> dict[str, NDArray[Any]]:
    return contents(Market(bars, {}))


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        raise AssertionError(f"{name!r} is no IANA zone, such as America/New_York or UTC") from None


def _check_ranges(bars: Bars) -> None:
    fields = bars.fields
    pairs = [("low", "high"), *(("low", n) for n in ("open", "close")), *((n, "high") for n in ("open", "close"))]
    for lower, upper in pairs:
        if lower in fields and upper in fields:
            bad = np.argwhere(fields[lower] > fields[upper])
            check(not len(bad), f"{lower} is above {upper} at row {bad[0][0] if len(bad) else 0}")
