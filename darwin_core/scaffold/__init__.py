"""``darwin new-plugin``: write a distribution that passes its conformance suite as it is."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core import __version__
from darwin_core.errors import ConfigError, did_you_mean
from darwin_core.plugins import installed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 60


@frozen
class Kind:
    """What differs between the kinds beside their own template files.

    Parameters
    ----------
    summary
        One sentence on what the written plugin does.
    protocol
        The protocol that its component satisfies.
    made
        The expression that makes the component.
    imported
        The names that the expression needs from the plugin's module.
    """

    summary: str
    protocol: str
    made: str = "options.into($class)"
    imported: str = "$class"


KINDS = {
    "agent": Kind("An agent that makes candidates of low confidence smaller", "Agent"),
    "strategy": Kind("A strategy that is long what has risen", "Strategy"),
    "features": Kind("A library of feature columns", "Features"),
    "feed": Kind(
        "A feed of daily closes from one CSV file",
        "Feed",
        "open_feed(options.into(Settings))",
        "Settings, open_feed",
    ),
    "monitor": Kind("A safety monitor that adds no risk while most symbols fall", "Monitor"),
    "reporter": Kind("A reporter that writes a run's figures to a text file", "Reporter"),
    "backend": Kind("An inference backend for linear models", "Backend"),
}


def new_plugin(name: str, kind: str, folder: Path) -> Path:
    """Write the distribution `name` into ``folder/name``; return that folder.

    Parameters
    ----------
    name
        Name of distribution and plugin, ``acme-gate`` for example; the module is ``acme_gate``.
    kind
        One of `KINDS`.
    folder
        Where the new folder is made.

    Raises
    ------
    ConfigError
        When name or kind will not do, or the folder is already there. Nothing is left half-written.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind {kind!r}: {did_you_mean(kind, KINDS)}")
    _check_name(name)
    target = folder / name
    if target.exists():
        raise ConfigError(f"{target} is there already: choose another name or another folder")
    draft = folder / f".new-{name}"
    try:
        for path, text in _rendered(name, kind):
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, encoding="utf-8")
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}") from None
    return target


def _check_name(name: str) -> None:
    """Refuse what is no name, or is somebody else's."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:_LONGEST].strip("-")
        hint = f": {near!r} would do" if _NAME.fullmatch(near) else ""
        raise ConfigError(f"{name!r} is no plugin name: small letters, digits and single hyphens, a letter first{hint}")
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise ConfigError(f"{name!r} will not do: {module} is a word of Python's own; try 'acme-{name}'")
    known = installed()
    if name in known:
        raise ConfigError(f"a plugin {name!r} is installed already ({known[name]}); try 'acme-{name}'")
    if module == "darwin_core" or importlib.util.find_spec(module) is not None:
        raise ConfigError(f"a module {module} is installed already and would be hidden; try 'acme-{name}'")


def _rendered(name: str, kind: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of a new distribution: path within it, and text."""
    words = _words(name, kind)
    templates = files(__package__) / "templates"
    for part in ("common", kind):
        for path, template in _walk(templates / part):
            yield Path(path.replace("MODULE", words["module"])), Template(template).substitute(words)


def _walk(folder: Traversable, before: str = "") -> Iterator[tuple[str, str]]:
    for item in sorted(folder.iterdir(), key=lambda each: each.name):
        if item.is_dir():
            yield from _walk(item, f"{before}{item.name}/")
        elif item.name.endswith(".txt"):
            yield before + item.name.removesuffix(".txt"), item.read_text(encoding="utf-8")


def _words(name: str, kind: str) -> dict[str, str]:
    """Return what the templates' placeholders stand for."""
    made = KINDS[kind]
    module = name.replace("-", "_")
    own = {"class": "".join(part.capitalize() for part in name.split("-")), "module": module}
    major, minor = __version__.split(".")[:2]
    return {
        **own,
        "name": name,
        "kind": kind,
        "summary": made.summary,
        "protocol": made.protocol,
        "types": ", ".join(sorted(("Options", made.protocol))),
        "made": Template(made.made).substitute(own),
        "imported": Template(made.imported).substitute(own),
        "core": f"darwin-core>={major}.{minor},<{major}.{int(minor) + 1}",
    }
