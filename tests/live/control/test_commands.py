"""`darwin status`, `halt`, `resume`, `flatten`, `override` and `token`, against a desk in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_desk import STATUS, process
from rich.text import Text

from darwin_core.cli import main
from darwin_core.live.control import client, places, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WHY = ["--reason", "a test"]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Calls darwin; returns its status and all that it said."""

    def call(*words: str | Path) -> tuple[int, str]:
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out + said.err

    return call


@pytest.fixture
def running(folder: Path) -> Iterator[Path]:
    """The folder of a session that runs."""
    with process(folder, "well"):
        yield folder


def as_json(tell: Any, *words: str | Path) -> tuple[int, Any]:
    status, said = tell(*words, "--json")
    return status, json.loads(said)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def test_the_status_of_a_session_that_runs(tell: Any, running: Path) -> None:
    status, said = tell("status", running)
    assert status == 0
    assert "demo, paper: trading" in said
    assert "2.00% below its highest" in said
    assert "agent master: active, circuit open" in said
    assert "kill latch: open" in said
    status, found = as_json(tell, "status", running)
    assert (status, found["running"], found["latch"]) == (0, True, "")
    assert repr(snapshot.decode(found["status"])) == repr(STATUS)


def test_each_command_reaches_the_trader_and_the_record(tell: Any, running: Path) -> None:
    for words in (
        ["halt", running, *WHY],
        ["resume", running, *WHY],
        ["override", "agent", "gate", "off", "--session", running, *WHY],
        ["override", "symbol", "AAA", "deny", "--session", running, *WHY],
        ["flatten", running, "--who", "Ada", *WHY],
    ):
        status, said = tell(*words)
        assert status == 0, said
        assert f"did {words[0]}" in said
    assert "closed:" in tell("status", running)[1]
    status, said = tell("resume", running, "--release", "--who", "Ada", *WHY)
    assert (status, "did release" in said) == (0, True)
    assert "kill latch: open" in tell("status", running)[1]
    found = records(running)
    assert [each["name"] for each in found] == ["halt", "resume", "override", "override", "flatten", "release"]
    assert found[2]["details"] == {"agent": "gate", "mode": "off", "from": "canary"}
    assert found[3]["details"] == {"symbol": "AAA", "rule": "deny"}
    assert found[4]["who"].startswith("Ada (user ")


def test_what_the_trader_refuses_has_the_status_1(tell: Any, running: Path) -> None:
    status, said = tell("halt", running, "--reason", "refuse me")
    assert (status, said) == (1, "refused: the trader does not like it\n")
    status, said = tell("override", "agent", "gat", "off", "--session", running, *WHY)
    assert (status, "did you mean 'gate'?" in said) == (1, True)


