"""The honest table: what a policy was worth against its baseline, with intervals, and what it would cost to do more.

All figures are in R of the candidate as it was proposed, per decision, the decisions that stay with the baseline
included. Intervals are percentiles of a bootstrap that draws whole blocks of time (Efron 1979; blocks as long as nine
of ten holding times), for what is decided in the same days shares their market.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core.blocks import period
from darwin_core.state.intervals import unit_for
from darwin_core.training.choosing import best_other, choose
from darwin_core.training.task import sizes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.training.task import Examples, Task
    from darwin_core.types import Bools, Floats, Ints

DRAWS, SEED, LEAST_BLOCKS = 2_000, 20_240_601, 10
LEVEL = 0.95
CURVE = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8)
_CELLS = 500_000


@frozen(eq=False)
class Judged:
    """Examples of one window, and what a policy says of them.

    Parameters
    ----------
    rewards
        (N, A) what each action was worth.
    scores
        (N, A) the policy's.
    allowed
        (N, A) or None.
    """

    examples: Examples
    rewards: Floats
    scores: NDArray[np.float32]
    allowed: Bools | None
    baseline: int

    def chosen(self, threshold: float) -> NDArray[np.intp]:
        """Return the chosen action numbers, (N,)."""
        return choose(self.scores, self.baseline, threshold, self.allowed)

    def uplift(self, chosen: NDArray[np.intp]) -> Floats:
        """Return what each choice added to the baseline, (N,) R."""
        rows = np.arange(len(chosen))
        return self.rewards[rows, chosen] - self.rewards[:, self.baseline]

    def leads(self) -> Floats:
        """Return each row's lead of the best other action over the baseline, (N,)."""
        return best_other(self.scores, self.baseline, self.allowed)[1]


def blocks_of(examples: Examples) -> tuple[Ints, str]:
    """Return the number of each example's block of time, (N,), and how long a block is."""
    unit = unit_for((examples.resolved - examples.time).astype(np.float64))
    return period(examples.time, unit, examples.timezone), unit


