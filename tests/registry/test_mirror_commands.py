"""``darwin models push`` and ``pull`` as people use them, and that nothing else ever asks a mirror."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import policies
import pytest

from darwin_core.cli import COMMANDS
from darwin_core.cli.running import run_command
from darwin_core.testing import fake_options
from darwin_core.training import policy as training_policy

if TYPE_CHECKING:
    from darwin_core.registry import Signer

DEPLOYMENT = """\
[registry]
path = "models"
trusted = ["keys/models.pub"]
key = { file = "keys/models.key" }

[registry.mirror]
use = "./folder_mirror.py"
path = "../share"
"""
BOOBY_TRAP = "raise SystemExit('somebody asked the mirror')\n"
HOOK = "from darwin_core import hookimpl\n@hookimpl\ndef make_mirror(options):\n    return "


class Place:
    """Two machines, `here` and `there`, with one key and a mirror between them; runs commands on one of them."""

    def __init__(
        self, folder: Path, keys: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.patch, self.capture = folder, patch, capture
        self.signer = policies.signer(keys)
        (folder / "share").mkdir()
        for name in ("here", "there"):
            shutil.copytree(keys, folder / name / "keys")
            shutil.copy(Path(__file__).with_name("folder_mirror.py"), folder / name)
            (folder / name / "darwin.toml").write_text(DEPLOYMENT)
        policies.serve(policies.registry(folder / "here/models", self.signer), self.signer, "gate", 2)

    def say(self, machine: str, *words: str, status: int = 0) -> str:
        self.patch.chdir(self.folder / machine)
        assert run_command("models", list(words)) == status
        out, err = self.capture.readouterr()
        return err if status and not out else out

    def ask(self, machine: str, *words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.say(machine, *words, "--json"))
        return answer

    def deploy(self, machine: str, text: str) -> None:
        (self.folder / machine / "darwin.toml").write_text(text)

    def plugin(self, text: str) -> None:
        (self.folder / "here/other.py").write_text(text)
        self.deploy("here", DEPLOYMENT.replace("folder_mirror", "other"))


@pytest.fixture
def place(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    monkeypatch.setitem(COMMANDS, "models", "policies")
    monkeypatch.setenv("COLUMNS", "200")
    return Place(tmp_path, keys, monkeypatch, capsys)


def test_from_one_machine_to_the_other(place: Place) -> None:
    pushed = place.ask("here", "push", "gate")
    assert pushed == {
        "agent": "gate", "mirror": "folder share", "versions": ["v1", "v2"], "statements": [1, 2], "current": "v2",
    }  # fmt: skip
    listed = place.ask("there", "pull", "gate", "--list")
    assert (sorted(listed["versions"]), listed["statement"]) == (["v1", "v2"], 2)
    assert not (place.folder / "there/models").exists()
    assert place.ask("there", "pull", "gate", "--version", "v1")["versions"] == ["v1"]
    assert place.ask("there", "pull", "gate")["versions"] == ["v2"]
    assert place.ask("there", "show", "gate")["counter"] == 2
    assert place.ask("there", "verify", "gate")["problems"] == []


def test_people_read_the_same(place: Place) -> None:
    said = place.say("here", "push", "gate")
    assert "gate v1, gate v2, statement 1, statement 2 went to folder share\n" in said
    assert "gate v2 is in service at folder share" in said
    assert "nothing to do, folder share and this disk agree" in place.say("here", "push", "gate")
    said = place.say("there", "pull", "gate")
    assert "gate v2, gate v1, statement 1, statement 2 came, verified, from folder share\n" in said
    assert "gate v2 is in service here" in said
    said = place.say("there", "pull", "gate", "--list")
    assert "gate v1  manifest " in said
    assert "here too" in said
    assert "folder share: 2 versions, newest statement 2; nothing of this is verified" in said


def test_what_is_refused_is_told_and_the_status_is_1(place: Place) -> None:
    place.say("here", "push", "gate")
    (place.folder / "share/gate/v2/files/policy.onnx").write_bytes(b"policy 9")
    said = place.say("there", "pull", "gate", status=1)
    assert "error: folder share: gate/v2/policy.onnx is not as it was published" in said
    assert "number 7 has been seen" in place.say("there", "pull", "gate", "--seen", "7", status=1)
    shutil.rmtree(place.folder / "share")
    assert "folder share is not mounted" in place.say("here", "push", "gate", status=1)


def test_a_mirror_that_is_not_there_or_none_is_told(place: Place) -> None:
    place.deploy("here", DEPLOYMENT.partition("[registry.mirror]")[0])
    assert "there is no mirror to push to or to pull from: name one" in place.say("here", "push", "gate", status=1)
    place.deploy("here", DEPLOYMENT.replace("./folder_mirror.py", "mlflo"))
    assert "darwin.toml:6: registry.mirror: no plugin is named 'mlflo'" in place.say("here", "push", "gate", status=1)
    (place.folder / "here/darwin.toml").unlink()
    said = place.say("here", "push", "gate", "--registry", "models", "--trust", "keys/models.pub", status=1)
    assert "there is no mirror" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no make_mirror"),
        (f"{HOOK}None", "returned None from make_mirror"),
        (f"{HOOK}object()", "made something that is no Mirror: it has no place, versions, files, read, put, "),
        (f"{HOOK}1 / 0", "failed in make_mirror: ZeroDivisionError"),
        (
            "from folder_mirror import *\nclass Broken(FolderMirror):\n    def versions(self, agent):\n"
            "        raise KeyError('x')\n" + HOOK + "Broken(options.folder)",
            "(file ./other.py) failed: KeyError: 'x' (other.py:4)",
        ),
    ],
)
def test_a_plugin_s_fault_is_told_without_a_traceback(place: Place, text: str, said: str) -> None:
    place.plugin(text)
    assert said in place.say("here", "push", "gate", status=1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("mirror = 3", "a table is expected, not 3"),
        ('mirror = { uri = "http://h" }', "the key 'use' is missing"),
        ('mirror = { use = "" }', "the key 'use' is missing"),
        ('mirror = { use = "m", uri = "http://ann:secret@h" }', "what is secret does not stand in this file"),
    ],
)
def test_a_mistake_in_the_table_is_told_with_its_place_by_every_command(place: Place, table: str, said: str) -> None:
    place.deploy("here", f"[registry]\n{table}\n")
    for words in (["list"], ["push", "gate"]):
        told = place.say("here", *words, status=1)
        assert "darwin.toml:2: registry.mirror: " in told
        assert said in told
        assert "secret@" not in told


def test_nothing_but_push_and_pull_asks_the_mirror(place: Place, signer: Signer) -> None:
    (place.folder / "here/folder_mirror.py").write_text(BOOBY_TRAP)
    place.say("here", "list")
    place.say("here", "verify", "gate")
    place.say("here", "rollback", "gate", "--who", "ann", "--why", "a try")
    options = fake_options({}, place.folder / "here")
    text = (place.folder / "here/darwin.toml").read_text()
    source = type(options.source).parse(text, place.folder / "here/darwin.toml")
    served = training_policy._verified(type(options)({}, source, ("agents", 0)), "gate", "current")
    assert (served.version, served.counter) == ("v1", 3)
    with pytest.raises(SystemExit, match="somebody asked the mirror"):
        place.say("here", "push", "gate")
