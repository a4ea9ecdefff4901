"""Seeded schedules of faults: whatever the venue does, nothing is lost, nothing is doubled, and nobody guesses.

A schedule is a market, a choice of the paper broker's faults with their shares, and perhaps a stop and a second
process; all of it follows from one number. At its end the venue's own records are held against journal and account:
the same net positions and cash, the same orders, each final or still waiting at the venue; no order sent twice; and
no risk was added in a symbol while one of its orders was unknown.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from attrs import frozen
from campaigns.evidence import End, bodies, wrong
from campaigns.rehearsal import deployment, rehearse
from darwin_paper.broker import PaperBroker

from darwin_core.live.orders import Intent
from darwin_core.live.schema import Result, Sent

if TYPE_CHECKING:
    from pathlib import Path

SHARES = (
    "reject", "partial", "unknown_before", "unknown_after", "hang", "duplicate", "reorder", "mute", "drop", "late_fill",
)  # fmt: skip

STRANGER = """insert into orders select 900, 'STRANGER', symbol, leg, '', kind, time_in_force, limit_price, reduce_only,
    stop, take_profit, 1.0, 1.0, 2, 0, time, session from orders where number = 1"""


@frozen
class Schedule:
    """What goes wrong, and when somebody stops the session to go on with it in another process; None: never."""

    feed: dict[str, Any]
    broker: dict[str, Any]
    stop: int | None

    @classmethod
    def of(cls, seed: int) -> Schedule:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(SHARES, rng.integers(1, 6), replace=False).tolist()
        faults = {name: round(float(rng.uniform(0.05, 0.6)), 3) for name in chosen}
        faults |= {"seed": seed, "lag_positions": bool(rng.random() < 0.1)}
        feed = {"bars": 14, "symbols_": 3, "missing": float(rng.choice([0.0, 0.1, 0.3])), "seed": seed}
        return cls(feed, faults, int(rng.integers(1, 13)) if rng.random() < 0.25 else None)


@frozen
class Outcome:
    """What is wrong, and what has happened."""

    wrong: list[str]
    happened: Counter[str]


def carried_out(seed: int, folder: Path) -> Outcome:
    """Carry a schedule out."""
    schedule = Schedule.of(seed)
    path = deployment(folder, feed=schedule.feed, broker=schedule.broker, live={"answer_s": 0.01})
    run = rehearse(path, stop=schedule.stop, pull_s=0.02)
    if schedule.stop is not None:
        run = rehearse(path, pull_s=0.02)
    said = bodies(run.session)
    happened = Counter(schedule.broker.keys() - {"seed", "lag_positions"})
    happened["sent"] = sum(isinstance(body, Sent) for body in said)
    happened["unknown"] = sum(isinstance(body, Result) and body.outcome == "unknown" for body in said)
    found = wrong(run.session, End.of(run), said)
    if not found:
        shutil.rmtree(folder)
    return Outcome(found, happened)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_venue_does_the_account_is_the_venues(seed: int, tmp_path: Path) -> None:
    assert carried_out(seed, tmp_path / "session").wrong == []


def test_the_schedules_contain_every_fault(tmp_path: Path) -> None:
    names = Counter(name for seed in range(25) for name in Schedule.of(seed).broker)
    assert {*SHARES, "lag_positions"} <= set(names)
    stops = [Schedule.of(seed).stop for seed in range(25)]
    assert None in stops
    assert any(stop is not None for stop in stops)
    assert sum((carried_out(seed, tmp_path / str(seed)).happened["unknown"] for seed in range(4)), 0) > 0


@pytest.mark.parametrize("seed", range(3))
def test_a_cancel_that_never_arrives_is_tried_again_and_nothing_is_put_beside_the_order(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = {"bars": 24, "symbols_": 3, "missing": 0.4, "seed": seed}
    path = deployment(tmp_path, feed=feed, broker={"partial": 0.5, "seed": seed}, live={"answer_s": 0.01})
    inner, lost = PaperBroker.cancel, []

    async def cancel(broker: PaperBroker, client_id: str) -> Any:
        if lost.count(client_id) < 2:
            lost.append(client_id)
            await asyncio.Event().wait()
        return await inner(broker, client_id)

    monkeypatch.setattr(PaperBroker, "cancel", cancel)
    run = rehearse(path, pull_s=0.02)
    assert run.course.bars == 24
    assert len(lost) > len(set(lost))
    assert wrong(run.session, End.of(run)) == []


@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        ("delete from orders where number = 3", "lost"),
        ("update orders set filled = filled / 2 where number = 3", "filled"),
        ("update orders set status = 3, filled = 0 where number = 3", "cancelled at the venue"),
        (STRANGER, "orphaned"),
    ],
)
def test_the_evidence_finds_what_is_wrong_with_the_venue(tampering: str, says: str, tmp_path: Path) -> None:
    run = rehearse(deployment(tmp_path, feed={"bars": 12}))
    assert wrong(run.session, End.of(run)) == []
    with closing(sqlite3.connect(run.session.folder / "paper.sqlite", isolation_level=None)) as venue:
        venue.execute(tampering)
    assert any(says in each for each in wrong(run.session, End.of(run)))


def test_the_evidence_finds_risk_that_is_added_while_an_order_is_unknown(tmp_path: Path) -> None:
    run = rehearse(deployment(tmp_path, feed={"bars": 12}))
    said = bodies(run.session)
    first = next(body for body in said if isinstance(body, Sent))
    at = next(n for n, body in enumerate(said) if isinstance(body, Sent))
    symbol = next(b.symbol for b in said if isinstance(b, Intent) and b.client_id == first.client_id)
    more = Intent("MORE", "campaign", 0, symbol, "manual", 0, 1.0, 50.0)
    spoilt = [*said[: at + 1], Result(first.client_id, "submit", "unknown"), more, Sent("MORE"), *said[at + 1 :]]
    assert any("new risk while" in each for each in wrong(run.session, End.of(run), spoilt))


@pytest.mark.slow
def test_two_thousand_schedules_break_nothing(tmp_path: Path) -> None:
    many, bad, happened = 2_400, {}, Counter[str]()
    for seed in range(many):
        outcome = carried_out(seed, tmp_path / str(seed))
        happened += outcome.happened
        if outcome.wrong:
            bad[seed] = outcome.wrong
    told = ", ".join(f"{name} {count}" for name, count in sorted(happened.items()))
    print(f"{many} schedules: {len(bad)} with faults ({told})")  # noqa: T201
    assert not bad
