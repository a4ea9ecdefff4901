"""Rows that are appended while a session runs: each comes once, whole, and a corrected one comes again."""

from __future__ import annotations

import asyncio
import os

import numpy as np
import pytest
from darwin_panel_feed import make_feed
from darwin_panel_feed.follow import FollowedPanel
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core import BarEvent, ConfigError, Finding, Stream
from darwin_core.testing import fake_options

HEADER = "date,symbol,open,high,low,close,volume\n"
DAYS = [f"2020-01-{day:02}" for day in (6, 7, 8, 9, 10, 13, 14, 15, 16, 17)]


def line(day: str, symbol: str = "A", close: float = 10.0) -> str:
    return f"{day},{symbol},{close},{close + 1},{close - 1},{close},100\n"


def ns(day: str) -> int:
    return int(np.datetime64(f"{day}T21:00", "ns").astype(np.int64))


class Files:
    """A folder with a growing file, and what a follower makes of it."""

    def __init__(self, folder, begin="", **options):
        self.path = folder / "bars.csv"
        self.path.write_text(HEADER + (begin or line(DAYS[0]) + line(DAYS[0], "B")))
        table = {"path": "bars.csv", "timezone": "America/New_York", "follow": True, **options}
        self.feed = make_feed(fake_options(table, folder))
        self.follower = self.feed.follower(int(self.feed.times()[-1]))

    def append(self, text, path=None):
        with (path or self.path).open("a") as file:
            file.write(text)

    def rewrite(self, text):
        other = self.path.with_suffix(".new")
        other.write_text(text)
        os.replace(other, self.path)  # noqa: PTH105

    def look(self):
        """Return the bars as (day, symbol, close), and what was told."""
        found = self.follower.look()
        bars = [event for event in found if isinstance(event, BarEvent)]
        told = [event.text for event in found if isinstance(event, Finding)]
        shown = [(str(np.datetime64(bar.time, "ns"))[:10], bar.symbol, float(bar.values[-2:][0])) for bar in bars]
        return shown, told


@pytest.fixture
def files(tmp_path):
    return lambda begin="", **options: Files(tmp_path, begin, **options)


def test_only_a_feed_that_follows_has_live_bars(tmp_path):
    made = Files(tmp_path)
    assert isinstance(made.feed, Stream)
    plain = make_feed(fake_options({"path": "bars.csv", "timezone": "UTC"}, tmp_path))
    assert not isinstance(plain, Stream)
    assert plain.times().shape == made.feed.times().shape


def test_appended_rows_come_once(files):
    made = files()
    assert made.look() == ([], [])
    made.append(line(DAYS[1]) + line(DAYS[1], "B", 20.0))
    assert made.look() == ([(DAYS[1], "A", 10.0), (DAYS[1], "B", 20.0)], [])
    assert made.look() == ([], [])
    made.append(line(DAYS[2]))
    assert made.look() == ([(DAYS[2], "A", 10.0)], [])


def test_a_bar_is_the_feeds_own_bar(files):
    made = files()
    made.append(line(DAYS[1], "A", 12.5))
    (event,) = made.follower.look()
    again = make_feed(fake_options({"path": "bars.csv", "timezone": "America/New_York"}, made.path.parent))
    assert event.time == again.times()[1]
    assert event.values.tolist() == [values[1, 0] for values in again.read(0, 2).fields.values()]
    assert event.arrival > 0


def test_a_torn_last_line_is_waited_for_in_the_history_and_live(files):
    made = files(line(DAYS[0]) + line(DAYS[1])[:-3])
    assert len(made.feed.times()) == 1
    made.append("00\n" + line(DAYS[2])[:14])
    assert [bar[0] for bar in made.look()[0]] == [DAYS[1]]
    assert made.look() == ([], [])
    made.append(line(DAYS[2])[14:])
    assert [bar[0] for bar in made.look()[0]] == [DAYS[2]]


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=15), looks=st.integers(1, 3))
def test_wherever_writing_is_cut_each_row_comes_once_and_whole(tmp_path_factory, cuts, looks):
    made = Files(tmp_path_factory.mktemp("follow"))
    rows = [line(day, symbol, 10.0 + n) for n, day in enumerate(DAYS[1:]) for symbol in "AB"]
    text, seen = "".join(rows), []
    for cut in [*cuts, len(text)]:
        made.append(text[:cut])
        text = text[cut:]
        for _ in range(looks):
            bars, told = made.look()
            assert told == []
            seen += bars
    assert seen == [(day, symbol, 10.0 + n) for n, day in enumerate(DAYS[1:]) for symbol in "AB"]


def test_a_file_that_is_written_anew_brings_what_has_changed(files):
    made = files(line(DAYS[0]) + line(DAYS[1]))
    made.look()
    made.rewrite(HEADER + line(DAYS[0]) + line(DAYS[1], close=11.0) + line(DAYS[2]))
    bars, (told,) = made.look()
    assert bars == [(DAYS[1], "A", 11.0), (DAYS[2], "A", 10.0)]
    assert "was written anew: 1 bars changed, 1 new" in told
    assert made.look() == ([], [])


