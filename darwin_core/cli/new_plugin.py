"""``darwin new-plugin``: a distribution that passes its conformance suite as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("name", help="the plugin's name, acme-gate for example")
    parser.add_argument("--kind", required=True, help="agent, strategy, features, feed, monitor, reporter or backend")
    parser.add_argument("--into", default=".", help="the folder in which its folder is made (.)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write the files and say what to do next."""
    from darwin_core.scaffold import new_plugin

    folder = new_plugin(arguments.name, arguments.kind, Path(arguments.into))
    if not arguments.json:
        place = escape(folder.as_posix())
        console().print(f"made {place}\n  pip install -e {place}\n  pytest {place}", soft_wrap=True)
    return {
        "folder": folder.as_posix(),
        "files": sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()),
    }
