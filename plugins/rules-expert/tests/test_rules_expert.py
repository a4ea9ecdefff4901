from __future__ import annotations

import numpy as np
import pytest
from darwin_rules_expert.rules import Rule, RulesExpert, rule_of
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, Observation
from darwin_core.testing import fake_options


def observation(agent, rows):
    values = np.array(rows, float).reshape(len(rows), len(agent.requires))
    return Observation(agent.requires, values, np.array([1]), np.zeros(len(rows), np.int64), ("A",))


def test_a_candidate_that_keeps_all_rules_is_followed():
    agent = RulesExpert(("rsi(14) < 70", "trend(200) >= 0"))
    assert agent.requires == ("rsi(14)", "trend(200)")
    asked = observation(agent, [(60, 1), (60, -1), (70, 1), (80, -1), (69.9, 0)])
    assert agent.decide(asked).tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]
    assert agent.explain(asked)[:2] == [(1.0, "follow: all rules hold"), (0.5, "decline: not trend(200) >= 0")]
    assert agent.explain(asked)[3] == (0.0, "decline: not rsi(14) < 70, not trend(200) >= 0")


def test_its_confidence_is_the_share_of_rules_that_hold():
    agent = RulesExpert(("a > 0", "a > 1", "a > 2", "b == 1"), action="confidence")
    assert agent.requires == ("a", "b")
    assert agent.decide(observation(agent, [(0, 0), (1.5, 0), (3, 1)])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("rsi(14) < 70", Rule("rsi(14)", "<", 70.0)),
        ("macd(12, 26, 9)>=-1e-3", Rule("macd(12, 26, 9)", ">=", -0.001)),
        (" strategy.side  ==  -1 ", Rule("strategy.side", "==", -1.0)),
        ("breadth != .5", Rule("breadth", "!=", 0.5)),
    ],
)
def test_a_rule_is_a_column_a_sign_and_a_number(text, rule):
    assert rule_of(text) == rule


@given(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.floats(-9, 9), st.lists(st.floats(-9, 9), min_size=1))
def test_a_rule_says_what_its_sign_says(sign, number, values):
    agent = RulesExpert((f"x {sign} {number!r}",))
    expected = [float(eval(f"{value!r} {sign} {number!r}")) for value in values]  # noqa: S307
    assert agent.decide(observation(agent, [(value,) for value in values])).tolist() == expected


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"rules": []}, "plugin.rules: names no rule"),
        ({"rules": ["rsi(14) < 70", "rsi"]}, "plugin.rules: 'rsi' is no rule: write COLUMN < NUMBER"),
        ({"rules": ["rsi(14) = 70"]}, "is no rule"),
        ({"rules": ["70 > rsi(14)"]}, "is no rule"),
        ({"rules": ["a < b"]}, "is no rule"),
        ({"rules": ["a < nan"]}, "is no rule"),
        ({"rules": ["0 < a < 1"]}, "is no rule"),
        ({"rules": ["a < 1"], "baseline": -1.0}, "plugin.baseline"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(options, what):
    with pytest.raises(ConfigError, match=what):
        fake_options(options).into(RulesExpert)
