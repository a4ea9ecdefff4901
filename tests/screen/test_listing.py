from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from darwin_core import screen
from darwin_core.comparing import compare
from darwin_core.store import load
from darwin_core.testing.reporter import sample_run

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load(sample_run(tmp_path_factory.mktemp("deployment")).folder)


@pytest.fixture(scope="module")
def other(run, tmp_path_factory):
    from darwin_core.backtest import backtest

    made, _ = backtest(run.folder.parent.parent / "darwin.toml", {"exits.stop": 0.05, "agents.0.mode": "active"})
    return load(made.folder)


def printed(show, *arguments, width=80, terminal=False):
    out = StringIO()
    show(*arguments, Console(file=out, width=width, highlight=False, force_terminal=terminal))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_runs_are_listed_with_their_figures(run, other, width):
    text = printed(screen.show_runs, [run, other], [], width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    for each in (run, other):
        assert f"{each.info['summary']['sharpe']:.2f}" in text
        assert width < 80 or each.id in text


def test_no_runs_and_unfinished_ones_are_said(run):
    text = printed(screen.show_runs, [], [Path("runs/.unfinished-demo-1")])
    assert "no runs" in text
    assert ".unfinished-demo-1" in text


def test_equal_runs_are_said_to_decide_alike(run):
    assert "the same decisions" in printed(screen.show_diff, compare(run, run))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_difference_names_the_decision_and_the_settings(run, other, width):
    text = printed(screen.show_diff, compare(run, other), width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    for words in ("part at decision", "exits.stop", "0.05", "observe", "active"):
        assert words in text


def test_figures_that_differ_below_the_shown_digits_are_shown_whole(run):
    found = {**compare(run, run), "summary": [["sharpe", 1.0000001, 1.0000002]]}
    text = printed(screen.show_diff, found)
    assert "1.0000001" in text
    assert "1.0000002" in text


def test_a_log_that_ended_early_is_said(run):
    parting = {"row": 9, "a": {"time": "2020-01-01", "value": 1.0}, "b": None}
    text = printed(screen.show_diff, {**compare(run, run), "same_decisions": False, "parting": parting})
    assert "decision 10" in text
    assert "the log has ended" in text


def test_progress_is_drawn_on_a_terminal_and_nowhere_else():
    for terminal, quiet in ((True, False), (False, False), (True, True)):
        out = StringIO()
        with screen.progress(Console(file=out, width=80, force_terminal=terminal), quiet=quiet) as tell:
            tell(1, 4)
            tell(4, 4)
        assert bool(out.getvalue()) == (terminal and not quiet)


def interrupted(console):
    with screen.progress(console) as tell:
        tell(1, 2)
        raise KeyboardInterrupt


def test_progress_gives_the_cursor_back_when_the_run_is_interrupted():
    out = StringIO()
    with pytest.raises(KeyboardInterrupt):
        interrupted(Console(file=out, width=80, force_terminal=True))
    assert out.getvalue().rindex(SHOW_CURSOR) > out.getvalue().index(HIDE_CURSOR)
