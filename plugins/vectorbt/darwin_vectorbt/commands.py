"""``darwin vectorbt``: vectorbt's view of a stored run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command's forms."""
    forms = parser.add_subparsers(metavar="")
    stats = forms.add_parser("stats", help="vectorbt's statistics of a stored run")
    stats.add_argument("name", metavar="RUN", help="an id, the beginning of one, or: last")
    stats.add_argument("--store", default="runs", help="the folder of the runs (runs)")
    stats.set_defaults(run=run_stats)


def run_stats(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print the statistics of a run; return them for ``--json``."""
    from darwin_vectorbt.portfolio import statistics
    from darwin_vectorbt.stored import find, of_run

    folder = find(Path(arguments.store), arguments.name)
    made, whole = of_run(folder)
    found = {name: _plain(value) for name, value in statistics(made).items()}
    if not arguments.json:
        width = max(map(len, found))
        print(f"run {folder.name}" + ("" if whole else f", at {len(made.wrapper.index)} of its bars"))  # noqa: T201
        for name, value in found.items():
            print(f"  {name:{width}}  {value:,.6g}" if isinstance(value, float) else f"  {name:{width}}  {value}")  # noqa: T201
    return {"run": folder.name, "whole": whole, "stats": found}


def _plain(value: Any) -> Any:
    """Return what JSON can say: numbers as they are, times and spans as words."""
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, int | float) else str(value)
