"""The way of a bar, compiled: fills, proposals, agents' decisions, targets, orders, one bar after another.

`lockstep` is a compiled generator. It runs on its own as long as nobody must be asked, and yields when a Python
agent has to decide on rows that it has laid out, or when its buffers must be emptied. A backtest drives it
over a block, live drives it over one bar: the same machine code.

The decision log is written here and nowhere else: strategy rows, agents' rows, target rows, in the order in
which they happen, so that its bytes do not depend on how the work was cut up.
"""

from __future__ import annotations

import numpy as np
from numba import from_dtype, types

from darwin_core.compiled import entry, inner, small

from darwin_core.ledger import (
    AGE,
    BAND,
    CASH,
    ENTRY,
    EQUITY,
    FILL,
    FILL_DTYPE,
    GROSS,
    HALTED,
    HORIZON,
    LAST,
    MAX_DRAWDOWN,
    N_DECISIONS,
    N_FILLS,
    NET,
    NEXT_OPEN,
    OPEN,
    ORDER_DTYPE,
    PEAK,
    POSITION,
    PROPOSED,
    RANGE,
    SAID,
    SAME_CLOSE,
    STOPS,
    UNSETTLED,
    WAITING,
    close_exits,
    fill_waiting,
    halt,
    mark,
    order_targets,
    resting_exits,
)

DECISION_DTYPE = np.dtype(
    [("time", "<i8"), ("symbol", "<i4"), ("stage", "<i2"), ("flags", "<i2"), ("value", "<f8"), ("extra", "<f8")]
)
STRATEGY_STAGE, TARGET_STAGE = 0, 99  # agents are stages 1, 2, ... in the order of the deployment
CANDIDATE, APPLIED, FALLBACK = 1, 2, 4  # flags of a decision row

EFFECTS = {"scale": 0, "target": 1, "cap": 2}
DRAIN = -1
"""Yielded instead of an agent's number when the buffers have to be emptied."""

# Where an observation column comes from: >= 0 is a column of the market tensor, < 0 one of these.
LIVE_COLUMNS = (
    "proposal.side",
    "proposal.weight",
    "proposal.confidence",
    "strategy.side",
    "strategy.weight",
    "strategy.confidence",
    "account.cash",
    "account.drawdown",
    "account.gross",
    "account.net",
    "account.weight",
    "account.unrealized",
    "account.age",
)
ACCOUNT_FIRST = LIVE_COLUMNS.index("account.cash")

_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
DECIDE = types.FunctionType(types.void(_F2, _F1))
"""The type of a compiled agent: writes actions (N,) for observations (N, F)."""


@entry(types.void(_F2, _F1))
def no_function(observation, actions):  # type: ignore[no-untyped-def]
    """Stand in for agents that are not compiled."""


@small
def _log(log, book, time, s, stage, flags, value, extra):  # type: ignore[no-untyped-def]
    row = int(book[N_DECISIONS])
    log[row].time = time
    log[row].symbol = s
    log[row].stage = stage
    log[row].flags = flags
    log[row].value = value
    log[row].extra = extra
    book[N_DECISIONS] += 1


@inner
def _live_value(which, t, s, signed, confidence, target, certainty, book, slots):  # type: ignore[no-untyped-def]
    """Return the value of LIVE_COLUMNS[which] for symbol `s`."""
    if which == 0:
        return np.sign(target[s])
    if which == 1:
        return abs(target[s])
    if which == 2:
        return certainty[s]
    if which == 3:
        return np.sign(signed[t, s])
    if which == 4:
        return abs(signed[t, s])
    if which == 5:
        return _at(confidence, t, s)
    equity = book[EQUITY] if book[EQUITY] > 0.0 else 1.0
    if which == 6:
        return book[CASH] / equity
    if which == 7:
        return 1.0 - book[EQUITY] / book[PEAK]
    if which == 8:
        return book[GROSS] / equity
    if which == 9:
        return book[NET] / equity
    held = slots[POSITION, s]
    if held == 0.0:
        return 0.0
    if which == 10:
        return held * slots[LAST, s] / equity
    if which == 11:
        return (slots[LAST, s] / slots[ENTRY, s] - 1.0) * np.sign(held)
    return slots[AGE, s]


@small
def _at(values, t, s):  # type: ignore[no-untyped-def]
    """Read an array that is (T, S), or (1, 1) when it is the same everywhere."""
    return values[t, s] if values.shape[0] > 1 else values[0, 0]


