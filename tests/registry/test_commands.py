"""``darwin models`` as a person and as a program use it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import policies
import pytest

from darwin_core.cli import COMMANDS
from darwin_core.cli.running import run_command

if TYPE_CHECKING:
    from darwin_core.registry import Registry

DEPLOYMENT = """\
[registry]
path = "models"
trusted = ["keys/models.pub"]
key = { file = "keys/models.key" }
"""


class Place:
    """A folder with a deployment, keys and three versions of gate; runs commands in it."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capture = folder, capture
        self.ask("keygen")
        (folder / "darwin.toml").write_text(DEPLOYMENT)
        self.signer = policies.signer(folder / "keys")
        for beats in (True, True, False):
            self.registry.publish(policies.bundle(beats_baseline=beats), self.signer)

    @property
    def registry(self) -> Registry:
        return policies.registry(self.folder / "models", self.signer)

    def say(self, *words: str, status: int = 0) -> str:
        assert run_command("models", list(words)) == status
        out, err = self.capture.readouterr()
        return err if status and not out else out

    def ask(self, *words: str, status: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.say(*words, "--json", status=status))
        return answer

    def promote(self, version: str) -> dict[str, Any]:
        return self.ask("promote", "gate", "--version", version, "--who", "ann", "--why", "it is better")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    monkeypatch.setitem(COMMANDS, "models", "policies")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


def test_from_publishing_to_rollback(place: Place) -> None:
    assert place.ask("list")["agents"]["gate"]["current"] is None
    assert place.promote("v1")["counter"] == 1
    told = place.promote("v3")
    assert (told["counter"], told["last_known_good"]) == (2, "v1")
    assert "did not beat its baseline" in told["note"]
    shown = place.ask("show", "gate")
    assert (shown["version"], shown["counter"], shown["metadata"]["beats_baseline"]) == ("v3", 2, False)
    assert [each["why"] for each in shown["history"]] == ["it is better"] * 2
    back = place.ask("rollback", "gate", "--who", "bob", "--why", "it loses")
    assert (back["counter"], back["named"]["version"], back["last_known_good"]) == (3, "v1", None)
    listed = place.ask("list", "gate")["agents"]["gate"]
    assert listed["current"] == "v1"
    assert [each["version"] for each in listed["versions"]] == ["v1", "v2", "v3"]
    assert place.ask() == place.ask("list")
    assert place.ask("rollback", "gate", "--version", "v3", "--who", "b", "--why", "c")["counter"] == 4


def test_people_read_the_same(place: Place) -> None:
    said = place.say("promote", "gate", "--version", "v1", "--who", "ann", "--why", "good [bold]")
    assert "gate v1 is in service (statement 1)" in said
    assert "rollback goes to nothing" in said
    said = place.say("promote", "gate", "--version", "v2", "--who", "ann", "--why", "better")
    assert "rollback goes to v1" in said
    said = place.say("list")
    assert "last known good" in said
    assert "NOT beaten" in said
    said = place.say("show", "gate")
    assert "promote v1  by ann: good [bold]" in said
    assert "sma(10), rsi(14), account.exposure" in said
    said = place.say("verify", "gate")
    assert "gate v3 is as it was signed by " in said
    assert "gate v2 is in service by statement number 2" in said


def test_verify_says_everything_that_is_wrong_and_its_status_is_1(place: Place) -> None:
    place.promote("v1")
    assert place.ask("verify", "gate")["problems"] == []
    (place.folder / "models/gate/v1/policy.onnx").write_bytes(b"x")
    (place.folder / "models/gate/v3/extra").write_bytes(b"x")
    found = place.ask("verify", "gate", status=1)
    assert len(found["problems"]) == 2
    assert "refused" in found["versions"][0]
    said = place.say("verify", "gate", status=1)
    assert "v1/policy.onnx was cut short" in said
    assert "gate v2 is as it was signed" in said
    error = place.ask("verify", "gate", "--version", "v3", status=1)["error"]
    assert error["kind"] == "RegistryError"
    assert "v3/extra does not belong to gate v3" in error["message"]
    assert place.ask("verify", "gate", "--version", "v2")["problems"] == []
    assert "refused" in place.say("list")


