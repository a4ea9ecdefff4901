"""A result as Arrow tables: times as UTC timestamps, symbols and reasons as words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from darwin_core import ledger, lockstep
from darwin_core.outcomes import EXIT_REASONS, UNRESOLVED, r_multiples, returns
from darwin_core.standing import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.closes import Closes
    from darwin_core.engine import Result
    from darwin_core.types import Floats, Ints

_TIME = pa.timestamp("ns", "UTC")


def times(time: Ints) -> pa.Array:
    """Return times in ns as UTC timestamps; negative row numbers were turned to the lowest int64: null."""
    return pa.array(time, pa.int64(), mask=time == np.iinfo(np.int64).min).cast(_TIME)


def words(codes: NDArray[Any], names: Sequence[str]) -> pa.DictionaryArray:
    """Return codes as dictionary-encoded words; a negative code is null."""
    mask = codes < 0
    indices = pa.array(np.where(mask, 0, codes).astype(np.int32), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))


def _at(time: Ints, bars: NDArray[Any]) -> pa.Array:
    return times(np.where(bars < 0, np.iinfo(np.int64).min, time[np.maximum(bars, 0)]))


def equity(result: Result, benchmark: Floats, others: Mapping[str, Floats]) -> pa.Table:
    """Return the curve: equity, cash, gross, net, drawdown, benchmark (buy and hold of equal parts).

    ``other.AGENT`` is the equity of the same line with that agent in the opposite mode.
    """
    columns = {name: result.curve[:, i] for i, name in enumerate(ledger.CURVE)}
    drawdown = 1.0 - result.equity / np.maximum.accumulate(
        np.maximum(result.equity, result.line.settings.execution.cash)
    )
    figures = {**columns, "drawdown": drawdown, "benchmark": benchmark}
    return pa.table({"time": times(result.time), **figures, **{f"other.{k}": v for k, v in others.items()}})


def prices(result: Result, closes: Closes) -> pa.Table:
    """Return each symbol's closes, thinned: the lowest and highest of each stretch of bars, and the last bar's."""
    ends, n = closes.ends(result.time), len(result.symbols)
    return pa.table(
        {
            "time": times(np.repeat(ends, n)),
            "symbol": words(np.tile(np.arange(n), len(ends)), result.symbols),
            "low": closes.low.ravel(),
            "high": closes.high.ravel(),
            "close": closes.last.ravel(),
        }
    )


def decisions(result: Result) -> pa.Table:
    """Return the decision log: stage (strategy, an agent, target), value and what it was about.

    value: the strategy's signed target weight, an agent's action, the final signed target weight. extra: the
    strategy's confidence, the weight that the agent found, the equity at the decision. standing: of an agent's
    decision, what it is measured against: its baseline, or what its fallback had decided. observation_hash,
    confidence, words: the remarks on an agent's decision, where there is one.
    """
    log = result.decisions
    parts = result.line.agents
    stood = np.full(len(log), np.nan)
    for number in range(len(parts)):
        stood[log["stage"] == number + 1] = standing(parts, number, log)
    stages = ["strategy", *(part.name for part in result.line.agents), "target"]
    stage = np.where(log["stage"] == lockstep.TARGET_STAGE, len(stages) - 1, log["stage"])
    return pa.table(
        {
            "time": times(log["time"]),
            "symbol": words(log["symbol"], result.symbols),
            "stage": words(stage, stages),
            "value": log["value"],
            "extra": log["extra"],
            "candidate": log["flags"] & lockstep.CANDIDATE != 0,
            "applied": log["flags"] & lockstep.APPLIED != 0,
            "fallback": log["flags"] & lockstep.FALLBACK != 0,
            "standing": pa.array(stood, mask=np.isnan(stood)),
            **_remarks(result),
        }
    )


def _remarks(result: Result) -> dict[str, pa.Array]:
    """Return the columns of remarks, row for row of the log."""
    log = result.decisions
    kinds = {"observation_hash": ("hashes", pa.string()), "confidence": ("confidence", pa.float64()),
             "words": ("words", pa.string())}  # fmt: skip
    columns = {}
    for name, (kind, form) in kinds.items():
        heard = any(each is not None for remarks in result.remarks.values() for each in getattr(remarks, kind))
        whole = np.full(len(log) if heard else 0, None, object)
        for stage, remarks in result.remarks.items() if heard else ():
            whole[log["stage"] == stage] = getattr(remarks, kind)
        columns[name] = pa.array(whole, form) if heard else pa.nulls(len(log), form)
    return columns


def candidates(result: Result, rows: NDArray[Any], taken: NDArray[np.bool_]) -> pa.Table:
    """Return every candidate with its outcome, and whether the line took it."""
    fee = result.line.settings.execution.fee
    return pa.table(
        {
            "time": _at(result.time, rows["bar"]),
            "symbol": words(rows["symbol"], result.symbols),
            "side": rows["side"].astype(np.int8),
            "weight": rows["weight"],
            "confidence": rows["confidence"],
            "taken": taken,
            "entry_time": _at(result.time, rows["entry_bar"]),
            "entry_price": rows["entry_price"],
            "exit_time": _at(result.time, np.where(rows["reason"] == UNRESOLVED, -1, rows["exit_bar"])),
            "exit_price": np.where(rows["reason"] == UNRESOLVED, np.nan, rows["exit_price"]),
            "reason": words(rows["reason"], EXIT_REASONS),
            "bars": rows["age"],
            "return": returns(rows, fee),
            "r_multiple": r_multiples(rows, fee),
        }
    )


def orders(result: Result) -> pa.Table:
    """Return every order with what became of it: filled, partial, unfilled (or waiting at the end)."""
    rows = result.orders
    filled = np.zeros(len(rows))
    np.add.at(filled, result.fills["order"], result.fills["quantity"])
    whole = np.abs(filled) >= np.abs(rows["quantity"]) * (1.0 - 1e-12)
    status = np.where(whole, 0, np.where(filled != 0.0, 1, 2))
    return pa.table(
        {
            "order": np.arange(len(rows)),
            "time": _at(result.time, rows["bar"]),
            "symbol": words(rows["symbol"], result.symbols),
            "quantity": rows["quantity"],
            "price": rows["price"],
            "target": rows["target"],
            "reason": words(rows["reason"], ledger.REASONS),
            "filled": filled,
            "status": words(status, ("filled", "partial", "unfilled")),
        }
    )


def fills(result: Result) -> pa.Table:
    """Return every fill."""
    rows = result.fills
    return pa.table(
        {
            "order": rows["order"],
            "time": _at(result.time, rows["bar"]),
            "symbol": words(rows["symbol"], result.symbols),
            "quantity": rows["quantity"],
            "price": rows["price"],
            "fee": rows["fee"],
            "reason": words(rows["reason"], ledger.REASONS),
        }
    )


def trades(result: Result, rows: NDArray[Any]) -> pa.Table:
    """Return every closed round trip."""
    return pa.table(
        {
            "symbol": words(rows["symbol"], result.symbols),
            "side": rows["side"].astype(np.int8),
            "quantity": rows["quantity"],
            "entry_time": _at(result.time, rows["entry_bar"]),
            "entry_price": rows["entry_price"],
            "exit_time": _at(result.time, rows["exit_bar"]),
            "exit_price": rows["exit_price"],
            "bars": rows["exit_bar"] - rows["entry_bar"],
            "fees": rows["fees"],
            "profit": rows["profit"],
            "reason": words(rows["reason"], ledger.REASONS),
        }
    )
