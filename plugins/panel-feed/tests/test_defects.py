"""Each kind of defect: refused with file, count and rows; dropped, flagged or kept when the policy says so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from darwin_core import ConfigError, DataError

DATES = [f"2020-01-{d:02}" for d in (6, 7, 8, 9, 10, 13, 14, 15)]
GOOD = ["10", "12", "9", "11", "100"]
HEADER = "date,open,high,low,close,volume\n"


def text(changes: dict[int, str] | None = None) -> str:
    """Return good daily bars; `changes` replaces rows, numbered from 0."""
    rows = [",".join([date, *GOOD]) for date in DATES]
    for number, row in (changes or {}).items():
        rows[number] = row
    return HEADER + "\n".join(rows) + "\n"


ROWS = {
    "unparsable": ["2020-01-08,10,12,9,abc,100", "2020-01-08,10,12,9,1_1,100", "tomorrow,10,12,9,11,100", ",10,12,9,11,100",
                   "2020-01-32,10,12,9,11,100", "2020-01-08,10,12", "2020-01-08,10,12,9,11,100,7"],
    "missing": ["2020-01-08,10,12,9,,100", "2020-01-08,nan,12,9,11,100", "2020-01-08,10,12,9,11,", "2020-01-08,,,,,", "2020-01-08,10,NA,9,11,1"],
    "infinite": ["2020-01-08,10,inf,9,11,100", "2020-01-08,10,12,-inf,11,100", "2020-01-08,10,12,9,11,1e999"],
    "nonpositive": ["2020-01-08,0,12,9,11,100", "2020-01-08,10,12,-9,11,100", "2020-01-08,10,12,9,0.0,100"],
    "negative_volume": ["2020-01-08,10,12,9,11,-1"],
    "range": ["2020-01-08,10,8,9,11,100", "2020-01-08,10,10.5,9,11,100", "2020-01-08,13,12,9,11,100", "2020-01-08,8.5,12,9,11,100",
              "2020-01-08,10,12,9,8.9,100"],
    "duplicate": ["2020-01-07,10,12,9,11.5,100"],
    "unordered": ["2020-01-03,10,12,9,11,100"],
}  # fmt: skip
CASES = [(kind, row) for kind, rows in ROWS.items() for row in rows]


@pytest.mark.parametrize(("kind", "row"), CASES)
def test_a_defect_is_refused_with_its_file_line_and_policy(feed, kind, row):
    with pytest.raises(DataError) as caught:
        feed({"A.csv": text({2: row})})
    said = str(caught.value)
    assert "A.csv: " in said
    assert ": 1 row\n" in said
    assert "line 4: " in said
    assert f'[plugin.policy] {kind} = "' in said


@pytest.mark.parametrize(("kind", "row"), CASES)
def test_a_dropped_row_leaves_the_others_and_a_finding(feed, kind, row):
    made = feed({"A.csv": text({2: row})}, policy={kind: "drop"})
    bars = made.read(0, len(made.times()))
    assert len(bars) == 7
    assert "2020-01-08" not in {str(day)[:10] for day in bars.local_time()}
    assert bars.fields["close"][:, 0].tolist() == [11.0] * 7
    assert len(made.findings()) == 1
    assert "1 row left out; first: line 4: " in made.findings()[0]


@pytest.mark.parametrize("row", ROWS["range"])
def test_a_flagged_range_is_kept_as_it_is(feed, row):
    made = feed({"A.csv": text({2: row})}, policy={"range": "flag"})
    bars = made.read(0, 8)
    assert [float(values[2, 0]) for values in bars.fields.values()] == [float(cell) for cell in row.split(",")[1:]]
    assert "1 row kept" in made.findings()[0]


def test_a_newest_first_file_is_put_in_order_when_that_is_accepted(feed):
    newest_first = HEADER + "".join(f"{date},10,12,9,{10 + i / 10},100\n" for i, date in enumerate(reversed(DATES)))
    with pytest.raises(
        DataError, match=r"(?s)after a later bar of their symbol: 7 rows.*line 3: .*and 4 more.*\"flag\""
    ):
        feed({"A.csv": newest_first})
    made = feed({"A.csv": newest_first}, policy={"unordered": "flag"})
    assert made.read(0, 8).close[:, 0].tolist() == [10 + i / 10 for i in reversed(range(8))]


def test_several_defects_are_told_together(feed):
    bad = text({1: "2020-01-07,10,12,9,abc,100", 3: "2020-01-09,10,12,9,-11,100"})
    with pytest.raises(DataError) as caught:
        feed({"A.csv": bad, "B.csv": bad}, path=["A.csv", "B.csv"])
    said = str(caught.value)
    assert said.count("unparsable =") == said.count("nonpositive =") == 2
    assert "B.csv" in said


def test_a_row_of_two_defects_is_told_once(feed):
    with pytest.raises(DataError) as caught:
        feed({"A.csv": text({2: "2020-01-08,-10,12,9,abc,-100"})})
    assert str(caught.value).count("to accept") == 1


def test_defects_of_symbols_that_nobody_asked_for_do_not_matter(feed):
    long = "date,symbol,close\n2020-01-06,A,1\n2020-01-06,B,x\nnever,B,1\n2020-01-07,A,2\n"
    assert feed({"all.csv": long}, symbols=["A"]).read(0, 2).close.tolist() == [[1.0], [2.0]]


def test_lines_are_counted_as_an_editor_does(feed):
    content = "\r\n\r\n" + text({4: "2020-01-10,10,12,9,abc,100"}).replace("\n", "\r\n\r\n")
    with pytest.raises(DataError, match="line 13: A 2020-01-10"):
        feed({"A.csv": content})


def test_lines_are_counted_behind_a_line_that_could_not_be_split(feed):
    with pytest.raises(DataError, match=r"(?s)line 4: 2 cells, not 6: '2020-01-08,1'.*line 6: A 2020-01-10"):
        feed({"A.csv": text({2: "2020-01-08,1", 4: "2020-01-10,10,12,9,abc,100"})})


def test_a_quote_that_is_not_closed_does_not_swallow_rows(feed):
    rows = [f'{date},"{"Foo" if i == 2 else "Foo" + chr(34)},11' for i, date in enumerate(DATES)]
    with pytest.raises(DataError, match="a quote is not closed"):
        feed({"A.csv": "date,name,close\n" + "\n".join(rows) + "\n"})


def test_a_daily_file_among_hourly_ones_is_refused_or_flagged(feed):
    hours = [f"{date}T{hour:02}:00" for date in DATES for hour in range(10, 17)]
    files = {
        "H.csv": "time,close\n" + "".join(f"{stamp},1\n" for stamp in hours),
        "D.csv": "time,close\n" + "".join(f"{date}T16:00,2\n" for date in DATES),
    }
    with pytest.raises(
        DataError, match=r"(?s)D: bars that are not one interval apart: 7 rows.*1 d after.*interval = \"flag\""
    ):
        feed(files, path=["H.csv", "D.csv"], stamp="close")
    made = feed(files, path=["H.csv", "D.csv"], stamp="close", policy={"interval": "flag"})
    assert made.interval == 3_600 * 10**9
    assert made.symbols == ("D", "H")
    assert np.isnan(made.read(0, 7).close[:, 0]).sum() == 6


def test_bars_that_end_later_than_the_interval_says_are_never_accepted_at_their_open(feed):
    hours = [f"{date}T{hour:02}:00" for date in DATES for hour in range(10, 17)]
    files = {
        "H.csv": "time,close\n" + "".join(f"{stamp},1\n" for stamp in hours),
        "D.csv": "time,close\n" + "".join(f"{date}T10:00,2\n" for date in DATES),
    }
    with pytest.raises(DataError, match="their ends are not known"):
        feed(files, path=["H.csv", "D.csv"], stamp="open", policy={"interval": "flag"})


def test_a_file_that_turns_from_hours_to_days_is_refused(feed):
    hours = [str(np.datetime64("2020-01-06T00", "h") + i) for i in range(400)]
    days = [str(np.datetime64("2020-02-01T00", "h") + 24 * i) for i in range(80)]
    with pytest.raises(DataError, match=r"not one interval apart: 80 rows"):
        feed({"A.csv": "time,close\n" + "".join(f"{t}:00,1\n" for t in hours + days)}, stamp="close", timezone="UTC")


def test_bars_closer_than_the_interval_are_refused(feed):
    hours = [str(np.datetime64("2020-01-06T00:00", "m") + 60 * i) for i in range(50)]
    hours.insert(20, hours[19].replace(":00", ":15"))
    with pytest.raises(DataError, match=r"(?s)1 row.*15 min after the bar before it"):
        feed({"A.csv": "time,close\n" + "".join(f"{t},1\n" for t in hours)}, stamp="close", timezone="UTC")


def test_weekends_holidays_and_nights_are_gaps(feed):
    days = [
        d
        for d in np.arange("2019-11-01", "2020-02-01", dtype="datetime64[D]")
        if np.is_busday(d) and str(d) != "2019-12-25"
    ]
    stamps = [f"{day}T{hour:02}:30" for day in days for hour in range(9, 16)]
    made = feed({"A.csv": "time,close\n" + "".join(f"{t},1\n" for t in stamps)}, stamp="open")
    assert made.findings() == ()
    assert made.interval == 3_600 * 10**9


def test_scaling_that_overflows_or_vanishes_is_refused(feed):
    header = "date,close,adj,volume\n2020-01-06,10,10,1\n"
    with pytest.raises(DataError, match="infinite value"):
        feed({"A.csv": header + "2020-01-07,1e-300,1e300,1\n"}, adjust="adj")
    with pytest.raises(DataError, match="not above zero"):
        feed({"A.csv": header + "2020-01-07,1e300,1e-300,1\n"}, adjust="adj")
    with pytest.raises(DataError, match="not above zero"):
        feed({"A.csv": header + "2020-01-07,1,0,1\n"}, adjust="adj")


def test_a_reference_may_be_negative_and_says_so(feed):
    files = {"A.csv": text(), "rate.csv": "date,close\n2020-01-06,-0.5\n2020-01-07,0\n2020-01-08,0.5\n"}
    made = feed(files, reference={"RATE": "rate.csv"})
    assert made.read(0, 3).reference["RATE"].tolist() == [-0.5, 0.0, 0.5]
    assert made.findings() == (
        "RATE: 2 values are not above zero; kept",
        "RATE has no value on 5 of 8 bars; missing there",
    )


def test_a_reference_that_never_has_a_value_is_refused(feed):
    files = {"A.csv": text(), "VIX.csv": "date,close\n2021-01-06,20\n"}
    with pytest.raises(DataError, match="VIX has no value at any time"):
        feed(files, reference={"VIX": "VIX.csv"})


def test_a_defect_in_a_reference_is_refused_as_well(feed):
    with pytest.raises(DataError, match=r"VIX.csv: cells that cannot be read: 1 row"):
        feed({"A.csv": text(), "VIX.csv": "date,close\n2020-01-06,x\n"}, reference={"VIX": "VIX.csv"})


@pytest.mark.parametrize(
    "policy", [{"range": "keep"}, {"duplicate": "flag"}, {"dublicate": "drop"}, {"missing": True}, "drop"]
)
def test_a_policy_that_does_not_exist_is_refused_with_its_place(feed, policy):
    with pytest.raises(ConfigError, match=r"darwin.toml:4: plugin.policy"):
        feed({"A.csv": text()}, policy=policy)


def test_of_two_rows_for_one_bar_the_first_stays(feed):
    made = feed({"A.csv": text({2: "2020-01-07,10,12,9,9.5,100"})}, policy={"duplicate": "drop"})
    assert made.read(0, 2).close[1, 0] == 11.0


def test_negative_zero_is_zero(feed):
    made = feed({"A.csv": text({2: "2020-01-08,10,12,9,11,-0.0"})})
    assert math.copysign(1.0, made.read(2, 3).volume[0, 0]) == 1.0
