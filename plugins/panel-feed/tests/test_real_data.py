"""The vendored prices, against a reading of the files by the standard library alone."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from darwin_panel_feed import make_feed

from darwin_core.testing import fake_options

if TYPE_CHECKING:
    from pathlib import Path

NEW_YORK = ZoneInfo("America/New_York")


def open_feed(data: Path, **options: Any):
    return make_feed(fake_options({"timezone": "America/New_York", **options}, data))


def rows_of(path: Path) -> list[dict[str, str]]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def session_close(day: str, clock: str = "16:00") -> int:
    return ns(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK))


def test_the_long_panel_has_every_close_of_the_file(data):
    feed = open_feed(data, path="us20/prices.csv.gz")
    rows = rows_of(data / "us20/prices.csv.gz")
    assert (len(feed.symbols), len(feed.times()), feed.fields) == (20, 8313, ("close",))
    assert feed.findings() == ()
    bars = feed.read(0, 8313)
    place = {int(time): i for i, time in enumerate(bars.time)}
    for row in rows[::97]:
        value = bars.close[place[session_close(row["date"])], feed.symbols.index(row["symbol"])]
        assert value == float(row["close"])
    assert np.isfinite(bars.close).sum() == len(rows)


def test_one_file_a_symbol_keeps_what_is_missing_missing(data):
    feed = open_feed(data, path="us4")
    bars = feed.read(0, len(feed.times()))
    assert feed.symbols == ("AAPL", "GOOG", "IBM", "MSFT")
    assert feed.fields == ("open", "high", "low", "close", "volume")
    for symbol, count in zip(feed.symbols, (3270, 2148, 3270, 3270), strict=True):
        column = feed.symbols.index(symbol)
        rows = rows_of(data / f"us4/{symbol}.csv")
        there = ~np.isnan(bars.close[:, column])
        assert there.sum() == count
        assert [int(t) for t in bars.time[there]] == [session_close(row["date"]) for row in rows]
        for name, values in bars.fields.items():
            assert np.isnan(values[~there, column]).all()
            assert values[there, column].tolist() == [float(row[name]) for row in rows]


def test_adjusted_prices_are_scaled_by_one_factor_a_bar(data):
    plain, adjusted = (open_feed(data, path="us4/AAPL.csv", **more) for more in ({}, {"adjust": "adj_close"}))
    raw, scaled = plain.read(0, 3270), adjusted.read(0, 3270)
    wanted = np.array([float(row["adj_close"]) for row in rows_of(data / "us4/AAPL.csv")])
    np.testing.assert_allclose(scaled.close[:, 0], wanted, rtol=4e-16)
    for name in ("open", "high", "low"):
        np.testing.assert_allclose(scaled.fields[name] / scaled.close, raw.fields[name] / raw.close, rtol=1e-15)
    np.testing.assert_allclose(scaled.volume * scaled.close, raw.volume * raw.close, rtol=1e-15)
    assert (scaled.high >= np.maximum(scaled.open, np.maximum(scaled.close, scaled.low))).all()


def test_hourly_bars_stamped_at_their_open_are_complete_an_hour_later(data):
    feed = open_feed(data, path="eurusd-1h/EURUSD.csv", timezone="UTC", stamp="open")
    rows = rows_of(data / "eurusd-1h/EURUSD.csv")
    opens = [datetime.fromisoformat(row["time"]).replace(tzinfo=UTC) for row in rows]
    assert feed.times().tolist() == [ns(each + timedelta(hours=1)) for each in opens]
    assert feed.interval == 3_600 * 10**9
    assert feed.findings() == ()


def test_a_daily_index_beside_an_hourly_panel_is_known_only_after_its_session(data):
    vix = {"path": "index/VIX.csv", "timezone": "America/New_York", "session_close": "16:15", "align": "last"}
    feed = open_feed(data, path="eurusd-1h/EURUSD.csv", timezone="UTC", stamp="open", reference={"VIX": vix})
    bars = feed.read(0, len(feed.times()))
    known = [(session_close(row["date"], "16:15"), float(row["close"])) for row in rows_of(data / "index/VIX.csv")]
    for i in range(0, len(bars), 61):
        assert bars.reference["VIX"][i] == max((k for k in known if k[0] <= bars.time[i]), key=lambda k: k[0])[1]


def test_a_reference_has_a_value_on_its_own_days_only(data):
    feed = open_feed(data, path="us20/prices.csv.gz", symbols=["XOM", "AAPL"], reference={"VIX": "index/VIX.csv"})
    bars = feed.read(0, len(feed.times()))
    expected = {session_close(row["date"]): float(row["close"]) for row in rows_of(data / "index/VIX.csv")}
    found = {int(t): v for t, v in zip(bars.time, bars.reference["VIX"], strict=True) if not np.isnan(v)}
    assert found == expected
    assert feed.symbols == ("XOM", "AAPL")
    assert "VIX has no value on 7,054 of 8,313 bars" in feed.findings()[0]


@pytest.mark.parametrize("options", [{"path": "us20/prices.csv.gz"}, {"path": "us4", "adjust": "adj_close"}])
def test_arrays_are_contiguous_and_cannot_be_written(data, options):
    feed = open_feed(data, reference={"SP500": "index/SP500.csv"}, **options)
    bars = feed.read(5, 50)
    for array in (bars.time, feed.times(), *bars.fields.values(), *bars.reference.values()):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_the_fingerprint_of_the_demo_data_never_changes(data):
    feed = open_feed(data, path="us20/prices.csv.gz", reference={"SP500": "us20/SP500.csv"})
    assert feed.fingerprint() == "66080da21e94107f101b1a158d8fde17f9dbcc431fdcd952a066e381c456932e"
