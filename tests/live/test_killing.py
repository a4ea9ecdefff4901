"""The kill switch: whatever the venue, the disk and other people do, it goes on until the account is flat, and proven."""

from __future__ import annotations

import asyncio
import errno
import time
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, evolve, field
from campaigns.evidence import End, bodies, wrong
from campaigns.rehearsal import begun, rehearse
from switching import CONDITIONS, HUNG, Switched, flat, held, opened

from darwin_core.errors import ConfigError, DarwinError
from darwin_core.live import killing, latch
from darwin_core.live.control import places
from darwin_core.live.control.actions import Action
from darwin_core.live.killing import Flattening
from darwin_core.live.orders import Absent, Accepted, Approved, Intent, OrderReport, PositionReport, Refused, Unknown
from darwin_core.live.schema import Latch as Latched

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.live.orders import Outcome
    from darwin_core.live.runtime import Runtime

KILL = Action("flatten", "Ada", "admin", "a test")


@define(eq=False)
class Venue:
    """A venue in memory that can be as awkward as real ones; it knows orders of anybody."""

    positions_: dict[str, float] = field(factory=dict)
    orders: dict[str, OrderReport] = field(factory=dict)
    submitted: list[Intent] = field(factory=list)
    script: list[str] = field(factory=list)
    """What happens to the next orders: fill, half, refuse, lost, silent, late."""
    blind: int = 0
    stubborn: bool = False
    authoritative: bool = True

    async def open_orders(self) -> list[OrderReport]:
        if self.blind:
            self.blind -= 1
            raise OSError("the line is dead")
        return list(self.orders.values())

    async def positions(self) -> list[PositionReport]:
        return [PositionReport(symbol, quantity, 0) for symbol, quantity in self.positions_.items()]

    async def order(self, client_id: str) -> OrderReport | Absent:
        known = {order.client_id for order in self.submitted if order.reason != "lost"}
        if client_id in known:
            return OrderReport(client_id, "V", "A", "filled", 1.0, 1.0, 0)
        return Absent(self.authoritative)

    async def cancel(self, client_id: str) -> Outcome:
        raise AssertionError(client_id)

    async def cancel_venue(self, venue_id: str) -> Outcome:
        if self.stubborn:
            return Refused("no", "it cannot be cancelled")
        self.orders.pop(venue_id, None)
        return Accepted(venue_id)

    async def submit(self, order: Approved) -> Outcome:
        fate = self.script.pop(0) if self.script else "fill"
        self.submitted.append(evolve(order, reason="lost" if fate in ("lost", "silent") else ""))
        if fate == "refuse":
            return Refused("closed", "the market is closed")
        if fate == "silent":
            await asyncio.Event().wait()
        if fate == "lost":
            return Unknown("the line broke")
        self._fill(order, 0.5 if fate == "half" else 1.0)
        return Unknown("the line broke") if fate == "late" else Accepted("V")

    def _fill(self, order: Intent, share: float) -> None:
        assert order.reduce_only
        before = self.positions_.get(order.symbol, 0.0)
        after = before + order.quantity * share
        assert before * order.quantity < 0.0, f"{order} increases {before}"
        assert before * after >= 0.0, f"{order} turns {before} round"
        self.positions_[order.symbol] = after if abs(after) > 1e-6 else 0.0


@define(eq=False)
class Scribe:
    """Remembers what it is told, and can fail at it."""

    lines: list[str] = field(factory=list)
    broken: bool = False

    def taken(self, client_id: str) -> bool:
        return False

    def cancelling(self, order: OrderReport) -> None:
        self._take(f"cancel {order.venue_id}")

    def cancelled(self, order: OrderReport, outcome: Outcome) -> None:
        self._take(f"{order.venue_id} {type(outcome).__name__}")

    def sending(self, intent: Intent) -> None:
        self._take(f"send {intent.symbol}")

    def sent(self, intent: Intent, outcome: Outcome) -> None:
        self._take(f"{intent.symbol} {type(outcome).__name__}")

    def problem(self, text: str) -> None:
        self.lines.append(text)

    def _take(self, line: str) -> None:
        if self.broken:
            raise OSError(errno.ENOSPC, "no space left on device")
        self.lines.append(line)


def flattened(venue: Venue, scribe: Scribe | None = None, **how: Any) -> bool | None:
    """Flatten it; the answer of `run`."""
    wanted = how.pop("wanted", lambda: True)
    work = Flattening(venue, "s", lambda: 7, 0.05, scribe or Scribe(), wanted, **how)  # type: ignore[arg-type]
    return asyncio.run(asyncio.wait_for(work.run(), 20.0))


def resting(name: str, symbol: str, client_id: str = "") -> OrderReport:
    return OrderReport(client_id, name, symbol, "working", 5.0, 0.0, 0)


def test_everything_is_cancelled_and_closed_others_included() -> None:
    venue = Venue({"A": 10.0, "B": -3.5, "ODD": 1.0}, {"V1": resting("V1", "A"), "V2": resting("V2", "C", "theirs")})
    assert flattened(venue) is True
    assert not venue.orders
    assert not any(venue.positions_.values())
    assert sorted((each.symbol, each.quantity) for each in venue.submitted) == [("A", -10.0), ("B", 3.5), ("ODD", -1.0)]


def test_a_flat_account_is_looked_at_twice_and_left_alone() -> None:
    venue = Venue()
    assert flattened(venue) is False
    assert not venue.submitted


def test_a_position_is_closed_only_once_no_order_can_turn_it_round() -> None:
    venue, scribe = Venue({"A": 10.0}, {"V1": resting("V1", "A")}), Scribe()
    flattened(venue, scribe)
    assert scribe.lines.index("V1 Accepted") < scribe.lines.index("send A")


