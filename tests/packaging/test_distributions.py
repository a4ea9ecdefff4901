"""The distributions of the checkout are alike, agree with each other, and keep to their walls."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(
    path.parent for kind in ("plugins", "strategies", "brokers") for path in (ROOT / kind).glob("*/pyproject.toml")
)
CORE = tomllib.loads((ROOT / "pyproject.toml").read_text())
IDS = [folder.name for folder in FOLDERS]


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def module(folder: Path) -> Path:
    return folder / project(folder)["tool"]["flit"]["module"]["name"]


def test_there_are_distributions() -> None:
    assert len(FOLDERS) >= 8


@pytest.mark.parametrize("folder", FOLDERS, ids=IDS)
def test_a_distribution_has_the_template_s_shape(folder: Path) -> None:
    meta = project(folder)
    entries = meta["project"]["entry-points"]["darwin"]
    assert len(entries) == 1
    assert meta["project"]["name"] == module(folder).name.replace("_", "-")
    assert list(entries.values()) == [module(folder).name]
    for name in (
        "README.md",
        f"{module(folder).name}/__init__.py",
        f"{module(folder).name}/py.typed",
        "tests/test_conformance.py",
    ):
        assert (folder / name).is_file(), name


@pytest.mark.parametrize("folder", FOLDERS, ids=IDS)
def test_versions_and_the_core_s_range_agree(folder: Path) -> None:
    meta = project(folder)["project"]
    assert meta["version"] == CORE["project"]["version"]
    assert "darwin-core>=0.1,<0.2" in meta["dependencies"]
    assert meta["requires-python"] == CORE["project"]["requires-python"]


@pytest.mark.parametrize("folder", FOLDERS, ids=IDS)
def test_a_plugin_s_front_is_light(folder: Path) -> None:
    lines = (module(folder) / "__init__.py").read_text().splitlines()
    assert len(lines) <= 40
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            name = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            assert name.split(".")[0] in {"__future__", "typing", "darwin_core"}, name


@pytest.mark.parametrize("folder", FOLDERS, ids=IDS)
def test_a_plugin_imports_only_public_names_of_the_core_and_no_other_plugin(folder: Path) -> None:
    for path in module(folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                first = name.split(".")[0]
                if first == "darwin_core":
                    assert name in ("darwin_core", "darwin_core.testing"), f"{path}: {name}"
                else:
                    assert not first.startswith("darwin_") or first == module(folder).name, f"{path}: {name}"


def test_the_development_requirements_list_every_folder_once() -> None:
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    listed = re.findall(r"^-e (\S+)$", text, re.MULTILINE)
    assert sorted(listed) == sorted([".", *(folder.relative_to(ROOT).as_posix() for folder in FOLDERS)])


def test_the_demo_s_requirements_are_the_plugins_that_it_names() -> None:
    deployment = tomllib.loads((ROOT / "darwin.toml").read_text())
    used = set()
    for table in deployment.values():
        for each in table if isinstance(table, list) else [table]:
            used |= {part["use"] for part in (each, each.get("backend", {})) if "use" in part}
    listed = re.findall(r"^-e (\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    offered = {
        name
        for folder in listed
        if folder != "."
        for name in project(ROOT / folder)["project"]["entry-points"]["darwin"]
    }
    assert offered == used


def test_constraints_pin_torch_and_everything_required() -> None:
    pins = {
        line.split("==")[0].lower().replace("_", "-"): line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert pins["torch"] == "torch==2.13.0"
    wanted = [*CORE["project"]["dependencies"]]
    for folder in FOLDERS:
        wanted += project(folder)["project"]["dependencies"]
    for requirement in wanted:
        name = re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")
        assert name in pins or name in ("darwin-core", "tzdata"), requirement


def test_the_walls_of_the_core_hold() -> None:
    pytest.importorskip("importlinter")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
