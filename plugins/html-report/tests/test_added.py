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


def test_an_agent_s_name_is_text_and_nothing_else(build):
    shown = added([build.agent("<b>", added={"money": figure(1.0, 0.5, 2.0), "r": None, "sharpe": None})])
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
