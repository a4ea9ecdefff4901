"""Rows on disk: only those that are asked for are read, and each is checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from darwin_arrays_feed import make_feed
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, DataError
from darwin_core.testing import fake_options

DAY = 86_400_000_000_000
TIME = (18_000 + np.arange(40)) * DAY


def write(folder: Path, **changes) -> None:
    """Write 40 days of two symbols; a change replaces an array, None leaves its file out."""
    folder.mkdir(exist_ok=True)
    close = 10 + np.arange(80.0).reshape(40, 2)
    arrays = {"time": TIME, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": close * 0}
    for name, values in {**arrays, **changes}.items():
        (folder / f"{name}.npy").unlink(missing_ok=True)
        if isinstance(values, bytes):
            (folder / f"{name}.npy").write_bytes(values)
        elif name != "symbols" and values is not None:
            np.save(folder / f"{name}.npy", values)
    (folder / "symbols.json").write_text(json.dumps(changes.get("symbols", ["A", "B"])))


def opened(folder: Path, **options):
    return make_feed(fake_options({"path": folder.name, "timezone": "UTC", **options}, folder.parent))


def test_bars_are_those_of_the_files(tmp_path):
    write(tmp_path / "p")
    feed = opened(tmp_path / "p")
    bars = feed.read(3, 7)
    assert feed.fields == ("open", "high", "low", "close", "volume")
    assert (feed.symbols, feed.interval, feed.timezone, feed.findings()) == (("A", "B"), DAY, "UTC", ())
    assert bars.time.tolist() == TIME[3:7].tolist()
    assert bars.close.tolist() == [[16.0, 17.0], [18.0, 19.0], [20.0, 21.0], [22.0, 23.0]]
    assert bars.close.flags.c_contiguous


def test_a_panel_of_closes_is_enough(tmp_path):
    write(tmp_path / "p", open=None, high=None, low=None, volume=None)
    assert opened(tmp_path / "p").fields == ("close",)


def test_only_the_wanted_rows_are_looked_at(tmp_path):
    close = 10 + np.arange(80.0).reshape(40, 2)
    close[20, 1] = -1
    write(tmp_path / "p", close=close, open=None, high=None, low=None, volume=None)
    feed = opened(tmp_path / "p")
    assert len(feed.read(0, 20)) == 20
    assert len(feed.read(21, 40)) == 19
    for start, stop in [(20, 21), (0, 40), (15, 25)]:
        with pytest.raises(DataError, match=r"a close that is not above zero: 1 in rows"):
            feed.read(start, stop)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("close", np.inf, "an infinite close"), ("volume", -1.0, "a negative volume"), ("open", 0.0, "open that is not above zero"),
        ("high", 1.0, "a high below the open"), ("low", 99.0, "a high below the low"), ("volume", np.nan, "a missing volume or close"),
        ("close", np.nan, "a missing open or close"), ("high", 18.5, "a high below the open"), ("low", 19.5, "a low above the open"),
    ],
)  # fmt: skip
def test_an_impossible_bar_is_refused_with_its_place(tmp_path, name, value, said):
    write(tmp_path / "p")
    values = np.load(tmp_path / "p" / f"{name}.npy")
    values[4, 1] = value
    write(tmp_path / "p", **{name: values})
    with pytest.raises(DataError, match=f"(?s){said}: 1 in rows 2 to 9.*row 4: B 2019-04-18T00:00:00Z open"):
        opened(tmp_path / "p").read(2, 10)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time": TIME[::-1]}, "time.npy: 39 times do not come after the one before; first: row 1"),
        ({"time": np.r_[TIME[:39], TIME[38]]}, "first: row 39"),
        ({"time": TIME // 10**9}, "may be seconds"),
        ({"time": TIME // 10**3}, "may be seconds"),
        ({"time": TIME.astype(float)}, "must be int64"),
        ({"time": TIME[:0]}, "time.npy"),
        ({"time": TIME[:30]}, r"the array is \(40, 2\), but there are 30 times and 2 symbols"),
        ({"time": np.r_[TIME[:39], TIME[38] + DAY // 2]}, "1 bars come sooner than the usual 86,400 s"),
        ({"time": None}, "time.npy: this array cannot be read: No such file"),
        ({"close": None}, "close.npy: this array cannot be read"),
        ({"close": np.ones((40, 2), ">f8")}, "it must be float64, little-endian"),
        ({"close": np.ones((40, 2), np.float32)}, "it must be float64"),
        ({"close": np.asfortranarray(np.ones((40, 2)))}, "in Fortran order"),
        ({"close": np.ones(40)}, "1-dimensional"),
        ({"close": np.array([[object()]])}, "cannot be read"),
        ({"close": b""}, "cannot be read"),
        ({"close": b"PK\x03\x04"}, "close.npy"),
        ({"close": b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}"}, "cannot be read"),
        ({"symbols": ["A", "A"]}, "'A' stands there more than once"),
        ({"symbols": ["A"]}, "1 symbols"),
        ({"symbols": []}, "write the names"),
        ({"symbols": {"A": 1}}, "write the names"),
        ({"symbols": ["A", " B"]}, "write the names"),
        ({"symbols": ["A", 2]}, "write the names"),
    ],
)
def test_a_folder_that_cannot_be_understood_is_refused(tmp_path, changes, said):
    if isinstance(changes.get("close"), np.ndarray) and changes["close"].dtype == object:
        np.save(tmp_path / "object.npy", changes["close"], allow_pickle=True)
        changes = {"close": (tmp_path / "object.npy").read_bytes()}
    write(tmp_path / "p", **changes)
    with pytest.raises(DataError, match=said):
        opened(tmp_path / "p")


def test_bars_that_come_sooner_are_accepted_when_the_interval_is_stated(tmp_path):
    write(tmp_path / "p", time=np.r_[TIME[:39], TIME[38] + DAY // 2])
    assert opened(tmp_path / "p", interval="1d").interval == DAY


@pytest.mark.parametrize(
    "options",
    [
        {"path": "gone"},
        {"path": "a\0b"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../x"},
        {"timezone": ""},
        {"interval": "daily"},
        {"fields": ["close"]},
    ],
)
def test_options_that_make_no_sense_are_refused_with_their_line(tmp_path, options):
    write(tmp_path / "p")
    with pytest.raises(ConfigError, match=r"darwin.toml:[234]: plugin"):
        opened(tmp_path / "p", **options)


def test_a_file_that_became_shorter_is_refused(tmp_path):
    write(tmp_path / "p")
    feed = opened(tmp_path / "p")
    with (tmp_path / "p" / "close.npy").open("rb+") as file:
        file.truncate(400)
    with pytest.raises(DataError, match=r"close.npy: this file has become shorter"):
        feed.read(0, 40)


def test_the_fingerprint_is_of_the_content_and_not_of_the_header(tmp_path):
    write(tmp_path / "p")
    first = opened(tmp_path / "p").fingerprint()
    close = np.load(tmp_path / "p" / "close.npy")
    with (tmp_path / "p" / "close.npy").open("wb") as file:
        np.lib.format.write_array(file, close, version=(3, 0))
    assert opened(tmp_path / "p").fingerprint() == first
    assert opened(tmp_path / "p", timezone="America/New_York").fingerprint() != first
    write(tmp_path / "p", symbols=["A", "C"])
    assert opened(tmp_path / "p").fingerprint() != first


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "p"


@given(st.sampled_from(["close", "time", "high"]), st.integers(0, 800), st.binary(max_size=9), st.booleans())
def test_a_file_with_a_few_bytes_changed_or_cut_is_refused_or_right(folder, name, place, change, cut):
    write(folder)
    whole = (folder / f"{name}.npy").read_bytes()
    write(folder, **{name: whole[:place] if cut else whole[:place] + change + whole[place + len(change) :]})
    try:
        bars = opened(folder).read(0, 40)
    except DataError as error:
        assert str(folder) in str(error)
        return
    assert (np.diff(bars.time) > 0).all()
    assert ((bars.close > 0) & (bars.close <= bars.high) & (bars.close >= bars.low) & np.isfinite(bars.high)).all()


@given(st.binary(max_size=60))
def test_symbols_that_are_no_list_are_refused(folder, content):
    write(folder)
    (folder / "symbols.json").write_bytes(content)
    with pytest.raises(DataError, match="symbols"):
        opened(folder)


def test_the_readmes_programs_make_a_folder_that_opens(tmp_path, monkeypatch):
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    days = [f"2020-07-{d:02}" for d in (6, 7, 8, 9)]
    monkeypatch.chdir(tmp_path)
    rows = [f"{day},{symbol},{i + 1}" for i, day in enumerate(days) for symbol in "AB" if (i, symbol) != (1, "B")]
    Path("prices.csv").write_text("\n".join(["date,symbol,close", *rows]))
    exec(programs[0], {})  # noqa: S102
    time = np.load("panel/time.npy")
    for symbol, own in {"A": time, "B": np.delete(time, 1)}.items():
        np.save(f"{symbol}-time.npy", own)
        np.save(f"{symbol}-volume.npy", np.arange(float(len(own))))
    exec(programs[1], {})  # noqa: S102
    bars = opened(tmp_path / "panel").read(0, 4)
    assert [str(t) for t in bars.time.view("datetime64[h]".replace("[h]", "[ns]")).astype("datetime64[h]")] == [
        f"{day}T20" for day in days
    ]
    np.testing.assert_array_equal(bars.close, [[1, 1], [2, np.nan], [3, 3], [4, 4]])
    np.testing.assert_array_equal(bars.volume, [[0, 0], [1, np.nan], [2, 1], [3, 2]])