def test_an_order_that_cannot_be_cancelled_keeps_only_its_own_symbol_waiting_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(killing, "_STUCK_S", 0.2)
    venue, scribe = Venue({"A": 10.0, "B": 1.0}, {"V1": resting("V1", "A")}, stubborn=True), Scribe()
    began = time.perf_counter()
    flattened(venue, scribe, wanted=lambda: any(venue.positions_.values()) and time.perf_counter() < began + 10.0)
    assert not any(venue.positions_.values())
    assert [each.symbol for each in venue.submitted] == ["B", "A"]


@pytest.mark.parametrize("fate", ["half", "refuse", "lost", "silent", "late"])
def test_whatever_becomes_of_the_closing_orders_it_goes_on(fate: str) -> None:
    venue = Venue({"A": 8.0}, script=[fate, fate])
    assert flattened(venue) is True
    assert not any(venue.positions_.values())


def test_what_is_in_doubt_is_sent_again_under_its_own_name_unless_the_venue_knows_better() -> None:
    venue = Venue({"A": 8.0}, script=["lost", "lost"], authoritative=False)
    flattened(venue)
    assert len({each.client_id for each in venue.submitted}) == 1
    venue = Venue({"A": 8.0}, script=["lost", "lost"], authoritative=True)
    flattened(venue)
    assert len({each.client_id for each in venue.submitted}) == 3


def test_nothing_that_cannot_be_written_down_holds_it_up() -> None:
    venue, scribe = Venue({"A": 8.0}, {"V1": resting("V1", "A")}), Scribe(broken=True)
    assert flattened(venue, scribe) is True
    assert len(scribe.lines) == 1
    assert "it cannot be written down: OSError: [Errno 28] no space left on device" in scribe.lines[0]


def test_a_venue_that_does_not_answer_is_asked_again_and_told_about_once() -> None:
    venue, scribe = Venue({"A": 8.0}, blind=4), Scribe()
    assert flattened(venue, scribe) is True
    assert sum("the line is dead" in line for line in scribe.lines) == 1


def test_it_stops_when_somebody_releases_the_latch() -> None:
    venue = Venue({"A": 8.0}, script=["refuse"] * 1_000)
    assert flattened(venue, wanted=lambda: len(venue.submitted) < 3) is None


# Real sessions


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_session_is_flat_and_takes_no_new_risk_once_it_is_killed(condition: str, tmp_path: Path) -> None:
    with Switched(tmp_path, condition) as session:
        points = [session.kill() for _ in range(2)]
    assert session.problem is None
    assert [point.added for point in points] == [()] * 2
    assert all(point.flat for point in points)
    if condition not in ("orders of others", "orders meanwhile"):
        assert wrong(session.session, End.of(session.runtime)) == []


def test_a_kill_is_finished_although_the_session_is_stopped_right_behind_it(tmp_path: Path) -> None:
    with Switched(tmp_path) as session:
        session.trade()
        session.runtime.kill(KILL)
    assert session.problem is None
    assert flat(session.session)
    assert wrong(session.session, End.of(session.runtime)) == []


def test_with_a_strategy_that_hangs_the_account_is_flat_before_it_comes_back(tmp_path: Path) -> None:
    with Switched(tmp_path, "model hung") as session:
        session.trade()
        HUNG.set()
        time.sleep(0.05)
        bars = session.runtime.course.bars
        session.runtime.kill(KILL)
        while not session.runtime.killer.done:
            time.sleep(0.001)
        assert session.runtime.course.bars <= bars + 1
        assert flat(session.session)


def no_room(runtime: Runtime) -> None:
    """Let journal, tape and latch find the disk full."""
    for connection in (runtime.journal._connection, runtime.tape._connection):
        pages = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count = {pages}")


def test_on_a_full_disk_the_mark_closes_the_latch_and_the_account_is_flat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Switched(tmp_path) as session:
        session.trade()

        def full(_path: Path, _content: bytes) -> None:
            no_room(session.runtime)  # from now on, that is: a bar before it would end the session unkilled
            raise OSError(errno.ENOSPC, "no space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(latch, "_write", full)
            session.runtime.kill(KILL)
            assert places.latch(session.session.folder).mark.exists()
            session._thread.join()
    assert isinstance(session.problem, DarwinError)
    assert flat(session.session)
    again, _ = opened(session.path)
    again.source = Nothing()  # type: ignore[assignment]
    asyncio.run(again.run())
    assert again.shut()
    assert not any(again.course.held().values())
    assert wrong(session.session, End.of(again)) == []


class Nothing:
    """No bars."""

    total = 0

    async def slices(self) -> Any:
        for row in ():
            yield row


def test_the_latch_outlives_the_process_and_opens_for_a_named_person_with_a_reason(tmp_path: Path) -> None:
    with Switched(tmp_path) as session:
        session.trade()
        session.runtime.kill(KILL)
    folder = session.session.folder
    sent = len(bodies(session.session))
    again = rehearse(session.path, stop=20)
    assert "a test" in again.shut()
    assert flat(again.session)
    assert [body.on for body in bodies(again.session) if isinstance(body, Latched)] == [True]
    assert len(bodies(again.session)) > sent
    for who, why in (("", "because"), ("Ada", "")):
        with pytest.raises(ConfigError, match="named person"):
            places.latch(folder).release(who, why, 1)
    places.latch(folder).release("Ada", "looked into", 1)
    traded = rehearse(session.path, stop=40)
    assert not traded.shut()
    assert held(traded.session)
    assert begun(session.path) is not None
