"""What a stamp means, and that no bar is taken to be known too early."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from darwin_panel_feed import zones
from darwin_panel_feed.options import DAY, HOUR
from darwin_panel_feed.stamps import _ISO, _parse_parts, parse
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, DataError

HOURS = [f"2020-01-0{d}T{h:02}:00" for d in (6, 7, 8) for h in range(9, 16)]


def csv_of(stamps, close=10.0, header="time"):
    return f"{header},close\n" + "".join(f"{stamp},{close}\n" for stamp in stamps)


def utc(*stamps: str) -> list[int]:
    return np.array(stamps, "datetime64[ns]").astype(np.int64).tolist()


def test_a_date_is_known_at_the_sessions_close_in_winter_and_summer(feed):
    made = feed({"A.csv": csv_of(["2020-01-06", "2020-07-06"])})
    assert made.times().tolist() == utc("2020-01-06T21:00", "2020-07-06T20:00")
    assert made.interval == DAY


def test_the_sessions_close_can_be_said_and_may_be_midnight(feed):
    made = feed({"A.csv": csv_of(["2020-01-06", "2020-01-07"])}, session_close="24:00", timezone="UTC")
    assert made.times().tolist() == utc("2020-01-07", "2020-01-08")


def test_a_date_stamped_at_its_open_is_known_a_day_later(feed):
    made = feed({"A.csv": csv_of(["2020-01-06", "2020-01-07"])}, stamp="open")
    assert made.times().tolist() == utc("2020-01-07T05:00", "2020-01-08T05:00")


def test_a_day_that_is_longer_by_the_change_of_clocks_is_not_known_an_hour_early(feed):
    days = [f"2020-{day}T00:00" for day in ("10-30", "10-31", "11-01", "11-02", "11-03")]
    made = feed({"A.csv": csv_of(days)}, stamp="open")
    assert made.times().tolist()[2] == utc("2020-11-02T05:00")[0]  # 25 hours after 2020-11-01T04:00Z


def test_times_need_to_say_whether_they_are_the_open_or_the_close(feed):
    with pytest.raises(DataError, match='stamp = "open" or "close"'):
        feed({"A.csv": csv_of(HOURS)})


@pytest.mark.parametrize("stamps", [["2020-01-06", "2020-01-07"], HOURS])
def test_stamps_without_an_offset_need_a_time_zone(feed, stamps):
    with pytest.raises(DataError, match="timezone ="):
        feed({"A.csv": csv_of(stamps)}, timezone=None, stamp="close")


def test_stamps_with_an_offset_need_no_time_zone(feed):
    made = feed({"A.csv": csv_of([f"{h}:00+02:00" for h in HOURS])}, timezone=None, stamp="close")
    assert made.times()[0] == utc("2020-01-06T07:00")[0]
    assert made.timezone == "UTC"


def test_a_time_zone_that_does_not_exist_is_refused_with_the_nearest(feed):
    with pytest.raises(ConfigError, match=r"darwin.toml:3: plugin.timezone: .*did you mean 'America/New_York'"):
        feed({"A.csv": csv_of(HOURS)}, timezone="America/New_Yrok")


@pytest.mark.parametrize("zone", ["+05:00", "../UTC", "America", "a b", "\u00fc"])
def test_what_is_no_zone_name_is_refused(feed, zone):
    with pytest.raises(ConfigError, match="timezone"):
        feed({"A.csv": csv_of(HOURS)}, timezone=zone)


SPRING = [f"2020-03-08T{h:02}:30" for h in (0, 1, 2, 3, 4, 5, 6)]
AUTUMN = [f"2020-11-01T{h:02}:30" for h in (0, 1, 2, 3, 4, 5, 6)]


def test_an_hour_that_the_clock_skipped_is_refused_or_dropped(feed):
    with pytest.raises(
        DataError,
        match=r"(?s)local times that the clock skipped .daylight saving.: 1 row.*line 4: A 2020-03-08T02:30.*nonexistent = \"drop\"",
    ):
        feed({"A.csv": csv_of(SPRING)}, stamp="close")
    made = feed({"A.csv": csv_of(SPRING)}, stamp="close", policy={"nonexistent": "drop"})
    assert len(made.times()) == 6
    assert "left out" in made.findings()[0]


def test_an_hour_that_came_twice_is_refused_dropped_or_the_later_one(feed):
    with pytest.raises(DataError, match=r'ambiguous = "drop" .* or "later"'):
        feed({"A.csv": csv_of(AUTUMN)}, stamp="close")
    assert len(feed({"A.csv": csv_of(AUTUMN)}, stamp="close", policy={"ambiguous": "drop"}).times()) == 6
    made = feed({"A.csv": csv_of(AUTUMN)}, stamp="close", policy={"ambiguous": "later"})
    assert made.times().tolist()[1] == utc("2020-11-01T06:30")[0]


def test_start_and_end_are_days_of_the_bars_and_inclusive(feed):
    stamps = [f"2020-01-{d:02}T{h:02}:00" for d in range(6, 11) for h in (0, 8, 16)]
    closes = feed({"A.csv": csv_of(stamps)}, stamp="close", timezone="UTC", start="2020-01-07", end="2020-01-08")
    assert closes.times()[[0, -1]].tolist() == utc("2020-01-07T08:00", "2020-01-09T00:00")
    opens = feed({"A.csv": csv_of(stamps)}, stamp="open", timezone="UTC", start="2020-01-07", end="2020-01-08")
    assert opens.times()[[0, -1]].tolist() == utc("2020-01-07T08:00", "2020-01-09T00:00")


def test_defects_outside_of_the_wanted_days_do_not_matter(feed):
    text = csv_of(["2020-01-06", "2020-01-07", "2020-01-08"]).replace("06,10.0", "06,-10.0")
    assert len(feed({"A.csv": text}, start="2020-01-07").times()) == 2


def test_no_row_between_the_wanted_days_is_refused(feed):
    with pytest.raises(DataError, match="no row is left between the wanted days"):
        feed({"A.csv": csv_of(["2020-01-06"])}, start="2021-01-01")


@pytest.mark.parametrize("day", ["2020-02-30", "20200101", "yesterday", "0001-01-01"])
def test_a_start_that_is_no_day_is_refused(feed, day):
    with pytest.raises(ConfigError, match="start"):
        feed({"A.csv": csv_of(["2020-01-06"])}, start=day)


@pytest.mark.parametrize(
    ("stamp", "form"),
    [("06.01.2020 09:30", "%d.%m.%Y %H:%M"), ("20200106 093000", "%Y%m%d %H%M%S"), ("1/6/2020 9:30", "%m/%d/%Y %H:%M"),
     ("1578321000", "epoch_s"), ("1578321000000", "epoch_ms"), ("1578321000000000000", "epoch_ns")],
)  # fmt: skip
def test_other_forms_of_time_can_be_said(feed, stamp, form):
    made = feed({"A.csv": csv_of([stamp])}, time_format=form, stamp="close", interval="1h")
    assert made.times().tolist() == utc("2020-01-06T14:30")


@pytest.mark.parametrize("form", ["%d.%m.%y", "%Y-%m-%d %z", "%Y-%m-%m-%d", "epoch", "%", "%Y"])
def test_a_time_format_that_is_not_understood_is_refused(feed, form):
    with pytest.raises(ConfigError, match="time_format"):
        feed({"A.csv": csv_of(["2020-01-06"])}, time_format=form)


def test_dates_of_weeks_may_be_their_first_or_last_day_and_are_refused(feed):
    weeks = [str(np.datetime64("2020-01-06") + 7 * i) for i in range(8)]
    with pytest.raises(DataError, match="first or last day"):
        feed({"A.csv": csv_of(weeks)})
    assert feed({"A.csv": csv_of(weeks)}, stamp="close").times()[0] == utc("2020-01-06T21:00")[0]
    assert feed({"A.csv": csv_of(weeks)}, stamp="open").times()[0] == utc("2020-01-13T05:00")[0]


def test_months_stamped_at_their_open_are_refused(feed):
    months = [f"2020-{m:02}-01" for m in range(1, 13)]
    with pytest.raises(DataError, match="does not tell their end"):
        feed({"A.csv": csv_of(months)}, stamp="open")
    assert feed({"A.csv": csv_of(months)}, stamp="close").findings() == ()


def test_one_bar_alone_does_not_tell_the_interval(feed):
    with pytest.raises(DataError, match="interval ="):
        feed({"A.csv": csv_of(HOURS[:1])}, stamp="open")
    made = feed({"A.csv": csv_of(HOURS[:1])}, stamp="open", interval="15min")
    assert made.times().tolist() == utc("2020-01-06T14:15")


def test_times_of_day_among_dates_are_refused(feed):
    with pytest.raises(DataError, match=r"(?s)cells that cannot be read: 1 row.*line 3: A 2020-01-07T16:00"):
        feed({"A.csv": csv_of(["2020-01-06", "2020-01-07T16:00", "2020-01-08"])})
    with pytest.raises(DataError, match="has a time of day"):
        feed({"A.csv": csv_of(HOURS)}, stamp="date")


def test_midnights_are_dates_when_that_is_said(feed):
    made = feed({"A.csv": csv_of(["2020-01-06 00:00:00-05:00", "2020-01-07 00:00:00-05:00"])}, stamp="date")
    assert made.times().tolist() == utc("2020-01-06T21:00", "2020-01-07T21:00")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([18267, 18268], pa.date32()),
        pa.array(utc("2020-01-06", "2020-01-07"), pa.timestamp("ns")),
        pa.array([t // 10**9 for t in utc("2020-01-06", "2020-01-07")], pa.timestamp("s")),
        pa.array(utc("2020-01-06T05:00", "2020-01-07T05:00"), pa.timestamp("ns", "America/New_York")),
        pa.array(["2020-01-06", "2020-01-07"]),
        pa.array(["2020-01-06", "2020-01-07"]).dictionary_encode(),
    ],
)
def test_parquet_dates_of_any_type_mean_the_same(feed, column):
    made = feed({"A.parquet": parquet({"Date": column, "close": [1.0, 2.0]})}, stamp="date")
    assert made.times().tolist() == utc("2020-01-06T21:00", "2020-01-07T21:00")


def parquet(columns) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_numbers_are_no_times_until_their_unit_is_said(feed):
    content = parquet({"time": pa.array([1578321000, 1578324600]), "close": [1.0, 2.0]})
    with pytest.raises(DataError, match="time_format"):
        feed({"A.parquet": content}, stamp="close")
    assert feed({"A.parquet": content}, stamp="close", time_format="epoch_s").interval == HOUR


DIGITS = st.integers(0, 99).map("{:02}".format)
STAMP = st.builds(
    "{}-{}-{}{}".format,
    st.sampled_from(["2020", "1999", "1700", "2199", "1600", "9999", "20"]),
    st.one_of(DIGITS, st.integers(1, 12).map("{:02}".format)),
    st.one_of(DIGITS, st.integers(27, 31).map("{:02}".format)),
    st.sampled_from(
        ["", "T10", " 10:30", "T23:59:59", "T24:00", "T10:00:60", "T10:30:00.25", "T10:00Z", "T10:00+05:30", "x"]
    ),
)


@given(STAMP)
def test_the_slow_and_the_fast_parser_agree(stamp):
    """The fast one parses a column at once; the slow one finds the cells that are to blame."""
    fast = parse(pa.array([stamp]), "", None, "time")
    slow = _parse_parts(pa.array([stamp]), _ISO)
    assert fast.bad.tolist() == slow.bad.tolist()
    if not fast.bad[0]:
        assert (fast.time.tolist(), fast.kind) == (slow.time.tolist(), slow.kind)


@given(
    st.integers(0, 2**32),
    st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo"]),
)
def test_a_wall_clock_that_went_to_utc_and_back_is_the_same_or_known_to_be_strange(seconds, zone):
    wall = np.array([seconds * 10**9])
    time, nonexistent, ambiguous = zones.to_utc(wall, zone)
    back = zones.to_wall(time, zone)
    assert nonexistent[0] == (back != wall)[0]
    assert (back >= wall)[0]
    if ambiguous[0]:
        # The other time at which the clock showed this is earlier.
        assert any((zones.to_wall(time - shift * HOUR // 2, zone) == wall)[0] for shift in (1, 2))