@inner
def _lay_out(j, t, asks, given, market, sources, width, signed, confidence, target, certainty, book, slots, rows, observation):  # type: ignore[no-untyped-def]
    """Write the rows on which agent `j` is asked at bar `t`; return how many."""
    n = 0
    at = 0
    for s in range(slots.shape[1]):
        if asks[j, t, s]:
            rows[n] = s
            n += 1
            if given[j] == 0:
                for f in range(width):
                    code = sources[j, f]
                    if code >= 0:
                        observation[at] = market[t, s, code]
                    else:
                        observation[at] = _live_value(-1 - code, t, s, signed, confidence, target, certainty, book, slots)
                    at += 1
    return n


@small
def _sane(action, effect):  # type: ignore[no-untyped-def]
    return np.isfinite(action) and (effect == 1 or action >= 0.0)


@inner
def _take_actions(j, n, t, time, rows, actions, fell_back, effects, baselines, applied, every_bar, target, held, faults, log, book):  # type: ignore[no-untyped-def]
    """Hold the actions of agent `j` for its rows, a bad one replaced by the baseline, and log them."""
    for i in range(n):
        s = rows[i]
        action = actions[i]
        flags = APPLIED if applied[j, s] else 0
        if fell_back or not _sane(action, effects[j]):
            action = baselines[j]
            flags |= FALLBACK
            if not fell_back:
                faults[j] += 1
        if not every_bar[j] or action != held[j, s]:
            _log(log, book, time[t], s, j + 1, flags, action, target[s])
        held[j, s] = action


@inner
def _apply(j, effects, applied, every_bar, held, target):  # type: ignore[no-untyped-def]
    """Change the targets as agent `j` decided, where it is allowed to act and a decision stands."""
    for s in range(target.shape[0]):
        action = held[j, s]
        if not applied[j, s] or not action == action:
            continue
        if not every_bar[j] and target[s] == 0.0:
            continue  # its candidate is over: there is nothing to scale, replace or cap
        if effects[j] == 0:
            target[s] *= action
        elif effects[j] == 1:
            target[s] = action
        elif abs(target[s]) > action:
            target[s] = np.sign(target[s]) * action


@inner
def _propose(t, time, signed, candidate, confidence, target, certainty, slots, log, book):  # type: ignore[no-untyped-def]
    """Take the strategy's proposals of bar `t` as targets, and log those that say something new."""
    for s in range(target.shape[0]):
        weight = signed[t, s]
        target[s] = weight
        certainty[s] = _at(confidence, t, s)
        if candidate[t, s] or weight != slots[PROPOSED, s]:
            slots[PROPOSED, s] = weight
            _log(log, book, time[t], s, STRATEGY_STAGE, CANDIDATE if candidate[t, s] else 0, weight, certainty[s])


@inner
def _log_targets(t, time, target, slots, log, book):  # type: ignore[no-untyped-def]
    for s in range(target.shape[0]):
        if target[s] != slots[SAID, s]:
            slots[SAID, s] = target[s]
            _log(log, book, time[t], s, TARGET_STAGE, 0, target[s], book[EQUITY])


_R1 = types.Array(types.float64, 1, "C", readonly=True)
_R2 = types.Array(types.float64, 2, "C", readonly=True)
_R3 = types.Array(types.float64, 3, "C", readonly=True)
_RB1 = types.Array(types.boolean, 1, "C", readonly=True)
_RB2 = types.Array(types.boolean, 2, "C", readonly=True)
_RI1 = types.Array(types.int64, 1, "C", readonly=True)
_I1, _I2 = types.int64[::1], types.int64[:, ::1]
_B1, _B2, _B3 = types.boolean[::1], types.boolean[:, ::1], types.boolean[:, :, ::1]
MAX_COMPILED = 8

# What `request` says: how many rows, of which bar row, whom, and whether the bar has been opened.
ROWS, ROW, AGENT = range(3)


@small
def _news(t, signed, candidate, slots):  # type: ignore[no-untyped-def]
    """Whether the strategy says anything new at bar `t`."""
    for s in range(slots.shape[1]):
        if signed[t, s] != slots[PROPOSED, s] or candidate[t, s]:
            return True
    return False


