"""Looks at a test window are on record, and each makes the next verdict stricter."""

from __future__ import annotations

import json

import pytest

from darwin_core import DataError
from darwin_core.training.trials import FILE, Opening, level, open_window


def opening(first: int = 10, last: int = 20, data: tuple[str, ...] = ("a",), tried: int = 2) -> Opening:
    return Opening(data, first, last, tried)


def test_looks_and_trials_at_the_same_window_are_counted(tmp_path) -> None:
    assert open_window(tmp_path, opening(), {}) == (1, 2)
    assert open_window(tmp_path, opening(), {}) == (2, 4)
    assert open_window(tmp_path, opening(19, 30), {"seed": 1}) == (3, 6)


def test_other_data_and_other_times_are_another_window(tmp_path) -> None:
    open_window(tmp_path, opening(), {})
    assert open_window(tmp_path, opening(data=("b",)), {}) == (1, 2)
    assert open_window(tmp_path, opening(21, 30), {}) == (1, 2)
    assert open_window(tmp_path, opening(20, 30, ("a", "b"), 1), {})[0] == 4


def test_the_record_is_a_line_of_json_a_look(tmp_path) -> None:
    open_window(tmp_path / "new", opening(), {"trainer": "ppo"})
    lines = (tmp_path / "new" / FILE).read_text().splitlines()
    assert json.loads(lines[0])["trainer"] == "ppo"


def test_a_damaged_record_keeps_the_window_shut(tmp_path) -> None:
    (tmp_path / FILE).write_text('{"look": 1\n')
    with pytest.raises(DataError, match="nobody knows who has seen the test window"):
        open_window(tmp_path, opening(), {})


def test_a_damaged_record_is_told_with_its_line(tmp_path) -> None:
    open_window(tmp_path, opening(), {})
    with (tmp_path / FILE).open("a") as file:
        file.write("{broken\n")
    with pytest.raises(DataError, match=r"trials\.jsonl:2 cannot be read"):
        open_window(tmp_path, opening(), {})


def test_the_errors_of_all_looks_together_stay_below_five_per_cent() -> None:
    errors = [1.0 - level(k) for k in range(1, 10_000)]
    assert sum(errors) < 0.05
    assert errors == sorted(errors, reverse=True)
