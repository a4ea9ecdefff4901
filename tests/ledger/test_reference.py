"""The compiled kernel and the plain Python ledger agree on random cases with all rules on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import Case, random_case, walk
from ledger_reference import simulate

from darwin_core.ledger import REASONS


def compare(case: Case) -> int:
    """Compare orders, fills and the curve of both; return the number of fills."""
    walked = walk(case)
    curve, orders, fills = simulate(case)
    mine = walked.all("orders")
    assert [(o["bar"], o["symbol"], REASONS[o["reason"]]) for o in mine] == [(o[0], o[1], o[4]) for o in orders]
    theirs = walked.all("fills")
    assert [(f["bar"], f["symbol"], f["order"], REASONS[f["reason"]]) for f in theirs] == [
        (*f[:3], f[6]) for f in fills
    ]
    scale = case.execution.cash
    for name, at in (("quantity", 3), ("price", 4), ("fee", 5)):
        np.testing.assert_allclose(theirs[name], [f[at] for f in fills], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(walked.curve, curve, rtol=1e-9, atol=1e-9 * scale)
    return len(fills)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_kernel_and_reference_agree_with_all_rules_on(seed: int) -> None:
    compare(random_case(seed))


@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize("has_range", [True, False])
def test_every_reason_occurs_in_the_random_cases(fill: str, has_range: bool) -> None:
    seen = set()
    for seed in range(40):
        rules = {"stop": 0.03, "take_profit": 0.04, "horizon": 6, "max_drawdown": 0.15, "allow_short": True}
        case = random_case(seed, fill=fill, has_range=has_range, **rules)
        assert compare(case) > 0
        seen |= {REASONS[reason] for reason in walk(case).all("fills")["reason"]}
    assert seen == set(REASONS)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 20_000, 1000))
def test_kernel_and_reference_agree_on_many_cases(first: int) -> None:
    for seed in range(first, first + 1000):
        compare(random_case(seed))
