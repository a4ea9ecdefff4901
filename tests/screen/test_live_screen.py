from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from io import StringIO

import pytest
from attrs import evolve
from live_samples import usual as made
from rich.console import Console

from darwin_core.screen import live
from darwin_core.screen.live import LiveScreen

TAKEN, GIVEN = "\x1b[?1049h", "\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


STATUS = made()


def usual(**changes):
    return evolve(STATUS, **changes)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def terminal(width=80, height=24):
    return Console(file=StringIO(), width=width, height=height, force_terminal=True, color_system="standard")


@pytest.fixture(autouse=True)
def _a_real_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")


def frames(console):
    return console.file.getvalue().count("Positions")


def test_the_screen_is_drawn_four_times_a_second_however_many_statuses_come():
    clock, console = Clock(), terminal()
    with LiveScreen(console, clock=clock) as screen:
        for _ in range(1000):  # ten seconds
            screen.show(usual())
            clock.now += 0.01
    assert 38 <= frames(console) <= 42
    assert screen.problem == ""


def test_a_change_of_state_is_drawn_at_once():
    clock, console = Clock(), terminal()
    with LiveScreen(console, clock=clock) as screen:
        screen.show(usual())
        assert not screen.due
        screen.show(usual())
        assert frames(console) == 1
        screen.show(usual(state="killed"))
        assert frames(console) == 2
        assert "KILLED" in console.file.getvalue()


class SlowClock(Clock):
    """Half a second goes by each time that somebody looks."""

    def __call__(self):
        self.now += 0.5
        return self.now


def test_a_screen_that_takes_long_to_draw_is_drawn_rarely():
    console = terminal()
    with LiveScreen(console, clock=SlowClock()) as screen:
        for _ in range(100):  # fifty seconds, of which each drawing takes half a one
            screen.show(usual())
    assert 2 <= frames(console) <= 3


def test_the_terminal_is_given_back_with_the_last_status_below():
    console = terminal()
    with LiveScreen(console, clock=Clock()) as screen:
        screen.show(usual())
        screen.show(usual(bars=77))
    text = console.file.getvalue()
    assert text.index(TAKEN) < text.index("Positions") < text.index(GIVEN)
    assert text.index(HIDE_CURSOR) < text.rindex(SHOW_CURSOR)
    assert "bars=77/98000" in text[text.index(GIVEN) :]


def interrupted(console):
    with LiveScreen(console) as screen:
        screen.show(usual())
        raise KeyboardInterrupt


def test_the_terminal_is_given_back_when_the_session_is_interrupted():
    console = terminal()
    with pytest.raises(KeyboardInterrupt):
        interrupted(console)
    assert console.file.getvalue().count(GIVEN) == 1


@pytest.mark.parametrize("why", ["a pipe", "a dumb terminal", "lines were asked for"])
def test_lines_come_every_ten_seconds_where_there_is_no_screen(why, monkeypatch):
    if why == "a dumb terminal":
        monkeypatch.setenv("TERM", "dumb")
    clock, console = Clock(), Console(file=StringIO(), force_terminal=why != "a pipe")
    with LiveScreen(console, as_lines=why == "lines were asked for", clock=clock) as screen:
        for bars in range(21):
            screen.show(usual(bars=bars))
            clock.now += 1.0
        screen.show(usual(bars=21))
        screen.show(usual(bars=22, state="killed"))
        screen.show(usual(bars=23, state="killed"))
    lines = console.file.getvalue().splitlines()
    assert [line.partition("bars=")[2].partition("/")[0] for line in lines] == ["0", "10", "20", "22", "23"]
    assert "\x1b" not in console.file.getvalue()


def test_a_mistake_while_drawing_is_kept_and_not_raised(monkeypatch):
    monkeypatch.setattr(live, "render", lambda *_: 1 / 0)
    console = terminal()
    with LiveScreen(console) as screen:
        screen.show(usual())
    assert "ZeroDivisionError" in screen.problem
    assert GIVEN in console.file.getvalue()


posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal to hold in the hand")


@pytest.fixture
def held():
    """A terminal, and the end from which a person would look at it."""
    person, program = os.openpty()
    with os.fdopen(program, "w", encoding="utf-8") as file:
        yield person, Console(file=file, width=200, height=60, force_terminal=True, color_system="standard")
        drain(person)
    os.close(person)


def drain(person):
    seen = b""
    while select.select([person], [], [], 0.2)[0]:
        seen += os.read(person, 65536)
    return seen.decode(errors="replace")


def eventually_due(screen, person):
    """Say whether it draws again: a terminal takes what is left over in parts."""
    return any(screen.due or drain(person) is None for _ in range(100))


@posix
def test_a_terminal_that_nobody_reads_stops_the_drawing_and_not_the_session(held):
    person, console = held
    clock = Clock()
    own = console.file
    with LiveScreen(console, clock=clock) as screen:
        for bars in range(200):  # of some 15 kB each: far more than a terminal holds
            screen.show(usual(bars=bars))
            clock.now += 1.0
        assert not screen.due
        seen = drain(person)
        assert 0 < seen.count("Positions") < 100
        assert eventually_due(screen, person)  # what was left over has been sent
        screen.show(usual(bars=4711))
        assert "4,711" in drain(person)
    assert console.file is own
    assert screen.problem == ""


@posix
def test_a_session_ends_though_its_terminal_is_stuck(held):
    _, console = held
    clock = Clock()
    own = console.file
    with LiveScreen(console, clock=clock) as screen:
        for bars in range(200):
            screen.show(usual(bars=bars))
            clock.now += 1.0
        assert not screen.due
    assert console.file is own


@posix
def test_a_terminal_that_is_gone_ends_nothing():
    person, program = os.openpty()
    clock = Clock()
    file = os.fdopen(program, "w")
    with LiveScreen(Console(file=file, width=80, height=24, force_terminal=True), clock=clock) as screen:
        screen.show(usual())
        assert drain(person).count("Positions") == 1
        os.close(person)
        for _ in range(5):
            clock.now += 1.0
            screen.show(usual())
        assert not screen.due
    with suppress(OSError):
        file.close()


@posix
@pytest.mark.parametrize("what", ["full", "closed"])
def test_a_pipe_that_nobody_reads_stops_the_lines_and_not_the_session(what):
    reader, writer = os.pipe()
    clock = Clock()
    file = os.fdopen(writer, "w")
    if what == "closed":
        os.close(reader)
    with LiveScreen(Console(file=file), clock=clock) as screen:
        for bars in range(600):
            screen.show(usual(bars=bars))
            clock.now += 11.0
    if what == "full":
        assert not screen.due
        assert os.read(reader, 10**6).count(b"\n") > 50
        assert eventually_due(screen, reader)
        os.close(reader)
        file.close()
    else:
        assert "BrokenPipeError" in screen.problem
        with pytest.raises(BrokenPipeError):
            file.close()
