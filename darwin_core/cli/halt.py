"""``darwin halt``: a running session takes no new risk until it is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help=acting.SESSION)
    acting.add_arguments(parser)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Ask for it, and tell what became of it."""
    return acting.act(arguments, "halt")
