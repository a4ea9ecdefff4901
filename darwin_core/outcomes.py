"""What became of each candidate, taken or skipped: followed to its stop, take-profit, horizon or end of signal.

The rules are the ledger's own, applied to one unit without an account, so that a skipped candidate's outcome is
known as well as a taken one's. Costs that are shares of the price are counted; costs per order or unit are not,
for a candidate has no size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field
from numba import from_dtype, types

from darwin_core import ledger
from darwin_core.compiled import entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.blocks import Block
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.types import Floats

BY_SIGNAL = len(ledger.REASONS)
EXIT_REASONS = (*ledger.REASONS, "signal")
UNRESOLVED = -1
_WAITING, _HELD, _LEAVING, _DONE = range(4)

CANDIDATE_DTYPE = np.dtype(
    [
        ("bar", "<i8"), ("symbol", "<i8"), ("side", "<f8"), ("weight", "<f8"), ("confidence", "<f8"),
        ("stop", "<f8"), ("take_profit", "<f8"),
        ("entry_bar", "<i8"), ("entry_price", "<f8"), ("exit_bar", "<i8"), ("exit_price", "<f8"),
        ("reason", "<i8"), ("age", "<i8"), ("phase", "<i8"), ("value", "<f8"),
    ]
)  # fmt: skip

_ROWS = from_dtype(CANDIDATE_DTYPE)[::1]
_R1 = types.Array(types.float64, 1, "C", readonly=True)
_R2 = types.Array(types.float64, 2, "C", readonly=True)


@entry(types.void(_ROWS, types.int64, _R2, _R2, _R2, _R2, _R2, _R1), allocates=False)
def _follow(rows, first_bar, opens, highs, lows, closes, signed, rules):
    """Follow open candidates through a block."""
    slip, mode, has_range = rules[ledger.SLIP], rules[ledger.FILL], rules[ledger.RANGE] > 0.0
    for i in range(len(rows)):
        row = rows[i]
        s, side = row.symbol, row.side
        for t in range(max(0, row.bar - first_bar), closes.shape[0]):
            bar, close = first_bar + t, closes[t, s]
            if not close == close:
                continue
            at_open = opens[t, s] if mode == ledger.NEXT_OPEN else close
            leaves = row.phase == _LEAVING and bar > row.exit_bar
            if leaves and (mode == ledger.NEXT_OPEN or not has_range):
                row.exit_bar, row.exit_price, row.phase = bar, at_open * (1.0 - side * slip), _DONE
                break
            fresh = False
            if row.phase == _WAITING and (bar > row.bar or mode == ledger.SAME_CLOSE):
                row.entry_bar, row.entry_price, row.phase = bar, at_open * (1.0 + side * slip), _HELD
                fresh = mode != ledger.NEXT_OPEN  # it came in at this close: the bar's range is over
            if row.phase != _HELD and not leaves:
                continue
            gain = side * (close / row.entry_price - 1.0)
            row.value = close
            stop = row.entry_price * (1.0 - side * row.stop)
            take = row.entry_price * (1.0 + side * row.take_profit)
            worst = (lows[t, s] if side > 0.0 else highs[t, s]) if has_range else close
            best = (highs[t, s] if side > 0.0 else lows[t, s]) if has_range else close
            if has_range and not fresh:
                gap = row.take_profit > 0.0 and side * (opens[t, s] - take) >= 0.0
                if row.stop > 0.0 and side * (stop - worst) >= 0.0 and not gap:
                    price = side * min(side * opens[t, s], side * stop)
                    row.exit_price, row.reason = price * (1.0 - side * slip), ledger.BY_STOP
                    row.exit_bar, row.phase = bar, _DONE
                    break
                if row.take_profit > 0.0 and side * (best - take) >= 0.0:
                    row.exit_price, row.reason = side * max(side * opens[t, s], side * take), ledger.BY_TAKE
                    row.exit_bar, row.phase = bar, _DONE
                    break
            if leaves:  # at this close, for nothing came before it
                row.exit_bar, row.exit_price, row.phase = bar, at_open * (1.0 - side * slip), _DONE
                break
            if mode != ledger.SAME_CLOSE or not fresh:
                row.age += 1
            reason: Any = UNRESOLVED
            if not has_range and row.stop > 0.0 and gain <= -row.stop:
                reason = ledger.BY_STOP
            elif not has_range and row.take_profit > 0.0 and gain >= row.take_profit:
                reason = ledger.BY_TAKE
            elif rules[ledger.HORIZON] > 0.0 and row.age >= rules[ledger.HORIZON]:
                reason = ledger.BY_HORIZON
            elif np.sign(signed[t, s]) != side:
                reason = BY_SIGNAL
            if reason != UNRESOLVED:
                row.reason, row.exit_bar, row.phase = reason, bar, _LEAVING
                if mode == ledger.SAME_CLOSE:
                    row.exit_price, row.phase = close * (1.0 - side * slip), _DONE
                    break


@define(eq=False)
class Outcomes:
    """Follows the candidates of a run from block to block."""

    _open: NDArray[Any] = field(factory=lambda: np.empty(0, CANDIDATE_DTYPE), init=False)
    _done: list[NDArray[Any]] = field(factory=list, init=False)

    def block(self, block: Block, part: Part, formed: Formed, rules: Floats) -> None:
        """Take a block's new candidates in and follow all that are open."""
        bars = part.bars
        rows = np.concatenate([self._open, _candidates(block, formed, rules)])
        opens, highs, lows = (bars.fields.get(name, bars.close) for name in ("open", "high", "low"))
        _follow(rows, block.start, opens, highs, lows, bars.close, formed.signed, rules)
        done = rows["phase"] == _DONE
        self._done.append(rows[done])
        self._open = rows[~done]

    def all(self) -> NDArray[Any]:
        """Return every candidate in the order of bars and symbols, the unresolved ones among them."""
        rows = np.concatenate([*self._done, self._open])
        rows["reason"][rows["phase"] != _DONE] = UNRESOLVED
        return rows[np.lexsort((rows["symbol"], rows["bar"]))]


