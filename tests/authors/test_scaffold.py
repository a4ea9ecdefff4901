"""``darwin new-plugin`` writes distributions that pass as they are, and refuses names that would do harm."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tomllib

import pytest

from darwin_core import ConfigError, DataError
from darwin_core.plugins import Plugins
from darwin_core.scaffold import KINDS, new_plugin
from darwin_core.testing import fake_distribution, fake_options


def run(*words, cwd, path=()):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *filter(None, sys.path)])}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One distribution of each kind, installed by their metadata alone."""
    folder = tmp_path_factory.mktemp("made")
    return {kind: new_plugin(f"acme-my-{kind}", kind, folder) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_those_of_every_plugin_folder(made, kind):
    folder = made[kind]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    module = f"acme_my_{kind}"
    assert files == {
        "README.md",
        "pyproject.toml",
        f"{module}/__init__.py",
        f"{module}/{kind}.py",
        f"{module}/py.typed",
        f"tests/test_{kind}.py",
        "tests/test_conformance.py",
    }
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in texts if "$" in text]
    assert len((folder / module / "__init__.py").read_text().splitlines()) < 30


def test_all_kinds_pass_their_own_tests_unchanged(made, tmp_path):
    """Installed side by side, as one run of pytest, in a process that has nothing to do with this checkout's settings."""
    folder = made["agent"].parent
    sites = []
    for kind, project in made.items():
        with fake_distribution(project, tmp_path / kind):
            sites += [tmp_path / kind, project]
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--rootdir", str(folder))
    done = run("-m", "pytest", *options, str(folder), cwd=folder, path=sites)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " failed" not in done.stdout
    assert " skipped" not in done.stdout


def test_all_kinds_are_clean_for_ruff_and_mypy(made):
    folder = made["agent"].parent
    for words in (("ruff", "check", "--no-cache", "."), ("ruff", "format", "--no-cache", "--check", ".")):
        done = run("-m", *words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    modules = [word for kind in KINDS for word in ("-p", f"acme_my_{kind}")]
    done = run("-m", "mypy", "--strict", "--cache-dir", os.devnull, *modules, cwd=folder, path=made.values())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_names_every_option(made, kind, tmp_path):
    """The example in the README is read by the plugin itself."""
    folder = made[kind]
    readme = (folder / "README.md").read_text()
    example = tomllib.loads(readme.split("```toml\n")[1].split("```")[0])
    table = next(iter(example.values()))
    table = table[0] if isinstance(table, list) else table
    table = table.get("backend", table)
    assert table.pop("use") == f"acme-my-{kind}"
    table.pop("mode", None)  # the core's
    options = fake_options(table, tmp_path)
    also = {"backend": None, "seed": 0} if kind == "agent" else {}
    with fake_distribution(folder, tmp_path / "site"), contextlib.suppress(DataError):
        Plugins(tmp_path).make(f"make_{kind}", kind, f"acme-my-{kind}", "README", options=options, **also)
    assert set(options.resolved) == set(table)
    for option in table:
        assert f"| `{option}` |" in readme


def test_the_command_writes_it_and_says_what_to_do_next(tmp_path):
    done = run("-m", "darwin_core.cli", "new-plugin", "acme-gate", "--kind", "agent", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "acme_gate/agent.py" in said["files"]
    assert (tmp_path / "acme-gate" / "acme_gate" / "agent.py").is_file()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Acme Gate", "'acme-gate' would do"),
        ("acme_gate", "'acme-gate' would do"),
        ("9gate", "'gate' would do"),
        ("../gate", "'gate' would do"),
        ("", "a letter first"),
        ("acme--gate", "'acme-gate' would do"),
        ("a" * 61, "would do"),
        ("json", "a word of Python's own"),
        ("import", "a word of Python's own"),
        ("numpy", "a module numpy is installed already"),
        ("darwin-core", "a module darwin_core is installed already"),
    ],
)
def test_a_name_that_would_do_harm_is_refused_with_a_better_one(tmp_path, name, hint):
    with pytest.raises(ConfigError, match=hint):
        new_plugin(name, "agent", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_name_of_an_installed_plugin_is_refused(tmp_path, made):
    with fake_distribution(made["agent"], tmp_path / "site"), pytest.raises(ConfigError, match="is installed already"):
        new_plugin("acme-my-agent", "agent", tmp_path / "new")


def test_a_kind_that_does_not_exist_gets_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'agent'"):
        new_plugin("acme-gate", "agnet", tmp_path)


def test_what_is_there_is_never_written_over(tmp_path):
    folder = new_plugin("acme-gate", "agent", tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        new_plugin("acme-gate", "agent", tmp_path)
    assert (folder / "README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        new_plugin("acme-gate", "agent", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
