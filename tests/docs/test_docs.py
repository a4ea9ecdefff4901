"""The documents name every hook, key and command, as they are."""

from __future__ import annotations

import inspect
from pathlib import Path

import attrs
import pytest

from darwin_core import config, hooks
from darwin_core.cli import COMMANDS
from darwin_core.config import CircuitTable, DeploymentTable, Execution, Exits, LiveTable, RunTable, Safety, Trust
from darwin_core.graduation.table import GraduationTable
from darwin_core.live.safemode import Triggers
from darwin_core.lockstep import LIVE_COLUMNS
from darwin_core.plugins import HOOKS
from darwin_core.registry.table import RegistryTable

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_stands_in_the_docs_with_its_signature(hook: str) -> None:
    signature = f"{hook}{inspect.signature(getattr(hooks, hook))}".replace("'", "").replace("|", "\\|")
    assert f"`{signature}`" in (DOCS / "hooks.md").read_text()


@pytest.mark.parametrize(
    "table",
    [
        CircuitTable,
        DeploymentTable,
        GraduationTable,
        Execution,
        Exits,
        LiveTable,
        RegistryTable,
        RunTable,
        Safety,
        Triggers,
        Trust,
    ],
)
def test_every_key_stands_in_the_docs_with_its_default(table: type) -> None:
    rows = (DOCS / "config.md").read_text().splitlines()
    for field in attrs.fields(table):
        found = [row for row in rows if row.startswith(f"| `{field.name}` |")]  # of more than one table, perhaps
        assert found, field.name
        if field.default is not attrs.NOTHING:
            assert any(f"`{as_toml(field.default)}`" in row for row in found), field.name


def as_toml(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, str):
        return f'"{default}"'
    return {(): "[]", None: "none"}.get(default, str(default))  # type: ignore[call-overload]


def test_every_table_stands_in_the_docs() -> None:
    text = (DOCS / "config.md").read_text()
    for name in config._KNOWN:
        assert f"[{name}]" in text, name


def test_every_command_stands_in_the_docs() -> None:
    text = (DOCS / "commands.md").read_text()
    for name in COMMANDS:
        assert f"`darwin {name}" in text, name


def test_every_live_column_stands_in_the_docs() -> None:
    text = (DOCS / "hooks.md").read_text()
    for name in LIVE_COLUMNS:
        assert f"`{name}`" in text, name


def test_every_module_has_a_room_in_the_picture() -> None:
    text = (DOCS / "architecture.md").read_text()
    core = DOCS.parent / "darwin_core"
    names = {path.stem for path in core.glob("*.py")} | {path.parent.name for path in core.glob("*/__init__.py")}
    for name in names - {"__init__"}:
        assert f"`{name}`" in text, name
