"""Experiments: arms that act on symbols of their own, in a backtest, live, in the database and on the screen."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "live"))
import parity_cases as cases

from darwin_core import ConfigError, assembly, backtest, config, engine, lockstep
from darwin_core.assembly import Arm
from darwin_core.cli import COMMANDS, main
from darwin_core.live.parity import parity
from darwin_core.state import health, intervals
from darwin_core.state.database import connect
from darwin_core.state.sessions import record_session

SCALER = """
import numpy as np
from attrs import frozen
from darwin_core import hookimpl


@frozen
class Scaler:
    by: float = 0.5
    when: str = "candidate"
    effect: str = "scale"
    baseline = 1.0
    requires = ("strategy.weight",)

    def decide(self, observation):
        return np.where(np.broadcast_to(observation.time // 86_400_000_000_000, len(observation)) % 3 == 0, 1.0, self.by)


@hookimpl
def make_agent(options):
    return options.into(Scaler)
"""
ARMS = """
[exits]
stop = 0.04
horizon = 15
[[agents]]
use = "./scaler.py"
name = "half"
mode = "{a}"
experiment = "sizes"
by = 0.5
deadline_ms = 10000.0
[[agents]]
use = "./scaler.py"
name = "none"
mode = "{b}"
experiment = "sizes"
by = 0.0
deadline_ms = 10000.0
{more}"""
SYMBOLS = st.lists(st.text("ABCDEFGHIJ.-", min_size=1, max_size=5), min_size=1, max_size=40, unique=True)


@given(symbols=SYMBOLS, more=SYMBOLS, of=st.integers(2, 5), name=st.sampled_from(["a", "b", "sizes"]))
def test_arms_share_the_symbols_out_and_a_symbol_stays_where_it_is(
    symbols: list[str], more: list[str], of: int, name: str
) -> None:
    parts = np.array([Arm(name, number, of).has(symbols) for number in range(of)])
    assert (parts.sum(axis=0) == 1).all()
    wider = [each for each in more if each not in symbols] + symbols
    again = np.array([Arm(name, number, of).has(wider) for number in range(of)])
    assert (again[:, len(wider) - len(symbols) :] == parts).all()


def test_arms_are_of_like_size_and_a_new_name_draws_again() -> None:
    symbols = [f"S{i}" for i in range(3000)]
    sizes = [Arm("one", number, 3).has(symbols).sum() for number in range(3)]
    assert all(850 < size < 1150 for size in sizes)
    both = (Arm("one", 0, 2).has(symbols) == Arm("two", 0, 2).has(symbols)).mean()
    assert 0.45 < both < 0.55


def deployed(folder: Path, a: str = "active", b: str = "active", more: str = "", **feed: Any) -> Path:
    (folder / "scaler.py").write_text(SCALER)
    return cases.deployment(folder, text=ARMS.format(a=a, b=b, more=more), symbols=8, missing=0.0, **feed)


def applied(line: Any) -> dict[str, list[bool]]:
    return {part.name: part.acts_on(line.feed.symbols).tolist() for part in line.agents}


def test_each_arm_acts_on_its_own_symbols_and_all_decide_everywhere(tmp_path: Path) -> None:
    line = assembly.assemble(config.load(deployed(tmp_path)))
    mine = np.array(list(applied(line).values()))
    assert (mine.sum(axis=0) == 1).all()
    assert mine.any(axis=1).all()
    results = [engine.run(line, tier=tier) for tier in ("auto", "block", "python")]
    assert len({each.digest for each in results}) == 1
    log = results[0].decisions
    for stage in (1, 2):
        rows = log[log["stage"] == stage]
        assert set(rows["symbol"].tolist()) == set(range(8))
        assert ((rows["flags"] & lockstep.APPLIED != 0) == mine[stage - 1][rows["symbol"]]).all()
    targets = {(row["time"], row["symbol"]): row["value"] for row in log[log["stage"] == lockstep.TARGET_STAGE]}
    acting = log[(log["stage"] < 3) & (log["flags"] & lockstep.APPLIED != 0)]
    found = [(row, targets[row["time"], row["symbol"]]) for row in acting if (row["time"], row["symbol"]) in targets]
    assert {row["value"] for row, _ in found} == {0.5, 1.0}  # a target that stays nothing is not logged again
    assert all(target == row["extra"] * row["value"] for row, target in found)


def test_modes_and_shares_hold_within_an_arm_and_one_that_is_off_keeps_its_part(tmp_path: Path) -> None:
    path = deployed(tmp_path)

    def modes(a: str, b: str) -> dict[str, list[bool]]:
        return applied(assembly.assemble(config.load(path, {"agents.0.mode": a, "agents.1.mode": b})))

    both = modes("active", "active")
    assert modes("active", "off") == {"half": both["half"]}
    some = modes("observe", "canary")
    assert not any(some["half"])
    canary = some["none"]
    assert all(one >= other for one, other in zip(both["none"], canary, strict=True))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            '[[agents]]\nuse = "./scaler.py"\nname = "alone"\nexperiment = "size"\n',
            "agents[2].experiment: the experiment 'size' has one agent, and it takes two or more: did you mean 'sizes'",
        ),
        (
            '[[agents]]\nuse = "./scaler.py"\nname = "third"\nexperiment = "sizes"\neffect = "cap"\n',
            "agents[2].experiment: 'third' is a cap at each candidate, and the experiment's first arm, 'half', a scale",
        ),
        ('[[agents]]\nuse = "./scaler.py"\nname = "third"\nexperiment = "a b"\n', "agents[2].experiment"),
    ],
)
def test_an_experiment_that_compares_nothing_is_refused_with_its_place(tmp_path: Path, text: str, what: str) -> None:
    path = deployed(tmp_path, more=text)
    with pytest.raises(ConfigError) as error:
        assembly.assemble(config.load(path))
    assert what in str(error.value)
    assert f"{path}:" in str(error.value)


def test_live_and_backtest_record_the_same_arms(tmp_path: Path) -> None:
    path = deployed(tmp_path, bars=60)
    session = cases.trade(path, known=0)
    assert parity(session).equal
    record_session(tmp_path / "live.sqlite", session)
    run, _ = backtest.backtest(path)
    query = "SELECT agent_name, time, symbol, action, applied, experiment FROM agent_decisions ORDER BY agent_name, time, symbol"
    live, stored = (
        sqlite3.connect(each).execute(query).fetchall()
        for each in (tmp_path / "live.sqlite", run.folder.parent / "state.sqlite")
    )
    assert live == stored
    assert {row[4:] for row in live} == {(1, "sizes"), (0, None)}


def test_evaluate_puts_the_arms_side_by_side_with_the_interval_of_their_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = backtest.backtest(deployed(tmp_path, bars=700))
    path = run.folder.parent / "state.sqlite"
    found = health(path, "none").experiment
    assert found is not None
    assert (found.name, [arm.agent for arm in found.arms]) == ("sizes", ["none", "half"])
    rewards = {
        name: [row[0] for row in connect(path).execute(
            "SELECT reward_r FROM agent_decisions WHERE agent_name = ? AND applied = 1 AND reward_r IS NOT NULL", (name,)
        )]
        for name in ("none", "half")
    }  # fmt: skip
    none, half = found.arms
    assert none.uplift is not None
    assert half.uplift is not None
    assert half.lead is not None
    assert none.lead is None
    assert none.resolved == len(rewards["none"]) > 50
    assert none.uplift.value == pytest.approx(np.mean(rewards["none"]))
    assert half.lead.value == pytest.approx(np.mean(rewards["half"]) - np.mean(rewards["none"]))
    assert half.lead.low < half.lead.value < half.lead.high
    assert none.symbols + half.symbols == 8
    for agent in run.info["agents"]:
        arm = next(each for each in found.arms if each.agent == agent["name"])
        assert arm.uplift is not None
        assert agent["added"]["arm_r"]["value"] == pytest.approx(arm.uplift.value)
        assert agent["added"]["arm_resolved"] == arm.resolved
    monkeypatch.setitem(COMMANDS, "evaluate", "how agents do")
    monkeypatch.setenv("COLUMNS", "100")
    capsys.readouterr()
    assert main(["evaluate", "none", "--db", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Experiment" in said
    assert "R against none [" in said
    assert main(["evaluate", "none", "--db", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["experiment"]["name"] == "sizes"


def test_an_agent_of_no_experiment_has_none(tmp_path: Path) -> None:
    text = '[[agents]]\nuse = "./scaler.py"\nname = "third"\n'
    run, _ = backtest.backtest(deployed(tmp_path, more=text))
    path = run.folder.parent / "state.sqlite"
    assert health(path, "third").experiment is None
    assert run.info["agents"][2]["experiment"] is None
    assert "arm_r" not in run.info["agents"][2]["added"]


@given(st.integers(0, 10_000))
def test_what_both_arms_share_in_a_block_is_no_difference_between_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shared = rng.normal(0.0, 10.0, 30)
    blocks = np.repeat(np.arange(30), 4)
    one, other = (np.repeat(shared, 4) + rng.normal(0.0, 0.1, 120) for _ in range(2))
    found = intervals.difference((one + 1.0, blocks), (other, blocks), "day")
    assert found.low < found.value < found.high
    assert found.low > 0.8
    assert found.high < 1.2
    alone = intervals.mean(one, blocks, "day")
    assert found.high - found.low < (alone.high - alone.low) / 5


def test_a_difference_of_too_few_blocks_has_no_interval() -> None:
    few = (np.arange(9.0), np.arange(9))
    found = intervals.difference((few[0] + 1.0, few[1]), few, "day")
    assert found.value == pytest.approx(1.0)
    assert np.isnan(found.low)
    assert found.blocks == 9
