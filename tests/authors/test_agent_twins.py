"""The suite for agents fails on every agent that breaks its contract, and on nothing else."""

from __future__ import annotations

import inspect
from typing import NamedTuple

import pytest

from darwin_core.testing import AgentTests

RIGHT = """
import attrs
import numpy as np
from darwin_core import hookimpl

MADE = []

@attrs.frozen
class Agent:
    share: float = 0.5
    when = "bar"
    requires = ("rsi(14)", "account.drawdown", "strategy.side")
    effect = "scale"
    baseline = 1.0

    def decide(self, o):
        strong = o["rsi(14)"] > 50.0 * (1.0 + o["account.drawdown"])
        return np.where(strong, 1.0, self.share)

@hookimpl
def make_agent(options, seed):
    return options.into(Agent)
"""
BODY = 'columns = {"rsi(14)": (0.0, 100.0)}\n'
RETURN = "return np.where(strong, 1.0, self.share)"
COMPILED = """
    def compiled(self, o, actions):
        for i in range(len(actions)):
            actions[i] = 1.0 if o[i, 0] > 50.0 * (1.0 + o[i, 1]) else self.share

@hookimpl
def make_agent"""
EXPLAIN = """
    def explain(self, o):
        return [(0.5, f"rsi {each:.0f}") for each in o["rsi(14)"]]

@hookimpl
def make_agent"""


class Twin(NamedTuple):
    case: str
    says: str
    changes: list[tuple[str, str]]
    body: str = ""
    suite: str = "AgentTests"


def returns(text):
    return [(RETURN, text)]


def explains(right, wrong):
    return [("\n@hookimpl\ndef make_agent", EXPLAIN.replace(right, wrong))]


