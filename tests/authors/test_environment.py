"""A third-party distribution in an environment of its own: wheels, installed outside the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = (".", "plugins/panel-feed", "plugins/indicators", "strategies/sma-cross", "examples/acme-trend-gate")


def call(*words, cwd):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with the wheels; other libraries are borrowed from the parent, darwin is not."""
    folder = tmp_path_factory.mktemp("environment")
    wheels = folder / "wheels"
    sources = [ROOT / each for each in BUILT]
    offline = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    call(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        *offline,
        "--no-build-isolation",
        "--wheel-dir",
        wheels,
        *sources,
        cwd=folder,
    )
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    _borrow(folder / "borrowed", folder / "venv")
    call(sys.executable, "-m", "pip", "--python", python, "install", *offline, *sorted(wheels.iterdir()), cwd=folder)
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("runs", "__pycache__"))
    shutil.rmtree(folder / "examples" / "acme-trend-gate" / "acme_trend_gate")
    (folder / "data").symlink_to(ROOT / "data")
    return folder


def _borrow(folder, venv):
    """Let the environment see the parent's libraries, without anything that leads to this checkout."""
    folder.mkdir()
    for item in Path(sysconfig.get_path("purelib")).iterdir():
        if not item.name.startswith(("darwin", "__", "pip")) and item.suffix != ".pth":
            (folder / item.name).symlink_to(item)
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "borrowed.pth").write_text(f"{folder}\n")


def test_the_core_is_the_installed_one_and_lists_the_distribution(environment):
    code = "import darwin_core; print(darwin_core.__file__)"
    where = call(environment / "venv/bin/python", "-c", code, cwd=environment).strip()
    assert Path(where).is_relative_to(environment / "venv")
    found = json.loads(call(environment / "venv/bin/darwin", "plugins", "--json", cwd=environment))["plugins"]
    assert [plugin["name"] for plugin in found] == ["acme-trend-gate", "indicators", "panel", "sma-cross"]
    acme = found[0]
    assert (acme["distribution"], acme["version"], acme["needs"]) == ("acme-trend-gate", "1.2.0", None)
    assert acme["summary"] == "An agent that lets pass only what goes with the long trend"


def test_its_tests_pass_there(environment):
    folder = environment / "examples" / "acme-trend-gate"
    options = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder)
    out = call(environment / "venv/bin/python", "-m", "pytest", *options, "tests", cwd=folder)
    assert " passed" in out
    assert " skipped" not in out


def test_the_wheel_of_the_core_holds_the_templates_of_new_plugins(environment):
    made = call(
        environment / "venv/bin/darwin", "new-plugin", "acme-other", "--kind", "agent", "--json", cwd=environment
    )
    assert "acme_other/py.typed" in json.loads(made)["files"]
    check = "from acme_other.agent import AcmeOther; print(AcmeOther().least)"
    assert call(environment / "venv/bin/python", "-c", check, cwd=environment / "acme-other").strip() == "0.2"


@pytest.mark.slow
def test_its_deployment_runs_there(environment):
    """Slow: a fresh installation compiles the kernels."""
    folder = environment / "examples" / "acme-trend-gate" / "deployment"
    info = json.loads(call(environment / "venv/bin/darwin", "backtest", "--json", cwd=folder))
    assert info["agents"][0]["decisions"] > 0
