"""``darwin warmup``: fill numba's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import console

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command: it has no arguments of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Import everything that is compiled; what is in the cache already is only loaded."""
    from darwin_core import compiled
    from darwin_core.clock import cpu_seconds

    started = cpu_seconds()
    count = compiled.warm()
    took = cpu_seconds() - started
    if not arguments.json:
        console().print(f"kernels {'compiled' if count else 'in the cache already'}, {took:.1f} s of CPU")
    return {"compiled": count, "cpu_seconds": took}
