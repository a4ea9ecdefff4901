"""Stored runs of every kind, made without a backtest."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from darwin_core.store import Store

DAY = 86_400 * 10**9
START = 1_577_880_000 * 10**9  # 2020-01-01 12:00 UTC
CASH = 1000.0
CURVE = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar", "underwater_bars")
ACCOUNT = ("fees", "costs", "turnover", "exposure", "time_in_market")
TRADES = ("trades", "win_rate", "profit_factor", "average_trade", "average_bars", "final_equity")


def figures(names, first=0.1234567891234):
    return {name: first + k for k, name in enumerate(names)}


def agent(name="gate", **changes):
    return {
        "name": name, "plugin": f"agent {name!r} (file ./agent.py)", "mode": "active", "share": None, "effect": "scale",
        "when": "candidate", "decisions": 12, "applied": 12, "fallback": 1, "differs_from_baseline": 3, "mean_action": 0.75,
        "with": figures((*CURVE, *ACCOUNT, *TRADES)), "without": figures((*CURVE, *ACCOUNT, *TRADES), 0.1),
        "added_money": 1234.5, "hypothetical": False, **changes,
    }  # fmt: skip


def times(rows):
    return pa.array(np.asarray(rows, np.int64), pa.int64()).cast(pa.timestamp("ns", "UTC"))


def words(values):
    return pa.array(list(values), pa.string()).dictionary_encode()


def equity_table(curve, step=DAY):
    curve = np.asarray(curve, np.float64)
    return pa.table(
        {
            "time": times(START + np.arange(len(curve)) * step),
            "equity": curve,
            "cash": curve / 2,
            "gross": curve / 2,
            "net": curve / 2,
            "drawdown": 1.0 - curve / np.maximum.accumulate(np.maximum(curve, CASH)),
            "benchmark": np.linspace(CASH, 2 * CASH, len(curve)),
        }
    )


def trades_table(symbols, n=1):
    at = START + np.arange(len(symbols)) * DAY
    price = np.full(len(symbols), 10.0)
    return pa.table(
        {
            "symbol": words(symbols),
            "side": np.ones(len(symbols), np.int8),
            "quantity": price * n,
            "entry_time": times(at),
            "entry_price": price,
            "exit_time": times(at + DAY),
            "exit_price": price * 1.01,
            "bars": np.ones(len(symbols), np.int64),
            "fees": price * 0.0,
            "profit": price * 0.1,
            "reason": words(["stop"] * len(symbols)),
        }
    )


def candidates_table(r, taken):
    n = len(r)
    r = np.asarray(r, np.float64)
    return pa.table(
        {
            "time": times(START + np.arange(n) * DAY),
            "symbol": words(["A"] * n),
            "taken": np.asarray(taken, np.bool_),
            "reason": words(["stop" if np.isfinite(x) else None for x in r]),
            "return": r * 0.05,
            "r_multiple": r,
        }
    )


def prices_table(symbols, closes, width=1):
    closes = np.asarray(closes, np.float64)
    n = len(symbols)
    return pa.table(
        {
            "time": times(np.repeat(START + np.arange(len(closes)) * DAY * width, n)),
            "symbol": words(list(symbols) * len(closes)),
            "low": closes.ravel() - (width > 1),
            "high": closes.ravel() + (width > 1),
            "close": closes.ravel(),
        }
    )


@pytest.fixture
def build():
    """Return the functions that make a run's parts."""
    return SimpleNamespace(
        agent=agent, equity=equity_table, trades=trades_table, candidates=candidates_table, prices=prices_table
    )


@pytest.fixture
def make_run(tmp_path):
    """Return a function that stores a run; what is not given is empty."""

    def make(curve=(1000.0, 1010.0, 990.0), *, tables=None, step=DAY, **info):
        table = equity_table(curve, step)
        stamps = [f"{t.as_py():%Y-%m-%dT%H:%M:%S}" for t in (table["time"][0], table["time"][-1])]
        whole = {
            "kind": "backtest", "deployment": "demo", "seed": 0, "digest": "d" * 64, "data": "f" * 64,
            "bars": len(curve), "first": stamps[0], "last": stamps[1], "timezone": "UTC", "symbols": ["A", "B"],
            "fill": "next_open", "fill_convention": "decided at a close, filled at the next bar's open", "block": "auto",
            "strategy": "strategy 'sma-cross' (darwin-sma-cross 0.1.0)",
            "summary": figures((*CURVE, *ACCOUNT, *TRADES)), "benchmark": figures(CURVE, 7.0),
            "candidates": {"count": 0, "taken": 0, "mean_r": None}, "halted": False, "incidents": [], "findings": [],
            "versions": {"python": "3.11"}, "audit": {"level": "cheap", "prefixes": {"strategy": 8}}, "agents": [],
            "cpu_seconds": 0.1, **info,
        }  # fmt: skip
        content = {
            "equity": table,
            "trades": trades_table([]),
            "candidates": candidates_table([], []),
            **(tables or {}),
        }
        texts = {"config.json": f'{{"execution": {{"cash": {CASH}}}}}', "deployment.toml": "[feed]\nuse = 'panel'\n"}
        return Store(tmp_path / "runs").add("demo", datetime(2026, 1, 2, tzinfo=UTC), whole, content, texts)

    return make
