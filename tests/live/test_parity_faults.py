"""Whatever goes wrong in a session: it repeats, and no difference from its backtest is without a cause."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import parity_cases as cases
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darwin_core.live.parity import Parity, parity
from darwin_core.live.replaying import replay

SEEDS = int(os.environ.get("DARWIN_PARITY_SEEDS", "300"))


def trade(seed: int) -> tuple[Parity, bool]:
    """Trade with what a seed draws; return what parity says, and whether the session repeats."""
    changes, made, stop = cases.schedule(seed)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv(cases.REHEARSE, "1")
        session = cases.trade(cases.deployment(Path(folder) / "x", **made), changes, stop=stop)
        patch.delenv(cases.REHEARSE)
        return parity(session), replay(session).equal


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**31))
def test_no_difference_is_unexplained(seed: int) -> None:
    found, repeats = trade(seed)
    assert found.unexplained == ()
    assert repeats
    assert found.equal == (found.backtest == found.live and not found.differences)


@pytest.mark.slow
def test_a_campaign_of_faults_leaves_nothing_unexplained(capsys: pytest.CaptureFixture[str]) -> None:
    causes: Counter[str] = Counter()
    rows = equal = repeated = bars = 0
    for seed in range(SEEDS):
        found, repeats = trade(seed)
        assert found.unexplained == (), seed
        assert repeats, seed
        causes.update(each.cause for each in found.differences)
        bars, rows = bars + found.bars, rows + found.differing
        equal, repeated = equal + found.equal, repeated + repeats
    with capsys.disabled():
        made = ", ".join(f"{cause} {count:,}" for cause, count in causes.most_common())
        said = (
            f"{SEEDS:,} sessions, {bars:,} bars: {equal:,} equal to their backtests, {repeated:,} repeat byte for byte"
        )
        print(f"\n{said}\n{rows:,} rows of decision logs differ; {causes.total():,} causes: {made}; unexplained 0")  # noqa: T201
