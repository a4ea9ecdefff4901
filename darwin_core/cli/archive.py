"""``darwin archive``: move old records to columnar files; drop those whose retention is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from darwin_core.cli.audit import now_ns
from darwin_core.cli.running import console, escape
from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the journal; no session may be writing it")
    parser.add_argument("--older-than", type=int, default=90, metavar="DAYS", help="what stays in the journal (90)")
    parser.add_argument("--drop", action="store_true", help="also delete files whose retention is over")
    parser.add_argument("--retain", type=int, default=2557, metavar="DAYS", help="the retention (2557: seven years)")
    parser.add_argument("--who", default="", help="your name; --drop needs it")
    parser.add_argument("--why", default="", help="the reason; --drop needs it")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Archive; return what moved and what was dropped."""
    from darwin_core.live import archive
    from darwin_core.live.chain import key_from
    from darwin_core.live.journal import open_journal
    from darwin_core.live.verifying import name_of

    if arguments.retain < 1:
        raise ConfigError(f"--retain {arguments.retain}: a retention is at least 1 day")
    journal = open_journal(arguments.file, name_of(arguments.file), key_from())
    try:
        moved = archive.archive(journal, now_ns(), arguments.older_than)
        dropped = []
        if arguments.drop:
            by = {"who": arguments.who, "why": arguments.why}
            dropped = archive.drop(journal, now_ns(), arguments.retain, role="admin", **by)
    finally:
        journal.close()
    if not arguments.json:
        said = "nothing is old enough" if moved.segment is None else (
            f"moved records {moved.segment.first:,} to {moved.segment.last:,} to {moved.segment.file}"
        )  # fmt: skip
        console().print(
            escape(f"{said}; the journal holds {moved.kept:,} record{'s' * (moved.kept != 1)}"), soft_wrap=True
        )
        for segment in dropped:
            console().print(escape(f"dropped {segment.file}"), soft_wrap=True)
    return {
        "moved": asdict(moved.segment) if moved.segment else None,
        "kept": moved.kept,
        "dropped": [segment.file for segment in dropped],
    }
