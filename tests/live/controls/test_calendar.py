"""Calendars against facts that everybody can look up, and against exchange_calendars' own answers."""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, DataError
from darwin_core.live import calendar as module
from darwin_core.live.calendar import Always, Session, calendar

pytest.importorskip("exchange_calendars")
HOUR = 3_600_000_000_000


def at(text):
    """Nanoseconds of a UTC time."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.fixture(scope="module")
def new_york():
    return calendar("XNYS", date(1998, 1, 1), date(2027, 12, 31))


@pytest.fixture(scope="module")
def hong_kong():
    return calendar("XHKG", date(2024, 1, 1), date(2024, 12, 31))


@pytest.mark.parametrize(
    ("day", "opens", "closes", "early"),
    [
        ("2024-11-27", "14:30", "21:00", False),
        ("2024-11-29", "14:30", "18:00", True),  # the day after Thanksgiving
        ("2024-07-03", "13:30", "17:00", True),
        ("2024-12-24", "14:30", "18:00", True),
        ("2024-03-08", "14:30", "21:00", False),  # the last Friday of winter time
        ("2024-03-11", "13:30", "20:00", False),  # the first Monday of summer time
        ("1999-01-04", "14:30", "21:00", False),  # before the package's own window of twenty years
    ],
)
def test_a_session_opens_and_closes_when_the_exchange_says(new_york, day, opens, closes, early):
    session = new_york.session_of(at(f"{day} {opens}"))
    assert session == Session(day, at(f"{day} {opens}"), at(f"{day} {closes}"), early)
    assert new_york.is_open(at(f"{day} {opens}"))
    assert not new_york.is_open(at(f"{day} {opens}") - 1)
    assert new_york.is_open(at(f"{day} {closes}") - 1)
    assert not new_york.is_open(at(f"{day} {closes}"))


@pytest.mark.parametrize(
    "day",
    [
        "2024-03-29",
        "2024-06-19",
        "2001-09-11",
        "2001-09-14",
        "2012-10-29",
        "2018-12-05",
        "2025-01-09",
        "2024-11-30",
        "2023-01-02",
    ],
)
def test_holidays_and_closures_have_no_session(new_york, day):
    assert new_york.session_of(at(f"{day} 16:00")) is None
    assert not new_york.is_open(at(f"{day} 16:00"))


def test_the_next_open_and_close_pass_over_a_long_weekend(new_york):
    closed = at("2024-05-24 20:00")  # Friday before Memorial Day
    assert new_york.next_open(closed) == at("2024-05-28 13:30")
    assert new_york.next_close(closed) == at("2024-05-28 20:00")
    assert new_york.next_close(closed - 1) == closed


def test_london_closes_early_on_christmas_eve():
    london = calendar("XLON", date(2024, 12, 1), date(2024, 12, 31))
    session = london.session_of(at("2024-12-24 12:00"))
    assert (session.close, session.early) == (at("2024-12-24 12:30"), True)


def test_a_lunch_break_is_closed_and_its_end_is_an_opening(hong_kong):
    session = hong_kong.session_of(at("2024-05-20 04:30"))
    assert session.pause == (at("2024-05-20 04:00"), at("2024-05-20 05:00"))
    assert [hong_kong.is_open(at(f"2024-05-20 {t}")) for t in ("03:59", "04:00", "04:59", "05:00")] == [
        True,
        False,
        False,
        True,
    ]
    assert hong_kong.next_open(at("2024-05-20 04:00")) == at("2024-05-20 05:00")
    assert hong_kong.next_close(at("2024-05-20 03:00")) == at("2024-05-20 04:00")
    assert hong_kong.next_close(at("2024-05-20 04:30")) == at("2024-05-20 08:00")


def test_sessions_of_a_week(new_york):
    week = new_york.sessions(at("2024-11-25 00:00"), at("2024-12-01 00:00"))
    assert [each.day for each in week] == ["2024-11-25", "2024-11-26", "2024-11-27", "2024-11-29"]
    assert new_york.sessions(week[0].open, week[0].open) == week[:1]
    assert new_york.sessions(week[0].open + 1, week[1].open - 1) == ()


@given(st.integers(at("1998-01-05 00:00"), at("2027-12-20 00:00")))
def test_every_moment_agrees_with_the_package(new_york, time):
    import exchange_calendars
    import pandas as pd

    minute = time // (60 * 10**9) * 60 * 10**9
    stamp = pd.Timestamp(minute, tz="UTC")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = exchange_calendars.get_calendar("XNYS", start="1998-01-01", end="2027-12-31")
        expected = theirs.is_open_on_minute(stamp), theirs.next_open(stamp).value, theirs.next_close(stamp).value
    assert (new_york.is_open(minute), new_york.next_open(minute), new_york.next_close(minute)) == expected


@given(st.integers(at("2024-01-02 00:00"), at("2024-12-20 00:00")))
def test_open_close_and_session_agree_with_each_other(hong_kong, time):
    opens, closes = hong_kong.next_open(time), hong_kong.next_close(time)
    assert time < opens
    assert time < closes
    assert hong_kong.is_open(time) == (closes < opens)
    assert hong_kong.is_open(opens)
    assert not hong_kong.is_open(closes)
    session = hong_kong.session_of(time)
    assert (session is not None and session.is_open(time)) == hong_kong.is_open(time)


@pytest.mark.parametrize("ask", ["is_open", "session_of", "next_open", "next_close"])
def test_outside_of_its_days_a_calendar_answers_nothing(hong_kong, ask):
    for time in (at("2023-12-31 23:59"), at("2025-01-01 00:00")):
        with pytest.raises(DataError, match="is not in it: it was made from 2024-01-01"):
            getattr(hong_kong, ask)(time)
    assert hong_kong.session_of(at("2024-01-01 00:00")) is None
    assert hong_kong.session_of(at("2024-12-31 23:59")) is None


def test_after_the_last_session_the_next_one_is_not_guessed(hong_kong):
    with pytest.raises(DataError, match="no open is known after 2024-12-31 05:00:00 UTC"):
        hong_kong.next_open(at("2024-12-31 05:00"))


def test_a_session_that_opens_the_evening_before_is_known():
    futures = calendar("CMES", date(2024, 5, 20), date(2024, 5, 24))
    monday = futures.sessions(futures.start, futures.end - 1)[0]
    assert (monday.day, monday.open) == ("2024-05-20", at("2024-05-19 22:00"))
    assert futures.is_open(at("2024-05-19 23:00"))


def test_mistakes_are_told_in_a_sentence():
    with pytest.raises(ConfigError, match="there is no calendar 'XNYZ': did you mean"):
        calendar("XNYZ", date(2024, 1, 1), date(2024, 2, 1))
    with pytest.raises(ConfigError, match="its last day 2024-01-01 is before its first, 2024-02-01"):
        calendar("XNYS", date(2024, 2, 1), date(2024, 1, 1))
    with pytest.raises(ConfigError, match="1960"):
        calendar("XHKG", date(1900, 1, 1), date(2024, 2, 1))
    with pytest.raises(ConfigError, match="no sessions"):
        calendar("XNYS", date(2024, 12, 28), date(2024, 12, 29))


def test_without_the_package_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(ConfigError, match=r"pip install 'darwin-core\[live\]'"):
        calendar("XNYS", date(2024, 1, 1), date(2024, 2, 1))
    assert calendar("24/7", date(2024, 1, 1), date(2024, 2, 1)) == Always()


def test_around_the_clock_needs_neither_the_package_nor_pandas():
    code = (
        "import sys; from datetime import date; from darwin_core.live.calendar import calendar;"
        "assert calendar('24/7', date(2024, 1, 1), date(2024, 1, 2)).is_open(0);"
        "assert 'pandas' not in sys.modules and 'exchange_calendars' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=module.__file__.rsplit("/", 3)[0]
    )
    assert done.returncode == 0, done.stderr


@given(st.integers(at("1969-01-01 00:00"), at("2100-01-01 00:00")))
def test_around_the_clock_it_is_always_open_and_a_session_is_a_day(time):
    always = Always()
    session = always.session_of(time)
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time // 1000)
    assert always.is_open(time)
    assert session.is_open(time)
    assert session.day == day.date().isoformat()
    assert session.open <= time < session.close == session.open + 24 * HOUR
    assert always.next_open(time) == always.next_close(time) == session.close
    assert always.sessions(session.open, session.close) == (session, always.session_of(session.close))
    assert always.sessions(session.open + 1, session.close - 1) == ()