def _candidates(block: Block, formed: Formed, rules: Floats) -> NDArray[Any]:
    at, symbols = np.nonzero(formed.candidate)
    rows = np.zeros(len(at), CANDIDATE_DTYPE)
    signed = formed.signed[at, symbols]
    rows["bar"], rows["symbol"] = block.start + at, symbols
    rows["side"], rows["weight"] = np.sign(signed), np.abs(signed)
    rows["confidence"] = _cells(formed.confidence, at, symbols, 0.0)
    rows["stop"] = _cells(formed.stop, at, symbols, rules[ledger.R_STOP])
    rows["take_profit"] = _cells(formed.take_profit, at, symbols, rules[ledger.R_TAKE])
    rows["entry_bar"] = rows["exit_bar"] = rows["reason"] = UNRESOLVED
    rows["entry_price"] = rows["exit_price"] = np.nan
    kept: NDArray[Any] = rows[rows["side"] != 0.0]
    return kept


def _cells(values: Floats, at: NDArray[Any], symbols: NDArray[Any], default: float) -> Floats:
    if values.size == 0:
        return np.full(len(at), default)
    return values[at, symbols] if values.size > 1 else np.full(len(at), values[0, 0])


def returns(rows: NDArray[Any], fee: float) -> Floats:
    """Return each resolved candidate's return on its entry price, fees of both ways paid; NaN if unresolved."""
    entry_price, exit_price = rows["entry_price"], rows["exit_price"]
    gain = rows["side"] * (exit_price - entry_price) / entry_price - fee * (1.0 + exit_price / entry_price)
    return np.where(rows["reason"] == UNRESOLVED, np.nan, gain)


def r_multiples(rows: NDArray[Any], fee: float) -> Floats:
    """Return outcomes in units of the risk taken, return / stop distance (Tharp); NaN without a stop."""
    stop = np.where(rows["stop"] > 0.0, rows["stop"], np.nan)
    return returns(rows, fee) / stop
