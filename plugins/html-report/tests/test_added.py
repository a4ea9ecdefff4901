from __future__ import annotations

import math

from darwin_html_report.agents import added, attribution


def figure(value, low, high):
    return {"value": value, "low": low, "high": high, "blocks": 40, "unit": "month"}


def test_what_an_agent_added_stands_with_its_intervals(build):
    sure, unsure = figure(1234.5, 100.0, 2000.0), figure(0.25, math.nan, None)
    page = attribution([build.agent(added={"money": sure, "r": None, "sharpe": unsure})])
    assert "+1,234.50<small>+100.00 to +2,000.00, 40 month blocks</small>" in page
    assert "+0.25<small>no interval: 40 month blocks</small>" in page


def test_a_run_without_intervals_on_record_is_shown_as_before(build):
    assert added([build.agent()]) == ""


def test_a_policy_s_version_stands_with_its_agent(build):
    assert "<small>agent 'x' (x 1.0), version v1</small>" in attribution(
        [build.agent(plugin="agent 'x' (x 1.0)", version="v1")]
    ).replace("&#39;", "'").replace("&#x27;", "'")
    assert ", version" not in attribution([build.agent(version=None)])


def test_an_agent_s_name_is_text_and_nothing_else(build):
    shown = added([build.agent("<b>", added={"money": figure(1.0, 0.5, 2.0), "r": None, "sharpe": None})])
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown


def test_the_arms_of_an_experiment_stand_side_by_side(build):
    arms = [
        build.agent(
            name,
            experiment={"name": "<sizes>", "arm": number, "of": 2, "symbols": ["A"] * (2 + number)},
            added={
                "money": None,
                "r": None,
                "sharpe": None,
                "arm_r": figure(value, -0.5, 0.75),
                "arm_resolved": 70 + number,
            },
        )
        for number, name, value in ((1, "second", 0.125), (0, "first", 0.25))
    ]
    page = attribution([build.agent("gate", experiment=None), *arms])
    shown = page[page.index("Arms of an experiment") :]
    assert shown.index("first") < shown.index("second")
    assert "&lt;sizes&gt;" in shown
    assert "<sizes>" not in shown
    assert "<td>3</td><td>71</td><td>+0.12<small>\N{MINUS SIGN}0.50 to +0.75, 40 month blocks</small></td>" in shown
    assert "gate" not in shown


def test_without_an_experiment_nothing_is_said_of_one(build):
    assert "experiment" not in attribution([build.agent()])
