"""The tape: as first seen, on disk before it is used, a feed like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core.errors import DataError
from darwin_core.live.tape import Slice, Tape
from darwin_core.testing import BarsFeed, daily_bars

HISTORY = BarsFeed(daily_bars(120, 3))
KNOWN = 100


def row_of(number: int) -> Slice:
    bars = HISTORY.read(number, number + 1)
    values = np.stack([bars.fields[name][0] for name in HISTORY.fields])
    reference = np.array([series[0] for series in bars.reference.values()])
    time = int(bars.time[0])
    return Slice(time, values, reference, np.where(np.isnan(bars.close[0]), 0, time + 7))


def tape_at(path: Path, **more) -> Tape:
    return Tape(HISTORY, KNOWN, path / "tape.sqlite", durable=False, **more)


def same(bars, other) -> None:
    np.testing.assert_array_equal(bars.time, other.time)
    for ours, theirs in ((bars.fields, other.fields), (bars.reference, other.reference)):
        assert list(ours) == list(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
            assert not ours[name].flags.writeable


@settings(max_examples=25, deadline=None)
@given(back=st.integers(-1, 40), cuts=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), max_size=8))
def test_it_reads_as_the_feed_would_wherever_it_keeps_its_rows(tmp_path_factory, back, cuts):
    tape = tape_at(tmp_path_factory.mktemp("tape"), back=back)
    for number in range(KNOWN, 120):
        tape.append(row_of(number))
    for cut in [(0, 120), (95, 105), *cuts]:
        start, stop = sorted(cut)
        same(tape.read(start, stop), HISTORY.read(start, stop))
    tape.close()


def test_memory_is_let_go_of_and_arrays_that_were_handed_out_stay(tmp_path):
    tape = tape_at(tmp_path, back=5)
    first = tape.read(98, 100)
    kept = first.close.copy()
    time = int(HISTORY.times()[-1])
    for n in range(3_000):
        row = row_of(110)
        tape.append(Slice(time + n + 1, row.values, row.reference, row.arrival))
    assert tape._values.shape[1] < 2_200
    np.testing.assert_array_equal(first.close, kept)
    assert len(tape.read(0, len(tape.times()))) == 3_100
    tape.close()


def test_what_was_appended_is_there_for_the_next_process(tmp_path):
    tape = tape_at(tmp_path)
    for number in range(KNOWN, 110):
        tape.append(row_of(number))
    left = Path(shutil.copytree(tmp_path, tmp_path / "killed"))  # the process is gone: nobody closes the file
    tape.append(row_of(110))
    tape.close()
    again = tape_at(left)
    assert len(again.times()) == 110
    same(again.read(0, 110), HISTORY.read(0, 110))
    assert again.row(105).arrival.tolist() == row_of(105).arrival.tolist()
    assert Tape.known_of(left / "tape.sqlite") == KNOWN
    again.close()


def test_a_bar_that_is_not_later_than_the_last_is_refused(tmp_path):
    tape = tape_at(tmp_path)
    tape.append(row_of(100))
    for number in (99, 100):
        with pytest.raises(DataError, match="not later than the last"):
            tape.append(row_of(number))
    tape.close()


def test_a_corrected_bar_is_a_revision_and_changes_no_row(tmp_path):
    tape = tape_at(tmp_path)
    tape.append(row_of(100))
    before, digest = tape.read(0, 101), tape.fingerprint()
    time = int(tape.times()[-1])
    first = row_of(100).values[:, 0]
    revisions = [tape.revise(time, "AAA", values, 5) for values in (first, first * 1.01, first * 1.01, first, first)]
    assert revisions == [0, 1, 0, 2, 0], "what is known already is no revision"
    assert [(each.revision, each.values) for each in tape.revisions()] == [
        (1, tuple((first * 1.01).tolist())),
        (2, tuple(first.tolist())),
    ]
    same(tape.read(0, 101), before)
    assert tape.fingerprint() == digest
    tape.close()


def test_a_bar_that_came_late_is_a_revision_of_nothing(tmp_path):
    tape = tape_at(tmp_path)
    row = row_of(100)
    values = row.values.copy()
    values[:, 0] = np.nan
    tape.append(Slice(row.time, values, row.reference, np.array([0, *row.arrival[1:]])))
    assert "AAA" in tape.late(100)
    assert tape.revise(row.time, "AAA", row.values[:, 0], 9) == 1
    assert np.isnan(tape.read(100, 101).close[0, 0])
    tape.close()


def test_a_watched_series_is_revised_too(tmp_path):
    tape = tape_at(tmp_path)
    tape.append(row_of(100))
    name = next(iter(HISTORY.bars.reference))
    value = row_of(100).reference[:1]
    assert [tape.revise(row_of(100).time, name, each, 1) for each in (value, value + 1, value + 1)] == [0, 1, 0]
    tape.close()


def test_the_tape_of_another_feed_is_refused(tmp_path):
    tape_at(tmp_path).close()
    with pytest.raises(DataError, match="recorded with another feed: known differ"):
        Tape(HISTORY, KNOWN - 1, tmp_path / "tape.sqlite")
    (tmp_path / "text").write_text("this is no tape, whatever its name says; " * 100)
    with pytest.raises(DataError, match="is not a tape"):
        Tape.known_of(tmp_path / "text")
