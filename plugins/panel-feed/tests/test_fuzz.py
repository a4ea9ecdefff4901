"""Whatever stands in a file or an option: bars that can be trusted, or a sentence; never a traceback."""

from __future__ import annotations

import contextlib
import gzip
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from darwin_panel_feed import make_feed
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, DataError
from darwin_core.testing import fake_options

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core import Feed

HEADER = "date,symbol,open,high,low,close,adj,volume"
DAYS = [f"2020-01-{d:02}" for d in (6, 7, 8, 9, 10, 13)]
ROWS = [f"{day},{symbol},10,12,9,11,5.5,{100 + i}" for i, day in enumerate(DAYS) for symbol in "AB"]
DROP = dict.fromkeys(("unparsable", "missing", "infinite", "nonpositive", "negative_volume", "range", "nonexistent", "ambiguous", "unordered", "duplicate"), "drop") | {"interval": "flag"}  # fmt: skip
KEEP = {**DROP, "range": "flag", "unordered": "flag", "ambiguous": "later"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def opened(folder: Path, name: str, content: bytes, **options: Any) -> Feed | None:
    """Open a feed on one file; None when it was refused with a sentence."""
    (folder / name).write_bytes(content)
    table = {"path": name, "timezone": "America/New_York", **options}
    try:
        return make_feed(fake_options(table, folder))
    except (DataError, ConfigError) as error:
        assert name in str(error) or "darwin.toml" in str(error)
        return None


def check(feed: Feed | None, *, ranges: bool = True) -> None:
    """Check what every feed promises."""
    if feed is None:
        return
    times = feed.times()
    bars = feed.read(0, len(times))
    assert len(times)
    assert (np.diff(times) > 0).all()
    gone = np.isnan(bars.close)
    assert not gone.all(axis=1).any(), "a time at which nothing happened"
    for name, values in bars.fields.items():
        assert (np.isnan(values) == gone).all()
        there = values[~gone]
        assert np.isfinite(there).all()
        assert (there >= 0).all() if name == "volume" else (there > 0).all()
    for other in set(bars.fields) - {"volume"} if ranges else ():
        assert not ("high" in bars.fields and (bars.high < bars.fields[other]).any())
        assert not ("low" in bars.fields and (bars.low > bars.fields[other]).any())
    assert feed.fingerprint() == feed.fingerprint()


@given(st.sampled_from(["A.csv", "A.csv.gz", "A.parquet"]), st.binary(max_size=200))
def test_random_bytes_are_refused(folder, name, content):
    check(opened(folder, name, content))


@given(st.text(max_size=300))
def test_random_text_is_refused(folder, content):
    with contextlib.suppress(UnicodeEncodeError):
        check(opened(folder, "A.csv", content.encode()))


@given(st.text(alphabet="date,symbolclose\"'0123456789-.:T\n\r \t;", max_size=300))
def test_text_of_the_right_letters_is_refused_or_right(folder, content):
    check(opened(folder, "A.csv", ("date,symbol,close\n" + content).encode(), policy=DROP))


CELL = st.one_of(
    st.sampled_from(["", " ", "nan", "inf", "-inf", "-1", "0", "-0", "1e400", "1e-400", "11", "1,5", '"', '"a"', "NA", "2020-01-07", "2020-13-01",
                     "2020-01-07T10:00", "2020-01-07 10:00Z", "\ufeff", "\0", "A", "9" * 30, "0x1", "+5"]),
    st.text(max_size=8),
    st.floats().map(repr),
)  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, len(ROWS)), st.integers(0, 7), CELL), max_size=6),
    st.lists(st.integers(0, len(ROWS) - 1), max_size=4),
    st.integers(0, 3),
    st.sampled_from(
        [{}, {"policy": DROP}, {"policy": KEEP}, {"policy": DROP, "adjust": "adj"}, {"policy": KEEP, "symbols": ["B"]}]
    ),
)
def test_files_with_wrong_cells_twins_and_a_wrong_order_are_refused_or_right(folder, cells, twins, swaps, options):
    lines = [HEADER, *ROWS]
    for row, column, cell in cells:
        parts = lines[row].split(",")
        if column < len(parts):
            parts[column] = cell
        lines[row] = ",".join(parts)
    lines += [lines[1 + row] for row in twins]
    shuffle = random.Random(swaps)  # noqa: S311
    for _ in range(swaps):
        a, b = (shuffle.randrange(1, len(lines)) for _ in range(2))
        lines[a], lines[b] = lines[b], lines[a]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    check(opened(folder, "A.csv", content, **options), ranges=options.get("policy") != KEEP)


