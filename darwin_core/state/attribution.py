"""What an agent added to a backtest, or would have added, and how sure that is: in money, in R and in Sharpe.

Each has an interval of its own, all by drawing whole blocks of time with replacement (Efron 1979), with a fixed seed:

- money: the difference of the two accounts at the end, with the agent and without it, as the sum over blocks.
- Sharpe: the difference of the two accounts' ratios, both drawn from the same blocks, so that what the market does to
  both of them cancels.
- R: the mean worth of a decision against the baseline (`darwin_core.state.rewards`), applied or not, over the
  candidates whose outcome is known; None for an agent that does not decide at candidates, and without stops.

The accounts are valued at every bar, so blocks of a month are long enough for them however long positions are held;
a decision's worth is known at the end of its position, and its blocks are as long as nine of ten positions are held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict

from darwin_core import stats
from darwin_core.blocks import period
from darwin_core.lockstep import FALLBACK
from darwin_core.outcomes import UNRESOLVED, r_multiples
from darwin_core.standing import standing
from darwin_core.state import intervals
from darwin_core.state.intervals import DRAWS, LEAST_BLOCKS, LEVEL, SEED, Interval
from darwin_core.state.rewards import reward_r

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.assembly import AgentPart
    from darwin_core.engine import Result
    from darwin_core.types import Bools, Floats, Ints

_MONTH = 30 * 86_400 * 10**9


def attribution(
    result: Result, part: AgentPart, number: int, candidates: NDArray[Any], with_agent: Floats, without: Floats
) -> dict[str, Any]:
    """Return what an agent added.

    Parameters
    ----------
    result
        The backtest as it was deployed.
    part, number
        The agent, and its number among all, from 0.
    candidates
        All of them, as `Outcomes.all` returns them.
    with_agent, without
        (T,) equity with the agent acting and with its decisions left out.

    Returns
    -------
    dict
        money, sharpe and r: value, low, high, blocks and unit each, or None; resolved: on how many decisions r rests.
        Of an arm of an experiment also arm_r and arm_resolved: the same as r on its own symbols.
    """
    time, zone = result.time, result.line.feed.timezone
    held = _held(time, candidates)
    unit = intervals.unit_for(np.minimum(held, _MONTH))
    blocks = period(time, unit, zone)
    cash = result.line.settings.execution.cash
    added = np.diff(with_agent - without, prepend=0.0)
    worth, when, symbol = _worth(result, part, number, candidates)
    decided = intervals.unit_for(held)

    def mean(own: Bools) -> dict[str, Any] | None:
        return asdict(intervals.mean(worth[own], period(when[own], decided, zone), decided)) if own.any() else None

    arm = {}
    if part.arm is not None:
        own = part.arm.has(result.symbols)[symbol]
        arm = {"arm_r": mean(own), "arm_resolved": int(own.sum())}
    return {
        "money": asdict(intervals.total(added, blocks, unit)),
        "sharpe": _plain(_sharpe(time, (with_agent, without), cash, blocks, unit)),
        "r": mean(np.ones(len(worth), np.bool_)),
        "resolved": len(worth),
        **arm,
    }


def _plain(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else asdict(interval)


def _held(time: Ints, candidates: NDArray[Any]) -> Floats:
    """Return how long each candidate with an outcome was followed, ns."""
    done = candidates[candidates["reason"] != UNRESOLVED]
    held: Floats = (time[done["exit_bar"]] - time[done["bar"]]).astype(np.float64)
    return held


def _worth(result: Result, part: AgentPart, number: int, candidates: NDArray[Any]) -> tuple[Floats, Ints, Ints]:
    """Return what each decision about a candidate was worth, in R, where that is known, and when and on what."""
    none = np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
    if part.agent.when != "candidate":
        return none
    log = result.decisions[result.decisions["stage"] == number + 1]
    n = len(result.symbols)
    places = candidates["bar"] * n + candidates["symbol"]  # ascending: in the order of bars and symbols
    mine = np.searchsorted(result.time, log["time"]) * n + log["symbol"]
    at = np.minimum(np.searchsorted(places, mine), max(len(places) - 1, 0))
    if not len(places):
        return none
    r = r_multiples(candidates, result.line.settings.execution.fee)[at]
    known = np.flatnonzero((places[at] == mine) & np.isfinite(r))
    of_one, stood = result.line.limits, standing(result.line.agents, number, result.decisions)
    worth = np.zeros(len(known))
    departs = (log["value"] != stood) & (log["flags"] & FALLBACK == 0)
    for i in np.flatnonzero(departs[known]).tolist():
        row, about = log[known[i]], candidates[at[known[i]]]
        found = reward_r(
            part.agent.effect, float(row["extra"]), float(row["value"]), float(stood[known[i]]), float(about["side"]),
            of_one.max_weight, of_one.allow_short, float(r[known[i]]), float(about["weight"]),
        )  # fmt: skip
        worth[i] = np.nan if found is None else found
    told = np.isfinite(worth)
    return worth[told], log["time"][known][told], log["symbol"][known][told].astype(np.int64)


def _sharpe(time: Ints, both: tuple[Floats, Floats], cash: float, blocks: Ints, unit: str) -> Interval | None:
    """Return the difference of two accounts' annualised Sharpe ratios (Sharpe 1994); None where one has none."""
    figures = [stats.curve_stats(time, equity, cash)["sharpe"] for equity in both]
    value = figures[0] - figures[1]
    if not np.isfinite(value):
        return None
    numbers = np.unique(blocks, return_inverse=True)[1]
    counts = np.bincount(numbers).astype(np.float64)
    n = len(counts)
    if n < LEAST_BLOCKS:
        return Interval(value, float("nan"), float("nan"), n, unit)
    drawn = np.random.default_rng(SEED).integers(0, n, (DRAWS, n))
    per_year = max(len(time) - 1, 1) / stats.years_of(time)
    one, other = (_drawn_ratios(_returns(equity, cash), numbers, counts, drawn, per_year) for equity in both)
    low, high = np.nanquantile(one - other, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(value, float(low), float(high), n, unit)


def _returns(equity: Floats, cash: float) -> Floats:
    before = np.concatenate([[cash], equity[:-1]])
    returns: Floats = np.divide(equity, before, out=np.ones(len(equity)), where=before > 0.0) - 1.0
    return returns


def _drawn_ratios(returns: Floats, numbers: Ints, counts: Floats, drawn: Ints, per_year: float) -> Floats:
    """Return the Sharpe ratio of each draw of blocks, (DRAWS,), from the blocks' own sums."""
    centre = returns.mean()  # the variance as a difference of sums loses nothing when they are small
    sums, squares = (np.bincount(numbers, each) for each in (returns - centre, (returns - centre) ** 2))
    bars, first, second = (np.asarray(each, np.float64)[drawn].sum(axis=1) for each in (counts, sums, squares))
    mean = first / bars
    variance = np.maximum(second / bars - mean**2, 0.0) * bars / np.maximum(bars - 1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: Floats = np.where(variance > 0.0, (mean + centre) / np.sqrt(variance), np.nan) * np.sqrt(per_year)
    return ratios
