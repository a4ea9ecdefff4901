"""Which files are read, what their columns mean, and what is said when they cannot be read."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darwin_core import ConfigError, DataError

DATES = [f"2020-01-{d:02}" for d in (6, 7, 8, 9, 10, 13, 14, 15)]
CLOSES = "".join(f"{date},{10 + i}\n" for i, date in enumerate(DATES))
ONE = "date,close\n" + CLOSES
LONG = "date,symbol,close\n" + "".join(f"{date},{s},{i + ord(s)}\n" for i, date in enumerate(DATES) for s in "BA")


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def contents(feed):
    bars = feed.read(0, len(feed.times()))
    return bars.symbols, bars.time.tolist(), {name: values.tolist() for name, values in bars.fields.items()}


def as_parquet(text: str) -> bytes:
    header, *rows = [line.split(",") for line in text.splitlines()]
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    columns["close"] = [float(cell) for cell in columns["close"]]
    return parquet(pa.table(columns))


def test_a_long_file_reads_the_same_in_every_form(feed):
    plain = feed({"a.csv": LONG})
    forms = {
        "a.csv.gz": gzip.compress(LONG.encode()),
        "b.csv": "\ufeff" + LONG.replace("\n", "\r\n"),
        "c.csv": LONG.replace(",", ", "),
        "d.parquet": as_parquet(LONG),
        "e.csv": LONG.rstrip("\n"),
        "f.csv": LONG.replace("\n", "\n\n"),
        "g.csv": '"' + LONG.replace(",", '","').replace("\n", '"\n"')[:-1],
        "h.csv": LONG.replace("date,symbol", "Date,TICKER"),
    }
    assert plain.symbols == ("A", "B")
    for name, content in forms.items():
        other = feed({name: content})
        assert contents(other) == contents(plain), name
        assert other.fingerprint() == plain.fingerprint()


def test_a_semicolon_can_be_the_delimiter(feed):
    assert contents(feed({"A.csv": ONE.replace(",", ";")}, delimiter=";")) == contents(feed({"A.csv": ONE}))


@pytest.mark.parametrize(
    "path", ["prices", "prices/*.csv", ["prices/B.csv", "prices/A.csv"], "prices/[AB].csv", "**/?.csv", "./prices/"]
)
def test_one_file_a_symbol_can_be_named_in_many_ways(feed, path):
    made = feed(
        {"prices/A.csv": ONE, "prices/B.csv": ONE, "prices/.hidden.csv": "x", "prices/notes.txt": "x"}, path=path
    )
    assert made.symbols == ("A", "B")


def test_an_absolute_glob_works(feed, tmp_path):
    assert feed({"p/A.csv": ONE}, path=f"{tmp_path}/p/*.csv").symbols == ("A",)


def test_the_order_of_the_symbols_is_the_users(feed):
    made = feed({"a.csv": LONG}, symbols=["B", "A"])
    assert made.symbols == ("B", "A")
    assert made.read(0, 1).close.tolist() == [[66.0, 65.0]]


def test_files_of_symbols_that_are_not_wanted_are_not_read(feed):
    files = {"p/A.csv": ONE, "p/B.csv": "date,close\nnonsense\n"}
    assert feed(files, path="p", symbols=["A"]).symbols == ("A",)


def test_several_long_files_make_one_panel(feed):
    lines = LONG.splitlines(keepends=True)
    files = {"p/1.csv": "".join(lines[:7]), "p/2.csv": lines[0] + "".join(lines[7:])}
    assert contents(feed(files, path="p")) == contents(feed({"a.csv": LONG}))


def test_symbols_that_look_like_missing_values_are_symbols(feed):
    made = feed({"a.csv": "date,symbol,close\n2020-01-06,NA,1\n2020-01-06,NAN,2\n2020-01-06,NULL,3\n"})
    assert made.symbols == ("NA", "NAN", "NULL")


def test_columns_can_be_renamed(feed):
    text = "when,name,Last,Vol.\n2020-01-06,A,10,5\n2020-01-07,A,11,6\n"
    made = feed({"a.csv": text}, time="when", symbol="name", columns={"close": "Last", "volume": "Vol."})
    assert made.fields == ("close", "volume")
    assert made.read(0, 2).volume[:, 0].tolist() == [5.0, 6.0]


def test_only_the_wanted_fields_are_read(feed):
    text = "date,open,high,low,close,volume\n2020-01-06,10,12,9,11,broken\n"
    assert feed({"A.csv": text}, fields=["close", "open"]).fields == ("close", "open")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (
            ONE.replace("close", "price"),
            {},
            r"there is no column 'close' \(option columns.close\) among 'date', 'price'",
        ),
        (ONE.replace("date", "day"), {}, "no column is named time, timestamp, datetime or date: set `time`"),
        (ONE.replace("date,", "date,").replace("close", "Time"), {}, "there is no column 'close'"),
        ("date,time,close\n2020-01-06,09:30,1\n", {}, "'time', 'date' may all be the time"),
        ("date,close,close\n2020-01-06,1,2\n", {}, "2 columns are named 'close'"),
        ("date,Close,CLOSE\n2020-01-06,1,2\n", {}, "2 columns are named 'close'"),
        (ONE, {"symbol": "sybmol"}, "there is no column 'sybmol'"),
        (ONE, {"adjust": "adj_close"}, "there is no column 'adj_close'.*option adjust"),
        (ONE, {"columns": {"close": "Close Price"}}, "'Close Price'"),
        (ONE, {"fields": ["close", "high"]}, "there is no column 'high'"),
        ("date,close\n", {}, "a header and no rows"),
        ("date,close", {}, "a header and no rows"),
        ("", {}, "this file is empty"),
        ("\n\n", {}, "this file is empty"),
        (b"\x00\xff\xfe\x01", {}, "cannot be read"),
        (ONE.encode("utf-16"), {}, "cannot be read"),
        (ONE.encode().replace(b"2020-01-08", b"2020-01-\xff8"), {}, "cannot be read: .*UTF8"),
        ("date,symbol,close\n2020-01-06, ,1\n", {}, "the symbol is empty"),
        ("date,symbol,close\n2020-01-06,A,1\n2020-01-06, A,2\n", {}, "symbol and time of an earlier row"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(feed, text, options, said):
    with pytest.raises(DataError, match=f"(?s)A.csv: .*{said}"):
        feed({"A.csv": text}, **options)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"nonsense" * 10, as_parquet(ONE)[:-20], gzip.compress(b"x", mtime=0)]
)
@pytest.mark.parametrize("name", ["A.parquet", "A.csv.gz"])
def test_a_damaged_file_is_refused(feed, name, content):
    with pytest.raises(DataError, match=f"{name}: "):
        feed({name: content})


def test_a_truncated_gzip_is_refused(feed):
    with pytest.raises(DataError, match="cannot be read"):
        feed({"A.csv.gz": gzip.compress(LONG.encode())[:-12]})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing.csv", "there is no file"), ("*.parquet", "there is no file"), ("empty", "there is no file"),
        ("notes.txt", "is not a file ending in"), ([], "name at least one file"), ("a\0b.csv", "there is no file"), ("empty/", "there is no file"),
        (["A.csv", "gone.csv"], "gone.csv"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused_with_its_place(feed, tmp_path, path, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=f"(?s)darwin.toml:2: plugin.path: .*{said}"):
        feed({"A.csv": ONE, "notes.txt": "x"}, path=path)


def test_a_path_of_the_wrong_type_is_refused(feed):
    with pytest.raises(ConfigError, match=r"plugin.path"):
        feed({}, path=5)


@pytest.mark.parametrize("files", [{"p/A.csv": ONE, "p/B.csv": ONE}, {"a.csv": LONG}])
def test_an_unknown_symbol_is_refused_with_the_nearest(feed, files):
    with pytest.raises(ConfigError, match=r"darwin.toml:4: plugin.symbols: there is no 'AA': did you mean 'A'"):
        feed(files, path="p" if "p/A.csv" in files else "a.csv", symbols=["AA"])


def test_the_same_symbol_twice_is_refused(feed):
    with pytest.raises(ConfigError, match="'A' stands in symbols more than once"):
        feed({"a.csv": LONG}, symbols=["A", "B", "A"])
    with pytest.raises(DataError, match=r"A comes twice: from .*A.csv and from .*A.parquet"):
        feed({"p/A.csv": ONE, "p/A.parquet": as_parquet(ONE)}, path="p")


def test_a_file_named_twice_is_read_once(feed):
    assert feed({"p/A.csv": ONE}, path=["p", "p/A.csv", "p/*.csv"]).symbols == ("A",)


def test_long_files_and_files_of_one_symbol_do_not_mix(feed):
    with pytest.raises(DataError, match="give files of one kind"):
        feed({"p/A.csv": ONE, "p/all.csv": LONG}, path="p")


def test_files_of_different_fields_do_not_mix_until_the_fields_are_named(feed):
    files = {"p/A.csv": ONE, "p/B.csv": "date,close,volume\n2020-01-06,1,2\n"}
    with pytest.raises(DataError, match=r"B.csv has volume and .*A.csv has not"):
        feed(files, path="p")
    assert feed(files, path="p", fields=["close"]).fields == ("close",)


def test_a_symbol_without_a_bar_is_found(feed):
    made = feed({"p/A.csv": ONE, "p/B.csv": "date,close\n2021-01-06,1\n"}, path="p", end="2020-12-31")
    assert made.findings() == ("B has no bar",)
    assert np.isnan(made.read(0, 8).close[:, 1]).all()


@pytest.mark.parametrize(
    "column",
    [pa.array([1, 2], pa.int32()), pa.array([1.0, 2.0], pa.float32()), pa.array(["1", " 2.0"]), pa.array([1, 2]).cast(pa.decimal128(30, 3)),
     pa.array(["1", "2"]).dictionary_encode(), pa.array([1, 2], pa.uint64()), pa.array(["1", "2"], pa.large_string())],
)  # fmt: skip
def test_parquet_numbers_of_any_type_are_read(feed, column):
    made = feed({"A.parquet": parquet(pa.table({"date": DATES[:2], "close": column}))})
    assert made.read(0, 2).close[:, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "column", [pa.array([True, False]), pa.array([[1.0], [2.0]]), pa.array([b"1", b"2"]), pa.array([1, 2], pa.date32())]
)
def test_parquet_columns_that_are_no_numbers_are_refused(feed, column):
    with pytest.raises(DataError, match=r"column 'close' holds .*, not numbers"):
        feed({"A.parquet": parquet(pa.table({"date": DATES[:2], "close": column}))})


@pytest.mark.parametrize(
    "column", [pa.array([True, False]), pa.array([[1.0], [2.0]]), pa.array([1.0, 2.0]), pa.nulls(2)]
)
def test_parquet_columns_that_are_no_times_are_refused(feed, column):
    with pytest.raises(DataError, match=r"A.parquet: "):
        feed({"A.parquet": parquet(pa.table({"date": column, "close": [1.0, 2.0]}))})


@pytest.mark.parametrize(
    "column", [pa.array([1, 2]), pa.array([1.5, 2.0]), pa.array([[1.0], [2.0]]), pa.nulls(2), pa.array([b"\xff", b"A"])]
)
def test_parquet_columns_that_are_no_symbols_never_give_a_traceback(feed, column):
    content = parquet(pa.table({"date": DATES[:2], "symbol": column, "close": [1.0, 2.0]}))
    try:
        assert feed({"A.parquet": content}).symbols == ("1", "2")
        assert pa.types.is_integer(column.type)
    except DataError as error:
        assert "A.parquet: " in str(error)


def test_parquet_nulls_are_missing_and_rows_are_counted_from_one(feed):
    content = parquet(pa.table({"date": DATES[:3], "close": pa.array([1.0, None, 2.0])}))
    with pytest.raises(DataError, match=r"empty or NaN cell: 1 row\n  row 2: A 2020-01-07 close \(empty\)"):
        feed({"A.parquet": content})


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, 9)])
def test_rows_that_do_not_exist_are_refused(feed, start, stop):
    with pytest.raises(DataError, match="were asked for, of 8"):
        feed({"A.csv": ONE}).read(start, stop)


@pytest.mark.parametrize("options", [{"colums": {}}, {"columns": {"clos": "x"}}, {"fields": ["open"]}, {"fields": ["close", "close"]},
                                     {"delimiter": "ab"}, {"stamp": "end"}, {"session_close": "25:00"}, {"interval": "1 day"},
                                     {"reference": {"X": 5}}, {"reference": {"X": "gone.csv"}}, {"reference": {"X": {"path": "A.csv", "timezone": "X/Y"}}}])  # fmt: skip
def test_options_that_make_no_sense_are_refused_with_their_line(feed, options):
    with pytest.raises(ConfigError, match=r"darwin.toml:4: plugin"):
        feed({"A.csv": ONE}, **options)
