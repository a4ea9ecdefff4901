"""The kill latch stays closed over restarts, crashes, damage and full disks, and opens for a named person only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError
from darwin_core.live import latch as module
from darwin_core.live.latch import Latch

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "latch.json"


def test_a_new_latch_is_open(path):
    assert Latch(path).prepare().closed == ""
    assert path.exists()


def test_a_closed_latch_is_closed_after_a_restart_and_says_why(path):
    latch = Latch(path)
    latch.prepare()
    assert latch.close("drawdown", "equity 30 % below its highest", 5)
    assert latch.state().closed == "equity 30 % below its highest (drawdown)"
    again = Latch(path)
    assert again.prepare().closed == "equity 30 % below its highest (drawdown)"


def test_a_latch_closes_without_having_been_prepared(path):
    assert Latch(path).close("x", "y", 1)
    assert Latch(path).state().closed == "y (x)"


def test_a_release_is_kept_on_record_beside_what_was_closed(path):
    latch = Latch(path)
    latch.close("drawdown", "lost", 5)
    latch.close("manual", "stop it", 6)
    assert latch.release(" Ada Byron ", "the feed was wrong", 9).closed == ""
    records = Latch(path).state().records
    assert [(r.act, r.who, r.why, r.time) for r in records] == [
        ("closed", "drawdown", "lost", 5),
        ("closed", "manual", "stop it", 6),
        ("released", "Ada Byron", "the feed was wrong", 9),
    ]
    latch.close("latency", "slow", 10)
    assert Latch(path).state().closed == "slow (latency)"
    assert len(Latch(path).state().records) == 4


@pytest.mark.parametrize(("person", "reason"), [("", "why"), ("Ada", ""), ("  ", "why"), ("Ada", "\n")])
def test_a_release_needs_a_name_and_a_reason(path, person, reason):
    latch = Latch(path)
    latch.close("x", "y", 1)
    with pytest.raises(ConfigError, match="named person"):
        latch.release(person, reason, 2)
    assert Latch(path).state().closed


def test_an_open_latch_is_not_released(path):
    latch = Latch(path)
    latch.prepare()
    with pytest.raises(ConfigError, match="nothing to release"):
        latch.release("Ada", "why", 2)


def test_another_process_s_closing_and_release_are_seen_at_once(path):
    here, there = Latch(path), Latch(path)
    here.prepare()
    there.prepare()
    there.close("watchdog", "the trader is frozen", 1)
    assert here.state().closed == "the trader is frozen (watchdog)"
    here.close("trader", "too", 2)
    there.release("Ada", "seen to", 3)
    assert here.state().closed == ""


def test_a_file_that_should_be_there_and_is_not_counts_as_closed(path):
    assert "missing" in Latch(path, must_exist=True).prepare().closed
    assert Latch(path, must_exist=True).release("Ada", "I deleted it", 1).closed == ""
    assert path.exists()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The bytes of a latch that was closed and released: open, and easily made to look so."""
    path = tmp_path_factory.mktemp("latch") / "latch.json"
    latch = Latch(path)
    latch.close("drawdown", "lost", 5)
    latch.release("Ada", "seen to", 6)
    return path.read_bytes()


def test_a_latch_cut_anywhere_counts_as_closed(released, tmp_path):
    path = tmp_path / "latch.json"
    for length in range(len(released)):
        path.write_bytes(released[:length])
        state = Latch(path).state()
        assert state.damaged, length
        assert "damaged" in state.closed, length


def test_a_latch_with_any_byte_changed_counts_as_closed(released, tmp_path):
    path = tmp_path / "latch.json"
    for place in range(len(released)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(released)
            changed[place] ^= flip
            path.write_bytes(bytes(changed))
            assert Latch(path).state().closed, (place, flip)


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["sha256", "records", "x"]), inner), max_leaves=5)
       .map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_other_content_is_taken_for_an_open_latch(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("latch") / "latch.json"
    path.write_bytes(content)
    assert Latch(path).state().damaged


def test_a_damaged_latch_stays_closed_when_closed_again_and_is_kept_when_released(path):
    latch = Latch(path)
    latch.prepare()
    path.write_bytes(b"{}")
    assert not latch.close("drawdown", "lost", 4)
    assert path.read_bytes() == b"{}"
    state = latch.release("Ada", "looked at it", 5)
    assert state.closed == ""
    assert path.with_name("latch.json.damaged-1").read_bytes() == b"{}"
    closed, opened = state.records
    assert "damaged" in closed.why
    assert "latch.json.damaged-1" in closed.why
    assert (opened.act, opened.who) == ("released", "Ada")
    path.write_bytes(b"[]")
    Latch(path).release("Ada", "again", 6)
    assert path.with_name("latch.json.damaged-2").read_bytes() == b"[]"


@pytest.mark.skipif(os.name == "nt", reason="folders are not files there either, but say so differently")
def test_a_latch_that_cannot_be_read_counts_as_closed(path):
    path.mkdir()
    assert "cannot be read" in Latch(path).state().closed


class Disk:
    """A disk that refuses to write content, as a full one does; renames still work."""

    def __init__(self, monkeypatch, *, renames=True):
        real = os.fsync

        def full(handle):
            if Path(f"/proc/self/fd/{handle}").is_dir():
                return real(handle)
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module.os, "fsync", full)
        if not renames:
            monkeypatch.setattr(Path, "replace", self.no)

    @staticmethod
    def no(*_):
        raise OSError(30, "Read-only file system")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells files from folders by /proc")