def test_tokens_from_making_to_revoking(tell: Any, running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = as_json(tell, "token", "add", "boss", "--role", "admin", "--session", running)[1]["token"]
    status, said = tell("token", "add", "screen", "--role", "viewer", "--days", "3", "--session", running)
    assert (status, "shown this once" in said) == (0, True)
    screen = said.split()[0] if said.startswith("darwin_") else said.split()[-1]
    assert tell("token", "require", "on", "--session", running)[0] == 0
    status, said = tell("halt", running, *WHY)
    assert (status, "wants a token" in said) == (1, True)
    monkeypatch.setenv("DARWIN_TOKEN", screen)
    assert tell("status", running)[0] == 0
    assert "has the role viewer" in tell("flatten", running, *WHY)[1]
    assert "has the role viewer" in tell("token", "list", "--session", running)[1]
    file = running / "boss.token"
    file.write_text(boss + "\n")
    file.chmod(0o644)
    assert "can be read by others" in tell("flatten", running, "--token-file", file, *WHY)[1]
    file.chmod(0o600)
    assert tell("flatten", running, "--token-file", file, *WHY)[0] == 0
    assert tell("token", "revoke", "screen", "--session", running, "--token-file", file)[0] == 0
    assert "the token screen is revoked" in tell("halt", running, *WHY)[1]
    status, found = as_json(tell, "token", "list", "--session", running, "--token-file", file)
    assert [(each["name"], each["state"], each["revoked_by"]) for each in found["tokens"]] == [
        ("boss", "valid", ""), ("screen", "revoked", "token boss"),
    ]  # fmt: skip
    kept = "".join(path.read_text() for path in running.iterdir() if path.is_file() and path != file)
    assert boss not in kept
    assert screen not in kept


def test_a_dead_trader_keeps_nobody_from_the_latch(tell: Any, folder: Path) -> None:
    with process(folder, "well") as trader:
        trader.send_signal(signal.SIGKILL)
    status, said = tell("status", folder)
    assert status == 1
    assert f"no process runs the session {folder}" in said
    assert "its last known state, 0 seconds old" in said or "its last known state, 1 seconds old" in said
    assert "demo, paper: trading" in said
    status, said = tell("flatten", folder, *WHY)
    assert status == 1
    assert "the kill latch is closed on its file; no process runs" in said
    assert "nothing was cancelled" in said
    status, found = as_json(tell, "status", folder)
    assert (status, found["running"], found["latch"][:7]) == (1, False, "a test ")
    for words in (["halt", folder, *WHY], ["resume", folder, *WHY]):
        status, said = tell(*words)
        assert (status, "no process runs" in said) == (1, True)
    assert "give --who" in tell("resume", folder, "--release", *WHY)[1]
    assert places.latch(folder).state().closed
    status, said = tell("resume", folder, "--release", "--who", "Ada", *WHY)
    assert (status, "is released on its file" in said) == (0, True)
    state = places.latch(folder).state()
    assert not state.closed
    assert state.records[-1].who.startswith("Ada (user ")


def test_with_a_dead_trader_the_rights_are_the_same(tell: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = as_json(tell, "token", "add", "boss", "--role", "admin", "--session", folder)[1]["token"]
    risk = as_json(tell, "token", "add", "risk", "--role", "risk", "--session", folder)[1]["token"]
    tell("token", "require", "on", "--session", folder)
    assert "wants a token" in tell("flatten", folder, *WHY)[1]
    monkeypatch.setenv("DARWIN_TOKEN", risk)
    assert "is closed on its file" in tell("flatten", folder, *WHY)[1]
    release = ["resume", folder, "--release", "--who", "Ada", *WHY]
    assert "this needs the role admin" in tell(*release)[1]
    assert places.latch(folder).state().closed
    monkeypatch.setenv("DARWIN_TOKEN", boss)
    assert tell(*release)[0] == 0


@pytest.mark.parametrize("manner", ["mute", "frozen"])
def test_a_process_that_stands_still_keeps_nobody_from_closing_the_latch_and_it_is_not_released_over_its_head(
    tell: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.3)
    with process(folder, "mute" if manner == "mute" else "well") as trader:
        if manner == "frozen":
            trader.send_signal(signal.SIGSTOP)
            os.waitpid(trader.pid, os.WUNTRACED)  # every thread of it stands still by now
        status, said = tell("flatten", folder, *WHY)
        assert (status, "the kill latch is closed on its file; the process of" in said) == (1, True)
        assert places.latch(folder).state().closed
        status, said = tell("resume", folder, "--release", "--who", "Ada", *WHY)
        assert (status, "end it first" in said) == (1, True)
        assert places.latch(folder).state().closed
        assert "does not answer" in tell("status", folder)[1]


@pytest.mark.parametrize(("typed", "killed"), [("yes\n", True), ("no\n", False), ("\x04", False)])
def test_on_a_terminal_flatten_asks_again(
    tell: Any, running: Path, monkeypatch: pytest.MonkeyPatch, typed: str, killed: bool
) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal, os.fdopen(ours, "w") as keyboard:
        keyboard.write(typed)
        keyboard.flush()
        monkeypatch.setattr(sys, "stdin", terminal)
        status, said = tell("flatten", running, *WHY)
        assert "close every position" in said
        assert ("did flatten" in said, bool(places.latch(running).state().closed)) == (killed, killed)
        assert status == (0 if killed else 1)
        assert tell("flatten", running, "--yes", *WHY)[0] == 0


def test_the_session_is_found_from_the_deployment(tell: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert "there is no darwin.toml here: name the folder" in tell("status")[1]
    # Only what says where the sessions are is read: the rest may be wrong.
    Path("darwin.toml").write_text('[run]\nstore = "r"\n[deployment]\nname = "main"\n[nonsense]\n')
    assert "no session is running in r/live" in tell("status")[1]
    home = folder / "r" / "live"
    for name in ("main", "main-1", "other"):
        (home / name).mkdir(parents=True)
    assert "no process runs the session r/live/main;"[:-1] in tell("status")[1]
    with process(home / "main-1", "well"):
        assert as_json(tell, "halt", *WHY)[1]["session"] == "r/live/main-1"
        assert as_json(tell, "status", "other")[1]["session"] == "r/live/other"
        with process(home / "other", "well"):
            status, said = tell("flatten", *WHY)
            assert (status, "several sessions are running, name one: main-1, other" in said) == (1, True)
            assert as_json(tell, "flatten", "other", *WHY)[1]["session"] == "r/live/other"
    assert "did you mean 'other'?" in tell("halt", "othr", *WHY)[1]
    Path("darwin.toml").write_text("[run")
    assert "or name the folder of a session" in tell("flatten", *WHY)[1]
    assert "holds no session" in tell("flatten", home / "main", *WHY)[1]
    assert not (home / "main" / "latch.json").exists()
    (home / "main" / "session.json").touch()
    assert "is closed on its file" in tell("flatten", home / "main", *WHY)[1]


def test_a_status_that_cannot_be_read_is_told(tell: Any, folder: Path) -> None:
    assert "it has left no status behind" in tell("status", folder)[1]
    for content in ("{", "[]", '{"deployment": 3}', "null", "[" * 100_000):
        (folder / "status.json").write_text(content)
        status, said = tell("status", folder)
        assert (status, "status.json cannot be read" in said) == (1, True)


def test_on_a_terminal_what_is_wrong_stays_in_sight(tell: Any, running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = snapshot.plain(STATUS)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("FORCE_COLOR", "1")
    other = running / "other"
    other.mkdir()
    (other / "status.json").write_text(json.dumps(status))
    for folder, first in ((running, "demo"), (other, "no process runs the session")):
        said = tell("status", folder)[1]
        assert first in said.splitlines()[0]
        cells = sum(max(1, -(-Text.from_ansi(line).cell_len // 80)) for line in said.splitlines())
        assert cells <= 23  # the prompt has the last line


def test_a_blank_reason_is_none(tell: Any, folder: Path) -> None:
    for words in (["halt"], ["flatten"], ["resume", "--release", "--who", "me"]):
        status, said = tell(*words, folder, "--reason", "  ")
        assert (status, "--reason is empty" in said) == (1, True)
    assert not (folder / "latch.json").exists()


def test_a_reason_is_needed(tell: Any, folder: Path) -> None:
    for words in (["halt"], ["resume"], ["flatten"], ["override", "agent", "gate", "off"]):
        status, said = tell(*words)
        assert (status, "--reason" in said) == (2, True)


def test_a_token_given_as_an_argument_is_not_repeated(tell: Any, running: Path) -> None:
    status, said = tell("halt", running, "--token", "darwin_secret", *WHY)
    assert (status, "revoke it" in said, "secret" in said) == (1, True, False)


def test_the_kill_command_loads_nothing_that_takes_time(folder: Path) -> None:
    program = f"""
import sys
from darwin_core.cli import COMMANDS, main
COMMANDS.setdefault("flatten", "")
status = main(["flatten", {str(folder)!r}, "--reason", "x", "--yes"])
print(sorted({{"numpy", "numba", "pyarrow", "asyncio", "pluggy"}} & sys.modules.keys()))
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert "is closed on its file" in done.stderr
