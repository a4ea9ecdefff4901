from __future__ import annotations

import json
import math
import re
from io import StringIO
from pathlib import Path

import pytest
from attrs import evolve
from rich.cells import cell_len
from rich.console import Console

from darwin_core import screen
from darwin_core.store import to_json
from darwin_core.testing.reporter import sample_run

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sample_run(tmp_path_factory.mktemp("deployment"))


def changed(run, **changes):
    """Return the run as it is read back from disk, with parts of its info replaced."""
    return evolve(run, info={**json.loads(to_json(run.info)), **changes})


def shown(run, width=80, height=24, show=screen.show_run, **options):
    out = StringIO()
    show(run, Console(file=out, width=width, height=height, highlight=False, **options))
    return out.getvalue()


def agent(run, **changes):
    return {**run.info["agents"][0], **changes}


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [24, 60])
def test_no_line_is_longer_than_the_screen_is_wide(run, width, height):
    long = changed(
        run,
        deployment="a" * 70,
        strategy="strategy " + "b" * 200,
        agents=[agent(run, name="c" * 60), agent(run, mode="canary", share=0.25, added_money=-1_234_567.0)],
        findings=["row " * 60],
        symbols=["\u6771\u4eac" * 20],
    )
    for each in (run, long):
        assert max(cell_len(line) for line in shown(each, width, height).splitlines()) <= width


def test_a_run_with_one_agent_fits_80_by_24(run, monkeypatch):
    monkeypatch.chdir(run.folder.parent.parent)
    near = evolve(run, folder=Path("runs") / run.id)  # as it is for a user; the runner's own folder is far away
    assert len(shown(near).splitlines()) < 24


@pytest.mark.parametrize("width", [60, 80, 200])
def test_figures_are_shown_as_they_stand_in_the_run(run, width):
    summary = {
        **run.info["summary"],
        "total_return": 1.23456,
        "sharpe": -0.456,
        "trades": 12345,
        "final_equity": 223456.4,
    }
    text = shown(changed(run, summary=summary), width)
    for figure in ("+123.46 %", "-0.46", "12,345", "223,456"):
        assert figure in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_fill_convention_digest_and_audit_are_always_shown(run, width):
    text = "".join(shown(run, width).split())
    for words in (run.info["fill_convention"], run.info["digest"], "cheap:", run.id):
        assert "".join(words.split()) in text


def test_missing_figures_are_dashes(run):
    none = dict.fromkeys(run.info["summary"])
    for missing in (none, dict.fromkeys(none, math.nan), {}):
        text = shown(changed(run, summary=missing, benchmark={}, agents=[]))
        assert "nan" not in text.lower()
        assert re.search(r"Sharpe +- +-", text)


def test_an_observing_agent_would_have_added_and_an_acting_one_added(run):
    assert "would have added" in shown(changed(run, agents=[agent(run, hypothetical=True)]))
    acting = shown(changed(run, agents=[agent(run, hypothetical=False, mode="active")]))
    assert "added" in acting
    assert "would have" not in acting


def test_four_agents_are_a_table_at_80_columns_and_what_they_only_would_have_added_stands_below(run):
    names = ("volatility-gate", "drawdown-scaler", "gate", "portfolio")
    agents = [
        agent(run, name=name, version="v1" if name in names[2:] else None, decisions=10_660, added_money=-2_067_782.0,
              hypothetical=name != "drawdown-scaler", mode="active" if name == "drawdown-scaler" else "observe")
        for name in names
    ]  # fmt: skip
    lines = shown(changed(run, agents=agents)).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("agent "))
    assert [line.split()[0] for line in lines[head + 1 : head + 5]] == list(names)
    assert lines[head + 3].startswith("gate v1 ")
    assert "one that only observes would have added it" in lines[head + 5]
    acting = shown(changed(run, agents=[{**each, "hypothetical": False} for each in agents]))
    assert "would have" not in acting
    wide = shown(changed(run, agents=agents), 100)
    assert wide.count("would have added") == 3
    assert "one that only observes" not in wide


@pytest.mark.parametrize("width", range(44, 140, 3))
def test_no_number_is_ever_cut(run, width):
    with_it, without = {"sharpe": 12.25}, {"sharpe": -1.5}
    one = agent(
        run, name="n" * 50, added_money=-123_456_789.0, decisions=1_234_567, **{"with": with_it, "without": without}
    )
    summary = {**run.info["summary"], "total_return": 98_765.4321, "costs": 7_777_777.0, "fees": 6_666_666.0}
    benchmark = {**run.info["benchmark"], "total_return": 12_345.6789, "calmar": -0.875}
    text = shown(changed(run, agents=[one], summary=summary, benchmark=benchmark), width)
    joined = " ".join(text.split())
    for number in ("-123,456,789", "1,234,567", "+13.75", "+9,876,543.21 %", "+1,234,567.89 %", "7,777,777", "-0.88"):
        assert number in joined


def test_everything_that_is_wrong_is_a_warning(run):
    incident = {"agent": "halve", "kind": "exception", "count": 3, "first": "ZeroDivisionError at 2020-01-02"}
    text = shown(
        changed(
            run, halted=True, incidents=[incident], findings=["2 rows dropped"], audit={"level": "off", "prefixes": {}}
        ),
        200,
    )
    for words in ("halted", "halve: exception, 3 times", "ZeroDivisionError", "2 rows dropped", "nothing was checked"):
        assert words in text


def test_names_are_neither_markup_nor_terminal_codes(run):
    text = shown(
        changed(run, deployment="[red]x[/]\x1b[2J", strategy="[link]"), force_terminal=True, color_system="truecolor"
    )
    assert "[red]x[/]?[2J" in ANSI.sub("", text)
    assert "\x1b[2J" not in text


def test_colours_are_for_terminals_that_want_them(run, monkeypatch):
    assert ANSI.search(shown(run, force_terminal=True, color_system="256"))
    assert not ANSI.search(shown(run))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown(run, force_terminal=True)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)


def test_times_are_those_of_the_feeds_zone(run):
    zoned = changed(run, first="2020-01-01T23:00:00", last="2020-02-29T23:00:00", timezone="Asia/Tokyo", bars=60)
    assert "2020-01-02 to 2020-03-01 (Asia/Tokyo)" in shown(zoned)
    hourly = changed(run, first="2020-01-01T23:00:00", last="2020-01-03T23:00:00", timezone="UTC", bars=49)
    assert "2020-01-01 23:00 to 2020-01-03 23:00 (UTC)" in shown(hourly)


def test_a_wide_screen_shows_how_outcomes_are_spread(run):
    text = shown(run, 200, 60)
    assert "R multiple" in text
    assert re.search(r"below -2|-1 to -0.5", text)


def test_a_stream_without_unicode_gets_plain_characters(run):
    class Plain(StringIO):
        encoding = "ascii"

    for size in ((80, 24), (200, 60)):
        out = Plain()
        screen.show_run(run, Console(file=out, width=size[0], height=size[1], highlight=False))
        assert out.getvalue().isascii()