def test_a_full_disk_cannot_keep_the_latch_open(path, monkeypatch):
    latch = Latch(path)
    latch.prepare()
    with monkeypatch.context() as patch:
        Disk(patch)
        assert latch.close("drawdown", "lost", 4) is False
        assert latch.state().closed
        with pytest.raises(ConfigError, match="stays closed: No space left"):
            latch.release("Ada", "why", 5)
        assert latch.state().closed
    again = Latch(path)
    assert "emergency" in again.prepare().closed
    state = again.release("Ada", "disk made larger", 6)
    assert state.closed == ""
    assert [record.act for record in state.records] == ["closed", "released"]
    assert again.spare.exists()
    assert not again.mark.exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells files from folders by /proc")
def test_a_disk_that_takes_nothing_at_all_leaves_this_process_closed(path, monkeypatch):
    latch = Latch(path)
    latch.prepare()
    with monkeypatch.context() as patch:
        Disk(patch, renames=False)
        assert latch.close("drawdown", "lost", 4) is False
    assert latch.state().closed == "lost (drawdown)"
    assert latch.release("Ada", "why", 5).closed == ""


def test_no_trace_is_left_of_a_write_that_failed(path, monkeypatch):
    latch = Latch(path)
    latch.prepare()
    with monkeypatch.context() as patch:
        Disk(patch)
        latch.close("drawdown", "lost", 4)
    assert {p.name for p in path.parent.iterdir()} == {"latch.json", "latch.json.emergency", "latch.json.lock"}


def test_a_process_that_holds_the_lock_cannot_keep_the_latch_open(path, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    holder, latch = Latch(path), Latch(path)
    latch.prepare()
    with holder._alone():
        assert latch.close("drawdown", "lost", 4) is False
        assert latch.state().closed
        assert Latch(path).state().closed
    assert Latch(path).state().closed


def test_a_crash_while_releasing_leaves_the_latch_closed(path, monkeypatch):
    latch = Latch(path)
    latch.prepare()
    latch.spare.replace(latch.mark)
    real = Path.unlink

    def crash(self, *, missing_ok=False):
        if self == latch.mark:
            raise KeyboardInterrupt
        real(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(KeyboardInterrupt):
            latch.release("Ada", "why", 5)
    assert Latch(path).state().closed


_CLOSER = """
import sys
from pathlib import Path
from darwin_core.live.latch import Latch
latch = Latch(Path(sys.argv[1]))
latch.prepare()
lines = 0
def trace(frame, event, argument):
    global lines
    lines += 1
    if lines == int(sys.argv[2]):
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    return trace
sys.settrace(trace)
latch.close("drawdown", "lost", 4)
sys.settrace(None)
print(lines)
"""


def _kill_at(path, line):
    words = [sys.executable, "-c", _CLOSER, str(path), str(line)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_kill_while_closing_leaves_a_whole_latch_that_never_opens_again(tmp_path):
    lines = int(_kill_at(tmp_path / "whole.json", -1).stdout)
    seen = []
    for number, line in enumerate(range(1, lines, max(1, lines // 12))):
        path = tmp_path / f"{number}.json"
        assert _kill_at(path, line).returncode == -signal.SIGKILL
        state = Latch(path).prepare()
        assert not state.damaged
        seen.append(bool(state.closed))
    assert seen == sorted(seen), "once it was closed, a later kill found it open"
    assert seen[0] is False
    assert seen[-1] is True


def _close_many(path, who, count):
    latch = Latch(Path(path))
    for number in range(count):
        assert latch.close(who, str(number), number)


def test_two_processes_that_close_at_once_lose_no_record(path):
    Latch(path).prepare()
    context = get_context("spawn")
    both = [context.Process(target=_close_many, args=(str(path), who, 10)) for who in ("trader", "watchdog")]
    for each in both:
        each.start()
    for each in both:
        each.join()
        assert each.exitcode == 0
    records = Latch(path).state().records
    for who in ("trader", "watchdog"):
        assert [r.why for r in records if r.who == who] == [str(n) for n in range(10)]


def test_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        Latch(tmp_path / "none" / "latch.json").prepare()