def test_a_file_that_is_half_written_takes_nothing_back(files):
    made = files("".join(line(day) for day in DAYS))
    made.look()
    made.rewrite(HEADER + line(DAYS[0]))
    assert made.look()[0] == []
    made.append(line(DAYS[1]))
    assert made.look()[0] == []
    made.rewrite(HEADER + "".join(line(day) for day in DAYS))
    assert made.look()[0] == []
    made.append(line("2020-01-20"))
    assert [bar[0] for bar in made.look()[0]] == ["2020-01-20"]


def test_a_file_that_is_away_for_a_while_is_told_once(files):
    made = files()
    made.look()
    text = made.path.read_text()
    made.path.unlink()
    assert "cannot be read" in made.look()[1][0]
    assert made.look() == ([], [])
    made.path.write_text(text + line(DAYS[1]))
    assert [bar[0] for bar in made.look()[0]] == [DAYS[1]]


def test_a_bad_line_is_told_with_its_number_and_the_others_come(files):
    made = files()
    made.look()
    made.append(line(DAYS[1]) + f"{DAYS[1]},B,10,9,9,10,1\n" + f"{DAYS[2]},A,x,1,1,1,1\n" + "1,2\n" + line(DAYS[3]))
    bars, (told,) = made.look()
    assert [bar[0] for bar in bars] == [DAYS[1], DAYS[3]]
    for words in ("line 5: B", "line 6: A", "line 7", "left out"):
        assert words in told
    assert made.look() == ([], [])


def test_lines_that_cannot_be_read_at_all_do_not_stop_what_follows(files):
    made = files()
    made.look()
    made.append('2020-01-07,"A,10,11,9,10,1\n')
    bars, told = made.look()
    assert bars == []
    assert len(told) == 1
    made.append(line(DAYS[2]))
    assert [bar[0] for bar in made.look()[0]] == [DAYS[2]]


def test_bars_that_are_stamped_at_their_open_come_at_their_end(tmp_path):
    path = tmp_path / "X.csv"
    path.write_text("time,close\n" + "".join(f"2020-01-06T{h:02}:00,10\n" for h in range(9, 14)))
    table = {"path": "X.csv", "timezone": "UTC", "stamp": "open", "follow": True}
    feed = make_feed(fake_options(table, tmp_path))
    follower = feed.follower(int(feed.times()[-1]))
    with path.open("a") as file:
        file.write("2020-01-06T14:00,11\n2020-01-06T15:00,12\n")
    assert [str(np.datetime64(e.time, "ns"))[11:16] for e in follower.look()] == ["15:00", "16:00"]


def test_a_watched_series_comes_with_the_bars_and_again_when_it_changes(tmp_path):
    for name in ("VIX", "SPX"):
        (tmp_path / f"{name}.csv").write_text(f"date,close\n{DAYS[0]},20\n")
    spec = {name: {"path": f"{name}.csv", "align": align} for name, align in (("VIX", "last"), ("SPX", "exact"))}
    made = Files(tmp_path, reference=spec)
    made.append(line(DAYS[1]))
    assert {(e.symbol, float(e.values[-1])) for e in made.follower.look()} == {("A", 100.0), ("VIX", 20.0)}
    for name in ("VIX", "SPX"):
        made.append(f"{DAYS[1]},21\n", tmp_path / f"{name}.csv")
    found = made.follower.look()
    assert [(e.time, e.symbol, e.values.tolist()) for e in found] == [
        (ns(DAYS[1]), "VIX", [21.0]), (ns(DAYS[1]), "SPX", [21.0]),
    ]  # fmt: skip
    assert made.follower.look() == []


def test_a_stream_brings_what_was_written_before_it_began_and_then_what_comes(tmp_path, monkeypatch):
    monkeypatch.setattr("darwin_panel_feed.follow._POLL_S", 0.01)
    made = Files(tmp_path)
    made.append(line(DAYS[1]))

    async def take():
        seen = []
        bars = made.feed.stream(ns(DAYS[0]))
        async with asyncio.timeout(20):
            async for event in bars:
                seen.append(event.time)
                if len(seen) == 1:
                    made.append(line(DAYS[2]))
                if len(seen) == 2:
                    break
        await bars.aclose()
        return seen

    assert isinstance(made.feed, FollowedPanel)
    assert asyncio.run(take()) == [ns(DAYS[1]), ns(DAYS[2])]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"path": "bars.csv.gz"}, "rows can be appended to .csv files only"), ({"end": "2020-02-01"}, "has no last day")],
)
def test_what_cannot_be_followed_is_refused(tmp_path, options, words):
    import gzip

    (tmp_path / "bars.csv.gz").write_bytes(gzip.compress((HEADER + line(DAYS[0])).encode()))
    with pytest.raises(ConfigError, match=words):
        Files(tmp_path, **options)