@inner
def _advance(  # type: ignore[no-untyped-def]
    first_bar, time, opens, highs, lows, closes, signed, candidate, confidence, stop, take, may_add, rules, book, slots,
    asks, actions_given, given, market, sources, widths, effects, baselines, applied, every_bar, functions, function_of,
    held, faults, request, rows, observation, actions, fell_back, target, certainty, curve, orders, fills, log,
):  # fmt: skip
    """Go on from where `request` stands; return the agent that must be asked, or DRAIN."""
    n_symbols = slots.shape[1]
    n_agents = len(effects)
    t = request[ROW]
    j = request[AGENT]
    rests = rules[STOPS] > 0.0 and rules[RANGE] > 0.0
    looks = rules[HORIZON] > 0.0 or (rules[STOPS] > 0.0 and rules[RANGE] == 0.0)
    while t < closes.shape[0]:
        bar = first_bar + t
        if j < 0:
            if len(log) - book[N_DECISIONS] < n_symbols * (2 + n_agents) or len(fills) - book[N_FILLS] < 3 * n_symbols:
                break
            if book[WAITING] > 0.0:
                fill_waiting(t, bar, opens if rules[FILL] == NEXT_OPEN else closes, rules, book, slots, fills)
            if book[OPEN] > 0.0:
                if rests:
                    resting_exits(t, bar, opens, highs, lows, rules, book, slots, orders, fills)
                mark(t, closes, 1.0, book, slots)
            news = n_agents > 0 or _news(t, signed, candidate, slots)
            if news:
                _propose(t, time, signed, candidate, confidence, target, certainty, slots, log, book)
            j = 0
            answered = False
        else:
            news = True
            answered = True
        while j < n_agents:
            n = request[ROWS]
            if not answered:
                n = _lay_out(j, t, asks, given, market, sources, widths[j], signed, confidence, target, certainty, book, slots, rows, observation)
                fell_back[0] = False
                if n > 0 and given[j] != 0:
                    for i in range(n):
                        actions[i] = actions_given[j, t, rows[i]]
                elif n > 0 and function_of[j] >= 0:
                    functions[function_of[j]](observation[: n * widths[j]].reshape((n, widths[j])), actions[:n])
                elif n > 0:
                    request[ROWS] = n
                    request[ROW] = t
                    request[AGENT] = j
                    return j
            _take_actions(j, n, t, time, rows, actions, fell_back[0], effects, baselines, applied, every_bar, target, held, faults, log, book)
            _apply(j, effects, applied, every_bar, held, target)
            answered = False
            j += 1
        j = -1
        if news:
            _log_targets(t, time, target, slots, log, book)
        if book[HALTED] == 0.0:
            if book[EQUITY] <= book[PEAK] * (1.0 - rules[MAX_DRAWDOWN]):
                halt(bar, book, slots, orders)
            else:
                if book[OPEN] > 0.0 and looks:
                    close_exits(t, bar, closes, rules, book, slots, orders)
                if news or book[UNSETTLED] > 0.0 or rules[BAND] > 0.0:
                    order_targets(t, bar, closes, target, candidate, may_add[t], stop, take, rules, book, slots, orders)
            if book[WAITING] > 0.0 and rules[FILL] == SAME_CLOSE:
                fill_waiting(t, bar, closes, rules, book, slots, fills)
                mark(t, closes, 0.0, book, slots)
        curve[t, 0] = book[EQUITY]
        curve[t, 1] = book[CASH]
        curve[t, 2] = book[GROSS]
        curve[t, 3] = book[NET]
        t += 1
    request[ROW] = t
    request[AGENT] = -1
    return DRAIN


@entry(
    (
        types.int64, _RI1, _R2, _R2, _R2, _R2, _R2, _RB2, _R2, _R2, _R2, _RB1, _R1, _F1, _F2,
        _B3, _F3, _I1, _R3, _I2, _I1, _I1, _R1, _B2, _B1, types.UniTuple(DECIDE, MAX_COMPILED), _I1,
        _F2, _I1, _I1, _I1, _F1, _F1, _B1,
        _F2, from_dtype(ORDER_DTYPE)[::1], from_dtype(FILL_DTYPE)[::1], from_dtype(DECISION_DTYPE)[::1],
    )
)
def lockstep(  # type: ignore[no-untyped-def]
    first_bar, time, opens, highs, lows, closes, signed, candidate, confidence, stop, take, may_add, rules, book, slots,
    asks, actions_given, given, market, sources, widths, effects, baselines, applied, every_bar, functions, function_of,
    held, faults, request, rows, observation, actions, fell_back,
    curve, orders, fills, log,
):  # fmt: skip
    """Walk over the bars of a block, from row ``request[ROW]`` on; ends when the block does.

    Yields the number of the agent that has to decide on ``request[ROWS]`` rows laid out in `observation`, and
    goes on with what then stands in `actions`; or DRAIN when the buffers have to be emptied.
    """
    target = np.zeros(slots.shape[1])
    certainty = np.zeros(slots.shape[1])
    target[:] = slots[SAID]
    while request[ROW] < closes.shape[0]:
        yield _advance(
            first_bar, time, opens, highs, lows, closes, signed, candidate, confidence, stop, take, may_add, rules, book, slots,
            asks, actions_given, given, market, sources, widths, effects, baselines, applied, every_bar, functions, function_of,
            held, faults, request, rows, observation, actions, fell_back, target, certainty, curve, orders, fills, log,
        )  # fmt: skip
