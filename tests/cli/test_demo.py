"""The demo: its policies are signed and observe, on any machine alike, and it says in words what it lacks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from darwin_core.assembly import Line, assemble
from darwin_core.backtest import backtest
from darwin_core.config import load
from darwin_core.training.choosing import best_other
from darwin_core.training.policy import GOLDEN, LearnedAgent
from darwin_core.training.probing import look_again

if TYPE_CHECKING:
    from darwin_core.store import Run

ROOT = Path(__file__).parents[2]
LEARNED = ("gate", "portfolio")
OFF = {"agents.2.mode": "off", "agents.3.mode": "off"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def demo(place: Path) -> tuple[Run, Line]:
    """The demo, run once."""
    return backtest(place / "darwin.toml")


def copied(folder: Path) -> Path:
    shutil.copy(ROOT / "darwin.toml", folder)
    shutil.copytree(ROOT / "artifacts", folder / "artifacts", ignore=shutil.ignore_patterns("*.key"))
    (folder / "data").symlink_to(ROOT / "data")
    return folder


def darwin(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darwin_core.cli", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=180, env={**os.environ, **environment},
    )  # fmt: skip


def agents(line: Line) -> dict[str, LearnedAgent]:
    return {part.name: part.agent for part in line.agents if isinstance(part.agent, LearnedAgent)}


def told(run: Run) -> dict[str, dict[str, Any]]:
    return {agent["name"]: agent for agent in run.info["agents"]}


def test_the_policies_are_as_they_were_signed_and_marked_as_no_better_than_their_baselines(place: Path) -> None:
    for agent in LEARNED:
        done = darwin(place, "models", "verify", agent, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["problems"] == []
    listed = json.loads(darwin(place, "models", "list", "--json").stdout)["agents"]
    assert {name: each["current"] for name, each in listed.items()} == dict.fromkeys(LEARNED, "v1")
    assert not any(version["beats_baseline"] for each in listed.values() for version in each["versions"])


def test_the_key_that_signed_them_is_not_here() -> None:
    assert "*.key" in (ROOT / ".gitignore").read_text().splitlines()
    for path in (ROOT / "artifacts").rglob("*"):
        if path.is_file() and path.suffix != ".key":
            assert b"PRIVATE KEY" not in path.read_bytes(), path


def test_they_observe_beside_the_rules_and_change_nothing(place: Path, demo: tuple[Run, Line]) -> None:
    run, _ = demo
    without, _ = backtest(place / "darwin.toml", OFF)
    assert list(told(run)) == ["volatility-gate", "drawdown-scaler", *LEARNED]
    for name in LEARNED:
        agent = told(run)[name]
        assert (agent["mode"], agent["version"], agent["applied"]) == ("observe", "v1", 0)
        assert agent["decisions"] == run.info["candidates"]["count"]
    assert run.info["summary"] == without.info["summary"]
    assert run.info["digest"] != without.info["digest"]
    assert told(run)["portfolio"]["differs_from_baseline"] > 50


def test_on_the_time_that_they_have_learnt_from_their_baselines_stand(demo: tuple[Run, Line]) -> None:
    run, line = demo
    log = run.table("decisions").to_pylist()
    for name, agent in agents(line).items():
        since = np.datetime64(agent.policy.since, "ns")
        own = [
            row["value"]
            for row in log
            if row["stage"] == name and np.datetime64(row["time"].replace(tzinfo=None)) < since
        ]
        assert len(own) > 200
        assert set(own) == {agent.baseline}


def test_no_decision_hangs_on_a_last_bit(place: Path, demo: tuple[Run, Line]) -> None:
    """Another CPU may compute other last bits; where it loads a policy at all its scores are within 1e-5 of these."""
    run, line = demo
    for name, agent in agents(line).items():
        policy = agent.policy
        seen = look_again(run, place / "darwin.toml", policy.schema.names, name)
        rows = seen.time >= policy.since
        assert rows.sum() > 50
        scores = policy._model.predict(policy.schema.apply(seen.values))[rows].astype(float)
        allowed = agent.task.allowed(policy.schema.names, seen.values[rows])
        best, lead = best_other(scores, policy.baseline, allowed)
        assert np.abs(lead - policy.threshold).min() > 1e-3
        rivals = np.where(np.ones(scores.shape, bool) if allowed is None else allowed, scores, -np.inf)
        rivals[:, policy.baseline] = rivals[np.arange(len(best)), best] = -np.inf
        chosen = scores[np.arange(len(best)), best]
        assert (chosen - rivals.max(axis=1))[lead > policy.threshold].min(initial=np.inf) > 1e-3


def test_outputs_that_differ_in_the_last_bits_are_those_of_the_same_policy(place: Path) -> None:
    """What a policy meets on another CPU: golden outputs a few units in the last place away load, others do not."""
    from darwin_onnx.backend import OnnxBackend

    from darwin_core import PluginError

    settings = load(place / "darwin.toml")
    for name in LEARNED:
        found = settings.registry.open(place).current(name)
        rows, outputs = (found.array(each) for each in GOLDEN)
        nudged = outputs
        for _ in range(3):
            nudged = np.nextafter(nudged, np.float32(np.inf))
        assert (nudged != outputs).all()
        assert OnnxBackend().load(found.policy, (rows, nudged)).outputs == outputs.shape[1]
        with pytest.raises(PluginError, match="golden row 0, output 0"):
            OnnxBackend().load(found.policy, (rows, outputs + np.float32(1e-3)))


@pytest.mark.parametrize("library", ["onnxruntime", "onnx", "cryptography"])
def test_without_a_library_the_demo_says_what_to_do(place: Path, tmp_path: Path, library: str) -> None:
    (tmp_path / f"{library}.py").write_text("raise ImportError('lib.so: cannot open shared object file')\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = darwin(place, "backtest", PYTHONPATH=path, COLUMNS="400")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cryptography" in done.stderr if library == "cryptography" else "switch off the agents" in done.stderr
    store = f"run.store={json.dumps(str(tmp_path / 'runs'))}"
    off = [word for key, mode in OFF.items() for word in ("--set", f"{key}={mode}")]
    assert darwin(place, "backtest", "--set", store, *off, PYTHONPATH=path).returncode == 0


def test_an_altered_policy_is_refused_before_it_is_read(tmp_path: Path) -> None:
    place = copied(tmp_path)
    policy = place / "artifacts" / "models" / "gate" / "v1" / "policy.onnx"
    policy.write_bytes(policy.read_bytes()[:-1] + b"!")
    done = darwin(place, "check", COLUMNS="400")
    assert done.returncode == 1
    assert "policy.onnx is not as it was published" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_documented_command_makes_policies_that_decide_alike(demo: tuple[Run, Line], tmp_path: Path) -> None:
    """`make policies` from the repository's data: new keys, the same training, the same answers."""
    pytest.importorskip("stable_baselines3")
    place = copied(tmp_path)
    script = tmp_path / "bin" / "darwin"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m darwin_core.cli "$@"\n')
    script.chmod(0o755)
    path = os.pathsep.join((str(script.parent), os.environ["PATH"]))
    done = subprocess.run(
        ["sh", "artifacts/policies.sh"], cwd=place, capture_output=True, text=True, check=False, timeout=600,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    again = agents(assemble(load(place / "darwin.toml")))
    for name, agent in agents(demo[1]).items():
        assert again[name].policy.schema.names == agent.policy.schema.names
        assert again[name].policy.since == agent.policy.since
    made, _ = backtest(place / "darwin.toml")
    assert made.info["digest"] == demo[0].info["digest"]
