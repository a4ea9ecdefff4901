from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from darwin_core.live.logfile import LogFile
from darwin_core.options import Secret

NOW = 1_433_169_065_123_456_789
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


def lines(path):
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.jsonl"


def test_a_line_is_one_json_object_and_is_there_at_once(path):
    log = LogFile(path)
    log.write(NOW, "warning", "feed", "AAPL is late", symbol="AAPL", late_s=1.5, when=None)
    assert lines(path) == [
        {
            "time": "2015-06-01T14:31:05.123456789Z",
            "ns": NOW,
            "level": "warning",
            "source": "feed",
            "text": "AAPL is late",
            "fields": {"symbol": "AAPL", "late_s": 1.5, "when": None},
        }
    ]
    assert log.lost == 0
    assert log.alert(NOW) is None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.characters(categories=["Cs"]),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(st.integers(), st.text(), st.dictionaries(st.text() | st.just("time"), VALUES))
def test_whatever_is_logged_is_one_line_of_ascii_json(tmp_path_factory, time, text, fields):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log = LogFile(path)
    log.write(time, "info", "somebody", text, **fields)
    log.close()
    assert log.lost == 0
    (line,) = path.read_bytes().splitlines()
    assert line.isascii()
    found = json.loads(line)
    assert found["text"] == text
    assert found["ns"] == time
    assert list(found["fields"]) == list(fields)


@frozen
class Login:
    name: str
    key: Secret


def test_secrets_are_never_in_it(path):
    log = LogFile(path, secrets=["hunter2", "", "hunter2-long"])
    key = Secret("${KEY}")
    log.write(NOW, "info", "broker", "GET /?key=hunter2-long failed", key=key, login=Login("me", key), all=[{"k": key}])
    log.write(NOW, "info", "broker", "x", hunter2="hunter2", error=ValueError("hunter2"), names={"hunter2"})
    first, second = lines(path)
    assert first["text"] == "GET /?key=*** failed"
    assert first["fields"] == {"key": "***", "login": {"name": "me", "key": "***"}, "all": [{"k": "***"}]}
    assert second["fields"] == {"***": "***", "error": "***", "names": ["***"]}
    assert "KEY" not in path.read_text()


def test_figures_of_numpy_are_figures_and_what_is_not_finite_is_null(path):
    LogFile(path).write(
        NOW, "info", "x", "y", a=np.float64(0.5), b=np.arange(3), c=math.nan, d=np.float32("inf"), e=path
    )
    assert lines(path)[0]["fields"] == {"a": 0.5, "b": [0, 1, 2], "c": None, "d": None, "e": str(path)}


def test_a_value_that_contains_itself_ends_somewhere(path):
    loop: list[object] = []
    loop.append(loop)
    LogFile(path).write(NOW, "info", "x", "y", loop=loop)
    assert "..." in path.read_text()


def test_old_files_are_kept_by_number_and_no_line_is_lost_before_they_are_dropped(path):
    log = LogFile(path, most_bytes=1000, keep=3)
    for number in range(100):
        log.write(NOW, "info", "x", "y" * 20, number=number)
    files = [path.with_name(f"log.jsonl.{n}") for n in (3, 2, 1)] + [path]
    assert sorted(path.parent.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 1000 for file in files)
    numbers = [line["fields"]["number"] for file in files for line in lines(file)]
    assert numbers == list(range(numbers[0], 100))
    assert len(numbers) > 20


def test_a_line_longer_than_a_file_may_be_has_a_file_of_its_own(path):
    log = LogFile(path, most_bytes=100)
    for each in ("a", "b"):
        log.write(NOW, "info", "x", each * 500)
    assert [lines(each)[0]["text"][0] for each in (path, path.with_name("log.jsonl.1"))] == ["b", "a"]


def test_a_log_goes_on_in_the_file_of_the_last_session(path):
    LogFile(path).write(NOW, "info", "x", "first")
    LogFile(path).write(NOW, "info", "x", "second")
    assert [line["text"] for line in lines(path)] == ["first", "second"]


def test_a_line_that_the_last_process_left_half_written_does_not_spoil_the_next(path):
    path.write_bytes(b'{"time": "2015')
    LogFile(path).write(NOW, "info", "x", "y")
    half, whole = path.read_bytes().splitlines()
    assert half == b'{"time": "2015'
    assert json.loads(whole)["text"] == "y"


@pytest.mark.parametrize("at", ["missing/log.jsonl", "folder"])
def test_a_file_that_cannot_be_opened_is_told_once_and_never_raised(tmp_path, at):
    (tmp_path / "folder").mkdir()
    log = LogFile(tmp_path / at)
    for _ in range(3):
        log.write(NOW, "info", "x", "y")
    assert log.lost == 3
    alert = log.alert(NOW)
    assert alert is not None
    assert (alert.level, alert.source) == ("warning", "log")
    assert "cannot be written" in alert.text
    log.write(NOW, "info", "x", "y")
    assert log.alert(NOW) is None
    assert log.lost == 4


@needs_full
def test_after_a_full_disk_the_log_goes_on_and_says_what_is_missing(path):
    path.symlink_to(FULL)
    log = LogFile(path)
    for _ in range(5):
        log.write(NOW, "info", "x", "lost")
    alert = log.alert(NOW)
    assert alert is not None
    assert "No space left" in alert.text
    path.unlink()
    log.write(NOW, "info", "x", "back")
    assert [line["text"] for line in lines(path)] == ["lines lost before this one: 5", "back"]
    assert log.alert(NOW) is None
    path.unlink()
    log.close()
    path.symlink_to(FULL)
    log.write(NOW, "info", "x", "lost again")
    assert log.alert(NOW) is not None
    assert log.lost == 6


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_no_half_line_stays_when_the_disk_ends_within_it(path):
    script = """
import resource, sys
from pathlib import Path
from darwin_core.live.logfile import LogFile
log = LogFile(Path(sys.argv[1]))
log.write(0, "info", "x", "whole")
resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 20,) * 2)
log.write(0, "info", "x", "too long")
assert log.lost == 1
"""
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert [line["text"] for line in lines(path)] == ["whole"]


def test_a_file_that_cannot_be_rotated_may_grow_to_twice_its_size_and_no_further(path):
    (path.with_name("log.jsonl.1") / "in the way").mkdir(parents=True)
    (path.with_name("log.jsonl.2") / "in the way").mkdir(parents=True)
    log = LogFile(path, most_bytes=1000, keep=2)
    for _ in range(50):
        log.write(NOW, "info", "x", "y")
    assert 1000 < path.stat().st_size <= 2000
    assert log.lost + len(lines(path)) == 50
    assert log.alert(NOW) is not None


class Wicked:
    def __str__(self):
        raise RuntimeError("no")


def test_a_value_that_cannot_be_written_costs_the_line_and_nothing_else(path):
    log = LogFile(path)
    log.write(NOW, "info", "x", "y", wicked=Wicked())
    log.write(NOW, "info", "x", "z")
    assert log.lost == 1
    assert [line["text"] for line in lines(path)] == ["lines lost before this one: 1", "z"]
