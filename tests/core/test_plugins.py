"""Plugins are found by metadata, imported only when named, and blamed by name and version."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from darwin_core import Options
from darwin_core.errors import ConfigError, PluginError
from darwin_core.plugins import HOOKS, Plugins, installed
from darwin_core.source import Source

HOOK = "from darwin_core import hookimpl\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path that can hold distributions."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]


def distribution(
    site: Path, name: str, module: str, *, entry: str = "", requires: str = "darwin-core>=0.1,<0.2"
) -> None:
    """Install a distribution the way pip leaves it: a module and a dist-info folder."""
    package = f"fake_{name.replace('-', '_')}"
    (site / f"{package}.py").write_text(module, encoding="utf-8")
    info = site / f"{package}-1.2.dist-info"
    info.mkdir()
    meta = f"Metadata-Version: 2.1\nName: fake-{name}\nVersion: 1.2\nSummary: a fake\nRequires-Dist: {requires}\n"
    (info / "METADATA").write_text(meta, encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[darwin]\n{entry or name} = {package}\n", encoding="utf-8")


def make(use: str, hook: str = "make_agent", folder: Path | None = None, **more: object) -> object:
    source = Source.parse("[agents]\n", (folder or Path()) / "darwin.toml")
    options = Options({}, source, ("agents",))
    return Plugins(folder or Path()).make(
        hook, "agent", use, "darwin.toml:3", options=options, **{"backend": None, "seed": 1, **more}
    )[0]


def refusal(use: str, **arguments: object) -> str:
    with pytest.raises((PluginError, ConfigError)) as caught:
        make(use, **arguments)
    return str(caught.value)


def test_a_named_plugin_makes_its_component_with_the_arguments_it_takes(site: Path) -> None:
    distribution(site, "good", HOOK + "@hookimpl\ndef make_agent(seed):\n    return ('agent', seed)\n")
    assert make("good") == ("agent", 1)


def test_listing_imports_no_plugin(site: Path) -> None:
    distribution(site, "bomb", "raise SystemExit('imported')")
    found = installed()["bomb"]
    assert str(found) == "fake-bomb 1.2"
    assert found.summary == "a fake"


def test_an_unknown_name_gets_the_nearest(site: Path) -> None:
    distribution(site, "gate", "")
    assert "darwin.toml:3: no plugin is named 'gaet': did you mean 'gate'?" in refusal("gaet")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            "import no_such_module",
            "cannot be imported: ModuleNotFoundError: No module named 'no_such_module' (fake_x.py:1)",
        ),
        ("x = 1/0", "cannot be imported: ZeroDivisionError"),
        ("def make_agent(options): return 1", "make_agent stands without @hookimpl"),
        (HOOK + "@hookimpl\ndef make_strategy(options): return 1", "has no make_agent; it offers make_strategy"),
        (
            HOOK + "@hookimpl\ndef make_agnet(options): return 1",
            "there is no hook 'make_agnet': did you mean 'make_agent'?",
        ),
        (HOOK + "@hookimpl\ndef make_agent(optoins): return 1", "breaks the hook contract"),
        (HOOK + "@hookimpl\ndef make_agent(options, seed=3): return 1", "must not give its arguments defaults"),
        (HOOK + "@hookimpl\ndef make_agent(options): return None", "returned None from make_agent"),
        (
            HOOK + "@hookimpl\ndef make_agent(options):\n    return {}['k']",
            "failed in make_agent: KeyError: 'k' (fake_x.py:4)",
        ),
    ],
)
def test_a_broken_plugin_is_named_with_its_distribution_and_version(site: Path, module: str, message: str) -> None:
    distribution(site, "x", module)
    found = refusal("x")
    assert message in found
    assert "fake-x 1.2" in found


def test_a_plugin_for_another_core_is_refused_before_it_is_imported(site: Path) -> None:
    distribution(site, "old", "raise SystemExit('imported')", requires="darwin-core<0.1")
    assert "(fake-old 1.2) needs darwin-core<0.1" in refusal("old")
    assert installed()["old"].needs == "darwin-core<0.1"


def test_two_distributions_of_one_name_are_both_named(site: Path) -> None:
    distribution(site, "one", "", entry="same")
    distribution(site, "two", "", entry="same")
    found = refusal("same")
    assert "fake-one 1.2" in found
    assert "fake-two 1.2" in found


def test_a_single_file_is_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        HOOK + "@hookimpl\ndef make_agent(options):\n    return 'mine'\n", encoding="utf-8"
    )
    assert make("./mine.py", folder=tmp_path) == "mine"
    assert "there is no file ./other.py beside the deployment file" in refusal("./other.py", folder=tmp_path)


def test_a_wrapper_decorates_what_another_plugin_makes(site: Path) -> None:
    distribution(site, "inner", HOOK + "@hookimpl\ndef make_agent(options):\n    return 'inner'\n")
    wrapper = (
        HOOK + "@hookimpl(wrapper=True)\ndef make_agent(options):\n    made = yield\n    return f'wrapped {made}'\n"
    )
    distribution(site, "outer", wrapper)
    plugins = Plugins(Path())
    plugins.load("outer", "here")
    options = Options({}, Source.parse("", Path("d.toml")), ())
    assert (
        plugins.make("make_agent", "agent", "inner", "here", options=options, backend=None, seed=0)[0]
        == "wrapped inner"
    )


def test_the_order_of_installation_does_not_decide(site: Path) -> None:
    for name in ("a", "b"):
        distribution(site, name, HOOK + f"@hookimpl\ndef make_agent(options):\n    return {name!r}\n")
    plugins = Plugins(Path())
    options = Options({}, Source.parse("", Path("d.toml")), ())
    made = [
        plugins.make("make_agent", "agent", name, "", options=options, backend=None, seed=0)[0]
        for name in ("b", "a", "b")
    ]
    assert made == ["b", "a", "b"]


def test_the_hooks_are_those_of_the_contract() -> None:
    assert set(HOOKS) == {
        "make_feed", "make_features", "make_strategy", "make_backend", "make_agent",
        "make_monitor", "make_broker", "make_reporter", "make_mirror", "add_commands",
    }  # fmt: skip


@pytest.mark.parametrize("words", [["--help"], ["plugins"], ["--version"]])
def test_the_light_commands_import_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from darwin_core.cli import main; main(sys.argv[1:]); "
        "heavy = {'numpy','numba','pyarrow','pandas','rich.live','pluggy','torch'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy and sys.argv[1] != 'plugins' else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
