"""What people do wrong when they begin a session or go on with one: words, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import parity_cases as cases
import pytest

from darwin_core.cli import main

REHEARSED = ("--replay", ":", "--speed", "max", "--plain")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A deployment's file."""
    return cases.deployment(tmp_path / "x", bars=40)


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    capsys.readouterr()
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--replay", "2050-01-01:"), "the feed has no bars in"),
        (("--replay", "2021-03-01:2021-01-01"), "must be after FROM"),
        (("--replay", "20210101:"), "write it as 2015-01-31"),
        (("--replay", ""), "--replay is empty"),
        ((), "has no live bars"),
        (("--replay", ":", "--speed", "nan"), "--speed nan"),
    ],
)
def test_a_session_that_cannot_begin_leaves_no_folder(
    path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], problem: str
) -> None:
    status, said = told(capsys, "live", path, *words)
    assert (status, problem in said) == (1, True), said
    assert not list(path.parent.glob("runs/live/*"))


def test_a_store_that_cannot_be_written_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path.parent / "taken").write_text("a file")
    status, said = told(capsys, "live", path, *REHEARSED, "--set", "run.store=taken")
    assert (status, "cannot be begun in" in said, "Traceback" in said) == (1, True, False)


def test_going_on_takes_no_other_words_than_the_session_s_own(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = cases.trade(path)
    for words in (("--set", "execution.fee=0.5"), ("--replay", ":")):
        status, said = told(capsys, "live", path, "--resume", session.folder, "--plain", *words)
        assert (status, "leave --set and --replay out" in said) == (1, True)
    assert "has changed since" not in told(capsys, "live", path, "--resume", session.folder, "--plain")[1]
    path.write_text(path.read_text() + "\n# another word\n")
    status, said = told(capsys, "live", path, "--resume", session.folder, "--plain")
    assert (status, "has changed since; the session goes on with the words it was begun with" in said) == (0, True)


def test_a_session_whose_tape_is_gone_is_refused_and_kept(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = cases.trade(path)
    with contextlib.closing(sqlite3.connect(session.tape)) as tape:
        tape.execute("delete from rows where time = (select max(time) from rows)")
        tape.commit()
    status, said = told(capsys, "live", path, "--resume", session.folder, "--plain")
    assert (status, "9 bars, and the journal decisions on 10" in said) == (1, True), said
    session.tape.unlink()
    before = {each.name for each in session.folder.iterdir()}
    status, said = told(capsys, "live", path, "--resume", session.folder, "--plain")
    assert (status, "tape.sqlite is missing" in said) == (1, True)
    assert {each.name for each in session.folder.iterdir()} == before


def test_a_command_for_a_session_makes_no_file_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    why: Any = ("--reason", "a test")
    for words in (("flatten", tmp_path / "data", *why), ("token", "add", "x", "--role", "viewer", "--session", "data")):
        status, said = told(capsys, *words)
        assert (status, "session" in said) == (1, True), said
    assert not list((tmp_path / "data").iterdir())
    # What is left of a session is enough to kill it by.
    (tmp_path / "data" / "status.json").write_text(json.dumps(None))
    assert "is closed" in told(capsys, "flatten", "data", *why)[1]
