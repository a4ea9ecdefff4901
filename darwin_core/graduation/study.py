"""The study of the ladder: which made-up gates are tried, and the table of what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darwin_core.graduation.climb import NEVER
from darwin_core.graduation.simulate import Gate, Trial, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from darwin_core.graduation.simulate import Measured
    from darwin_core.types import Ints

CHANGE = 250
"""Day on which a gate's edge decays."""

WORTHLESS = (
    Trial("independent trades", Gate()),
    Trial("a day's trades correlated 0.3", Gate(shared=0.3)),
    Trial("a day's trades correlated 0.6", Gate(shared=0.6)),
    Trial("AR(1) from trade to trade 0.3", Gate(trade_to_trade=0.3)),
    Trial("AR(1) from trade to trade 0.6", Gate(trade_to_trade=0.6)),
    Trial("AR(1) from trade to trade 0.9", Gate(trade_to_trade=0.9)),
    Trial("days correlated 0.2, AR(1) from day to day 0.4", Gate(shared=0.2, day_to_day=0.4)),
    Trial("days correlated 0.6, AR(1) from day to day 0.6", Gate(shared=0.6, day_to_day=0.6)),
    Trial("overlapping 5 days, blocks of a day (wrong)", Gate(shared=0.6, held=5)),
    Trial("overlapping 5 days, blocks of 5 days", Gate(shared=0.6, held=5), block=5),
    Trial("harmful: -0.045 R a decision", Gate(edge=-0.045, shared=0.2)),
    Trial("retrained every 20 days", Gate(shared=0.2), retrained=20),
    Trial("retrained every 60 days", Gate(shared=0.2), retrained=60),
)
"""Gates without an edge: each promotion is false."""

BEYOND = (
    Trial("days correlated 0.6, AR(1) from day to day 0.9", Gate(shared=0.6, day_to_day=0.9)),
    Trial("the same, blocks of 5 days", Gate(shared=0.6, day_to_day=0.9), block=5),
    Trial("the same, blocks of 20 days", Gate(shared=0.6, day_to_day=0.9, days=1000), block=20),
    Trial("overlapping 20 days, blocks of a day", Gate(shared=0.6, held=20)),
    Trial("overlapping 20 days, blocks of 20 days", Gate(shared=0.6, held=20, days=1000), block=20),
)
"""Gates without an edge, beyond what blocks of a day are good for."""

EDGES = tuple(
    Trial(f"edge {edge:+.3f} R a decision", Gate(edge=edge, shared=0.2)) for edge in (0.02, 0.045, 0.09, 0.165)
)
"""Gates with an edge, and a day's trades correlated 0.2."""

DECAYS = tuple(
    Trial(f"edge +0.165, {later:+.3f} from day {CHANGE} on", Gate(0.165, later, CHANGE, days=750, shared=0.2))
    for later in (0.165, 0.0, -0.015, -0.045, -0.09, -0.18)
)
"""Gates whose edge changes after they have become active. The first one stays healthy."""


def delays(measured: Measured, change: int) -> tuple[Ints, float]:
    """Return days from the change to demotion of those active until then, and the share that was demoted before."""
    acted = measured.active <= change
    early = acted & (measured.demoted <= change)
    late = measured.demoted[acted & ~early]
    return np.where(late == NEVER, NEVER, late - change), float(early.sum() / max(acted.sum(), 1))


def quantile(days: Ints, share: float) -> str:
    """Return a quantile of days as text; a dash where it is never."""
    if not len(days):
        return "-"
    value = np.sort(days)[min(len(days) - 1, int(share * len(days)))]
    return "-" if value >= NEVER else f"{value:,}"


def table(measured: Callable[[Trial], Measured]) -> Iterator[str]:
    """Yield the study line by line.

    Parameters
    ----------
    measured
        Returns what became of a trial, such as ``lambda trial: measure(trial, 10_000, seed)``.
    """
    for title, trials in (("No edge", WORTHLESS), ("No edge, and blocks that foretell one another", BEYOND)):
        yield from ("", f"{title}: share of runs promoted within the days simulated")
        yield f"{'':52}{'canary':>8}{'active':>8}{'t-test':>8}{'floor broken':>14}  chance of so few at 5 %"
        for trial in trials:
            yield _false(trial.name, measured(trial))
    yield from ("", "Edge: days to promotion, of all runs, within 500 days")
    yield f"{'':52}{'canary':>8}{'median':>8}{'p75':>6}{'active':>8}{'median':>8}{'p75':>6}{'demoted':>9}"
    for trial in EDGES:
        yield _promotion(trial.name, measured(trial))
    yield from ("", f"Decay on day {CHANGE}: days to demotion of those that were active, within 500 days")
    yield f"{'':52}{'demoted':>9}{'p25':>6}{'median':>8}{'p75':>6}{'before':>8}"
    for trial in DECAYS:
        yield _demotion(trial.name, measured(trial))


def _false(name: str, measured: Measured) -> str:
    runs, promoted = len(measured.canary), int((measured.canary < NEVER).sum())
    canary, active, t_test = ((each < NEVER).mean() for each in (measured.canary, measured.active, measured.t_test))
    chance = at_most(promoted, runs, 0.05)
    return f"{name:52}{canary:8.2%}{active:8.2%}{t_test:8.1%}{measured.broken.mean():14.1%}  {chance:.1e}"


def _promotion(name: str, measured: Measured) -> str:
    line = f"{name:52}"
    for each in (measured.canary, measured.active):
        line += f"{(each < NEVER).mean():8.1%}{quantile(each, 0.5):>8}{quantile(each, 0.75):>6}"
    return line + f"{(measured.demoted < NEVER).mean():9.1%}"


def _demotion(name: str, measured: Measured) -> str:
    late, early = delays(measured, CHANGE)
    quarter, half, most = (quantile(late, each) for each in (0.25, 0.5, 0.75))
    return f"{name:52}{(late < NEVER).mean():9.1%}{quarter:>6}{half:>8}{most:>6}{early:8.2%}"
