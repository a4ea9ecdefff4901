"""kill -9 over the order path of the real runtime: whatever line it dies at, the session that goes on is the same one.

The session trades a made-up market on the paper broker: market orders, orders that wait for a missing bar and are
replaced, partial fills, refusals, unknown outcomes, denials by the controls, stops and take-profits at the venue. It is
killed at some line that it executes, standard library included, and gone on with until its bars end. Then nothing is
lost, doubled or orphaned against the venue's own records, and the decision log is that of a session left alone.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from campaigns.evidence import End, Venue, bodies, wrong
from campaigns.rehearsal import begun, deployment, rehearse
from darwin_paper.broker import PaperBroker
from killing import Killing

from darwin_core.live.schema import CancelSent, Control, Denial, Latch, Result
from darwin_core.live.verifying import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
CRASHING = Path(__file__).parent / "campaigns" / "crashing.py"
TABLES: dict[str, Any] = {
    "feed": {"bars": 16, "missing": 0.25, "seed": 7},
    "broker": {
        "seed": 1,
        "partial": 0.3,
        "reject": 0.1,
        "unknown_before": 0.05,
        "unknown_after": 0.05,
        "late_fill": 0.1,
    },
    "live": {"answer_s": 2.0},
    "controls": {"gross": {"leverage": 0.14}},
}
LATCHED = {**TABLES, "triggers": {"restricted": ["S2"]}}
"""The compliance trigger closes the kill latch as soon as S2 is traded."""


@pytest.fixture(scope="module")
def killing() -> Iterator[Killing]:
    with Killing(CRASHING, "trade") as each:
        yield each


class Undisturbed:
    """A session that nobody kills: how it ends, and which of its lines are between its first bar and its end."""

    def __init__(self, killing: Killing, folder: Path, tables: dict[str, Any]) -> None:
        self.killing, self.folder, self.tables = killing, folder, tables
        deployment(folder / "open", **tables)
        self.first = killing.count(folder / "open", "open")
        deployment(folder / "whole", **tables)
        self.last = killing.count(folder / "whole")
        self.end = self.result(folder / "whole")

    def points(self, many: int) -> list[int]:
        return sorted({self.first + round(i * (self.last - self.first) / (many - 1)) for i in range(many)})

    def killed(self, *points: int) -> list[str]:
        """Kill it at points, each counted from where the one before left it, let it end, and return what is wrong."""
        folder = self.folder / "-".join(map(str, points))
        deployment(folder, **self.tables)
        for point in points:
            self.killing.kill(point, folder)
        latched = is_latched(folder)
        self.killing.run(folder)
        found = self.faults(folder)
        if latched and not self.result(folder)["closed"]:
            found.append("the kill latch was lost")
        if not found:
            shutil.rmtree(folder)
        return found

    def faults(self, folder: Path) -> list[str]:
        session, told = begun(folder / "darwin.toml"), self.result(folder)
        assert session
        end = End(told["digest"], told["cash"], told["positions"])
        found = wrong(session, end)
        verify(session.journal)
        if told["closed"]:
            found += [f"killed, and holds {net}" for net in [Venue.read(session.folder).net()] if net]
        elif told["digest"] != self.end["digest"]:
            found.append("another digest than that of the session that was left alone")
        return found

    @staticmethod
    def result(folder: Path) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((folder / "end.json").read_text(encoding="utf-8"))
        return told


def is_latched(folder: Path) -> bool:
    """Whether a session that was killed has its latch closed on disk."""
    session = begun(folder / "darwin.toml")
    return session is not None and session.latch.exists() and '\\"closed\\"' in session.latch.read_text()


def test_the_session_does_everything_that_it_is_killed_for(killing: Killing, tmp_path: Path) -> None:
    whole = Undisturbed(killing, tmp_path, TABLES)
    session = begun(tmp_path / "whole" / "darwin.toml")
    assert session
    assert whole.faults(tmp_path / "whole") == []
    said = bodies(session)
    outcomes = {body.outcome for body in said if isinstance(body, Result) and body.action == "submit"}
    assert outcomes == {"accepted", "refused", "unknown"}
    assert {CancelSent, Control, Denial} <= {type(body) for body in said}
    orders = Venue.read(session.folder).orders.values()
    assert {"target", "stop", "take_profit"} <= {order["leg"] for order in orders}
    assert {"filled", "cancelled"} <= {order["status"] for order in orders}


def test_killed_anywhere_it_goes_on_as_if_nothing_had_happened(killing: Killing, tmp_path: Path) -> None:
    whole = Undisturbed(killing, tmp_path, TABLES)
    for at in whole.points(12):
        assert whole.killed(at) == [], f"killed at line {at} of {whole.last}"


def test_killed_again_while_it_recovers_it_still_does(killing: Killing, tmp_path: Path) -> None:
    whole = Undisturbed(killing, tmp_path, TABLES)
    for at, again in zip(whole.points(6)[1:-1], whole.points(40), strict=False):
        assert whole.killed(at, again) == [], f"killed at line {at}, and at {again} of the next process"


def test_killed_with_its_latch_closed_it_stays_closed_and_flat(killing: Killing, tmp_path: Path) -> None:
    whole = Undisturbed(killing, tmp_path, LATCHED)
    session = begun(tmp_path / "whole" / "darwin.toml")
    assert session
    assert any(isinstance(body, Latch) for body in bodies(session))
    assert whole.faults(tmp_path / "whole") == []
    for at in whole.points(8):
        assert whole.killed(at) == [], f"killed at line {at} of {whole.last}"


class Ended(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before the venue acts", "after the venue has acted"])
@pytest.mark.parametrize(("method", "calls"), [("submit", (0, 5, 11, 17)), ("cancel", (0, 1, 3))])
def test_a_process_that_ends_at_the_wire_leaves_it_to_the_next_one(
    method: str, calls: tuple[int, ...], after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = End.of(rehearse(deployment(tmp_path / "whole", **TABLES)))
    inner = getattr(PaperBroker, method)
    for last in calls:
        left = [last]

        async def ends(broker: Any, what: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] >= 0:
                return await inner(broker, what)
            if after:
                await inner(broker, what)
            raise Ended

        path = deployment(tmp_path / f"{last}", **TABLES)
        monkeypatch.setattr(PaperBroker, method, ends)
        with pytest.raises(Ended):
            rehearse(path)
        monkeypatch.setattr(PaperBroker, method, inner)
        run = rehearse(path)
        assert End.of(run) == whole, f"ended at call {last}"
        assert wrong(run.session, End.of(run)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "tables", "many"), [("trading", TABLES, 1_000), ("latched", LATCHED, 200)])
def test_killed_at_more_than_a_thousand_points(
    killing: Killing, tmp_path: Path, name: str, tables: dict[str, Any], many: int
) -> None:
    whole = Undisturbed(killing, tmp_path, tables)
    bad = {at: found for at in whole.points(many) if (found := whole.killed(at))}
    lines = whole.last - whole.first
    print(f"{name}: killed at {len(whole.points(many))} points over {lines} lines: {len(bad)} with faults")  # noqa: T201
    assert not bad


@pytest.mark.slow
def test_killed_twice_at_four_hundred_pairs_of_points(killing: Killing, tmp_path: Path) -> None:
    whole = Undisturbed(killing, tmp_path, TABLES)
    pairs = [(at, again) for at in whole.points(20) for again in whole.points(20)]
    bad = {pair: found for pair in pairs if (found := whole.killed(*pair))}
    print(f"killed twice at {len(pairs)} pairs of points: {len(bad)} with faults")  # noqa: T201
    assert not bad
