"""What `darwin evaluate` says is what the rows say, and how sure it is."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from state_cases import DAY, Measure, Says

from darwin_core import backtest
from darwin_core.state import (
    Candidate,
    Decision,
    Outcome,
    Session,
    StateError,
    StateWriter,
    health,
    listing,
    record_run,
)
from darwin_core.state.intervals import LEAST_BLOCKS, mean, total, unit_for

START = 19_000 * DAY + DAY // 2


def write(
    path: Path, session: str, *, kind: str = "live", created: str = "2024", version: str = "1", days: range = range(40),
    r: float = 0.5, held: int = DAY // 4,
) -> None:  # fmt: skip
    """Write a gate that skips a candidate of `r` every even day and passes one of -`r` every odd day."""
    with StateWriter(path, Session(session, kind, "d", created)) as writer:
        for day in days:
            time, skips = START + day * DAY, day % 2 == 0
            candidate = Candidate(time, "A", 1, 0.1, taken=not skips)
            made = Decision(
                "gate", version, "active", "A", "scale", "candidate", float(not skips), 1.0, 0.1, 1000.0, applied=True,
                latency_ms=float(day + 1),
            )  # fmt: skip
            writer.decisions(time, [made], [candidate])
            gain = r if skips else -r
            writer.resolve(candidate, Outcome(time, 1.0, time + held, 1.0, "signal", 1, gain * 0.02, gain))


def test_the_figures_are_those_of_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    write(path, "s")
    found = health(path, "gate")
    assert (found.decisions, found.applied, found.fallbacks, found.resolved) == (40, 40, 0, 40)
    assert (found.agreement, found.overrides, found.right, found.wrong) == (0.5, 20, 0, 20)
    assert (found.skipped, found.winners_missed) == (0.5, 1.0)
    assert found.impact_r is not None
    assert found.impact_r.value == pytest.approx(-0.25)
    assert found.impact_r.low < -0.25 < found.impact_r.high < 0.0
    assert (found.impact_r.blocks, found.impact_r.unit) == (40, "day")
    assert found.impact_money is not None
    assert found.impact_money.value == pytest.approx(20 * 0.1 * -0.01 * 1000.0)
    assert found.latency == (pytest.approx(20.5), pytest.approx(39.61))
    assert (found.first, found.last) == (found.days[0]["day"], found.days[-1]["day"])
    assert (len(found.days), found.account, found.incidents) == (40, None, ())


def test_the_last_days_are_counted_back_from_the_newest_one(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    write(path, "s", days=range(0, 40, 2))
    assert health(path, "gate", days=4).decisions == 2
    assert health(path, "gate", days=1).first == health(path, "gate").last
    with StateWriter(path, Session("s", "live", "d", "2024")) as writer:
        at_bars = Decision("other", "1", "active", "A", "scale", "bar", 1.0, 1.0, 0.1)
        writer.decisions(START + 60 * DAY, [at_bars])
    with pytest.raises(StateError, match="'gate' has decided nothing since 2022-02-2[0-9]: ask for more --days"):
        health(path, "gate", days=10)


def test_backtests_are_never_added_up_and_live_sessions_are(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    write(path, "run-1", kind="backtest", created="2024-01-01", days=range(10))
    write(path, "run-2", kind="backtest", created="2024-01-02", days=range(20))
    assert health(path, "gate").sessions == ("run-2",)
    assert health(path, "gate", session="run-1").decisions == 10
    write(path, "paper", created="2024-06", days=range(30))
    write(path, "real", created="2025", days=range(30, 40))
    found = health(path, "gate")
    assert (found.kind, found.sessions, found.decisions) == ("live", ("paper", "real"), 40)
    assert [row["session_id"] for row in listing(path)] == ["real", "paper", "run-2", "run-1"]
    with pytest.raises(StateError, match="could be any of run-1, run-2"):
        health(path, "gate", session="run")
    with pytest.raises(StateError, match="no decision in a session 'rum-2': did you mean 'run-2'"):
        health(path, "gate", session="rum-2")
    with pytest.raises(StateError, match="no decision of agent 'gaet': did you mean 'gate'"):
        health(path, "gaet")


def test_two_versions_are_never_mixed(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    write(path, "s", version="2", days=range(20, 40))
    write(path, "s", version="10", days=range(20))
    found = health(path, "gate")
    assert (found.version, found.others, found.decisions) == ("2", ("10",), 20)


def test_the_account_with_and_without_an_agent_is_compared_day_by_day(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    write(path, "s")
    with StateWriter(path, Session("s", "live", "d", "2024")) as writer:
        for day in range(40):
            writer.account(START + day * DAY, "gate", "1", 1000.0 * 1.01**day, 1000.0 * 1.008**day)
    account = health(path, "gate").account
    assert account is not None
    assert account.value == pytest.approx(math.log(1.01 / 1.008))
    assert account.low == pytest.approx(account.value) == pytest.approx(account.high)
    assert (account.blocks, account.unit) == (39, "day")


def test_a_run_that_kept_the_other_curve_says_what_the_agent_does_to_the_account(
    measured: Measure, tmp_path: Path
) -> None:
    made = measured({"gate": (Says(), "active"), "watcher": Says()})
    run = backtest.save(made)
    equity = run.table("equity")
    own = equity["equity"].to_numpy()
    for name in ("gate", "watcher"):
        other = f"other.{name}"
        if other not in equity.column_names:
            equity = equity.append_column(other, [own * np.linspace(1.0, 1.1, len(own))])
    import pyarrow.parquet as pq

    pq.write_table(equity, run.folder / "equity.parquet")
    path = tmp_path / "state.sqlite"
    record_run(path, run)
    for name, sign in (("gate", 1.0), ("watcher", -1.0)):
        curve = equity[f"other.{name}"].to_numpy()
        found = health(path, name).account
        assert found is not None
        expected = sign * (math.log(own[-1] / own[0]) - math.log(curve[-1] / curve[0])) / (len(own) - 1)
        assert found.value == pytest.approx(expected)


@given(values=st.lists(st.floats(-10, 10), min_size=LEAST_BLOCKS, max_size=60), shift=st.floats(-5, 5))
def test_an_interval_moves_with_its_values_and_repeats(values: list[float], shift: float) -> None:
    array, blocks = np.array(values), np.arange(len(values))
    one, same, moved = (mean(each, blocks, "day") for each in (array, array.copy(), array + shift))
    assert one == same
    assert one.low <= one.value + 1e-9
    assert one.high >= one.value - 1e-9 or one.high == pytest.approx(one.value)
    assert (moved.low, moved.high) == (
        pytest.approx(one.low + shift, abs=1e-6),
        pytest.approx(one.high + shift, abs=1e-6),
    )
    summed = total(array, blocks, "day")
    assert summed.value == pytest.approx(one.value * len(values), abs=1e-9)


def test_what_happens_together_counts_once() -> None:
    rng = np.random.default_rng(3)
    days = rng.normal(0.0, 1.0, 50)
    copied = mean(np.repeat(days, 20), np.repeat(np.arange(50), 20), "day")
    once = mean(days, np.arange(50), "day")
    assert (copied.low, copied.high) == (pytest.approx(once.low), pytest.approx(once.high))
    naive = mean(np.repeat(days, 20), np.arange(1000), "day")
    assert naive.high - naive.low < 0.4 * (once.high - once.low)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(100):
        found = mean(
            (rng.normal(0.3, 1.0, 40)[:, None] + rng.normal(0.0, 1.0, (40, 5))).ravel(),
            np.repeat(np.arange(40), 5),
            "day",
        )
        hits += found.low <= 0.3 <= found.high
    assert 87 <= hits <= 100


def test_few_blocks_have_no_interval() -> None:
    found = mean(np.ones(LEAST_BLOCKS - 1), np.arange(LEAST_BLOCKS - 1), "week")
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(
    ("days", "unit"), [(0.2, "day"), (1.0, "day"), (3, "week"), (20, "month"), (60, "quarter"), (900, "year")]
)
def test_a_block_is_as_long_as_positions_are_held(days: float, unit: str) -> None:
    assert unit_for(np.full(10, days * DAY)) == unit
    assert unit_for(np.empty(0)) == "day"
