"""The stand-ins that suites and authors work with: sample bars, options, an installed distribution."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import attrs
import numpy as np
import pytest

from darwin_core import ConfigError
from darwin_core.plugins import installed
from darwin_core.testing import (
    BarsFeed,
    FeedTests,
    daily_bars,
    fake_distribution,
    fake_options,
    intraday_bars,
    lend,
    sample_markets,
    sample_run,
)
from darwin_core.testing.surroundings import clocks_moved

PYPROJECT = """
[project]
name = "acme-thing"
version = "3.1"
description = "A thing"
dependencies = ["darwin-core>=0.1,<0.2"]

[project.entry-points.darwin]
thing = "acme_thing"
"""


@pytest.mark.parametrize("make", [daily_bars, intraday_bars])
def test_sample_bars_are_the_same_on_each_call_and_read_only(make):
    first, second = make(), make()
    assert (first.time == second.time).all()
    for name, values in first.fields.items():
        assert np.array_equal(values, second.fields[name], equal_nan=True)
        assert not values.flags.writeable


@pytest.mark.parametrize("name", sample_markets())
def test_sample_bars_are_possible_and_have_gaps(name):
    bars = sample_markets()[name]
    missing = np.isnan(bars.close)
    assert missing.any()
    assert (np.diff(bars.time) > 0).all()
    for values in bars.fields.values():
        assert (np.isnan(values) == missing).all()
    for lower, upper in (("low", "open"), ("low", "close"), ("open", "high"), ("close", "high")):
        assert (bars.fields[lower] <= bars.fields[upper])[~missing].all()
    assert np.isnan(bars.reference["VIX"]).any()


def test_daily_bars_have_what_breaks_plugins():
    bars = daily_bars()
    assert np.isnan(bars.close[0, 1]) and not np.isnan(bars.close[-1, 1])  # noqa: PT018 - one fact: listed late
    assert np.isnan(bars.close[-1, 2])
    still = (np.diff(bars.close[:, 3]) == 0.0) & (bars.volume[1:, 3] == 0.0)
    assert still.sum() > 10
    assert np.nanmin(bars.close[1:, 0] / bars.close[:-1, 0]) < 0.8


def test_intraday_bars_keep_new_york_hours_over_the_change_of_clocks():
    hours = intraday_bars().local_time().astype("datetime64[m]").astype(int) % 1440
    assert hours.min() == 10 * 60
    assert hours.max() == 16 * 60


def test_lent_rows_share_no_memory_with_the_future():
    bars = daily_bars()
    assert not np.shares_memory(lend(bars, slice(10)).close, bars.close)


@attrs.frozen
class _Thing:
    share: float = 0.5
    names: tuple[str, ...] = ()
    path: Path = Path()
    weights: dict[str, float] = attrs.Factory(dict)


def test_fake_options_become_what_a_deployment_would_give(tmp_path):
    table = {"share": 1, "names": ["a", 'b"c'], "path": "x.csv", "weights": {"BRK.B": 0.5}}
    made = fake_options(table, tmp_path).into(_Thing)
    assert made == _Thing(1.0, ("a", 'b"c'), tmp_path / "x.csv", {"BRK.B": 0.5})


def test_fake_options_know_the_line_of_each_key(tmp_path):
    options = fake_options({"share": 0.1, "sahre": 0.2}, tmp_path)
    with pytest.raises(ConfigError, match=r"darwin.toml:3: plugin.sahre: unknown key: did you mean 'share'\?"):
        options.into(_Thing)


def test_a_fake_distribution_is_installed_as_long_as_the_block_lasts(tmp_path):
    project, site = tmp_path / "project", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "acme_thing.py").write_text("")
    path = list(sys.path)
    with fake_distribution(project, site):
        found = installed()["thing"]
        assert str(found) == "acme-thing 3.1"
        assert found.summary == "A thing"
        assert found.needs is None
        importlib.import_module("acme_thing")
    assert "thing" not in installed()
    assert "acme_thing" not in sys.modules
    assert sys.path == path


def test_a_fake_distribution_that_needs_another_core_is_told_apart(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT.replace(">=0.1,<0.2", ">=7"))
    with fake_distribution(project, tmp_path / "site"):
        assert installed()["thing"].needs == "darwin-core>=7"


def test_clocks_are_moved_and_set_back():
    day, before = 86_400, datetime.now(UTC)
    with clocks_moved(days=401):
        assert time.time() - before.timestamp() > 400 * day
        moved = datetime.now(UTC)
        assert isinstance(before, datetime)
        assert (moved - before).days in (400, 401)
    assert (datetime.now(UTC) - before).days == 0
    assert time.time() - before.timestamp() < day


def test_a_sample_run_is_real_and_whole(tmp_path):
    run = sample_run(tmp_path)
    run.verify()
    assert run.table("trades").num_rows > 10
    assert [agent["name"] for agent in run.info["agents"]] == ["halve"]


FEED_PLUGIN = """
from darwin_core import hookimpl
from darwin_core.testing import BarsFeed, daily_bars
import attrs

@attrs.frozen
class Options:
    seed: int = 1

@hookimpl
def make_feed(options):
    return BarsFeed(daily_bars(seed=options.into(Options).seed))
"""


def test_the_bars_feed_is_a_feed(passes_everything):
    body = "options = {'seed': 1}\n@departs('its data are in memory')\ndef test_the_fingerprint_is_of_the_data(self): pass\n"
    passes_everything("FeedTests", FEED_PLUGIN, body)
    assert BarsFeed(daily_bars(seed=1)).fingerprint() == BarsFeed(daily_bars(seed=1)).fingerprint()
    assert BarsFeed(daily_bars(seed=1)).fingerprint() != BarsFeed(daily_bars(seed=2)).fingerprint()
    assert FeedTests.kind == "feed"


def test_importing_the_testing_package_needs_no_pytest_and_nothing_heavy():
    code = "import darwin_core.testing, sys; print([m for m in ('pytest', 'numba', 'pyarrow', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
