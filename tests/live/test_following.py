"""A live session on files that somebody appends to: what was written is on the tape and in the journal."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SECOND = 1_000_000_000
DEPLOYMENT = """\
[deployment]
name = "following"

[feed]
{feed}

[strategy]
use = "buy-and-hold"
weights = {{ A = 0.05, B = 0.05 }}

[broker]
use = "paper"

[live]
deadline_s = 0.5

[run]
store = "runs"
"""
PANEL = """use = "panel"
path = "bars.csv"
timezone = "UTC"
stamp = "close"
interval = "1s"
follow = true
"""
QUORUM = 'use = "quorum"\ndeadline_s = 0.2\n' + "".join(
    f'[[feed.providers]]\nuse = "panel"\npath = "{name}.csv"\ntimezone = "UTC"\nstamp = "close"\ninterval = "1s"\n'
    "follow = true\n"
    for name in ("one", "two", "three")
)


def line(at: int, symbol: str, close: float) -> str:
    """One bar; its moment is `at` seconds since 1970."""
    stamp = np.datetime_as_string(np.datetime64(at, "s"))
    return f"{stamp},{symbol},{close},{close + 0.5},{close - 0.5},{close},1000\n"


class Session:
    """``darwin live`` in a process of its own."""

    def __init__(self, folder: Path, feed: str, files: tuple[str, ...]):
        self.folder, self.files = folder, files
        self.now = int(time.time()) - 10  # all bars have been complete for a while: nothing has to be waited for
        (folder / "darwin.toml").write_text(DEPLOYMENT.format(feed=feed))
        begin = "".join(line(self.now - n, s, 100.0) for n in range(20, 0, -1) for s in "AB")
        for name in files:
            (folder / name).write_text("time,symbol,open,high,low,close,volume\n" + begin)
        self.begin()

    def begin(self):
        self.output = (self.folder / "output.txt").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "darwin_core.cli", "live", "darwin.toml", "--plain"],
            cwd=self.folder, stdout=self.output, stderr=subprocess.STDOUT, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip

    def append(self, text: str, *files: str) -> None:
        for name in files or self.files:
            with (self.folder / name).open("a") as file:
                file.write(text)

    def ask(self, file: str, query: str) -> list:
        """Ask one of the session's databases; nothing while there is none."""
        path = self.folder / "runs/live/following" / file
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []
            finally:
                connection.rollback()

    def rows(self) -> list[int]:
        return [t // SECOND - self.now for (t,) in self.ask("tape.sqlite", "select time from rows order by time")]

    def until(self, what, limit: float = 90.0) -> None:
        end = time.monotonic() + limit
        while not what():
            assert time.monotonic() < end, (self.folder / "output.txt").read_text()
            assert self.process.poll() is None, (self.folder / "output.txt").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, (self.folder / "output.txt").read_text()
        self.output.close()

    def kinds(self) -> dict[str, int]:
        return dict(self.ask("journal.sqlite", "select kind, count(*) from records group by kind"))


@pytest.fixture
def session(tmp_path):
    made = []

    def begin(feed: str, *files: str) -> Session:
        made.append(Session(tmp_path, feed, files))
        made[-1].until(lambda: "state=trading" in (tmp_path / "output.txt").read_text())  # what it found is history
        return made[-1]

    yield begin
    for each in made:
        each.process.kill()
        each.process.wait()
        each.output.close()


def test_what_is_appended_is_decided_on_once_and_survives_a_stop(session):
    live = session(PANEL, "bars.csv")
    live.append(line(live.now, "A", 100.0) + line(live.now, "B", 50.0))
    live.until(lambda: live.rows() == [0])
    for at in (1, 2, 3):
        text = line(live.now + at, "A", 100.0 + at) + line(live.now + at, "B", 50.0)
        live.append(text[:30])  # torn
        live.append(text[30:])
    live.until(lambda: live.rows() == [0, 1, 2, 3])
    live.append(line(live.now + 4, "A", 104.0))  # B never comes: its deadline does
    live.until(lambda: live.rows()[-1] == 4)
    live.append(line(live.now + 3, "A", 103.5))  # a correction
    live.append(
        line(live.now + 5, "A", -1.0) + "nonsense\n" + line(live.now + 6, "A", 106.0) + line(live.now + 6, "B", 50.0)
    )
    live.until(lambda: live.rows()[-1] == 6)
    live.stop()
    assert live.rows() == [0, 1, 2, 3, 4, 6]
    (arrival,) = live.ask("tape.sqlite", "select arrival from rows order by time limit 1 offset 4")
    assert (np.frombuffer(arrival[0], np.int64) > 0).tolist() == [True, False]
    revisions = live.ask("tape.sqlite", 'select time, symbol, "values" from revisions')
    assert [(t // SECOND - live.now, s, np.frombuffer(v)[3]) for t, s, v in revisions] == [(3, "A", 103.5)]
    kinds = live.kinds()
    assert kinds["decision"] == 6
    assert kinds["fill"] >= 1
    log = (live.folder / "runs/live/following/log.jsonl").read_text()
    assert "left out" in log
    assert "1 bar is missing between" in log
    live.append(line(live.now + 7, "A", 107.0) + line(live.now + 7, "B", 50.0))  # while nobody is there


def test_a_session_goes_on_with_what_came_while_it_was_away(session):
    live = session(PANEL, "bars.csv")
    live.append(line(live.now, "A", 100.0) + line(live.now, "B", 50.0))
    live.until(lambda: live.rows() == [0])
    live.process.kill()
    live.process.wait()
    live.output.close()
    live.append(line(live.now + 1, "A", 101.0) + line(live.now + 1, "B", 50.0))
    live.append(line(live.now + 2, "A", 102.0) + line(live.now + 2, "B", 50.0))
    live.begin()
    live.until(lambda: live.rows() == [0, 1, 2])
    live.stop()
    assert live.kinds()["decision"] == 3
    assert live.ask("tape.sqlite", "select * from revisions") == []


def test_three_files_vote_and_the_one_that_is_wrong_is_named(session):
    live = session(QUORUM, "one.csv", "two.csv", "three.csv")
    for at in range(5):
        good = line(live.now + at, "A", 100.0 + at) + line(live.now + at, "B", 50.0)
        live.append(good, "one.csv", "three.csv")
        live.append(good.replace(",50.", ",60."), "two.csv")
        live.until(lambda: live.rows() == list(range(at + 1)))  # noqa: B023 - it is called at once
    live.until(lambda: "is put aside for B" in (live.folder / "runs/live/following/log.jsonl").read_text())
    live.stop()
    values = live.ask("tape.sqlite", 'select "values" from rows order by time')
    assert [np.frombuffer(each).reshape(5, 2)[3].tolist() for (each,) in values] == [
        [100.0 + n, 50.0] for n in range(5)
    ]
    assert live.kinds()["decision"] == 5