def bootstrap(statistic: Any, columns: NDArray[Any], blocks: Ints, level: float) -> tuple[float, float]:
    """Return the ends of a percentile interval of a statistic of block sums; NaN with fewer than 10 blocks.

    Parameters
    ----------
    statistic
        Called with sums over drawn rows, (D, C), returns (D,).
    columns
        (N, C) what is summed up.
    blocks
        (N,) the block of each row; blocks are drawn whole, with replacement.
    """
    numbers = np.unique(blocks, return_inverse=True)[1]
    sums = np.stack([np.bincount(numbers, column) for column in columns.T], axis=1)
    n = len(sums)
    if n < LEAST_BLOCKS:
        return float("nan"), float("nan")
    rng = np.random.default_rng(SEED)
    found = np.empty(DRAWS)
    step = max(1, _CELLS // n)
    for start in range(0, DRAWS, step):
        drawn = rng.integers(0, n, (min(step, DRAWS - start), n))
        found[start : start + len(drawn)] = statistic(sums[drawn].sum(axis=1))
    low, high = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def table(judged: Judged, task: Task, threshold: float, level: float = LEVEL) -> dict[str, Any]:
    """Return a window's figures, JSON-able; what cannot be said is None.

    `baseline_r`, `policy_r` and `uplift_r` are what the task says that decisions are worth, which may count variance or
    a cost; `baseline_earned_r` and `earned_r` are the sizes times the outcomes and nothing else.
    """
    examples, baseline = judged.examples, judged.baseline
    chosen = judged.chosen(threshold)
    rows = np.arange(len(chosen))
    sizes = sizes_of(task, examples)
    mine, theirs = sizes[rows, chosen], sizes[:, baseline]
    gains = judged.uplift(chosen)
    standing = judged.rewards[:, baseline]
    blocks, unit = blocks_of(examples)
    ones = np.ones(len(gains))
    mean = np.column_stack([gains, ones])
    low, high = bootstrap(lambda s: s[:, 0] / s[:, 1], mean, blocks, level)
    changed = chosen != baseline
    won = examples.outcome > 0.0
    less = mine < theirs
    deviating = gains[changed & (gains != 0.0)]
    facts = {
        "decisions": len(gains),
        "blocks": len(np.unique(blocks)),
        "block": unit,
        "level": level,
        "baseline_r": standing.mean(),
        "policy_r": (standing + gains).mean(),
        "uplift_r": gains.mean(),
        "uplift_low": low,
        "uplift_high": high,
        "baseline_earned_r": (theirs * examples.outcome).mean(),
        "earned_r": (mine * examples.outcome).mean(),
        "changed": changed.mean(),
        "skipped": (mine == 0.0).mean(),
        "winners_reduced": (less & won).sum() / won.sum() if won.any() else None,
        "losers_reduced": (less & ~won).sum() / (~won).sum() if (~won).any() else None,
        "right_when_changed": (deviating > 0.0).mean() if len(deviating) else None,
        "auc": auc(-judged.leads(), standing > judged.rewards[:, 1 - baseline]) if len(task.actions) == 2 else None,
        **_sharpe(examples, mine, theirs, blocks, level),
    }
    return {name: _plain(value) for name, value in facts.items()}


def _sharpe(examples: Examples, sizes: Floats, standing: Floats, blocks: Ints, level: float) -> dict[str, Any]:
    """Return mean over deviation per trade, of the sizes and of the baseline's; it does not depend on the mean size."""
    mine, theirs = sizes * examples.outcome, standing * examples.outcome
    n = np.ones(len(mine))
    columns = np.column_stack([mine, mine**2, theirs, theirs**2, n])

    def ratio(s: Floats, at: int) -> Floats:
        mean = s[:, at] / s[:, 4]
        variance = s[:, at + 1] / s[:, 4] - mean**2
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.where(variance > 1e-12, mean / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
        return found

    total = columns.sum(axis=0, keepdims=True)
    low, high = bootstrap(lambda s: ratio(s, 0) - ratio(s, 2), columns, blocks, level)
    order = np.argsort(examples.resolved, kind="stable")
    return {
        "sharpe_per_trade": float(ratio(total, 0)[0]),
        "baseline_sharpe_per_trade": float(ratio(total, 2)[0]),
        "sharpe_uplift": float((ratio(total, 0) - ratio(total, 2))[0]),
        "sharpe_uplift_low": low,
        "sharpe_uplift_high": high,
        "drawdown_r": _drawdown(mine[order]),
        "baseline_drawdown_r": _drawdown(theirs[order]),
    }


def _drawdown(gains: Floats) -> float:
    total = np.concatenate([[0.0], np.cumsum(gains)])
    return float((np.maximum.accumulate(total) - total).max())


def curve(judged: Judged, task: Task) -> list[dict[str, Any]]:
    """Return what leaving the baseline more or less often would have meant: shares changed to winners reduced and R.

    Each point takes the rows with the highest leads, whether or not the policy itself would have left the baseline.
    """
    best, lead = best_other(judged.scores, judged.baseline, judged.allowed)
    sizes, rows = sizes_of(task, judged.examples), np.arange(len(lead))
    usable = np.flatnonzero(np.isfinite(lead))
    order = usable[np.argsort(-lead[usable], kind="stable")]
    won = judged.examples.outcome > 0.0
    points = []
    for share in CURVE:
        taken = order[: round(share * len(lead))]
        chosen = np.full(len(lead), judged.baseline)
        chosen[taken] = best[taken]
        less = sizes[rows, chosen] < sizes[:, judged.baseline]
        points.append(
            {
                "changed": float((chosen != judged.baseline).mean()),
                "winners_reduced": _plain((less & won).sum() / won.sum() if won.any() else None),
                "uplift_r": float(judged.uplift(chosen).mean()),
                "threshold": _plain(float(lead[taken[-1]]) if len(taken) else None),
            }
        )
    return points


def threshold_for(judged: Judged, task: Task, most_changed: float, most_winners: float) -> float:
    """Return the smallest threshold from 0 up that keeps to the caps on these rows.

    Parameters
    ----------
    most_changed
        Largest share of decisions that differ from the baseline.
    most_winners
        Largest share of winners that are skipped or reduced.
    """
    best, lead = best_other(judged.scores, judged.baseline, judged.allowed)
    won = judged.examples.outcome > 0.0
    sizes = sizes_of(task, judged.examples)
    less = won & (sizes[np.arange(len(best)), best] < sizes[:, judged.baseline])
    above = np.sort(lead[lead > 0.0])
    levels = np.unique(np.concatenate([[0.0], above]))
    changed = len(above) - np.searchsorted(above, levels, side="right")
    winners = np.sort(lead[less & (lead > 0.0)])
    reduced = len(winners) - np.searchsorted(winners, levels, side="right")
    kept = (changed <= most_changed * len(lead)) & (reduced <= most_winners * won.sum())
    return float(levels[np.argmax(kept)])  # the last level keeps to any cap: nothing is beyond it


def auc(scores: Floats, positive: Bools) -> float | None:
    """Return the area under the ROC curve: the chance that a winner has a higher score than a loser, ties halved."""
    known = np.isfinite(scores)
    scores, positive = scores[known], positive[known]
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((ranks[positive].sum() - n * (n + 1) / 2.0) / (n * m))


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
