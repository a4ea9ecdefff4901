"""Plugins that users really write wrong: a backtest with default settings refuses every one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from darwin_core.errors import CausalityError, PluginError

DATA = Path(__file__).parents[2] / "data"
REAL = {
    "daily": f'[feed]\nuse = "panel"\npath = "{DATA}/us4"\ntimezone = "America/New_York"\nstamp = "date"',
    "hourly": f'[feed]\nuse = "panel"\npath = "{DATA}/eurusd-1h/EURUSD.csv"\ntimezone = "UTC"\nstamp = "open"',
}
NO_GAPS = {"interpolated"}
"""Lawful on the real data, whose only gap is before a symbol's first bar."""

pytestmark = pytest.mark.filterwarnings("ignore")


def refused(zoo, **how):
    """Return the refusal of a wrong plugin, after checking that it says who and what."""
    with pytest.raises((CausalityError, PluginError)) as caught:
        zoo.backtest(**how)
    said = str(caught.value)
    in_place = zoo.verdicts == ["changed its input"]
    assert isinstance(caught.value, PluginError if in_place or "has shape" in said else CausalityError), said
    owner = f"agent '{zoo.name}'" if zoo.kind == "agent" else f"'./zoo/{zoo.name}.py'"
    assert f"{owner} (file ./zoo/{zoo.name}.py)" in said
    assert any(verdict in said for verdict in zoo.verdicts), said
    return said


@pytest.mark.parametrize("seed", range(10))
def test_a_wrong_plugin_fails_the_run_with_default_settings(zoo, seed):
    said = refused(zoo, seed=seed, count=zoo.counts[seed % len(zoo.counts)])
    if zoo.verdicts == ["changed its input"]:
        return
    if zoo.kind == "column":
        assert f"column '{zoo.column}'" in said
    elif zoo.kind == "agent":
        assert "its action for" in said
    else:
        outputs = ("'side'", "'weight'", "'confidence'", "'candidate'", "'stop'", "'allow'")
        assert any(output in said for output in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_a_wrong_plugin_fails_the_run_for_any_seed(zoo, seed):
    for count in zoo.counts:
        refused(zoo, seed=seed, count=count)


def test_a_wrong_plugin_fails_the_run_on_real_data(zoo):
    pytest.importorskip("darwin_panel_feed")
    if zoo.name in NO_GAPS or (zoo.feed == "hourly" and 1 not in zoo.counts):
        zoo.backtest(feed=REAL[zoo.feed])
    else:
        refused(zoo, feed=REAL[zoo.feed])
