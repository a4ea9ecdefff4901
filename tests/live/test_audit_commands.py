"""`darwin audit` and `darwin archive`, as people and programs call them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from samples import COMMITS, KEY, write

from darwin_core.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DARWIN_JOURNAL_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    write(tmp_path / "j.db").close()
    return tmp_path / "j.db"


def test_a_sound_journal_is_said_to_be_one(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert "is as it was written" in said
    assert "none: this finds accidents" in said
    assert main(["audit", "verify", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["records"] == sum(map(len, COMMITS))
    assert f"witness: {found['end']}" in said
    assert main(["audit", "verify", str(path), "--witness", found["end"]]) == 0
    capsys.readouterr()
    assert main(["audit", "verify", str(path), "--witness", f"3:{found['end'][-64:]}"]) == 1
    assert "rolled back, or rewritten" in capsys.readouterr().err


def test_a_damaged_one_is_refused_in_words(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b'"who":"anna"')
    content[at + 7] ^= 1
    path.write_bytes(content)
    assert main(["audit", "verify", str(path)]) == 1
    said = capsys.readouterr().err
    assert "is not as it was written" in said
    assert "Traceback" not in said


def test_the_key_is_taken_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DARWIN_JOURNAL_KEY", KEY.decode())
    write(tmp_path / "k.db", KEY).close()
    assert main(["audit", "verify", str(tmp_path / "k.db")]) == 0
    assert "key: checked" in capsys.readouterr().out
    monkeypatch.delenv("DARWIN_JOURNAL_KEY")
    assert main(["audit", "verify", str(tmp_path / "k.db")]) == 0
    assert "NOT checked" in capsys.readouterr().out
    monkeypatch.setenv("DARWIN_JOURNAL_KEY", "short")
    assert main(["audit", "verify", str(tmp_path / "k.db")]) == 1


def test_backup_and_archive_say_what_they_did(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "backup", str(path), str(path.with_name("copy.db"))]) == 0
    assert "is a sound copy" in capsys.readouterr().out
    assert main(["archive", str(path), "--older-than", "90", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["moved"]["last"] == sum(map(len, COMMITS))
    assert main(["archive", str(path), "--drop"]) == 1
    assert "a name and a reason" in capsys.readouterr().err
    assert main(["archive", str(path), "--drop", "--who", "anna", "--why", "old"]) == 0
    assert "dropped records-000000000001-" in capsys.readouterr().out
    assert main(["audit", "verify", str(path)]) == 0
    assert "dropped after their retention" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["audit"], 2, "verify|backup|mend"),
        (["audit", "verify", "none.db"], 1, "there is no journal"),
        (["audit", "mend", "none.db"], 2, "--who"),
        (["archive", "none.db"], 1, "there is no journal"),
        (["audit", "verify", __file__], 1, "cannot be read: file is not a database"),
    ],
)
def test_a_mistake_is_told_in_words(
    words: list[str], status: int, message: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_mending_goes_on_the_record(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.with_name("j.db.head").unlink()
    assert main(["audit", "verify", str(path)]) == 1
    assert main(["audit", "mend", str(path), "--who", "anna", "--why", "restored"]) == 0
    assert "the head was" in capsys.readouterr().out
    assert main(["audit", "verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["control"] == 2
