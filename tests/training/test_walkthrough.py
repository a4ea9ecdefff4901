"""docs/trained-agents.md, command by command, in a copy of examples/trained on the repository's own data."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from darwin_core import cli
from darwin_core.config import Trust

ROOT = Path(__file__).parents[2]
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "trained-agents.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]
AGENTS = ("gate", "portfolio", "meta-learner", "sl-fallback")


def is_missing(words: list[str]) -> bool:
    """Whether this core does not know a command or a key yet."""
    known = "fallback" in attrs.fields_dict(Trust)
    return words[0] not in cli.COMMANDS or (any(".fallback=" in word for word in words) and not known)


class Walk:
    """What each command said, in the order of the page."""

    def __init__(self) -> None:
        self.said: list[tuple[list[str], Any]] = []

    def of(self, *words: str) -> list[Any]:
        """Return what the commands that contain these words said."""
        return [answer for call, answer in self.said if all(word in call for word in words)]


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    home = tmp_path_factory.mktemp("walk")
    (home / "data").symlink_to(ROOT / "data")
    shutil.copytree(ROOT / "examples" / "trained", home / "examples" / "trained")
    walk = Walk()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home / "examples" / "trained")
        for words in COMMANDS:
            if not is_missing(words):
                walk.said.append((words, _call(words)))
    return walk


def _call(words: list[str]) -> Any:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = cli.main([*words, "--json"])
    assert status == 0, (words, out.getvalue())
    return json.loads(out.getvalue())


def test_every_agent_is_trained_and_none_beats_its_baseline(walk) -> None:
    trained = {each["agent"]: each for each in reversed(walk.of("train"))}
    assert set(trained) == set(AGENTS)
    for each in trained.values():
        low = each["test"]["sharpe_uplift_low" if each["task"] == "portfolio" else "uplift_low"]
        assert each["beats_baseline"] == (low > 0.0)
        assert not each["beats_baseline"]
        assert each["version"] == "v1"
        assert each["split"]["train"]["last_known"] < each["split"]["test"]["first"]


def test_the_figures_on_the_page_are_those_of_the_trainings(walk) -> None:
    page = (ROOT / "docs" / "trained-agents.md").read_text()
    for each in reversed(walk.of("train")):
        if each["version"] == "v1":
            row = next(line for line in page.splitlines() if line.startswith(f"| {each['agent']} |"))
            test, prefix = each["test"], "sharpe_" if each["task"] == "portfolio" else ""
            standing = test["baseline_sharpe_per_trade" if prefix else "baseline_r"]
            cells = [cell.strip() for cell in row.split("|")[2:8]]
            assert int(cells[0].replace(",", "")) == test["decisions"]
            figures = (standing, *(test[f"{prefix}uplift{end}"] for end in ("_r", "_low", "_high")[bool(prefix) :]))
            if prefix:
                figures = (standing, test["sharpe_uplift"], test["sharpe_uplift_low"], test["sharpe_uplift_high"])
            shown = [float(cell.split()[0]) for cell in cells[2:6]]
            assert shown == pytest.approx(figures, abs=6e-4)


def test_what_is_in_the_registry_is_as_it_was_signed_and_marked_as_no_better(walk) -> None:
    (listed,) = walk.of("list")
    assert set(listed["agents"]) == set(AGENTS)
    (verified,) = walk.of("verify")
    assert verified["problems"] == []
    promoted = walk.of("promote")
    assert len(promoted) == len(AGENTS) + 1
    assert all("cannot graduate" in each["note"] for each in promoted)


def test_observing_changes_nothing_and_acting_does(walk) -> None:
    record, _ = walk.of("backtest", "record.toml")
    plain = [call for call, _ in walk.said if call == ["backtest", "darwin.toml"]]
    assert len(plain) == 2
    observing, *_, again = [answer for call, answer in walk.said if call[:2] == ["backtest", "darwin.toml"]]
    (acting,) = walk.of("backtest", "agents.4.mode=active")
    assert observing["summary"] == record["summary"]
    assert [agent["applied"] for agent in observing["agents"]] == [0] * 5
    assert again["digest"] == observing["digest"]  # after the rollback
    assert [agent["applied"] > 1000 for agent in acting["agents"]] == [False, True, True, True, True]
    assert acting["digest"] != observing["digest"]
    assert acting["summary"] != observing["summary"]
    assert acting["incidents"] == observing["incidents"] == []


def test_the_live_replay_has_the_digest_of_the_backtest_of_its_tape(walk) -> None:
    (parity,), (replay,) = walk.of("parity"), walk.of("replay")
    assert parity["differing"] == 0
    assert parity["differences"] == []
    assert parity["live"] == parity["backtest"] == replay["digest"] == replay["recorded"]
    assert parity["bars"] > 60


def test_the_state_database_knows_every_agent(walk) -> None:
    listed, health = walk.of("evaluate")
    assert {row["agent_name"] for row in listed["agents"]} >= {*AGENTS, "rules-expert"}
    assert health["agent"] == "gate"
    assert health["decisions"] > 0


def test_rollback_puts_the_first_version_into_service_again(walk) -> None:
    newest = walk.of("train")[-1]
    assert (newest["version"], newest["look"]) == ("v2", 2)
    (back,) = walk.of("rollback")
    assert (back["named"]["version"], back["counter"]) == ("v1", 3)


def test_an_agent_that_did_not_beat_its_baseline_does_not_graduate(walk) -> None:
    if "graduation" not in cli.COMMANDS:
        pytest.skip("this core has no `darwin graduation` yet: the step of the page was left out")
    (said,) = walk.of("graduation")
    assert said["agent"] == "gate"
    assert said["mode"] == "observe"


def test_a_gate_falls_back_on_the_forecast(walk) -> None:
    if "fallback" not in attrs.fields_dict(Trust):
        pytest.skip("this core knows no [[agents]] fallback yet: the step of the page was left out")
    (run,) = walk.of("backtest", "agents.2.fallback=sl-fallback")
    gate = run["agents"][2]
    assert (gate["name"], gate["mode"]) == ("gate", "active")
    assert gate["fallback"] > 100  # candidates before all columns have a value
