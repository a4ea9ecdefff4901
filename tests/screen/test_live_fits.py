from __future__ import annotations

import re
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_samples import any_status, holding, usual
from rich.cells import cell_len
from rich.console import Console

from darwin_core.live.status import OrderLine
from darwin_core.screen.live import plain, render

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Plain(StringIO):
    encoding = "ascii"


def drawn(status, width, height, file=None, **options):
    out = StringIO() if file is None else file
    console = Console(file=out, width=width, height=height, highlight=False, **options)
    console.print(render(status, width, height), end="")
    return out.getvalue()


@given(any_status(), st.integers(1, 210), st.integers(1, 64))
def test_any_status_fills_the_screen_exactly(status, width, height):
    lines = drawn(status, width, height).split("\n")
    assert {cell_len(line) for line in lines} == {width}
    assert len(lines) <= height


@given(any_status(), st.sampled_from([(80, 24), (200, 60), (50, 20)]))
def test_a_terminal_without_unicode_gets_ascii_only(status, size):
    text = drawn(status, *size, file=Plain())
    assert text.isascii()
    assert {len(line) for line in text.split("\n")} == {size[0]}


@given(any_status())
def test_colours_change_no_character(status):
    coloured = drawn(status, 80, 24, force_terminal=True, color_system="truecolor")
    assert ANSI.sub("", coloured) == drawn(status, 80, 24)


@given(any_status())
def test_any_status_is_one_line_for_a_log(status):
    line = plain(status)
    assert line.isprintable()
    assert len(line) < 4000
    assert "\n" not in line


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_usual_screen_is_full(size):
    assert len(drawn(usual(), *size).split("\n")) == size[1]


@pytest.mark.parametrize("width", range(80, 210, 3))
def test_no_number_of_the_usual_screen_is_cut(width):
    text = drawn(usual(), width, 40)
    row = next(line for line in text.split("\n") if line.startswith("SYM000"))
    for number in ("100,000", "1.0 %", "+2.1 %"):
        assert number in row
    row = next(line for line in text.split("\n") if "meta_" in line)
    for words in ("canary", "811", "71 %", "17", "half-open"):
        assert words in row
    row = next(line for line in text.split("\n") if "411" in line)
    assert "SLOW" in row
    assert "120" in row


def test_a_small_screen_says_what_became_of_the_orders():
    lines = drawn(usual(), 80, 40).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("Orders"))
    assert "status" in lines[head][:34]
    assert any(usual().orders[0].status in line[:34] for line in lines[head + 1 :])


def test_large_money_and_long_names_leave_numbers_whole():
    large = [holding(number, 123_456_789_012.0) for number in range(3)]
    names = [OrderLine(0, "N" * 60, 1_234_567.0, "entry", "cancelled", 0.0, "t" * 90)]
    status = usual(holdings=tuple(large), orders=tuple(names), deployment="d" * 300, why="w" * 900)
    assert drawn(status, 120, 40).count("123,456,789,012") == 3
    text = drawn(status, 80, 24)
    assert "123" not in text  # a column that does not fit is left out, not cut
    assert "+1,234,567" in text
    assert "TRADING" in text


def test_what_does_not_fit_is_counted():
    for size in ((80, 24), (200, 60)):
        text = drawn(usual(), *size)
        shown = len(set(re.findall(r"^SYM\d{3}", text, re.MULTILINE)))
        assert f"+ {500 - shown} more" in text
        assert shown > 4
    assert "more" not in drawn(usual(holdings=(), orders=(), alerts=()), 200, 60)


def test_a_wide_screen_shows_more_rows_and_every_control():
    small, large = (drawn(usual(), *size) for size in ((80, 24), (200, 60)))
    assert len(re.findall("SYM", large)) > 3 * len(re.findall("SYM", small))
    assert "quiet8" in large
    assert "quiet8" not in small


def test_names_are_neither_markup_nor_terminal_codes():
    text = drawn(usual(deployment="[red]x[/]\x1b[2J"), 80, 24, force_terminal=True, color_system="truecolor")
    assert "[red]x[/]?[2J" in ANSI.sub("", text)


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    assert re.search(r"\x1b\[[0-9;]*3[0-7]", drawn(usual(), 80, 24, force_terminal=True, color_system="standard"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", drawn(usual(), 80, 24, force_terminal=True))
