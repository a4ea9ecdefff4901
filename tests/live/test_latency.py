from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core.live.coding import decode, encode
from darwin_core.live.errors import JournalError
from darwin_core.live.latency import BUCKETS, HIGH, LOW, Histogram, Stages
from darwin_core.live.safemode import Snapshot, Triggers, latency
from darwin_core.live.schema import Latency

ON_SCALE = st.floats(LOW, HIGH, exclude_max=True) | st.floats(-6, 3, exclude_max=True).map(lambda e: 10.0**e)
ANY = st.floats(allow_nan=True, allow_infinity=True)


def counted(values):
    histogram = Histogram()
    for each in values:
        histogram.add(each)
    return histogram


@given(st.lists(ON_SCALE, min_size=1, max_size=200), st.floats(0, 1))
def test_every_quantile_is_within_two_per_cent(values, q):
    exact = float(np.quantile(values, q, method="inverted_cdf"))
    assert counted(values).quantile(q) == pytest.approx(exact, rel=0.02)


def test_quantiles_of_many_lognormal_latencies_are_within_two_per_cent():
    values = np.random.default_rng(7).lognormal(math.log(2e-3), 1.5, 20_000)
    histogram = counted(values.tolist())
    for q in (0.01, 0.5, 0.9, 0.99, 0.999, 1.0):
        exact = float(np.quantile(values, q, method="inverted_cdf"))
        assert histogram.quantile(q) == pytest.approx(exact, rel=0.02)


@given(st.lists(ANY), st.lists(ANY))
def test_merging_is_counting_everything(a, b):
    merged = counted(a)
    merged.merge(counted(b))
    assert merged == counted(a + b)
    assert merged.count == len(a) + len(b)


@given(st.lists(ANY))
def test_a_histogram_survives_the_journal(values):
    histogram = counted(values)
    record = Latency(0, {"symbol": histogram.plain()})
    assert Histogram.of(decode(Latency, encode(record)).stages["symbol"]) == histogram
    assert Histogram.of(json.loads(json.dumps(histogram.plain()))) == histogram


@given(st.lists(ANY, min_size=1), st.lists(st.floats(0, 1), min_size=2, max_size=4).map(sorted))
def test_quantiles_never_fall(values, qs):
    found = counted(values).quantiles(*qs)
    assert list(found) == sorted(found)
    assert all(LOW <= each <= HIGH or math.isinf(each) for each in found)


def test_the_ends_of_the_scale_are_on_it():
    for end in (LOW, math.nextafter(LOW, 1.0), math.nextafter(HIGH, 0.0)):
        assert counted([end]).quantile(0.5) == pytest.approx(end, rel=0.02)


def test_what_is_off_the_scale_is_not_given_a_number_that_it_does_not_have():
    assert counted([0.0, -1.0, 1e-9]).quantile(1.0) == LOW
    for beyond in (HIGH, 1e9, math.inf, math.nan):
        assert counted([1e-3, beyond]).quantile(0.99) == math.inf
        assert counted([1e-3, beyond]).quantile(0.5) == pytest.approx(1e-3, rel=0.02)
    assert math.isnan(Histogram().quantile(0.5))


@pytest.mark.parametrize(
    "changes",
    [
        {"low": 1e-9},
        {"buckets": 10},
        {"counts": [[BUCKETS + 2, 1]]},
        {"counts": [[-1, 1]]},
        {"counts": [[3, 0]]},
        {"counts": [[3, -5]]},
        {"counts": [[3, 2**70]]},
        {"counts": [["x", 1]]},
        {"counts": [3]},
        {"counts": None},
    ],
)
def test_what_is_no_histogram_is_refused(changes):
    with pytest.raises(JournalError, match="histogram"):
        Histogram.of({**Histogram().plain(), **changes})
    with pytest.raises(JournalError, match="histogram"):
        Histogram.of({})


def test_stages_say_what_a_status_shows():
    stages = Stages()
    for ms in (100.0, 120.0, 400.0):
        stages.add("features", ms / 1e5)
        stages.add("master", ms / 1e3)
    features, master = stages.lines()
    assert (features.name, features.count, features.alert) == ("features", 3, 0.0)
    assert (master.name, master.count, master.alert) == ("master", 3, 300.0)
    assert master.last == pytest.approx(400.0)
    assert master.p50 == pytest.approx(120.0, rel=0.02)
    assert master.p99 == pytest.approx(400.0, rel=0.02)
    assert stages.plain()["master"] == counted([0.1, 0.12, 0.4]).plain()


def test_a_stage_is_slow_when_its_last_three_intervals_were():
    stages = Stages()
    slow = []
    for ms in (151.0, 151.0, 149.0, 151.0, math.nan, 151.0, 149.0):
        stages.add("symbol", ms / 1e3)
        stages.add("orders", 9.0)
        slow.append(stages.slow())
    assert slow == [(), (), (), (), (), ("symbol",), ()]


def test_the_triggers_read_the_latest_intervals():
    stages = Stages()
    for ms in (10.0, 260.0, math.nan, 260.0):
        stages.add("symbol", ms / 1e3)
        stages.add("elsewhere", 1.0)
    recent = stages.recent()
    assert list(recent) == ["symbol"]
    assert recent["symbol"] == pytest.approx((260.0, math.nan, 260.0), nan_ok=True)
    fired = latency(Snapshot(1.0, 1.0, 1.0, latencies=recent), Triggers())
    assert fired is not None
    assert fired.action == "safe_mode"
    stages.add("symbol", 0.249)
    assert latency(Snapshot(1.0, 1.0, 1.0, latencies=stages.recent()), Triggers()) is None
