"""``darwin audit``: check a journal, copy it, accept a damaged head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    import argparse

    from darwin_core.live.verifying import Verified


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its three forms."""
    forms = parser.add_subparsers(metavar="verify|backup|mend", required=True)
    verify = forms.add_parser("verify", help="find any record that was changed, deleted, put in, moved or cut off")
    verify.add_argument("--witness", metavar="SEQ:HASH", help="a place noted earlier, which the chain must go through")
    verify.add_argument("--without-archive", action="store_true", help="do not ask for the archive's files")
    backup = forms.add_parser("backup", help="copy a journal while it is being written, and check the copy")
    backup.set_defaults(run=_backup)
    mend = forms.add_parser("mend", help="accept a journal whose tail is known to be lost, on the record")
    mend.add_argument("--who", required=True, help="your name")
    mend.add_argument("--why", required=True, help="the reason")
    mend.set_defaults(run=_mend)
    for form in (verify, backup, mend):
        form.add_argument("file", metavar="FILE", type=Path, help="the journal")
    backup.add_argument("target", metavar="TARGET", type=Path, help="the copy; it must not exist")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check a journal; a damaged one is an error that says where."""
    from darwin_core.live.chain import key_from
    from darwin_core.live.verifying import parse_witness, verify

    witness = parse_witness(arguments.witness) if arguments.witness else None
    found = verify(arguments.file, key_from(), witness=witness, with_archive=not arguments.without_archive)
    return _tell(arguments, arguments.file, found, "is as it was written")


def _backup(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.live.chain import key_from
    from darwin_core.live.verifying import backup

    return _tell(arguments, arguments.target, backup(arguments.file, arguments.target, key_from()), "is a sound copy")


def _mend(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.live.chain import key_from
    from darwin_core.live.verifying import mend

    found = mend(arguments.file, now_ns(), arguments.who, arguments.why, key_from())
    return _tell(arguments, arguments.file, found, "is accepted as it is")


def now_ns() -> int:
    """Return the wall clock, ns UTC."""
    from darwin_core import clock

    return round(clock.now().timestamp() * 1e6) * 1000


def _tell(arguments: argparse.Namespace, file: Path, found: Verified, verdict: str) -> dict[str, Any]:
    if not arguments.json:
        show = console()
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items())
        show.print(f"[bold green]{escape(str(file))} {verdict}[/]", soft_wrap=True)
        show.print(f"  {found.records:,} records ({escape(kinds)})", soft_wrap=True)
        if found.archived or found.dropped:
            show.print(f"  {found.archived:,} in the archive, {found.dropped:,} dropped after their retention")
        show.print(f"  key: {_key(found)}\n  witness: {found.end}", soft_wrap=True)
        for note in found.notes:
            show.print(f"  [yellow]note:[/] {escape(note)}", soft_wrap=True)
    return {"file": str(file), **asdict(found), "end": str(found.end), "notes": list(found.notes)}


def _key(found: Verified) -> str:
    if not found.keyed:
        return "none: this finds accidents, and edits by somebody who does not compute the chain anew"
    return "checked" if found.key_checked else "NOT checked"