@given(st.binary(max_size=3), st.integers(0, 200), st.booleans())
def test_a_file_with_a_few_bytes_changed_or_cut_is_refused_or_right(folder, change, place, cut):
    whole = gzip.compress("\n".join([HEADER, *ROWS]).encode(), mtime=0)
    content = whole[:place] if cut else whole[:place] + change + whole[place + len(change) :]
    check(opened(folder, "A.csv.gz", content, policy=DROP))


COLUMN = st.one_of(
    st.lists(st.one_of(st.none(), st.floats()), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.float64())),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.int64())),
    st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.uint64())),
    st.lists(st.one_of(st.none(), st.sampled_from(DAYS), st.text(max_size=5)), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.string())),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.date32())),
    st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.timestamp("us", "UTC"))),
    st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=3).map(lambda x: pa.array(x, pa.timestamp("ns"))),
    st.sampled_from([pa.nulls(3), pa.array([True, False, None]), pa.array([[1], [2], []]), pa.array([{"a": 1}] * 3), pa.array([b"a"] * 3),
                     pa.array([1, 2, 3], pa.time64("ns")), pa.array(["a", "b", None]).dictionary_encode()]),
)  # fmt: skip


@given(COLUMN, COLUMN, COLUMN, st.sampled_from(["", "epoch_s", "epoch_ns"]), st.sampled_from(["date", "open", "close"]))
def test_parquet_columns_of_any_type_are_refused_or_right(folder, time, symbol, close, form, stamp):
    try:
        pq.write_table(pa.table({"time": time, "symbol": symbol, "close": close}), folder / "A.parquet")
    except UnicodeEncodeError:
        return
    content = (folder / "A.parquet").read_bytes()
    check(opened(folder, "A.parquet", content, time_format=form, stamp=stamp, policy=DROP))


VALUE = st.one_of(
    st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "A.csv", "*", "**", "[", "..", "date", "close", "B", "UTC", "2020-01-07", "1h", "drop", "\0", "%Y", "~", "/", "A.csv/x"]),
    st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=8),
)  # fmt: skip
ANY = st.one_of(
    VALUE,
    st.lists(VALUE, max_size=2),
    st.dictionaries(st.sampled_from(["close", "path", "VIX", "missing"]), VALUE, max_size=2),
)
KEYS = ("path", "timezone", "stamp", "session_close", "interval", "time", "time_format", "symbol", "columns", "delimiter", "fields",
        "symbols", "start", "end", "adjust", "reference", "policy", "nonsense")  # fmt: skip


@given(st.sampled_from(KEYS), ANY)
def test_options_of_any_value_are_refused_or_right(folder, key, value):
    check(opened(folder, "A.csv", "\n".join([HEADER, *ROWS]).encode(), **{key: value}))


@given(st.integers(1, len(DAYS)), st.sampled_from([{}, {"adjust": "adj"}]))
def test_what_is_known_later_changes_nothing_that_was_known(folder, count, options):
    """The law, for a feed: bars of a file that ends early are the first bars of the whole file."""
    whole = opened(folder, "A.csv", "\n".join([HEADER, *ROWS]).encode(), **options)
    part = opened(folder, "A.csv", "\n".join([HEADER, *ROWS[: 2 * count]]).encode(), **options)
    assert whole is not None
    assert part is not None
    assert part.times().tolist() == whole.times()[:count].tolist()
    assert part.interval == whole.interval
    for name, values in part.read(0, count).fields.items():
        assert values.tobytes() == whole.read(0, count).fields[name].tobytes()
