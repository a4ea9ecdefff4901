"""Every action by every role, through a real socket."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, get_args

import pytest
from fake_desk import FakeDesk

from darwin_core import ConfigError
from darwin_core.live.control import answering, client, tokens
from darwin_core.live.control.actions import MODES, ROLES, Action, Answer, as_entry
from darwin_core.live.control.server import Server
from darwin_core.live.schema import Entry
from darwin_core.types import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = tokens.DAY
ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "status": ({"do": "status"}, "viewer"),
    "halt": ({"do": "halt"}, "operator"),
    "resume": ({"do": "resume"}, "operator"),
    "lower an agent": ({"do": "override", "details": {"agent": "gate", "mode": "observe"}}, "operator"),
    "keep an agent": ({"do": "override", "details": {"agent": "gate", "mode": "canary"}}, "operator"),
    "raise an agent": ({"do": "override", "details": {"agent": "gate", "mode": "active"}}, "risk"),
    "deny a symbol": ({"do": "override", "details": {"symbol": "AAA", "rule": "deny"}}, "risk"),
    "allow a symbol": ({"do": "override", "details": {"symbol": "AAA", "rule": "allow"}}, "risk"),
    "flatten": ({"do": "flatten"}, "risk"),
    "release": ({"do": "release", "who": "Ada"}, "admin"),
}


@pytest.fixture
def desk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDesk]:
    """A desk that is served and works."""
    monkeypatch.setattr(answering, "_GUESS_S", 0.1)
    made = FakeDesk(folder)
    with made.working(), Server(folder, made, made.record, patience_s=5.0):
        yield made


def ask(desk: FakeDesk, request: dict[str, Any], token: str = "") -> dict[str, Any]:
    return client.ask(desk.folder, {"why": "a test", "token": token, **request})


@pytest.mark.parametrize("role", ROLES)
def test_each_role_does_what_it_may_and_nothing_else(desk: FakeDesk, role: Any) -> None:
    token = tokens.add(desk.folder, "ops", role, 1, "user x")
    for name, (request, least) in ASKED.items():
        if request["do"] == "release":
            desk.latch.close("x", "y", 1)
        desk.heard.clear()
        desk.killed.clear()
        before = len(desk.records)
        answer = ask(desk, request, token)
        may = ROLES.index(role) >= ROLES.index(least)
        assert answer["kind"] == ("done" if may else "refused"), name
        if request["do"] == "status":
            continue
        assert [each.name for each in desk.heard] == ([request["do"]] if may else []), name
        assert [each.name for each in desk.killed] == (["flatten"] if may and request["do"] == "flatten" else []), name
        ((action, outcome),) = desk.records[before:]
        assert answer["recorded"]
        assert (action.name, action.role, outcome.kind) == (request["do"], role, answer["kind"])
        assert action.who == ("Ada (token ops)" if "who" in request else "token ops")
        if not may:
            assert answer["text"] == f"token ops has the role {role}; this needs the role {least}"


def test_the_user_who_owns_the_session_is_its_admin_unless_tokens_are_required(desk: FakeDesk) -> None:
    assert ask(desk, {"do": "halt"})["kind"] == "done"
    assert desk.heard[-1].role == "admin"
    secret = tokens.add(desk.folder, "boss", "admin", 1, "user x")
    assert ask(desk, {"do": "halt"})["kind"] == "done"
    tokens.require(desk.folder, 2, on=True)
    for name, (request, _) in ASKED.items():
        answer = ask(desk, request)
        assert answer["kind"] == "refused", name
        assert "wants a token" in answer["text"], name
    assert ask(desk, {"do": "halt"}, secret)["kind"] == "done"
    tokens.require(desk.folder, 3, on=False)
    assert ask(desk, {"do": "flatten"})["kind"] == "done"


def test_a_token_that_is_given_is_the_only_thing_that_counts(desk: FakeDesk) -> None:
    viewer = tokens.add(desk.folder, "screen", "viewer", 1, "user x")
    for token in (viewer, "darwin_wrong", "\ud800"):
        assert ask(desk, {"do": "halt"}, token)["kind"] == "refused"
    assert desk.heard == []


def test_unknown_expired_and_revoked_tokens_give_nothing_and_are_on_record(desk: FakeDesk) -> None:
    expired = tokens.add(desk.folder, "old", "admin", 1, "user x", days=1)
    revoked = tokens.add(desk.folder, "gone", "admin", 1, "user x")
    assert ask(desk, {"do": "halt"}, revoked)["kind"] == "done"
    tokens.revoke(desk.folder, "gone", 2, "user x")
    said = [ask(desk, {"do": "flatten"}, token)["text"] for token in (expired, revoked, "darwin_no")]
    assert said[:2] == ["the token old is expired", "the token gone is revoked"]
    assert "does not know" in said[2]
    assert desk.killed == []
    assert [(a.who, a.role, b.kind) for a, b in desk.records[1:]] == [
        ("token old", "viewer", "refused"), ("token gone", "viewer", "refused"), ("nobody", "viewer", "refused"),
    ]  # fmt: skip
    assert ask(desk, {"do": "status"}, revoked)["kind"] == "refused"


def test_a_flood_of_wrong_tokens_keeps_nobody_out_and_does_not_fill_the_record(desk: FakeDesk) -> None:
    right = tokens.add(desk.folder, "ops", "risk", 1, "user x")
    wrong = [threading.Thread(target=ask, args=(desk, {"do": "halt"}, f"darwin_{n}")) for n in range(14)]
    for each in wrong:
        each.start()
    assert ask(desk, {"do": "flatten"}, right)["kind"] == "done"
    for each in wrong:
        each.join()
    assert sum(answer.kind == "refused" for _, answer in desk.records) == 10


def test_secrets_are_in_no_record_and_in_no_text(
    desk: FakeDesk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    secret = tokens.add(desk.folder, "ops", "viewer", 1, "user x")
    other = "darwin_wrongwrongwrongwrong"
    answers = [ask(desk, {"do": "flatten"}, token) for token in (secret, other)]
    told = (
        repr(answers) + repr(desk.records) + repr(tokens.read(desk.folder)) + caplog.text + "".join(capfd.readouterr())
    )
    told += (desk.folder / tokens.FILE).read_text()
    assert secret not in told
    assert other not in told
    assert "ops" in told


def test_without_a_readable_token_file_risk_may_be_taken_away_and_nothing_else(desk: FakeDesk) -> None:
    token = tokens.add(desk.folder, "ops", "admin", 1, "user x")
    (desk.folder / tokens.FILE).write_text("{}")
    for secret in ("", token):
        for name, (request, _) in ASKED.items():
            answer = ask(desk, request, secret)
            assert answer["kind"] == ("done" if request["do"] in ("status", "halt", "flatten") else "refused"), name
            assert answer["kind"] == "done" or "damaged" in answer["text"]
    assert "damaged" in desk.heard[-1].details["tokens"]


def test_the_direction_of_an_override_is_judged_by_the_mode_last_seen(desk: FakeDesk) -> None:
    ask(desk, {"do": "override", "details": {"agent": "gate", "mode": "active"}})
    assert desk.heard[-1].details == {"agent": "gate", "mode": "active", "from": "canary"}
    answer = ask(desk, {"do": "override", "details": {"agent": "gatee", "mode": "off"}})
    assert answer["text"] == "there is no agent 'gatee': did you mean 'gate'?"


def test_where_no_status_is_known_lowering_an_agent_needs_the_greater_right(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.add(desk.folder, "ops", "operator", 1, "user x")
    monkeypatch.setattr(FakeDesk, "status", lambda _self: 1 / 0)
    lower = {"do": "override", "details": {"agent": "gate", "mode": "off"}}
    assert ask(desk, lower, token)["kind"] == "refused"
    assert ask(desk, lower)["kind"] == "done"
    assert desk.heard[-1].details["from"] == ""


def test_what_happened_fits_the_journal() -> None:
    action = Action("override", "Ada (token ops)", "risk", "odd", {"agent": "gate", "mode": "off", "from": "active"})
    control = as_entry(action, Answer("done", "gate is off"))
    assert Entry(1, control).kind == "control"
    assert control.details["outcome"] == "done"


@pytest.mark.parametrize(
    ("name", "role", "days"),
    [("", "admin", 0), ("a b", "admin", 0), ("a", "king", 0), ("a", "admin", -1), ("é", "risk", 0)],
)
def test_a_token_of_a_senseless_name_role_or_age_is_refused(folder: Path, name: str, role: Any, days: int) -> None:
    with pytest.raises(ConfigError):
        tokens.add(folder, name, role, 1, "x", days)
    assert not (folder / tokens.FILE).exists()


def test_nobody_can_lock_everybody_out(folder: Path) -> None:
    with pytest.raises(ConfigError, match="add one first"):
        tokens.require(folder, 5, on=True)
    tokens.add(folder, "boss", "admin", 1, "x")
    tokens.add(folder, "boss2", "admin", 1, "x", days=1)
    with pytest.raises(ConfigError, match="already"):
        tokens.add(folder, "boss", "viewer", 1, "x")
    tokens.require(folder, 5, on=True)
    tokens.revoke(folder, "boss2", 5, "x")
    with pytest.raises(ConfigError, match="add one first"):
        tokens.revoke(folder, "boss", 5, "x")
    tokens.require(folder, 5, on=False)
    tokens.revoke(folder, "boss", 5, "x")
    assert (folder / tokens.FILE).stat().st_mode & 0o777 == 0o600


def test_tokens_added_at_the_same_time_are_all_there(folder: Path) -> None:
    threads = [threading.Thread(target=tokens.add, args=(folder, f"t{n}", "viewer", 1, "x")) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {token.name for token in tokens.read(folder).tokens} == {f"t{n}" for n in range(8)}


def test_the_modes_are_the_core_s() -> None:
    assert get_args(Mode) == MODES
