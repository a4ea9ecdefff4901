"""The suites for features, strategies and monitors fail on everything that breaks its contract, and on nothing else."""

from __future__ import annotations

from typing import NamedTuple

import pytest

FEATURES = """
import attrs
import numpy as np
from darwin_core import hookimpl

@attrs.frozen
class Mean:
    n: int
    @property
    def lookback(self):
        return self.n - 1
    def compute(self, bars):
        x = bars.close
        out = np.full(x.shape, np.nan)
        if len(x) >= self.n:
            out[self.n - 1 :] = np.lib.stride_tricks.sliding_window_view(x, self.n, axis=0).mean(axis=-1)
        return out

@attrs.frozen
class Library:
    names = ("mean",)
    def column(self, name, arguments):
        if len(arguments) != 1 or not arguments[0] >= 1:
            raise ValueError("mean(n) takes a number of bars")
        return Mean(int(arguments[0]))

@hookimpl
def make_features(options):
    return options.into(Library)
"""
FEATURES_BODY = 'expressions = ("mean(5)", "mean(20)")\n'

STRATEGY = """
import attrs
import numpy as np
from darwin_core import hookimpl, Proposal

SEEN = []

@attrs.frozen
class Strategy:
    window: int = 20
    requires = ("trend(20)",)
    @property
    def lookback(self):
        return self.window
    def propose(self, market):
        close = market.bars.close
        before = np.full(close.shape, np.nan)
        before[self.window :] = close[: -self.window]
        side = np.where((close > before) & (market["trend(20)"] > 0), 1, 0)
        return Proposal(side, 0.25)

@hookimpl
def make_strategy(options):
    return options.into(Strategy)
"""
SIDE = "side = np.where((close > before)"

MONITOR = """
import attrs
import numpy as np
from darwin_core import hookimpl, Limits

@attrs.frozen
class Monitor:
    most: float = 30.0
    requires = ()
    lookback = 0
    @property
    def limits(self):
        return Limits(max_drawdown=0.3)
    def allow(self, market):
        return ~(market.bars.reference["VIX"] > self.most)

@hookimpl
def make_monitor(options):
    return options.into(Monitor)
"""
ALLOW = 'return ~(market.bars.reference["VIX"] > self.most)'


class Twin(NamedTuple):
    suite: str
    case: str
    says: str
    changes: list[tuple[str, str]]
    body: str = ""


def _features(case, says, *changes, body=""):
    return Twin("FeaturesTests", case, says, list(changes), body)


def _strategy(case, says, *changes):
    return Twin("StrategyTests", case, says, list(changes))


def _monitor(case, says, *changes):
    return Twin("MonitorTests", case, says, list(changes))


