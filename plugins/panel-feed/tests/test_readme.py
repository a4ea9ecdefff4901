"""The README names every option, and its examples run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from attrs import fields
from darwin_panel_feed import make_feed
from darwin_panel_feed.options import PanelOptions, Policy, Reference
from darwin_panel_feed.report import KINDS

from darwin_core.testing import fake_options

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("cls", [PanelOptions, Reference, Policy])
def test_every_option_is_in_the_readme(cls):
    assert [field.name for field in fields(cls) if f"`{field.name}`" not in README] == []


def test_every_kind_of_defect_has_a_policy_and_words():
    assert [field.name for field in fields(Policy)] == list(KINDS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_readme_opens(data, example):
    table = tomllib.loads(example)["feed"]
    assert table.pop("use") == "panel"
    assert len(make_feed(fake_options(table, data.parent)).times()) > 1000
