"""``darwin parity`` and ``darwin replay`` as people and programs see them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import parity_cases as cases
import pytest

from darwin_core import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("parity", "replay"):
        monkeypatch.setitem(cli.COMMANDS, name, name)


def plain(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = cli.main([*words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_demo_deployment_replayed_is_its_backtest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The repository's own data, from the command line: live, parity, replay."""
    text = re.sub(r'"(data|artifacts)/', rf'"{ROOT.as_posix()}/\1/', (ROOT / "darwin.toml").read_text())
    deployment = tmp_path / "demo.toml"
    deployment.write_text(text if "[broker]" in text else text + '\n[broker]\nuse = "paper"\n')
    words = (str(deployment), "--replay", "2015-01-01:2015-05-01", "--speed", "max")
    status, live = plain(capsys, "live", *words)
    assert status == 0
    status, found = plain(capsys, "parity", "last", "--deployment", str(deployment))
    assert (status, found["equal"], found["differences"]) == (0, True, [])
    assert found["backtest"] == found["live"] == live["digest"]
    assert found["bars"] == 82
    status, again = plain(capsys, "replay", live["folder"])
    assert (status, again["equal"], again["digest"]) == (0, True, live["digest"])
    assert again["orders"] > 5


def test_causes_are_shown_in_a_table_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    session = cases.trade(cases.deployment(tmp_path / "x", seed=7), {"broker.reject": 0.3, "broker.partial": 0.2})
    status, found = plain(capsys, "parity", str(session.folder))
    assert status == 0
    assert found["causes"]["reject"] >= 5
    assert sum(found["causes"].values()) == len(found["differences"])
    assert found["unexplained"] == 0
    for width in (80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        assert cli.main(["parity", str(session.folder)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= width
        assert any(line.startswith("reject ") for line in lines)
        assert any("what followed" in line for line in lines)
        assert lines[-2].endswith(found["backtest"])
        assert lines[-1].endswith(found["live"])


def test_what_nothing_explains_is_loud_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = cases.deployment(tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="active"))
    session = cases.trade(path)
    agent = path.with_name("agent.py")
    agent.write_text(agent.read_text().replace("* 5.0", "* 6.0"))
    assert cli.main(["parity", str(session.folder)]) == 1
    assert "unexplained" in capsys.readouterr().out
    assert cli.main(["replay", str(session.folder)]) == 1
    said = capsys.readouterr().out
    assert "differ from what was recorded" in said
    assert "scaler" in said


def test_a_session_that_is_not_there_is_an_error_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = cases.deployment(tmp_path / "x")
    status, found = plain(capsys, "parity", "last", "--deployment", str(path))
    assert status == 1
    assert "there are no live sessions" in found["error"]["message"]
