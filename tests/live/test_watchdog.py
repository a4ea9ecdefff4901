"""The watchdog flattens when the trader cannot, does nothing while the trader is well, and leaves a book that is right."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from campaigns.evidence import End, bodies, wrong
from campaigns.rehearsal import rehearse
from switching import Switched, Trader, deploy, flat, held, last_order, orders_after

from darwin_core.cli import COMMANDS, main
from darwin_core.errors import ConfigError
from darwin_core.live.aside import Aside
from darwin_core.live.control import places
from darwin_core.live.control.actions import Action
from darwin_core.live.heartbeat import Heartbeat
from darwin_core.live.orders import Intent
from darwin_core.live.schema import Control, Latch
from darwin_core.live.watchdog import Watchdog, watchdog_of

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.session import Session


def traded(folder: Path) -> Runtime:
    """A session that has ended with positions."""
    run = rehearse(deploy(folder, bars=200), stop=30)
    assert held(run.session)
    return run


def died(folder: Path) -> Runtime:
    """A session whose process is gone without having ended."""
    run = traded(folder)
    Heartbeat(run.session.folder).beat()
    return run


def dog(session: Session, patience_s: float = 0.3) -> Watchdog:
    return watchdog_of(session, patience_s, lambda _text: None)


def looked(session: Session, patience_s: float = 0.3) -> bool:
    """Let a watchdog look once; whether it has acted."""
    return asyncio.run(asyncio.wait_for(dog(session, patience_s).watch(once=True), 30.0))


def latched(session: Session) -> str:
    return places.latch(session.folder).state().closed


def went_on(run: Runtime) -> Runtime:
    """The session after its next start, which trades nothing."""
    again = rehearse(run.session.settings.source.path, stop=10)
    assert again.shut()
    assert again.stance.closed == {}
    return again


def test_a_trader_that_died_is_flattened_and_comes_up_latched_with_a_book_that_is_right(tmp_path: Path) -> None:
    run = died(tmp_path)
    before = last_order(run.session)
    assert looked(run.session)
    assert flat(run.session)
    assert "the trader has not moved" in latched(run.session)
    assert {(row["leg"], row["reduce_only"]) for row in orders_after(run.session, before)} <= {("flatten", 1)}
    again = went_on(run)
    assert wrong(again.session, End.of(again)) == []
    assert not any(again.course.held().values())
    said = bodies(again.session)
    assert [(body.on, body.who) for body in said if isinstance(body, Latch)] == [(True, "watchdog")]
    told = [body for body in said if isinstance(body, Control) and body.action == "watchdog"]
    assert len(told) == len(Aside(run.session.folder / "watchdog.jsonl").lines())
    assert told[-1].why == "no orders and no positions, seen twice"
    flattened = [body for body in said if isinstance(body, Intent) and body.leg == "flatten"]
    assert len(flattened) == len(orders_after(run.session, before)) > 0


def test_what_it_has_done_is_put_on_record_once(tmp_path: Path) -> None:
    run = died(tmp_path)
    looked(run.session)
    went_on(run)
    again = went_on(run)
    told = [body for body in bodies(again.session) if isinstance(body, Control) and body.action == "watchdog"]
    assert [body.details["number"] for body in told] == list(range(1, len(told) + 1))


def test_released_the_session_trades_on_from_the_flat_account(tmp_path: Path) -> None:
    run = died(tmp_path)
    looked(run.session)
    places.latch(run.session.folder).release("Ada", "looked into", 1)
    again = rehearse(run.session.settings.source.path, stop=60)
    assert held(again.session)
    assert wrong(again.session, End.of(again)) == []


def test_a_session_that_has_ended_in_order_is_left_alone(tmp_path: Path) -> None:
    run = traded(tmp_path)
    assert not looked(run.session)
    assert held(run.session)
    assert not latched(run.session)


def test_a_latch_that_was_closed_without_a_process_is_flattened_too(tmp_path: Path) -> None:
    run = traded(tmp_path)
    places.latch(run.session.folder).close("Ada", "enough", 1)
    assert looked(run.session)
    assert flat(run.session)
    assert latched(run.session) == "enough (Ada)"
    again = went_on(run)
    assert wrong(again.session, End.of(again)) == []


def test_a_closed_latch_and_a_flat_account_need_nothing(tmp_path: Path) -> None:
    run = died(tmp_path)
    assert looked(run.session)
    assert not looked(run.session)


def test_a_trader_that_is_well_is_left_alone(tmp_path: Path) -> None:
    with Switched(tmp_path) as session:
        session.trade()
        assert not looked(session.session, 1.0)
        assert not latched(session.session)


def test_a_kill_is_carried_out_while_the_traders_loop_is_blocked(tmp_path: Path) -> None:
    with Switched(tmp_path) as session:
        session.trade()
        blocked = threading.Event()
        session.loop.call_soon_threadsafe(blocked.wait)
        try:
            session.runtime.kill(Action("flatten", "Ada", "admin", "enough"))
            bars = session.runtime.course.bars
            assert looked(session.session, 60.0)
            assert flat(session.session)
            assert session.runtime.course.bars == bars
        finally:
            blocked.set()
    again = went_on(session.runtime)
    assert wrong(again.session, End.of(again)) == []


def test_one_session_has_one_watchdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from darwin_core.live.control import private

    monkeypatch.setattr(private, "_TRIES", 2)
    run = died(tmp_path)

    async def both() -> None:
        first = asyncio.create_task(dog(run.session, 60.0).watch())
        await asyncio.sleep(0.1)
        with pytest.raises(ConfigError, match="another process"):
            await dog(run.session).watch(once=True)
        first.cancel()

    asyncio.run(both())


def test_it_goes_on_when_the_venue_cannot_be_reached_at_first(tmp_path: Path) -> None:
    run = died(tmp_path)
    watching = dog(run.session)
    venue, failures = watching.broker, [OSError("no route"), ValueError("broken"), OSError("no route")]

    class Flaky:
        def __getattr__(self, name: str) -> object:
            return getattr(venue, name)

        async def connect(self) -> None:
            if failures:
                raise failures.pop()
            await venue.connect()

    watching.broker = Flaky()  # type: ignore[assignment]
    assert asyncio.run(asyncio.wait_for(watching.watch(once=True), 30.0))
    assert flat(run.session)


def test_the_latch_is_closed_though_the_venue_is_never_reached(tmp_path: Path) -> None:
    run = died(tmp_path)
    watching = dog(run.session)

    class Gone:
        async def connect(self) -> None:
            raise OSError("no route")

        async def close(self) -> None:
            pass

    watching.broker = Gone()  # type: ignore[assignment]

    async def watch() -> None:
        trying = asyncio.create_task(watching.watch(once=True))
        async with asyncio.timeout(20.0):
            while not latched(run.session):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not trying.done()
        trying.cancel()

    asyncio.run(watch())
    assert "the trader has not moved" in latched(run.session)


def test_the_command_acts_once_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "watchdog", "flatten a session when its trader cannot")
    run = died(tmp_path)
    assert main(["watchdog", str(run.session.folder), "--once", "--patience", "1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["acted"] is True
    assert flat(run.session)
    assert main(["watchdog", str(run.session.folder), "--once", "--patience", "1", "--json"]) == 0
    assert main(["watchdog", str(run.session.folder), "--patience", "soon"]) == 1
    assert "--patience soon: write a number of seconds" in capsys.readouterr().err


def test_a_session_that_never_ran_cannot_be_watched(tmp_path: Path) -> None:
    from darwin_core.live import session as sessions

    session = sessions.begin(deploy(tmp_path), {}, replay=":")
    with pytest.raises(ConfigError, match="has not run yet"):
        dog(session)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="freezes a process")
def test_a_frozen_trader_is_flattened_stays_latched_when_it_thaws_and_trades_on_when_released(tmp_path: Path) -> None:
    with Trader(deploy(tmp_path)) as trader:
        trader.until(lambda: held(trader.session))
        trader.signal(signal.SIGSTOP)
        before = last_order(trader.session)
        assert looked(trader.session, 1.0)
        assert flat(trader.session)
        trader.signal(signal.SIGCONT)
        bars = trader.status()["bars"]
        trader.until(lambda: trader.status()["bars"] > bars + 20)
        status = trader.status()
        assert (status["state"], status["holdings"], status["unknown"]) == ("killed", [], 0)
        assert flat(trader.session)
        assert all(row["leg"] == "flatten" or not row["filled"] for row in orders_after(trader.session, before))
        assert trader.ask("release")["kind"] == "done"
        trader.until(lambda: held(trader.session))
        trader.signal(signal.SIGTERM)
        trader.process.wait(30.0)
        again = rehearse(trader.path, stop=1)
    assert wrong(again.session, End.of(again)) == []


def test_a_trader_that_is_killed_is_flattened(tmp_path: Path) -> None:
    with Trader(deploy(tmp_path)) as trader:
        trader.until(lambda: held(trader.session))
        trader.process.kill()
        trader.process.wait()
        assert looked(trader.session, 1.0)
        assert flat(trader.session)
        again = rehearse(trader.path, stop=10)
    assert wrong(again.session, End.of(again)) == []
    assert not any(again.course.held().values())


# What is written beside the journal


def intent(name: str) -> Intent:
    return Intent(name, "s/watchdog", 1, "A", "flatten", 1, -1.0, 0.0, time_in_force="ioc", reduce_only=True)


def test_a_line_that_was_torn_costs_itself_alone(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "watchdog.jsonl")
    aside.prepare()
    assert aside.declare(1, intent("ONE"))
    content = aside.path.read_bytes().rstrip(b"\n")
    aside.path.write_bytes(content[:-5])
    assert aside.declare(2, intent("TWO"))
    assert Aside(aside.path).intent("TWO") == intent("TWO")
    assert Aside(aside.path).intent("ONE") is None


def test_lines_take_the_room_that_was_made_and_more(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "watchdog.jsonl")
    aside.prepare()
    size = aside.path.stat().st_size
    assert aside.add(1, "problem", why="x" * 100)
    assert aside.path.stat().st_size == size
    assert aside.add(2, "problem", why="x" * size)
    assert aside.path.stat().st_size > size
    assert [line["time"] for line in aside.lines()] == [1, 2]


def test_what_a_disk_does_not_take_is_written_when_it_does(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "watchdog.jsonl")
    aside.prepare()
    content = aside.path.read_bytes()
    aside.path.unlink()
    assert not aside.declare(1, intent("ONE"))
    aside.path.write_bytes(content)
    assert aside.add(2, "flat", why="so")
    assert [line["what"] for line in aside.lines()] == ["order", "flat"]
    assert [number for number, _ in aside.news()] == [1, 2]
    assert aside.news() == []


def test_a_heart_beats_until_the_end(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path)
    assert heart.last() is None
    heart.beat()
    os.utime(heart.path, ns=(1, 1))
    assert heart.last() == 1
    heart.beat()
    assert heart.last() not in (1, None)
    heart.end()
    assert heart.last() is None


def test_the_latch_is_never_seen_open_while_it_is_being_closed(tmp_path: Path) -> None:
    latch = places.latch(tmp_path)
    latch.prepare()
    seen: list[str] = []
    closed, over, closings = threading.Event(), threading.Event(), [0]

    def look() -> None:
        while not over.is_set():
            was, number = closed.is_set(), closings[0]
            state = latch.state().closed
            if was and not state and closed.is_set() and closings[0] == number:
                seen.append("open")

    thread = threading.Thread(target=look)
    thread.start()
    for n in range(20):
        latch.close("a", f"{n}", n)
        closed.set()
        latch.state()
        closed.clear()
        closings[0] += 1
        latch.release("a", "b", n)
    over.set()
    thread.join()
    assert seen == []
