"""``darwin runs``: list, show and compare what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import console

if TYPE_CHECKING:
    import argparse

    from darwin_core.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its forms."""
    parser.add_argument("--store", default="runs", help="the folder of the runs (runs)")
    forms = parser.add_subparsers(metavar="")
    show = forms.add_parser("show", help="show one run")
    show.add_argument("name", metavar="RUN", help="an id, the beginning of one, or: last")
    show.set_defaults(run=_show)
    diff = forms.add_parser("diff", help="say where two runs part")
    diff.add_argument("first", metavar="A")
    diff.add_argument("second", metavar="B")
    diff.set_defaults(run=_diff)
    record = forms.add_parser("record", help="put a run into the state database, where its backtest could not")
    record.add_argument("name", metavar="RUN", help="an id, the beginning of one, or: last")
    record.set_defaults(run=_record)
    for form in (show, diff, record):
        form.add_argument("--store", default="runs", help="the folder of the runs (runs)")


def _store(arguments: argparse.Namespace) -> Store:
    from darwin_core.store import Store

    return Store(Path(arguments.store))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """List the finished runs, oldest first."""
    store = _store(arguments)
    runs, unfinished = store.runs(), store.unfinished()
    if not arguments.json:
        from darwin_core import screen

        screen.show_runs(runs, unfinished, console())
    return {"runs": [{"id": r.id, **r.info} for r in runs], "unfinished": [f.name for f in unfinished]}


def _show(arguments: argparse.Namespace) -> dict[str, Any]:
    stored = _store(arguments).get(arguments.name)
    stored.verify()
    if not arguments.json:
        from darwin_core import screen

        screen.show_run(stored, console())
    return {"folder": stored.folder.as_posix(), **stored.info}


def _diff(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Compare two runs; the status is 1 when they differ, as diff's is."""
    from darwin_core.comparing import compare

    store = _store(arguments)
    first, second = store.get(arguments.first), store.get(arguments.second)
    for each in (first, second):
        each.verify()
    found = compare(first, second)
    if not arguments.json:
        from darwin_core import screen

        screen.show_diff(found, console())
    return found, 0 if found["same_decisions"] else 1


def _record(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a stored run's decisions into the state database beside it."""
    from darwin_core.state import FILE, record_run

    stored = _store(arguments).get(arguments.name)
    stored.verify()
    new = record_run(stored.folder.parent / FILE, stored)
    if not arguments.json:
        console().print(f"{stored.id}: {'recorded' if new else 'it is there already'}", highlight=False)
    return {"id": stored.id, "new": new}