def test_a_version_in_service_whose_folder_is_gone_is_told_by_list(place: Place) -> None:
    place.promote("v2")
    shutil.rmtree(place.folder / "models/gate/v2")
    assert place.ask("list")["agents"]["gate"]["note"].startswith("v2 is in service, and its folder is missing")
    assert "v2 is in service, and its folder is missing" in place.say("list")


def test_a_statement_that_was_taken_away_is_missed_with_the_copy_to_put_back(place: Place) -> None:
    place.promote("v1")
    home = place.folder / "models/gate"
    (home / "current").unlink()
    (problem,) = place.ask("verify", "gate", status=1)["problems"]
    assert "current is missing" in problem
    copy = problem.split(", though ")[1].split(" is there")[0]
    shutil.copy(copy, home / "current")
    assert place.ask("verify", "gate")["problems"] == []


def test_an_old_pointer_is_refused_by_the_counter_that_was_seen(place: Place) -> None:
    place.promote("v1")
    for words in (["verify", "gate"], ["show", "gate"], ["rollback", "gate", "--who", "a", "--why", "b"]):
        assert "number 7 has been seen" in json.dumps(place.ask(*words, "--seen", "7", status=1))


@pytest.mark.parametrize("before", [True, False])
def test_the_registry_and_the_trusted_keys_can_be_named_before_and_after_the_form(place: Place, before: bool) -> None:
    place.promote("v1")
    (place.folder / "darwin.toml").unlink()
    place_words = ["--registry", "models", "--trust", str(Path("keys/models.pub"))]
    found = place.ask(*([*place_words, "list"] if before else ["list", *place_words]))
    assert found["agents"]["gate"]["current"] == "v1"
    assert place.ask("list") == {"registry": "artifacts/models", "agents": {}}
    untrusted = place.ask("list", "--registry", "models")["agents"]["gate"]
    assert all(
        "not trusted here: no key is; name one in [registry] trusted" in v["refused"] for v in untrusted["versions"]
    )
    words = ["promote", "gate", "--version", "v2", "--who", "a", "--why", "b", *place_words]
    assert "there is no key to sign with" in place.ask(*words, status=1)["error"]["message"]
    assert place.ask(*words, "--key", "keys/models.key")["counter"] == 2


def test_the_key_can_stand_in_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DEPLOYMENT.replace('{ file = "keys/models.key" }', '"${MY_MODELS_KEY}"')
    (place.folder / "darwin.toml").write_text(text)
    words = ["promote", "gate", "--version", "v1", "--who", "a", "--why", "b"]
    assert "MY_MODELS_KEY is not set" in place.ask(*words, status=1)["error"]["message"]
    monkeypatch.setenv("MY_MODELS_KEY", (place.folder / "keys/models.key").read_text())
    assert place.ask(*words)["counter"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[registry]\npaths = 1", "darwin.toml:2: registry.paths: unknown key: did you mean 'path'?"),
        ("registry = 3", "a table is expected"),
        ('[registry]\nkey = "secret"', "a secret does not stand in this file"),
        ('[registry]\ntrusted = ["gone.pub"]', "gone.pub is missing"),
        ('[registry]\npath = ""', "darwin.toml:2: registry.path"),
    ],
)
def test_a_deployment_s_mistake_is_told_with_its_place(place: Place, text: str, said: str) -> None:
    (place.folder / "darwin.toml").write_text(text)
    assert said in place.ask("list", status=1)["error"]["message"]


def test_a_deployment_elsewhere_means_its_own_folder(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "elsewhere").mkdir()
    monkeypatch.chdir(place.folder / "elsewhere")
    found = place.ask("list", "--deployment", str(Path("..") / "darwin.toml"))
    assert [each["version"] for each in found["agents"]["gate"]["versions"]] == ["v1", "v2", "v3"]
    assert "there is no deployment file" in place.ask("list", "--deployment", "no.toml", status=1)["error"]["message"]


def test_a_promotion_without_name_or_reason_is_misuse(place: Place) -> None:
    assert "--who" in place.ask("promote", "gate", "--version", "v1", "--why", "b", status=2)["error"]["message"]
    assert "--version" in place.ask("promote", "gate", "--who", "a", "--why", "b", status=2)["error"]["message"]


def test_keygen_says_what_to_put_into_the_deployment(place: Place) -> None:
    said = place.say("keygen", "--out", "more")
    assert f'trusted = ["{(place.folder / "more/models.pub").read_text().strip()}"]' in said
    assert "is there already" in place.ask("keygen", status=1)["error"]["message"]
