"""darwin itself: real plugins through the real engine, with the decision log, its digest and the cheap audit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve
from memory import feed_of
from workloads import Convention

from darwin_core import config, engine
from darwin_core.assembly import assemble
from darwin_core.law.spot import Spot
from darwin_core.plugins import Plugins
from darwin_core.source import Source
from darwin_core.sweep.remaking import Base

if TYPE_CHECKING:
    from workloads import Account, Bars, Crosses, Floats, Grid

    from darwin_core.assembly import Line

DISTRIBUTIONS = ("darwin-core", "darwin-sma-cross", "darwin-indicators")
CONVENTIONS = dict.fromkeys(("w1", "w2", "w3", "w4_wide", "w4_long"), Convention.NEXT_OPEN_SIZED_AT_CLOSE)

_HERE = Path(__file__).parent
_COMMON = """
[feed]
use = "./memory.py"
[execution]
cash = 1e8
fee = 1e-5
[run]
block = "{block}"
"""
_CROSS = """
[[features]]
use = "indicators"
[strategy]
use = "sma-cross"
full_gap = 0.0
"""
_ACCOUNT = """
[[features]]
use = "./memory.py"
[strategy]
use = "./memory.py"
[[agents]]
use = "./memory.py"
mode = "active"
compiled = {compiled}
"""
BLOCK = "whole"
"""The block that components see. The default of a deployment, ``auto``, is a decade of days; of minutes, a quarter with
one symbol, a day with 64 or more."""

_PLUGINS = Plugins(_HERE)


@cache
def _line(text: str) -> Line:
    """Assemble a deployment, once: the feed is put in at each call."""
    return assemble(config.settings(Source.parse(text, _HERE / "ours.toml"), {}), _PLUGINS)


def _with(text: str, block: str, bars: Bars, volume: Floats | None = None) -> Line:
    """The deployment over these bars."""
    fields = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close}
    feed = feed_of(bars.time, **fields, volume=bars.volume if volume is None else volume)
    return evolve(_line(_COMMON.format(block=block) + text), feed=feed)


def cross_line(data: Crosses | Grid, block: str) -> Line:
    """The plugins sma-cross and indicators."""
    return _with(_CROSS, block, data.bars)


def account_line(data: Account, block: str, *, compiled: bool) -> Line:
    """W4's agent, compiled or in Python."""
    return _with(_ACCOUNT.format(compiled="true" if compiled else "false"), block, data.bars, data.feature)


def w1(data: Crosses, block: str = BLOCK) -> float:
    """A whole backtest."""
    return float(engine.run(cross_line(data, block)).equity[-1])


w2 = w1


def w3(data: Grid, block: str = BLOCK) -> float:
    """What `darwin sweep` does for each point, but for the figures: a strategy remade, run, hashed, spot-checked."""
    base = Base(cross_line(data, block), _PLUGINS)
    total = 0.0
    for number, (fast, slow) in enumerate(data.pairs.tolist()):
        line = base.with_strategy({"fast": fast, "slow": slow})
        spot = Spot(line, base.history, number)
        total += float(engine.run(line, history=base.history, audit=False, watchers=(spot,)).equity[-1])
    return total / len(data.pairs)


def w4_wide(data: Account, block: str = BLOCK) -> float:
    """An agent that is a compiled function."""
    return float(engine.run(account_line(data, block, compiled=True)).equity[-1])


def w4_wide_python(data: Account, block: str = BLOCK) -> float:
    """An agent in Python, called once a bar with all symbols."""
    return float(engine.run(account_line(data, block, compiled=False)).equity[-1])


w4_long = w4_wide
w4_long_python = w4_wide_python
