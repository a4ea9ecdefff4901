"""The socket: where it lies, who reaches it, what it survives, and that it answers when the trader does not."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_desk import STATUS, FakeDesk, process
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError
from darwin_core.live.control import client, places, snapshot, tokens
from darwin_core.live.control.requests import LIMIT, parse
from darwin_core.live.control.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_core.live.control.actions import Action, Answer


@contextmanager
def working(folder: Path, **more: Any) -> Iterator[FakeDesk]:
    """A desk in this process, whose main loop is a thread."""
    desk = FakeDesk(folder)
    with desk.working(), Server(folder, desk, desk.record, **more):
        yield desk


def ask(folder: Path, do: str, **more: Any) -> dict[str, Any]:
    return client.ask(folder, {"do": do, "why": "a test", **more})


def test_the_status_comes_over_the_socket_as_it_was_published(folder: Path) -> None:
    with working(folder) as desk:
        first = ask(folder, "status")["status"]
        assert repr(snapshot.decode(first)) == repr(STATUS)
        assert first["agents"][0]["agreement"] is None
        ask(folder, "halt")
        assert ask(folder, "status")["status"]["why"] == "halt"
        snapshot.write(folder, desk.shown)
    assert json.loads((folder / "status.json").read_text())["why"] == "halt"
    last = snapshot.last(folder)
    assert last is not None
    assert repr(last[0]) == repr(desk.shown)


def test_only_its_owner_reaches_the_socket_and_it_is_gone_at_the_end(folder: Path) -> None:
    folder.chmod(0o755)
    with working(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "control.sock").stat().st_mode & 0o777 == 0o600
        assert places.listens(folder)
        with pytest.raises(ConfigError, match="another process runs this session"):
            Server(folder, FakeDesk(folder), lambda _a, _b: None).start()
        assert ask(folder, "halt")["kind"] == "done"
    assert not places.listens(folder)
    assert not (folder / "control.sock").exists()


def test_a_socket_that_a_killed_process_left_behind_is_replaced(folder: Path) -> None:
    with process(folder, "well") as running:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert (folder / "control.sock").exists()
    with pytest.raises(client.NoAnswer) as raised:
        ask(folder, "status")
    assert not raised.value.mute
    with working(folder):
        assert ask(folder, "halt")["kind"] == "done"


@pytest.mark.parametrize("runtime", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_a_folder_whose_path_is_too_long_is_reached_through_a_pointer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv(runtime, str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    deep = folder / ("x" * 70) / ("y" * 70)
    deep.mkdir(parents=True)
    with working(deep):
        path = Path(places.find(deep).path)
        assert path.is_relative_to(folder)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert (deep / "control.json").stat().st_mode & 0o777 == 0o600
        monkeypatch.delenv(runtime)  # the pointer alone leads there
        assert ask(deep, "halt")["kind"] == "done"
    assert not path.exists()
    assert not (deep / "control.json").exists()


def test_a_runtime_folder_that_others_may_write_to_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    (folder / "darwin").mkdir()
    (folder / "darwin").chmod(0o777)
    deep = folder / ("x" * 120)
    deep.mkdir()
    with pytest.raises(ConfigError, match="this user alone"):
        Server(deep, FakeDesk(deep), lambda _a, _b: None).start()


def test_on_a_port_the_key_in_the_folder_says_who_the_owner_is(folder: Path) -> None:
    with working(folder, loopback=True) as desk:
        address = places.find(folder)
        assert address.port
        assert ask(folder, "halt")["kind"] == "done"
        with places.Address(port=address.port).connect(1.0) as stranger:
            stranger.sendall(b'{"do":"flatten","why":"x","key":"no"}\n')
            answer = json.loads(stranger.recv(4096))
        assert answer["kind"] == "refused"
        assert desk.killed == []
        token = tokens.add(folder, "ops", "risk", 1, "x")
        with places.Address(port=address.port).connect(1.0) as stranger:
            stranger.sendall(json.dumps({"do": "flatten", "why": "x", "token": token}).encode() + b"\n")
            assert b"is closed" in stranger.recv(4096)
    assert not (folder / "control.json").exists()


def test_what_the_trader_refuses_or_breaks_is_told(folder: Path) -> None:
    with working(folder) as desk:
        refused = client.ask(folder, {"do": "halt", "why": "refuse me"})
        assert (refused["kind"], refused["text"]) == ("refused", "the trader does not like it")
        broken = client.ask(folder, {"do": "halt", "why": "break"})
        assert (broken["kind"], broken["text"]) == ("failed", "ZeroDivisionError: oh")
        assert [answer.kind for _, answer in desk.records] == ["refused", "failed"]


def test_flatten_closes_the_latch_before_it_asks_the_trader(folder: Path) -> None:
    heard: list[str] = []
    desk = FakeDesk(folder)
    desk.kill = lambda action: heard.append(f"kill {action.name}")  # type: ignore[method-assign]
    future: Future[str] = Future()
    desk.act = lambda action: heard.append(f"act {action.name}") or future  # type: ignore[func-returns-value, method-assign]
    with Server(folder, desk, desk.record, patience_s=0.1):
        answer = client.ask(folder, {"do": "flatten", "why": "x"}, tell=heard.append)
        assert heard == ["kill flatten", "act flatten", "the kill latch is closed"]
        assert (answer["kind"], answer["closed"]) == ("unanswered", True)
        assert answer["text"].startswith("the kill latch is closed; the trader has not answered within 0.1 s; it has")
        assert not future.cancelled()
        future.set_result("flat")
        wait_until(lambda: len(desk.records) == 2)
    assert [(answer.kind, answer.text) for _, answer in desk.records][1] == ("done", "flat")


def test_a_latch_that_does_not_close_is_told_and_the_trader_is_asked_all_the_same(folder: Path) -> None:
    with working(folder) as desk:
        desk.kill = lambda _action: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        answer = ask(folder, "flatten")
        assert answer["latch"] == "the kill latch is NOT closed (ZeroDivisionError: division by zero)"
        assert answer["text"] == f"{answer['latch']}; did flatten"
        assert answer["closed"] is False
        assert [each.name for each in desk.heard] == ["flatten"]


@pytest.mark.parametrize(
    ("do", "withdrawn"), [("halt", False), ("resume", True), ("release", True), ("override", True)]
)
def test_what_takes_risk_is_withdrawn_when_the_trader_does_not_answer(folder: Path, do: str, withdrawn: bool) -> None:
    desk = FakeDesk(folder)
    more = {"details": {"agent": "gate", "mode": "off"}} if do == "override" else {}
    with Server(folder, desk, desk.record, patience_s=0.05):
        answer = ask(folder, do, who="Ada", **more)
    assert answer["kind"] == "unanswered"
    assert ("withdrawn" in answer["text"]) is withdrawn
    left = desk.waiting.get()
    assert left is not None
    _, future = left
    assert future.set_running_or_notify_cancel() is not withdrawn


def test_a_flattening_goes_on_when_who_asked_for_it_has_gone(folder: Path) -> None:
    with working(folder) as desk:
        for _ in range(20):
            connection = places.find(folder).connect(1.0)
            connection.sendall(b'{"do":"flatten","why":"x"}\n')
            connection.close()
        wait_until(lambda: len(desk.records) == 20)
        assert {answer.kind for _, answer in desk.records} == {"done"}
        assert len(desk.killed) == 20


def test_an_action_that_is_at_work_when_the_session_ends_is_on_record(folder: Path) -> None:
    desk = FakeDesk(folder)
    with Server(folder, desk, desk.record), places.find(folder).connect(1.0) as connection:
        connection.sendall(b'{"do":"halt","why":"x"}\n')
        wait_until(lambda: desk.heard)
    assert [answer.text for _, answer in desk.records] == ["the control socket was closed before the trader answered"]


def test_a_status_that_cannot_be_written_stops_nobody(folder: Path) -> None:
    snapshot.write(folder / "none", STATUS)
    assert not (folder / "none").exists()


def test_a_journal_that_stands_still_does_not_hold_up_a_kill(folder: Path) -> None:
    desk, go_on = FakeDesk(folder), threading.Event()

    def record(action: Action, answer: Answer) -> None:
        go_on.wait()
        desk.record(action, answer)

    with desk.working(), Server(folder, desk, record):
        try:
            answers = [ask(folder, "halt"), ask(folder, "flatten")]
            assert [(answer["kind"], answer["recorded"]) for answer in answers] == [("done", False), ("done", False)]
            assert desk.latch.state().closed
        finally:
            go_on.set()
    assert [action.name for action, _ in desk.records] == ["halt", "flatten"]


def test_a_record_that_cannot_be_written_is_told(folder: Path) -> None:
    with Server(folder, desk := FakeDesk(folder), lambda _action, _answer: 1 / 0, patience_s=0.05):  # type: ignore[arg-type, return-value]
        assert ask(folder, "flatten")["recorded"] is False
        assert desk.latch.state().closed


def test_many_idle_connections_do_not_keep_a_kill_out(folder: Path) -> None:
    with working(folder) as desk:
        idle = [places.find(folder).connect(1.0) for _ in range(100)]
        assert ask(folder, "flatten")["kind"] == "done"
        dropped = sum(not each.recv(1) for each in idle[:80])
        assert dropped == 80
        for each in idle:
            each.close()
        assert len(desk.killed) == 1


def test_a_client_that_never_reads_does_not_keep_others_from_being_answered(folder: Path) -> None:
    with working(folder):
        greedy = places.find(folder).connect(5.0)
        greedy.sendall(b'{"do":"status"}\n' * 2_000)
        assert ask(folder, "halt")["kind"] == "done"
        greedy.close()


@pytest.mark.parametrize("manner", ["asleep", "busy"])
def test_with_the_trader_blocked_the_latch_still_closes(folder: Path, manner: str) -> None:
    sent, heard = [], []
    with process(folder, manner) as running:
        for number in range(200):
            sent.append(time.perf_counter())
            with places.find(folder).connect(5.0) as connection:
                connection.sendall(json.dumps({"do": "flatten", "why": f"try {number}"}).encode() + b"\n")
                connection.settimeout(30.0)
                said = connection.recv(4096)
                heard.append(time.perf_counter())
            assert b"the kill latch is closed" in said
            assert places.latch(folder).state().records[-1].why == f"try {number}"
        # The trader has not answered once, and who waits is told so.
        answer = ask(folder, "flatten")
        assert answer["kind"] == "unanswered"
        assert answer["closed"] is True
        assert running.poll() is None
    shut = [float(line) for line in (folder / "kills").read_text().split()]
    for what, ends in (("shut in the process", shut), ("closed on the disk and heard of", heard)):
        took = sorted(1e3 * (end - start) for start, end in zip(sent, ends, strict=False))
        print(f"\n{manner}: {what}, ms: p50 {took[100]:.1f}, p99 {took[197]:.1f}, max {took[-1]:.1f}")  # noqa: T201


def wait_until(true: Any) -> None:
    until = time.monotonic() + 30
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    assert true()


# Garbage ------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "do": st.sampled_from(["halt", "status", "flatten", "override", "release", "resume", "x"]) | JSON,
        "why": st.text(max_size=30) | JSON,
        "who": st.text(max_size=30) | JSON,
        "token": st.text(max_size=30) | JSON,
        "key": st.text(max_size=30) | JSON,
        "details": st.dictionaries(st.sampled_from(["agent", "mode", "symbol", "rule"]), st.text(max_size=9) | JSON)
        | JSON,
        "more": JSON,
    },
)
BYTES = st.binary(max_size=200) | (JSON | NEARLY).map(lambda value: json.dumps(value).encode())
NASTY = [
    b"", b"\n", b"\x00\n", b"[" * 8_000 + b"\n", b'{"do":' * 2_000 + b"\n", b'"' + b"1" * 9_000 + b'"\n', b"1" * 9_000 + b"\n",
    b"x" * (LIMIT + 1), b"x" * (40 * LIMIT) + b"\n", b'{"do":"halt","why":NaN}\n', b'{"do":"halt","why":1e999}\n',
    b'{"do":"halt","why":"\\ud800"}\n', b"\xff\xfe{\x00}\x00\n", b'{"do":"status"', b'{"do":"halt","why":"x"}\r\n\r\n\n\n',
]  # fmt: skip


@given(BYTES)
def test_whatever_bytes_make_a_request_or_are_refused_in_words(line: bytes) -> None:
    try:
        request = parse(line)
    except ConfigError as error:
        assert str(error).isprintable()
        return
    assert request.do == "status" or request.why
    for text in (request.why, request.who, *request.details.values()):
        assert text == "" or text.isprintable()
        text.encode()


def test_garbage_never_harms_the_server(folder: Path) -> None:
    tried, threads = 0, threading.active_count()
    with working(folder) as desk:
        tokens.add(folder, "boss", "admin", 1, "x")
        tokens.require(folder, 1, on=True)  # so that no garbage is an order by chance

        def throw(content: bytes) -> None:
            nonlocal tried
            tried += 1
            with places.find(folder).connect(5.0) as connection:
                try:
                    connection.sendall(content)
                    connection.shutdown(socket.SHUT_WR)
                    answered = b""
                    while got := connection.recv(2**16):
                        answered += got
                except OSError:
                    return  # it hung up
            for line in answered.splitlines():
                assert json.loads(line)["kind"] in ("refused", "done")

        for content in NASTY:
            throw(content)
        given(st.lists(BYTES.filter(lambda each: b"token" not in each), max_size=3).map(b"\n".join))(throw)()
        assert tried > 50
        assert desk.heard == []
        tokens.require(folder, 1, on=False)
        assert ask(folder, "status")["kind"] == "done"
        assert ask(folder, "flatten")["kind"] == "done"
    assert threading.active_count() <= threads
