"""A run is in the store whole or not at all, and damage is found."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from darwin_core import store
from darwin_core.errors import RunError
from darwin_core.store import Run, Store

CREATED = datetime(2020, 1, 2, tzinfo=UTC)


def add(folder: Path, name: str = "a") -> Run:
    tables = {"equity": pa.table({"x": [1.0, float("nan")]})}
    return Store(folder).add(
        name, CREATED, {"digest": "d", "summary": {"sharpe": float("nan")}}, tables, {"config.json": "{}"}
    )


def test_a_stored_run_is_read_back(tmp_path: Path) -> None:
    made = add(tmp_path)
    found = Store(tmp_path).get("a")
    assert found.info == json.loads((made.folder / "run.json").read_text())
    assert found.info["summary"]["sharpe"] is None
    assert found.table("equity")["x"][0].as_py() == 1.0
    found.verify()


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    assert [add(tmp_path).id, add(tmp_path).id] == ["a", "a-2"]


def test_runs_are_found_by_beginning_or_as_last(tmp_path: Path) -> None:
    add(tmp_path, "one")
    add(tmp_path, "other")
    shelf = Store(tmp_path)
    assert shelf.get("on").id == "one"
    assert shelf.get("last").id == "other"
    with pytest.raises(RunError, match="could be any of one, other"):
        shelf.get("o")
    with pytest.raises(RunError, match="did you mean 'other'"):
        shelf.get("othre")


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="darwin backtest"):
        Store(tmp_path / "none").get("last")


@pytest.mark.parametrize("damage", ["delete", "append", "flip"])
def test_damage_is_found(tmp_path: Path, damage: str) -> None:
    run = add(tmp_path)
    path = run.folder / "equity.parquet"
    content = path.read_bytes()
    if damage == "delete":
        path.unlink()
    else:
        path.write_bytes(content + b"x" if damage == "append" else bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(RunError, match="equity.parquet is"):
        Store(tmp_path).get("a").verify()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_an_unreadable_description_is_told(tmp_path: Path, text: str) -> None:
    run = add(tmp_path)
    (run.folder / "run.json").write_text(text)
    with pytest.raises(RunError, match="run.json"):
        store.load(run.folder)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        Store(tmp_path).add("a", CREATED, {}, {"equity": "no table"}, {})  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_not_a_run(tmp_path: Path) -> None:
    run = add(tmp_path)
    run.folder.rename(tmp_path / ".unfinished-a-1")
    assert Store(tmp_path).runs() == []
    assert [path.name for path in Store(tmp_path).unfinished()] == [".unfinished-a-1"]


def test_an_unknown_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="did you mean 'equity'"):
        add(tmp_path).table("equty")


def test_a_store_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    with pytest.raises(RunError, match="the run cannot be stored in"):
        add(tmp_path / "runs")
