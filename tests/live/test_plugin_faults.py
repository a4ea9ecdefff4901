"""A plugin that raises, hangs, returns nonsense or changes its input: the bar goes on, the event is on record.

Each place of the line gets each fault for some bars. Whatever it is, all bars are decided on, with the floor under the
faulty part and no new risk where a strategy or a monitor is missing; decisions and alerts say what was wrong; the later
bars are decided on as before; account and venue agree; and the session, folded again, gives the same bytes, with the
fault and without it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from campaigns import fragile
from campaigns.evidence import End, Venue, bodies, wrong
from campaigns.rehearsal import deployment, rehearse

from darwin_core.live import session as sessions
from darwin_core.live.control.actions import Action
from darwin_core.live.deciding import given_of
from darwin_core.live.orders import Intent
from darwin_core.live.replaying import replay
from darwin_core.live.running import open_runtime
from darwin_core.live.schema import Alert, Decision, Sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.schema import Body
    from darwin_core.live.tape import Slice

FILE = fragile.__file__
BARS, FIRST, LAST = 24, 8, 11
PAUSE_S = 0.02
WHO = {"strategy": "strategy", "features": "strategy", "agents": "agent fragile", "monitors": "monitor"}


class Paced:
    """The bars of a session, with a pause before each; and something done at one of them, by another thread."""

    def __init__(self, runtime: Runtime, pause: float, at: int | None = None, job: Any = None) -> None:
        self.source, self.total, self.pause = runtime.source, runtime.source.total, pause
        self.at, self.job = at, job

    async def slices(self) -> AsyncIterator[Slice]:
        number = 0
        async for row in self.source.slices():
            await asyncio.sleep(self.pause)
            if number == self.at:
                await asyncio.get_running_loop().run_in_executor(None, self.job)
            number += 1
            yield row


def tables(place: str, fault: str, last: int = LAST) -> dict[str, Any]:
    """Return a deployment in which everything is fragile, and one place has a fault."""
    spoilt = {"fault": fault, "first": FIRST, "last": FIRST if fault == "hangs" else last}
    parts: dict[str, dict[str, Any]] = {name: {"use": FILE} for name in WHO}
    parts[place] |= spoilt
    parts["agents"] |= {"name": "fragile", "mode": "active", "deadline_ms": 50.0}
    whole: dict[str, Any] = {name: part if name == "strategy" else [part] for name, part in parts.items()}
    live = {"answer_s": 0.5, "patience_s": 0.05}
    return {**whole, "feed": {"bars": BARS}, "live": live, "circuit": {"failures": 20}}


@frozen
class Seen:
    """A session that has ended: its runtime, what its journal says, and what each bar was decided without."""

    run: Runtime
    said: list[Body]

    @property
    def decisions(self) -> list[Decision]:
        return [body for body in self.said if isinstance(body, Decision)]

    def faults(self, number: int) -> list[str]:
        return [who for who, _ in self.decisions[number].content["faults"]]

    def adds_risk(self, number: int) -> list[str]:
        """Return the orders of a bar that were sent and do not only reduce."""
        held: dict[str, float] = {}
        found, bar = [], self.decisions[number].bar
        sent = {body.client_id for body in self.said if isinstance(body, Sent)}
        for body in self.said:
            if isinstance(body, Intent) and body.bar == bar and body.client_id in sent and body.leg == "target":
                before = held.get(body.symbol, 0.0)
                if body.quantity * before >= 0.0 or abs(body.quantity) > abs(before) * (1 + 1e-9):
                    found.append(body.symbol)
            if type(body).__name__ == "FillReport":
                held[body.symbol] = held.get(body.symbol, 0.0) + body.quantity  # type: ignore[union-attr]
        return found


def session(folder: Path, whole: dict[str, Any], pause: float, at: int | None = None, job: Any = None) -> Seen:
    """Run a session with pauses between its bars."""

    def prepare(run: Runtime) -> None:
        run.source = Paced(run, pause, at, None if job is None else lambda: job(run))

    run = rehearse(deployment(folder, **whole), prepare, pull_s=0.05)
    return Seen(run, bodies(run.session))


@pytest.mark.parametrize("fault", ["raises", "hangs", "nan", "shape", "writes", "nothing"])
@pytest.mark.parametrize("place", WHO)
def test_the_bar_goes_on_and_the_event_is_on_record(
    place: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = session(tmp_path, tables(place, fault), PAUSE_S if fault == "hangs" else 0.0)
    assert len(seen.decisions) == BARS
    harmless = (place, fault) == ("features", "nan")  # a value that is not known is no fault
    if not harmless:
        assert any(who.startswith(WHO[place]) for who in seen.faults(FIRST)), seen.decisions[FIRST].content["faults"]
        assert any(isinstance(body, Alert) and body.source.startswith(WHO[place]) for body in seen.said)
    given = given_of(seen.decisions[FIRST])
    assert given.held == (place in ("strategy", "features") and not harmless)
    assert given.closed == (place != "agents" and not harmless)
    assert bool(given.silent or given.spoiled) == (place == "agents")
    struck = [n for n in range(BARS) if seen.faults(n)]
    for number in struck if given.closed else []:
        assert seen.adds_risk(number) == []
    after = given_of(seen.decisions[-1])
    assert not after.held
    assert not after.closed
    assert not after.silent
    assert any(seen.adds_risk(number) for number in range(max(struck, default=0) + 1, BARS)), "it never trades again"
    assert wrong(seen.run.session, End.of(seen.run), seen.said) == []
    if harmless:  # nobody could see that the column breaks the law; folding it again finds out
        assert not replay(seen.run.session).equal
        return
    if fault != "hangs":
        assert replay(seen.run.session).equal
    monkeypatch.setenv(fragile.HEALTHY, "1")
    assert replay(seen.run.session).equal


@pytest.mark.parametrize("fault", ["raises", "hangs", "nothing", "nonsense"])
@pytest.mark.parametrize("where", ["submit", "cancel", "order", "fills_since", "positions", "events", "market"])
def test_a_faulty_broker_stops_nothing_and_is_never_guessed_at(where: str, fault: str, tmp_path: Path) -> None:
    broker = {"use": FILE, "where": where, "fault": fault, "first": FIRST, "last": LAST}
    whole = {"broker": broker, "feed": {"bars": BARS, "missing": 0.3}, "live": {"answer_s": 0.05}}
    seen = session(tmp_path, whole, 0.0)
    assert len(seen.decisions) == BARS
    assert given_of(seen.decisions[-1]).closed is False
    assert wrong(seen.run.session, End.of(seen.run), seen.said) == []
    assert replay(seen.run.session).equal


@pytest.mark.parametrize("fault", ["raises", "hangs", "nan", "shape", "nothing"])
def test_a_faulty_stream_costs_bars_and_not_the_session(fault: str, tmp_path: Path) -> None:
    feed = {"use": FILE, "fault": fault, "first": FIRST, "last": LAST, "bars": BARS}
    path = deployment(tmp_path, feed=feed, live={"answer_s": 0.5, "deadline_s": 0.03, "replay": ""})
    run = open_runtime(sessions.begin(path, {}), 0.0, lambda _status: None)
    run.hearing.pull_s = 0.05
    asyncio.run(run.run())
    seen = Seen(run, bodies(run.session))
    assert len(seen.decisions) >= BARS - 4
    assert any(isinstance(body, Alert) and body.source == "feed" for body in seen.said)
    assert given_of(seen.decisions[-1]).closed is False
    assert wrong(run.session, End.of(run), seen.said) == []
    assert replay(run.session).equal


@pytest.mark.parametrize(("place", "fault"), [("strategy", "hangs"), ("agents", "raises"), ("monitors", "nan")])
def test_the_kill_switch_works_while_a_plugin_is_at_fault(place: str, fault: str, tmp_path: Path) -> None:
    def kill(run: Runtime) -> None:
        run.kill(Action("flatten", "a plugin is at fault", "user ada", "risk", {}))

    seen = session(tmp_path, tables(place, fault, last=BARS), PAUSE_S, FIRST + 2, kill)
    assert seen.run.shut()
    assert Venue.read(seen.run.session.folder).net() == {}
    assert [seen.adds_risk(number) for number in range(FIRST + 3, BARS)] == [[]] * (BARS - FIRST - 3)