X = "x = bars.close"
AHEAD = "when the history ends with row"
TWINS = [
    # what people really write
    _features("L1", AHEAD, ("return out", "out[:-1] = out[1:].copy(); return out")),
    _features("L1", AHEAD, ("return out", "return np.roll(out, -3, axis=0)")),
    _features("L1", AHEAD, (X, "x = (bars.close - np.nanmin(bars.close)) / np.nanmax(bars.close)")),
    _features("L1", AHEAD, (X, "x = bars.close - np.nan_to_num(bars.close).sum(axis=0)")),
    _features("L1", AHEAD, ("return out", "import pandas as pd; return pd.DataFrame(bars.close).bfill().to_numpy()")),
    _features("L1", AHEAD, ("return out", "import pandas as pd; return pd.DataFrame(x).rolling(self.n, center=True).mean().to_numpy()")),
    _features("L1", AHEAD, (X, "x = np.sort(bars.close, axis=0)")),
    _features("L1", AHEAD, ("return out", "return out + len(bars)")),
    _features("L1", AHEAD, ("return out", "return np.random.random(out.shape)")),
    _features("L1", AHEAD, ("return out", "return np.where(np.arange(len(bars))[:, None] > 200, -0.0, 0.0 if len(bars) > 300 else -0.0) * np.ones(out.shape)")),
    _features("L1", "on a history of 1 bars it raises ValueError", ("if len(x) >= self.n", "if True")),
    _features("L2", "not those of the whole history", ("return self.n - 1", "return 1")),
    _features("L2", "not those of the whole history", ("return out", "return np.nancumsum(x, axis=0)")),
    _features("L2", "is a number of bars, or WHOLE_TAPE", ("return self.n - 1", "return self.n / 2")),
    _features("L3", "it writes to its input", (X, "x = bars.close; x[np.isnan(x)] = 0.0")),
    _features("L3", "it changed its input", (X, "x = bars.close; x.flags.writeable = True; x[np.isnan(x)] = 0.0")),
    _features("L4", "after others", (X, "x = bars.close * SEEN.setdefault('scale', bars.close[-1, 0])"), ("@attrs.frozen\nclass Mean", "SEEN = {}\n@attrs.frozen\nclass Mean"), ("def make_features(options):", "def make_features(options):\n    SEEN.clear()")),
    _features("F1", "not in `expressions`: mean", body="expressions = ()\n"),
    _features("F1", "not on offer: sum", body='expressions = ("mean(5)", "sum(5)")\n'),
    _features("F2", "'Mean' is no column name", ('names = ("mean",)', 'names = ("Mean",)')),
    _features("F2", "offered twice", ('names = ("mean",)', 'names = ("mean", "mean")')),
    _features("F3", "has shape", ("return out", "return out[self.n - 1 :]")),
    _features("F3", "not of numbers", ("return out", "return out.astype(str)")),
    _features("F4", "is infinite on", ("return out", "with np.errstate(all='ignore'): return 1.0 / (bars.volume > 0)")),
    _features("F4", "is never known", ("return out", "return out * np.nan")),
    _features("F5", "is taken, and makes no sense", ("len(arguments) != 1 or ", "")),
    _features("F5", "raises RuntimeError, not ValueError", ("raise ValueError(", "raise RuntimeError(")),
    _features("F5", "without a word", ('raise ValueError("mean(n) takes a number of bars")', "raise ValueError")),
    _strategy("L1", AHEAD, (SIDE, "side = np.where((np.nan_to_num(close) > np.nanmean(close))")),
    _strategy("L1", AHEAD, ("return Proposal(side, 0.25)", "c = np.zeros(close.shape, bool); c[-1] = True; return Proposal(side, 0.25, candidate=c)")),
    _strategy("L1", AHEAD, ("return Proposal(side, 0.25)", "return Proposal(side, 1.0 / len(market))")),
    _strategy("L1", "it gives side, weight, confidence, stop", ("return Proposal(side, 0.25)", "return Proposal(side, 0.25, stop=np.full(close.shape, 0.1) if len(market) < 50 else None)")),
    _strategy("L2", "not those of the whole history", ("return self.window", "return 0")),
    _strategy("L3", "it writes to its input", (SIDE, "close[np.isnan(close)] = 0.0; " + SIDE)),
    _strategy("L4", "after others", (SIDE, "SEEN.append(1); self_ = len(SEEN); " + SIDE), ("return Proposal(side, 0.25)", "return Proposal(side, 1.0 / self_)"), ("def make_strategy(options):", "def make_strategy(options):\n    SEEN.clear()")),
    _strategy("S1", "'account.drawdown', which is no feature", ('requires = ("trend(20)",)', 'requires = ("trend(20)", "account.drawdown")')),
    _strategy("S1", "a column twice", ('requires = ("trend(20)",)', 'requires = ("trend(20)", "trend(20)")')),
    _strategy("S2", "side is nan", ("return Proposal(side, 0.25)", "return Proposal(np.sign(close - before), 0.25)")),
    _strategy("S2", "weight is nan", ("return Proposal(side, 0.25)", "return Proposal(np.ones_like(side), 0.25 * close / close)")),
    _strategy("S2", "side is 2", (", 1, 0)", ", 2, 0)")),
    _strategy("S2", "confidence is", ("return Proposal(side, 0.25)", "return Proposal(side, 0.25, np.full(close.shape, 1.5))")),
    _strategy("S3", "never has a side", (", 1, 0)", ", 0, 0)")),
    _monitor("L1", AHEAD, (ALLOW, 'v = market.bars.reference["VIX"]; return ~(v > np.nanmean(v))')),
    _monitor("L2", "not those of the whole history", (ALLOW, "x = market.bars.close[:, 0]; b = np.full(len(x), np.nan); b[20:] = x[:-20]; return x > b")),
    _monitor("L3", "it writes to its input", (ALLOW, 'v = market.bars.reference["VIX"]; np.nan_to_num(v, copy=False); return ~(v > 30.0)')),
    _monitor("L4", "after others", ("import numpy as np", "import numpy as np\nSEEN = []"), (ALLOW, "SEEN.append(1); return np.full(len(market), len(SEEN) % 2 == 1)"), ("def make_monitor(options):", "def make_monitor(options):\n    SEEN.clear()")),
    _monitor("M1", "'account.cash', which is no feature", ("requires = ()", 'requires = ("account.cash",)')),
    _monitor("M2", "is of float64, not bool", (ALLOW, 'return market.bars.reference["VIX"]')),
    _monitor("M2", "allow has shape", (ALLOW, "return np.isfinite(market.bars.close)")),
    _monitor("M2", "allow has shape", (ALLOW, "return np.bool_(True)")),
    _monitor("M3", "limits is dict", ("return Limits(max_drawdown=0.3)", "return {}")),
    _monitor("M3", "limits.max_weight is 0.0", ("Limits(max_drawdown=0.3)", "Limits(max_weight=0.0)")),
    _monitor("M3", "it is at most 1", ("Limits(max_drawdown=0.3)", "Limits(max_drawdown=30)")),
    _monitor("M3", "limits changed", ("return Limits(max_drawdown=0.3)", "SEEN.append(1); return Limits(max_drawdown=0.1 * len(SEEN))"), ("import numpy as np", "import numpy as np\nSEEN = []")),
]  # fmt: skip
RIGHT = {
    "FeaturesTests": (FEATURES, FEATURES_BODY),
    "StrategyTests": (STRATEGY, "pass"),
    "MonitorTests": (MONITOR, "pass"),
}


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.suite[:-5]}-{twin.case}-{twin.says[:24]}")
def test_each_case_passes_the_right_plugin_and_fails_its_broken_twin(twins, twin):
    source, body = RIGHT[twin.suite]
    twins(twin, source, body)


@pytest.mark.parametrize("kind", RIGHT)
def test_the_right_plugin_passes_every_case(passes_everything, kind):
    passes_everything(kind, *RIGHT[kind])


def test_the_whole_tape_is_enough_of_a_lookback(suite_of):
    source = FEATURES.replace("return out", "return np.nancumsum(x, axis=0)").replace("return self.n - 1", "return -1")
    suite_of("FeaturesTests", source, FEATURES_BODY)().test_the_lookback_is_enough()


def test_columns_may_be_computed_from_the_bars(suite_of):
    body = "columns = {'trend(20)': lambda bars: bars.close - 100.0}\n"
    suite = suite_of("StrategyTests", STRATEGY, body)
    component = suite().make()
    market = suite().markets(component)["daily"]
    assert (market["trend(20)"][-1, 0] == market.bars.close[-1, 0] - 100.0).all()
