"""Plugins that are right: the audit has nothing to say, however often it asks."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("seed", range(2))
def test_a_right_plugin_raises_no_alarm_in_a_full_audit(herd, seed):
    result = herd.backtest(seed=seed, count=(3, 1)[seed % 2], audit="full")
    names = [each.component for each in result.audited]
    assert any((f"'{herd.column}'" if herd.kind == "column" else herd.name) in name for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_a_right_plugin_raises_no_alarm_for_any_seed(herd, seed):
    for count in (3, 1):
        herd.backtest(seed=seed, count=count, audit="full")


def test_the_audit_changes_nothing(herd):
    off, cheap = (herd.backtest(seed=5, audit=audit) for audit in ("off", "cheap"))
    assert off.digest == cheap.digest
    assert off.fills.tobytes() == cheap.fills.tobytes()
    assert off.incidents == cheap.incidents
    assert off.audited == ()
    assert all(each.prefixes > 0 for each in cheap.audited)
