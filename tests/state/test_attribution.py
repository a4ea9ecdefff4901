"""What an agent added, with intervals: the figures are the accounts' and the rows', and the intervals hold them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from state_cases import Measure, Says

from darwin_core import backtest, stats
from darwin_core.state import record_run
from darwin_core.state.attribution import _drawn_ratios


def test_each_figure_is_the_one_that_the_accounts_and_the_rows_give(measured: Measure, tmp_path: Path) -> None:
    outcome = measured(
        {"gate": Says(), "size": (Says((0.5, 1.0, 1.5)), "active"), "bars": (Says(when="bar"), "active")}
    )
    record_run(tmp_path / "state.sqlite", backtest.save(outcome))
    connection = sqlite3.connect(tmp_path / "state.sqlite")
    for agent in outcome.info["agents"]:
        added = agent["added"]
        assert added["money"]["value"] == pytest.approx(agent["added_money"])
        assert added["sharpe"]["value"] == agent["with"]["sharpe"] - agent["without"]["sharpe"]
        rewards = connection.execute(
            "SELECT reward_r FROM agent_decisions WHERE agent_name = ? AND reward_r IS NOT NULL", (agent["name"],)
        ).fetchall()
        assert added["resolved"] == len(rewards)
        if agent["when"] == "candidate":
            assert len(rewards) > 50
            assert added["r"]["value"] == pytest.approx(np.mean(rewards))
        else:
            assert added["r"] is None
        for name in ("money", "sharpe", "r"):
            if added[name]:
                assert added[name]["low"] <= added[name]["value"] <= added[name]["high"]
                assert added[name]["blocks"] >= 10
    connection.close()


def test_an_agent_that_changes_nothing_has_added_nothing_for_sure(measured: Measure) -> None:
    (agent,) = measured({"gate": (Says((1.0,)), "active")}).info["agents"]
    for name in ("money", "sharpe", "r"):
        assert [agent["added"][name][key] for key in ("value", "low", "high")] == [0.0, 0.0, 0.0]


def test_few_blocks_and_no_trades_have_no_interval_and_no_sharpe(measured: Measure) -> None:
    (agent,) = measured({"gate": Says()}, bars=8, symbols=1).info["agents"]
    assert np.isnan(agent["added"]["money"]["low"])
    (idle,) = measured({"gate": (Says((0.0,)), "active")}, bars=60).info["agents"]
    assert idle["added"]["sharpe"] is None


def test_a_drawn_sharpe_ratio_is_that_of_the_bars_of_the_drawn_blocks() -> None:
    rng = np.random.default_rng(3)
    returns, numbers = rng.normal(0.001, 0.01, 90), np.repeat(np.arange(9), 10)
    drawn = rng.integers(0, 9, (5, 9))
    ratios = _drawn_ratios(returns, numbers, np.full(9, 10.0), drawn, 252.0)
    for draw, ratio in zip(drawn, ratios, strict=True):
        bars = np.concatenate([returns[numbers == block] for block in draw])
        assert ratio == pytest.approx(bars.mean() / bars.std(ddof=1) * np.sqrt(252.0))
    assert stats.curve_stats(np.arange(3), np.ones(3), 1.0)["sharpe"] != 0.0
