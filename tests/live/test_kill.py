"""kill -9 over the order path: whatever line it dies at, a restart loses, doubles and orphans nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from killing import Killing
from order_path import LATCHED, NAME, ORDERS, Wish
from tiny_venue import TinyVenue

from darwin_core.live.orders import client_order_id
from darwin_core.live.recovery import recover
from darwin_core.live.verifying import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
PATH = Path(__file__).with_name("order_path.py")


@pytest.fixture(scope="module")
def killing() -> Iterator[Killing]:
    with Killing(PATH, "trade") as each:
        yield each


def faults(folder: Path) -> list[str]:
    """Compare the venue with the journal after the last run; return what is wrong."""
    venue = TinyVenue(folder / "venue.log")
    found = verify(folder / "journal.db")
    knows = recover(folder / "journal.db")
    orders = Counter(order["client_id"] for order in venue.orders())
    wrong = [f"lost: bar {bar} {wish.symbol}" for bar, wish in planned() if not sent(orders, bar, wish.symbol)]
    wrong += [f"doubled: bar {bar} {wish.symbol}" for bar, wish in planned() if sent(orders, bar, wish.symbol) > 1]
    ours = {client_order_id(NAME, bar, w.symbol, "target", n) for bar, w in planned() for n in range(9)}
    wrong += [f"orphaned: {client_id}" for client_id in set(orders) - ours]
    wrong += [f"not the venue's net: {venue.net()}"] if venue.net() != held(folder) else []
    wrong += ["still live"] if knows.unfinished or venue.open_orders() else []
    wrong += ["the latch is open"] if knows.latch is None else []
    wrong += ["an alert"] if "alert" in found.counts else []
    venue.close()
    return wrong


def planned() -> list[tuple[int, Wish]]:
    return [(bar, wish) for bar, wishes in ORDERS.items() if bar < LATCHED for wish in wishes]


def sent(orders: Counter[str], bar: int, symbol: str) -> int:
    return sum(orders[client_order_id(NAME, bar, symbol, "target", attempt)] for attempt in range(9))


def held(folder: Path) -> dict[str, float]:
    return {symbol: position.quantity for symbol, position in recover(folder / "journal.db").positions.items()}


def test_the_path_undisturbed_does_what_the_plan_says(killing: Killing, tmp_path: Path) -> None:
    killing.run(tmp_path)
    assert faults(tmp_path) == []
    assert held(tmp_path) == {"B": 5.5, "C": -0.75, "D": 1.0}
    assert len(TinyVenue(tmp_path / "venue.log").orders()) == len(planned())


def check_point(killing: Killing, folder: Path, *points: int) -> list[str]:
    folder.mkdir()
    for point in points:
        killing.kill(point, folder)
    latched = (folder / "journal.db.head").exists() and is_latched(folder)
    killing.run(folder)
    wrong = faults(folder)
    return [*wrong, "the latch was lost"] if latched and recover(folder / "journal.db").latch is None else wrong


def is_latched(folder: Path) -> bool:
    try:
        return recover(folder / "journal.db").latch is not None
    except Exception:  # noqa: BLE001 - killed while the journal was made: the next run begins it anew
        return False


def points(lines: int, many: int) -> list[int]:
    """Places spread over the whole run, its first and last line among them."""
    return sorted({1 + round(i * (lines - 1) / (many - 1)) for i in range(many)})


def test_killed_anywhere_a_restart_loses_doubles_and_orphans_nothing(killing: Killing, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    lines = killing.count(tmp_path / "whole")
    for at in points(lines, 40):
        assert check_point(killing, tmp_path / str(at), at) == [], f"killed at line {at} of {lines}"


def test_killed_again_while_it_recovers_it_still_loses_nothing(killing: Killing, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    lines = killing.count(tmp_path / "whole")
    for at in points(lines, 5):
        for again in points(lines // 3, 3):
            assert check_point(killing, tmp_path / f"{at}-{again}", at, again) == [], f"killed at {at}, then {again}"


def test_the_harness_finds_a_path_that_sends_before_it_writes(tmp_path: Path) -> None:
    doubled = 0
    with Killing(PATH, "trade_carelessly") as killing:
        (tmp_path / "whole").mkdir()
        lines = killing.count(tmp_path / "whole")
        for at in points(lines, 30):
            folder = tmp_path / str(at)
            folder.mkdir()
            killing.kill(at, folder)
            killing.run(folder)
            orders = TinyVenue(folder / "venue.log").orders()
            doubled += len(orders) - len({order["client_id"] for order in orders})
    assert doubled > 0


@pytest.mark.slow
def test_killed_at_a_thousand_points_a_restart_loses_doubles_and_orphans_nothing(
    killing: Killing, tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    lines = killing.count(tmp_path / "whole")
    bad = {at: wrong for at in points(lines, 1_200) if (wrong := check_point(killing, tmp_path / str(at), at))}
    print(f"{len(points(lines, 1_200))} points over {lines} lines: {len(bad)} with faults")  # noqa: T201
    assert not bad
    assert lines > 1_000