TWINS = [
    Twin("P1", "replaces the standard case without a reason", [], BODY + "def test_reads_no_clock(self): pass\n"),
    Twin("P1", "replaces the standard case without a reason", [], BODY + "test_reads_no_clock = None\n"),
    Twin("P2", "imports pyarrow", [("import attrs", "import attrs, pyarrow")]),
    Twin("P3", "takes the unknown option", [("return options.into(Agent)", "return Agent()")]),
    Twin("P3", "offers no right name", [("return options.into(Agent)", "if 'sharee' in options.table:\n        raise options.error('sharee', 'no')\n    return options.into(Agent)")]),
    Twin("P4", "must not give its arguments defaults", [("(options, seed)", "(options, seed=1)")]),
    Twin("P4", "did you mean 'make_agent'", [("def make_agent", "def make_agnet")]),
    Twin("P5", "lacks baseline", [("baseline = 1.0", "base = 1.0")]),
    Twin("D1", "made twice", returns("return np.random.default_rng().random(len(o))")),
    Twin("D2", "shared random generators", returns("np.random.seed(0); return np.random.random(len(o))")),
    Twin("D2", "shared random generators", returns("import random; return np.full(len(o), random.random())")),
    Twin("D3", "401 days ahead", returns("import time; return np.full(len(o), time.time() // 86400)")),
    Twin("D3", "401 days ahead", [("import attrs", "import attrs\nfrom time import time_ns"), *returns("return np.full(len(o), time_ns() // (86400 * 10**9) * 1.0)")]),
    Twin("D3", "401 days ahead", [("import attrs", "import attrs\nfrom datetime import datetime as d"), *returns("return np.full(len(o), float(d.now().year))")]),
    Twin("D3", "401 days ahead", returns("import datetime; return np.full(len(o), datetime.date.today().toordinal())")),
    Twin("D3", "401 days ahead", [("MADE = []", "import time\nMADE = time"), *returns("return np.full(len(o), self.day)"), ("share: float = 0.5", "share: float = 0.5\n    day: float = attrs.field(factory=lambda: MADE.time() // 86400)")]),
    Twin("D4", "another process", returns("return np.array([hash(o.symbols[s]) % 1000 for s in o.symbol])")),
    Twin("D4", "another process", returns("import os; return np.full(len(o), hash(frozenset(o.names)) % 10007)")),
    Twin("A1", "did you mean 'bar'", [('when = "bar"', 'when = "bars"')]),
    Twin("A1", "did you mean 'scale'", [('effect = "scale"', 'effect = "scales"')]),
    Twin("A1", "the baseline is nan", [("baseline = 1.0", "baseline = float('nan')")]),
    Twin("A1", "the baseline is -1.0", [("baseline = 1.0", "baseline = -1.0")]),
    Twin("A1", "a column twice", [('("rsi(14)", ', '("rsi(14)", "rsi(14)", ')]),
    Twin("A1", "did you mean 'account.drawdown'", [('"account.drawdown", "strategy', '"account.drawdwn", "strategy'), ('o["account.drawdown"]', "0.0")]),
    Twin("A2", "returned shape (1, 1)", returns("return np.where(strong, 1.0, self.share)[:, None]")),
    Twin("A2", "returned shape ()", returns("return 1.0")),
    Twin("A2", "action nan for {'rsi(14)': ", returns("return np.log(np.full(len(o), np.nan))")),
    Twin("A2", "action inf for", returns("return np.where(o['account.drawdown'] == 0.0, np.inf, 1.0)")),
    Twin("A2", "action -1.0 for", returns("return np.where(strong, -1.0, 1.0)")),
    Twin("A3", "in the batch and by themselves", returns("return o['rsi(14)'] / o['rsi(14)'].max()")),
    Twin("A3", "in the batch and by themselves", returns("w = np.random.default_rng(0).random((3, 64)); return np.abs((o.values @ w) @ w.T[:, 0])")),
    Twin("A4", "in another order", returns("return np.abs(np.cumsum(o['rsi(14)']))")),
    Twin("A4", "in another order", returns("return np.where(np.arange(len(o)) == 0, 0.0, 1.0)")),
    Twin("A5", "with other values for the others", returns("return np.argsort(np.argsort(o['rsi(14)'])) * 1.0")),
    Twin("A6", "with four times and with one", returns("return np.where(np.arange(len(o)) < len(o.time), 1.0, 0.0)")),
    Twin("A7", "it writes to its input", returns("o.values[0] = 0.0; return np.where(strong, 1.0, 0.0)")),
    Twin("A7", "it changed the observation", returns("v = o.values; v.flags.writeable = True; v[:] = 0.0; return np.where(strong, 1.0, 0.0)")),
    Twin("A8", "after other questions", returns("MADE.append(1); return np.full(len(o), float(len(MADE)))")),
    Twin("A9", "decide, then compiled", [("\n@hookimpl\ndef make_agent", COMPILED.replace("> 50.0", "> 60.0"))]),
    Twin("A9", "decide, then compiled", [("\n@hookimpl\ndef make_agent", COMPILED.replace("range(len(actions))", "range(1, len(actions))"))]),
    Twin("A10", "explanations for", explains('["rsi(14)"]', '["rsi(14)"][1:]')),
    Twin("A10", "the confidence is 2.0", explains("0.5", "2.0")),
    Twin("A10", "the words are 0.5", explains('f"rsi {each:.0f}"', "0.5")),
    Twin("A10", "explained otherwise by themselves", explains("each:.0f}", "each:.0f} of {len(o)}")),
    Twin("A10", "it says two things", explains('f"rsi {each:.0f}"', 'f"{MADE.append(1)} {len(MADE)}"')),
]  # fmt: skip


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.case}-{twin.says[:24]}")
def test_each_case_passes_the_right_agent_and_fails_its_broken_twin(twins, twin):
    twins(twin, RIGHT, BODY)


@pytest.mark.parametrize(
    "code", [RIGHT, RIGHT.replace("\n@hookimpl\ndef make_agent", EXPLAIN)], ids=["silent", "explains"]
)
def test_the_right_agent_passes_every_case(passes_everything, code):
    passes_everything("AgentTests", code, BODY)


def test_an_agent_whose_compiled_form_is_the_same_passes(suite_of):
    suite = suite_of("AgentTests", RIGHT.replace("\n@hookimpl\ndef make_agent", COMPILED), BODY)
    suite().test_compiled_is_the_same()


def test_a_case_may_be_replaced_with_a_reason(suite_of):
    body = BODY + "@departs('the venue wants the date')\ndef test_reads_no_clock(self): pass\n"
    suite_of("AgentTests", RIGHT, body)().test_standard_cases_are_not_replaced_in_silence()


def test_the_case_that_finds_replaced_cases_cannot_be_replaced(suite_of):
    name = "test_standard_cases_are_not_replaced_in_silence"
    with pytest.raises(TypeError, match="cannot be replaced"):
        suite_of("AgentTests", RIGHT, f"def {name}(self): pass\n")


def test_a_suite_that_names_no_plugin_says_so(suite_of):
    with pytest.raises(AssertionError, match="say which plugin is tested"):
        suite_of("AgentTests", RIGHT, "use = ''\n")().test_decides_once_a_row()


def test_a_suite_runs_under_pytest_and_shows_what_to_do(suite_of):
    """pytest shows a failing case's docstring, so the remedy has to stand there."""
    source = inspect.getsource(AgentTests.test_a_batch_is_its_rows)
    assert "When it fails: a row's action depends on the other rows" in source
