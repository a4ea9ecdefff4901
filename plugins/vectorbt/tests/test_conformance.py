"""A plugin that brings commands and makes no component: its front is light and its command is found by its name."""

from __future__ import annotations

import argparse
import subprocess
import sys

from darwin_vectorbt import add_commands

HEAVY = ("vectorbt", "pandas", "numba", "pyarrow")


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    program = f"import sys, darwin_vectorbt; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_command_is_described_without_anything_heavy() -> None:
    program = (
        f"import sys, argparse, darwin_vectorbt; darwin_vectorbt.add_commands(argparse.ArgumentParser()); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_form_of_its_command_sets_what_runs() -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser)
    assert callable(parser.parse_args(["stats", "last"]).run)
