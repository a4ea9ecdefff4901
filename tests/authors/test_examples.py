"""The examples run as their READMEs say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from darwin_core.testing import fake_distribution

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(*words, cwd, path=()):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *filter(None, sys.path)])}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path):
    """A copy of the examples beside the data, so that runs are not stored in the checkout."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("runs", "__pycache__"))
    return tmp_path


@pytest.fixture
def acme(tmp_path):
    """The import path that has acme-trend-gate installed."""
    project = EXAMPLES / "acme-trend-gate"
    with fake_distribution(project, tmp_path / "site"):
        yield tmp_path / "site", project


def test_the_one_file_agent_is_checked_and_backtested(checkout):
    folder = checkout / "examples" / "one-file-agent"
    assert json.loads(run("-m", "darwin_core.cli", "check", "--json", cwd=folder))["valid"]
    first, second = (json.loads(run("-m", "darwin_core.cli", "backtest", "--json", cwd=folder)) for _ in range(2))
    assert first["digest"] == second["digest"]
    agent = first["agents"][0]
    assert agent["mode"] == "active"
    assert agent["differs_from_baseline"] > 0
    assert agent["fallback"] == 0


def test_the_one_file_agent_passes_the_suite(checkout):
    out = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        cwd=checkout / "examples" / "one-file-agent",
    )
    assert re.search(r"^1\d passed", out, re.MULTILINE)


def test_the_deployment_of_the_distribution_runs(checkout, acme):
    folder = checkout / "examples" / "acme-trend-gate" / "deployment"
    info = json.loads(run("-m", "darwin_core.cli", "backtest", "--json", cwd=folder, path=acme))
    agent = info["agents"][0]
    assert agent["plugin"] == "agent 'acme-trend-gate' (acme-trend-gate 1.2.0)"
    assert agent["differs_from_baseline"] > 0
    assert 0 < agent["fallback"] < agent["decisions"] / 4  # candidates before its columns are known
    assert info["symbols"][0] == "AAPL"


def test_every_option_of_the_distribution_is_in_its_readme(acme):
    import attrs
    from acme_trend_gate.gate import TrendGate

    readme = (EXAMPLES / "acme-trend-gate" / "README.md").read_text()
    for field in attrs.fields(TrendGate):
        assert f"| `{field.name}` | {field.default} |" in readme
