"""The suite for reporters, and a real run for them to report on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from darwin_core.errors import RunError
from darwin_core.plugins import why
from darwin_core.testing.compare import check
from darwin_core.testing.suite import PluginTests

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.store import Run

_LINE = '''\
"""The line of the sample run: the sample bars, and a strategy that follows the last ten bars."""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl
from darwin_core.testing import BarsFeed, daily_bars


class Follow:
    requires = ()
    lookback = 10

    def propose(self, market):
        close = market.bars.close
        rising = np.zeros(close.shape, np.int8)
        rising[10:] = close[10:] > close[:-10]
        return Proposal(rising, weight=0.25)


class Halve:
    when = "candidate"
    requires = ("strategy.weight",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        return np.full(len(observation), 0.5)


@hookimpl
def make_feed(options):
    return BarsFeed(daily_bars())


@hookimpl
def make_strategy(options):
    return Follow()


@hookimpl
def make_agent(options):
    return Halve()
'''
_DEPLOYMENT = """\
[deployment]
name = "sample"

[feed]
use = "./line.py"

[strategy]
use = "./line.py"

[[agents]]
use = "./line.py"
name = "halve"
mode = "observe"

[exits]
stop = 0.1

[execution]
fee = 0.0005
"""


def sample_run(folder: Path) -> Run:
    """Backtest a small deployment in `folder`; return the run: 400 daily bars, four symbols, an agent, trades."""
    from darwin_core.backtest import backtest

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "line.py").write_text(_LINE, encoding="utf-8")
    (folder / "darwin.toml").write_text(_DEPLOYMENT, encoding="utf-8")
    run, _ = backtest(folder / "darwin.toml")
    return run


class ReporterTests(PluginTests):
    """Cases for a reporter; they hand it a real run in a folder of the test's own."""

    kind: ClassVar[str] = "reporter"

    def fresh(self, folder: Path) -> object:
        """Return a fresh reporter, whose relative paths begin in `folder`."""
        return self.make(folder=folder)

    def test_answers_with_one_line_or_nothing(self, tmp_path: Path) -> None:
        """R1: `report` returns one line of text that says where the report is, or None.

        When it fails: return ``f"report: {path}"`` or None, nothing else. If the run lacks something that you read:
        it is a real, complete run, so the name may be wrong.
        """
        said = self.make(folder=tmp_path).report(sample_run(tmp_path))
        check(said is None or isinstance(said, str), f"report returned {type(said).__name__}, not a text or None")
        check(not said or (said.strip() and "\n" not in said), f"report returned no line of text: {said!r}")

    def test_leaves_the_run_as_it_is(self, tmp_path: Path) -> None:
        """R2: every file of the run is as it was stored.

        When it fails: a reporter may add files; what `run.json` lists is evidence, and stays.
        """
        run = sample_run(tmp_path)
        before = (run.folder / "run.json").read_bytes()
        self.make(folder=tmp_path).report(run)
        check((run.folder / "run.json").read_bytes() == before, "run.json is not as it was")
        try:
            run.verify()
        except RunError as error:
            raise AssertionError(str(error)) from error

    def test_can_be_told_again(self, tmp_path: Path) -> None:
        """R3: the same reporter can be told about the same run twice.

        When it fails: write over your own file instead of refusing it, and keep nothing on `self` between calls.
        """
        reporter = self.make(folder=tmp_path)
        run = sample_run(tmp_path)
        first = reporter.report(run)
        try:
            second = reporter.report(run)
        except Exception as error:
            raise AssertionError(f"it fails when it is told again: {why(error)}") from error
        check(first == second, "told twice, it answers differently")
