"""Stand-ins for what surrounds a plugin: a deployment file, and an installed distribution."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.options import Options
from darwin_core.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def fake_options(table: Mapping[str, Any], folder: Path = Path()) -> Options:
    """Return the options of a plugin as if they stood in ``folder/darwin.toml``, from line 2 on.

    Parameters
    ----------
    table
        Option name to value: text, numbers, booleans, paths, lists and tables of these.
    folder
        Where relative paths in the options begin.
    """
    text = "[plugin]\n" + "".join(f"{_key(name)} = {toml(value)}\n" for name, value in table.items())
    source = Source.parse(text, folder / "darwin.toml")
    return Options(source.tables["plugin"], source, ("plugin",))


def toml(value: Any) -> str:
    """Write a value as TOML.

    Examples
    --------
    >>> toml({"names": ["a", "b"], "share": 0.5, "on": True})
    '{ names = ["a", "b"], share = 0.5, on = true }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return json.dumps(str(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {toml(each)}" for name, each in value.items()) + " }"
    msg = f"an option cannot be {value!r}"
    raise TypeError(msg)


def _key(name: str) -> str:
    return json.dumps(name) if not name.replace("_", "").replace("-", "").isalnum() else name


@contextlib.contextmanager
def fake_distribution(project: Path, site: Path) -> Iterator[None]:
    """Make a distribution look installed, without pip.

    Writes the metadata that an installer would have written into `site` and puts `site` and the project's folder
    on ``sys.path``, until the block ends; then the project's modules are forgotten.

    Parameters
    ----------
    project
        A folder with a ``pyproject.toml`` and the module beside it.
    site
        An empty folder, a test's ``tmp_path`` for example.
    """
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    module = settings.get("tool", {}).get("flit", {}).get("module", {}).get("name", settings["project"]["name"])
    _write_metadata(settings["project"], site)
    paths = [str(site), str(project)]
    before = set(sys.modules)
    sys.path[:0] = paths
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for path in paths:
            sys.path.remove(path)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == module.replace("-", "_"):
                del sys.modules[name]
        importlib.invalidate_caches()


def _write_metadata(project: Mapping[str, Any], site: Path) -> None:
    name, version = project["name"], project.get("version", "0")
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "Metadata-Version: 2.3",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: {project.get('description', '')}",
    ]
    lines += [f"Requires-Dist: {requirement}" for requirement in project.get("dependencies", ())]
    (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = [
        f"[{group}]\n" + "".join(f"{entry} = {target}\n" for entry, target in entries.items())
        for group, entries in project.get("entry-points", {}).items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
