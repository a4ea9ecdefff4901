"""``darwin checks`` and the table ``[controls]``."""

from __future__ import annotations

import json

import attrs
import pytest

from darwin_core import ConfigError
from darwin_core.cli import main
from darwin_core.live.controls import Controls
from darwin_core.live.controls.table import Use, read, rows
from darwin_core.options import plain
from darwin_core.source import Source


@pytest.fixture
def deployment(tmp_path):
    def write(text):
        path = tmp_path / "darwin.toml"
        path.write_text(text)
        return path

    return write


def settings(deployment, text):
    source = Source.load(deployment(text))
    return read(source.tables, source)


def test_no_table_is_the_defaults(deployment):
    made = settings(deployment, "")
    assert made == Controls()
    assert (made.symbol_cap.share, made.gross.leverage) == (0.10, 1.5)


def test_every_setting_can_be_written(deployment):
    defaults = plain(Controls())
    lines = []
    for name, table in defaults.items():
        lines.append(f"[controls.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    assert settings(deployment, "\n".join(lines)) == Controls()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[controls.symbol_cap]\nshare = 0.0", "2: controls.symbol_cap.share"),
        ("[controls.symbol_cap]\nshares = 0.1", "did you mean 'share'"),
        ("[controls]\ngros = {}", "did you mean 'gross'"),
        ("[controls.rate]\nper_second = 0", "2: controls.rate.per_second"),
        ("[controls.gross]\nexits = 'gone'", "2: controls.gross.exits"),
        ("controls = 3", "a table is expected"),
    ],
)
def test_a_mistake_is_told_with_its_place(deployment, text, where):
    with pytest.raises(ConfigError, match=where.replace(".", r"\.")):
        settings(deployment, text)


def test_the_table_lists_every_control_with_its_limit(deployment, capsys):
    path = deployment("[controls.symbol_cap]\nshare = 0.25\n[controls.rate]\non = false\n")
    assert main(["checks", str(path), "--json"]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)["controls"]}
    assert list(found) == [control.name for control in Controls().all]
    assert found["symbol_cap"]["limit"] == "0.25 of equity"
    assert found["symbol_cap"]["exits"] == "pass"
    assert found["self_match"]["exits"] == "asked"
    assert [name for name, row in found.items() if not row["on"]] == ["rate"]
    assert {(row["state"], row["last_use"]) for row in found.values()} == {(None, None)}


def test_a_setting_may_be_changed_on_the_command_line(deployment, capsys):
    assert main(["checks", str(deployment("")), "--json", "--set", "controls.gross.leverage=1.0"]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)["controls"]}
    assert found["gross"]["limit"].startswith("1 of equity")


def test_people_see_the_same(deployment, capsys):
    assert main(["checks", str(deployment("[controls.cash]\non = false"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = {line.split()[0]: line for line in lines if line[0] != " "}
    assert {control.name for control in Controls().all} <= set(shown)
    assert shown["cash"].split()[:3] == ["cash", "off", "pass"]


def test_a_missing_file_is_told_in_a_sentence(tmp_path, capsys):
    assert main(["checks", str(tmp_path / "none.toml")]) == 1
    assert "there is no deployment file" in capsys.readouterr().err


def test_a_live_session_fills_in_state_and_last_use():
    found = {row.name: row for row in rows(Controls(), {"cash": Use("near: 0.92", "2024-01-02 15:00:00")})}
    assert (found["cash"].state, found["cash"].last_use) == ("near: 0.92", "2024-01-02 15:00:00")
    assert found["net"].facts()["state"] is None


def test_every_control_has_a_name_of_its_own_and_only_harmless_ones_have_a_switch():
    controls = Controls()
    names = [each.name for each in controls.all]
    assert len(set(names)) == len(names)
    fixed = {each.name for each in controls.all if not attrs.fields_dict(type(each))}
    assert fixed == {"order", "client_id", "latch", "safe_mode", "reduce_only", "unknown"}
    assert {field.name for field in attrs.fields(Controls)} == set(names) - fixed
