"""The way of a bar, compiled: fills, proposals, agents' decisions, targets, orders, one bar after another.

`walk` runs the compiled `lockstep` over the bars of a block: a backtest over many, live over one, the same machine
code. It runs on its own as long as nobody must be asked: an agent in Python is called back with the rows laid out
for it, a compiled agent is called by its address.

The decision log is written here and nowhere else: strategy rows, agents' rows, target rows, in the order in
which they happen, so that its bytes do not depend on how the work was cut up.
"""

# ruff: noqa: PLR0917 - compiled functions take their arguments one by one

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from darwin_core import compiled
from darwin_core.compiled import c_function, compiled_function, entry, fetch, fixed, inlined, inner, pasted, records
from darwin_core.ledger import (
    BOOK_DTYPE,
    FILL_DTYPE,
    FILLS_A_BAR,
    ORDER_DTYPE,
    ORDERS_A_BAR,
    RULES_DTYPE,
    SLOT_DTYPE,
    TERMS_DTYPE,
    close_bar,
    limited,
    open_bar,
    rescale,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darwin_core.types import Floats

DECISION_DTYPE = np.dtype(
    [("time", "<i8"), ("symbol", "<i4"), ("stage", "<i2"), ("flags", "<i2"), ("value", "<f8"), ("extra", "<f8")]
)
STRATEGY_STAGE, TARGET_STAGE = np.array([0, 99])  # agents are stages 1, 2, ... in the order of the deployment
NO_FLAG, CANDIDATE, APPLIED, FALLBACK, LIMITED = np.array([0, 1, 2, 4, 8])  # flags of a decision row

EFFECTS = {"scale": 0, "target": 1, "cap": 2}
WHENS = {"candidate": 0, "bar": 1, "time": 2}
"""When an agent decides: at candidates, at every bar, or at the first bar of each hour, day, ..."""
AT_CANDIDATES, AT_BARS = 0, 1

GIVEN, IN_VAIN = 1, 2
"""Whether an agent's actions of the whole block are there, or it was asked for them in vain; 0: it is asked here."""

AGENT_DTYPE = np.dtype(
    [
        ("width", "i8"),
        ("effect", "i8"),
        ("when", "i8"),
        ("given", "i8"),
        ("compiled", "i8"),
        ("baseline", "f8"),
        ("stand_in", "i8"),
        ("window", "i8"),
        ("most", "i8"),
    ]
)
"""One agent: the width of its observation, EFFECTS, when it decides, whether its actions are given, the address of its
compiled function or 0, the action that stands in for those that are refused, the number of the earlier agent whose
decision stands in instead or -1, and how many departures from what stands in may be applied in how many decisions in a
row; a window of 0 is no limit."""
AT, COUNT, BITS = 0, 1, 2
"""What an agent's row of `windows` holds: the place of the oldest decision, the departures applied, and from BITS on
one number for each decision of the window: whether it was an applied departure."""

DRAIN = -1
"""Asked instead of an agent when the buffers have to be emptied."""
STOPPED, ANSWERED, FELL_BACK = range(3)
"""What asking comes to. A callback that is interrupted before it can answer has returned 0."""

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
AGENT_PREFIX = "agent."
"""``agent.NAME`` is what the earlier agent NAME has decided, or its baseline: codes below those of LIVE_COLUMNS."""
_N_LIVE = len(LIVE_COLUMNS)
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
DECIDE = types.void(_F2, _F1)
"""The signature of a compiled agent: writes actions (N,) for observations (N, F)."""

call_agent = compiled_function(DECIDE)
call_python = c_function(types.int64(types.int64, types.int64, types.int64))


@inner
def _log(log, book, time, s, stage, flags, value, extra):
    row = log[int(book.n_decisions)]
    row.time = time
    row.symbol = s
    row.stage = stage
    row.flags = flags
    row.value = value
    row.extra = extra
    book.n_decisions += 1


@pasted
def _sign(x):
    return (1.0 if x > 0.0 else 0.0) - (1.0 if x < 0.0 else 0.0)


@pasted
def _at(values, t, s):
    """Read an array that is (T, S), or (1, 1) when it is the same everywhere."""
    return values[t, s] if values.size > 1 else values[0, 0]


@pasted
def _signed(side, weight, t, s):
    """Return a proposal's signed target weight; the weight of a flat cell means nothing."""
    way, size = side[t, s], _at(weight, t, s)
    target = way * size  # before it is known whether it counts: a branch would be guessed wrong
    return target if way != 0 else 0.0


@pasted
def _word(k, s, agents, held):
    """Return what agent `k` has decided for symbol `s`, or its baseline."""
    said = held[k, s]
    return said if said == said else agents[k].baseline


@pasted
def _standing(agent, s, agents, held):
    """Return what stands in for the agent on symbol `s`."""
    return _word(agent.stand_in, s, agents, held) if agent.stand_in >= 0 else agent.baseline


@inlined
def _live_value(which, confidence, book, slot, term):
    """Return the value of LIVE_COLUMNS[which]."""
    if which == 0:
        return _sign(slot.target)
    if which == 1:
        return abs(slot.target)
    if which == 3:
        return _sign(slot.proposed)
    if which == 4:
        return abs(slot.proposed)
    if which <= 5:
        return confidence  # no effect changes it, so the proposal's is the strategy's
    if which == 7:
        return 1.0 - book.equity / book.peak
    if which == 11:
        return (slot.last / term.entry - 1.0) * _sign(slot.position) if slot.position != 0.0 else 0.0
    if which == 12:
        return term.age if slot.position != 0.0 else 0.0
    if which == 6:
        money = book.cash
    elif which == 8:
        money = book.gross
    elif which == 9:
        money = book.net
    else:
        money = slot.position * slot.last
    return money / (book.equity if book.equity > 0.0 else 1.0)


@inlined
def _lay_out(
    j, t, time, agents, asks, candidate, market, sources, confidence, applied, held, log, book, slots, terms,
    rows, observation,
):  # fmt: skip
    """Write the rows on which agent `j` is asked at bar `t`; return how many."""
    agent = agents[j]
    n = 0
    at = 0
    for s in range(len(slots)):
        if asks[j, t, s]:
            rows[n] = s
            n += 1
            if agent.given == 0:
                for f in range(agent.width):
                    code = sources[j, f]
                    if code >= 0:
                        observation[at] = market[t, s, code]
                    elif code < -_N_LIVE:
                        observation[at] = _word(-1 - _N_LIVE - code, s, agents, held)
                    else:
                        observation[at] = _live_value(-1 - code, _at(confidence, t, s), book, slots[s], terms[s])
                    at += 1
        elif agent.when == AT_CANDIDATES and candidate[t, s]:
            # It cannot be asked about this candidate, and what it said of the last one is over.
            held[j, s] = _standing(agent, s, agents, held)
            flags = FALLBACK | APPLIED if applied[j, s] else FALLBACK
            _log(log, book, time, s, j + 1, flags, held[j, s], slots[s].target)
    return n


@pasted
def _sane(action, effect):
    return abs(action) < np.inf and (effect == 1 or action >= 0.0)


@pasted
def _admit(j, agent, departs, windows):
    """Count a decision of agent `j`; return whether it stands."""
    window = windows[j]
    at = window[AT]
    count = window[COUNT] - window[BITS + at]
    stands = not departs or count < agent.most
    spent = 1 if departs and stands else 0
    window[BITS + at] = spent
    window[COUNT] = count + spent
    window[AT] = (at + 1) % agent.window
    return stands


@pasted
def _take_actions(
    j, n, time, agent, agents, rows, actions, fell_back, applied, held, faults, windows, log, book, slots
):  # fmt: skip
    """Hold the actions of agent `j` for its rows, a bad one replaced by what stands in, and log them.

    A departure from what stands in that is one too many for its window is logged and not held.
    """
    for i in range(n):
        s = rows[i]
        action = actions[i]
        standing = _standing(agent, s, agents, held)
        flags = APPLIED if applied[j, s] else NO_FLAG
        if fell_back or not _sane(action, agent.effect):
            action = standing
            flags |= FALLBACK
            faults[j] += 0 if fell_back else 1
        if applied[j, s] and agent.window > 0 and not _admit(j, agent, action != standing, windows):
            flags = LIMITED
            _log(log, book, time, s, j + 1, flags, action, slots[s].target)
            action = standing
        elif agent.when != AT_BARS or action != held[j, s]:
            _log(log, book, time, s, j + 1, flags, action, slots[s].target)
        held[j, s] = action


@pasted
def _apply(j, agent, applied, held, slots):
    """Change the targets as agent `j` decided, where it is allowed to act and a decision stands."""
    for s in range(len(slots)):
        action = held[j, s]
        target = slots[s].target
        if not applied[j, s] or action != action:
            continue
        if agent.when != AT_BARS and target == 0.0:
            continue  # its candidate is over: there is nothing to scale, replace or cap
        if agent.effect == 0:
            slots[s].target = target * action
        elif agent.effect == 1:
            slots[s].target = action
        elif abs(target) > action:
            slots[s].target = action if target > 0.0 else -action


@pasted
def _propose(t, time, side, weight, candidate, confidence, slots, log, book):
    """Take the strategy's proposals of bar `t` as targets and log what is new; return if anything is, any candidate."""
    news = candidates = False
    for s in range(len(slots)):
        slot = slots[s]
        proposed = _signed(side, weight, t, s)
        slot.target = proposed
        if candidate[t, s] or proposed != slot.proposed:
            news = True
            candidates |= candidate[t, s]
            slot.proposed = proposed
            flags = CANDIDATE if candidate[t, s] else NO_FLAG
            _log(log, book, time, s, STRATEGY_STAGE, flags, proposed, _at(confidence, t, s))
    return news, candidates


@pasted
def _keep_proposals(slots):
    """Take the proposals of the bar before as targets again, which agents may have changed."""
    for s in range(len(slots)):
        slots[s].target = slots[s].proposed


@pasted
def _next_news(t, news, time, opens):
    """Return the first row from `t` on that holds news, or the number of rows; what that bar reads is sent for."""
    while t < len(news) and not news[t]:
        t += 1
    if t < len(news):  # such bars lie far apart in memory, and nothing else would see them coming
        fetch(time, t)
        fetch(opens, min(t + 1, len(news) - 1) * opens.shape[1])
    return t


@pasted
def _log_targets(time, rules, slots, log, book):
    """Log the targets that are new, and bring all of them together within the gross limit; return if any are."""
    gross = 0.0
    news = False
    for s in range(len(slots)):
        slot = slots[s]
        target = slot.target
        gross += abs(limited(target, rules))
        if target != slot.said:
            news = True
            slot.said = target
            _log(log, book, time, s, TARGET_STAGE, NO_FLAG, target, book.equity)
    rescale(gross, rules, book)
    return news


@inner
def _coast(closes, curve, rules, book, slot, term):
    """Take one symbol's account through bars on which nothing but its price is new; return how many.

    What `open_bar` and `close_bar` come to on such bars, in registers. All of them, or those before a drawdown that
    is too large.
    """
    cash, peak, position, last = book.cash, book.peak, slot.position, slot.last
    floor = 1.0 - rules.max_drawdown if book.halted == 0.0 else -np.inf
    done, aged, net = 0, 0, book.net
    while done < len(closes):
        price = closes[done, 0]
        there = price == price
        now = position * (price if there else last)
        high = max(peak, cash + now)
        if cash + now <= high * floor:
            break
        last = price if there else last
        aged += there
        net, peak = now, high
        row = curve[done]
        row[0], row[1], row[2], row[3] = cash + now, cash, abs(now), now
        done += 1
    if position != 0.0:
        slot.last = last
        term.age += aged
        book.peak, book.equity, book.gross, book.net = peak, cash + net, abs(net), net
    return done


_PRICES = fixed(types.float64, 2)


@entry(
    types.boolean(
        types.int64, types.int64, fixed(types.int64, 1), _PRICES, _PRICES, _PRICES, _PRICES,
        fixed(types.int8, 2), _PRICES, fixed(types.boolean, 2), fixed(types.boolean, 1),
        _PRICES, _PRICES, _PRICES, fixed(types.boolean, 1),
        records(RULES_DTYPE), records(BOOK_DTYPE), records(SLOT_DTYPE), records(TERMS_DTYPE),
        records(AGENT_DTYPE), types.boolean[:, :, ::1], _F3, fixed(types.float64, 3), types.int64[:, ::1],
        types.boolean[:, ::1], _F2, types.int64[::1], types.int64[:, ::1], types.int64[::1], _F1, _F1,
        _F2, records(ORDER_DTYPE), records(FILL_DTYPE), records(DECISION_DTYPE),
    ),
    allocates=False,
)  # fmt: skip
def lockstep(
    ask, first_bar, time, opens, highs, lows, closes,
    side, weight, candidate, news, confidence, stop, take, may_add,
    rules, book, slots, terms,
    agents, asks, actions_given, market, sources, applied, held, faults, windows, rows, observation, actions,
    curve, orders, fills, log,
):  # fmt: skip
    """Walk over the bars of a block; return whether it came to the end."""
    rules, book = rules[0], book[0]
    n_symbols, n_agents = len(slots), len(agents)
    room = n_symbols * (2 + n_agents), n_symbols * FILLS_A_BAR, n_symbols * ORDERS_A_BAR
    if len(log) < room[0] or len(fills) < room[1] or len(orders) < room[2]:
        raise ValueError("the buffers do not hold one bar")
    stops = rules.stops != 0.0
    for s in range(n_symbols):  # positions and orders of an earlier block may have exits though this one's have none
        term = terms[s]
        stops |= term.stop > 0.0 or term.take > 0.0 or term.order_stop > 0.0 or term.order_take > 0.0
    rests = stops and rules.has_range != 0.0
    looks = rules.horizon > 0.0 or (stops and rules.has_range == 0.0)
    calm = n_agents == 0 and n_symbols == 1 and not rests and not looks and rules.band == rules.outside == 0.0
    t = soon = 0
    later = _next_news(1, news, time, opens)
    while t < len(closes):
        if t < soon and calm and book.waiting == 0.0 and book.unsettled == 0.0:
            t += _coast(closes[t:soon], curve[t:soon], rules, book, slots[0], terms[0])
            if t == len(closes):
                break
        bar = first_bar + t
        if (
            len(log) - book.n_decisions < room[0]
            or len(fills) - book.n_fills < room[1]
            or len(orders) - book.n_orders < room[2]
        ) and call_python(ask, DRAIN, t, 0) == STOPPED:
            return False
        open_bar(t, bar, opens, highs, lows, closes, rests, rules, book, slots, terms, orders, fills)
        fresh = candidates = False
        if t == soon:
            fresh, candidates = _propose(t, time[t], side, weight, candidate, confidence, slots, log, book)
            soon, later = later, _next_news(later + 1, news, time, opens)
        elif n_agents > 0:
            _keep_proposals(slots)
        for j in range(n_agents):
            agent = agents[j]
            n = _lay_out(
                j, t, time[t], agents, asks, candidate, market, sources, confidence, applied, held, log, book, slots,
                terms, rows, observation,
            )  # fmt: skip
            answer = FELL_BACK if agent.given == IN_VAIN else ANSWERED
            if n > 0 and agent.given != 0:
                for i in range(n):
                    actions[i] = actions_given[j, t, rows[i]]
            elif n > 0 and agent.compiled != 0:
                width = agent.width
                if call_agent(agent.compiled, observation[: n * width].reshape((n, width)), actions[:n]):
                    for i in range(n):
                        actions[i] = np.nan  # it failed: what it has written is no action
            elif n > 0:
                answer = call_python(ask, j, t, n)
                if answer == STOPPED:
                    return False
            fell_back = answer == FELL_BACK
            _take_actions(
                j, n, time[t], agent, agents, rows, actions, fell_back, applied, held, faults, windows, log, book, slots
            )
            _apply(j, agent, applied, held, slots)
        if fresh or n_agents > 0:
            fresh = candidates | _log_targets(time[t], rules, slots, log, book)
        add = may_add[t]
        close_bar(t, bar, closes, candidate, add, stop, take, looks, fresh, rules, book, slots, terms, orders, fills)
        row = curve[t]
        row[0], row[1], row[2], row[3] = book.equity, book.cash, book.gross, book.net
        t += 1
    return True


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def walk(
    ask: Callable[[int, int, int], bool], market: Sequence[Any], account: Sequence[Floats], others: Sequence[Any]
) -> None:
    """Run `lockstep` over a block.

    Parameters
    ----------
    ask
        Called as ``ask(agent, row, n)`` when an agent has to decide on the `n` rows laid out for it: it leaves its
        actions in `actions` and returns True, or False when the baseline has to stand in for them. Called with
        DRAIN as the agent when the buffers have to be emptied, and once more at the end.
    market, others
        The arguments of `lockstep` before and after the account.
    account
        Rules, book and slots, as `darwin_core.ledger` makes them.

    Raises
    ------
    BaseException
        Whatever `ask` raises, at the bar at which it does.
    """
    raised: list[BaseException] = []

    def asked(agent: int, row: int, n: int) -> int:
        try:
            return int(ANSWERED if ask(agent, row, n) else FELL_BACK)
        except BaseException as error:  # noqa: BLE001 - it goes on below, once the compiled loop has returned
            raised.append(error)
            return int(STOPPED)

    callback = _CALLBACK(asked)
    rules, book, slots = account
    records = rules.view(RULES_DTYPE), book.view(BOOK_DTYPE), *split(slots)
    address = ctypes.c_void_p.from_buffer(callback).value  # `ctypes.cast` would make a circle of references
    if not lockstep(address, *market, *records, *others):
        raise raised[0] if raised else KeyboardInterrupt
    ask(int(DRAIN), 0, 0)


def address_of(agent_function: Any) -> int:
    """Return the address of a compiled agent for `Panel`; numba compiles it, and raises its own errors."""
    return compiled.address_of(agent_function, DECIDE)
