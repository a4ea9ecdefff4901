from __future__ import annotations

import json
import math
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest
from darwin_html_report import make_reporter
from darwin_html_report.page import render
from darwin_html_report.report import HtmlReport

from darwin_core import ConfigError, DarwinError
from darwin_core.testing import fake_options

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&${x}$y\u2028<!--"


class Elements(HTMLParser):
    """Every element with its attributes, the text of each script, and what the data attributes say."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.scripts, self.values, self._script = [], [], {}, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "script":
            self._script = True
            self.scripts.append((attrs, ""))
        if "data-figure" in attrs:
            self.values[attrs["data-figure"]] = attrs["data-value"]

    def handle_endtag(self, tag):
        self._script = self._script and tag != "script"

    def handle_data(self, text):
        if self._script:
            attrs, so_far = self.scripts[-1]
            self.scripts[-1] = (attrs, so_far + text)

    @property
    def data(self):
        return json.loads(next(text for attrs, text in self.scripts if attrs.get("id") == "data"))


def unpack(packed):
    kind, text = next(iter(packed.items()))
    return np.frombuffer(b64decode(text), {"f32": "<f4", "f64": "<f8"}[kind])


def full_run(make_run, build, name="A", **info):
    agents = [build.agent(name), build.agent(f"{name}2", hypothetical=True, mode="observe", added_money=-5.0)]
    tables = {
        "trades": build.trades([name, "B", name]),
        "candidates": build.candidates([1.0, -1.0, math.nan, 3.0], [True, False, True, True]),
    }
    candidates = {"count": 4, "taken": 3, "mean_r": 1.0}
    return make_run(tables=tables, agents=agents, candidates=candidates, symbols=[name, "B"], **info)


def test_every_figure_is_in_the_page_as_it_stands_in_the_run(make_run):
    run = make_run()
    values = Elements(render(run)).values
    for prefix, part in (("", "summary"), ("benchmark.", "benchmark")):
        for name, value in run.info[part].items():
            assert float(values[prefix + name]) == value


def test_the_fill_convention_digest_audit_and_versions_are_in_the_page(make_run):
    page = render(make_run(fill_convention="decided and filled at the same close", versions={"numba": "0.99.1"}))
    for text in ("decided and filled at the same close", "d" * 64, "0.99.1", "8 prefixes of 1 component"):
        assert text in page


def test_a_run_that_was_not_audited_says_so(make_run):
    assert "nothing was checked for look-ahead" in render(make_run(audit={"level": "off", "prefixes": {}}))


def test_the_page_loads_nothing(make_run, build):
    page = render(full_run(make_run, build))
    for tag, attrs in Elements(page).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "href", "srcset", "data", "action"} & attrs.keys()
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_policy_lets_the_pages_own_scripts_run_and_no_other(make_run):
    page = Elements(render(make_run()))
    policy = next(attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv"))
    running = [text for attrs, text in page.scripts if "type" not in attrs]
    hashes = {f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in running}
    assert policy.startswith("default-src 'none'")
    assert set(re.findall(r"'sha256-[^']*'", policy)) == hashes
    assert len(hashes) == 2


def test_names_from_users_are_text_everywhere(make_run, build):
    info = {
        "deployment": NASTY, "strategy": NASTY, "fill_convention": NASTY, "findings": [NASTY], "versions": {NASTY: NASTY},
        "incidents": [{"agent": NASTY, "kind": "exception", "count": 2, "first": NASTY}],
        "audit": {"level": "full", "prefixes": {NASTY: 3}}, "data": NASTY,
    }  # fmt: skip
    run = full_run(make_run, build, NASTY, **info)
    (run.folder / "deployment.toml").write_text(NASTY, encoding="utf-8")
    page = Elements(render(run))
    plain = Elements(render(full_run(make_run, build)))
    kinds = [[tag for tag, _ in each.elements] for each in (page, plain)]
    assert set(kinds[0]) <= {*kinds[1], "ul", "li"}
    assert kinds[0].count("script") == kinds[1].count("script") == 3
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert NASTY in page.data["trades"]["symbols"]


def test_the_data_is_json_that_every_reader_accepts(make_run, build):
    run = full_run(make_run, build, summary=dict.fromkeys(("sharpe", "total_return"), math.nan))
    text = next(text for attrs, text in Elements(render(run)).scripts if attrs.get("id") == "data")

    def refuse(word):
        raise AssertionError(word)

    json.loads(text, parse_constant=refuse)


def test_the_drawn_curves_are_the_runs(make_run):
    run = make_run([1000.0, 1100.0, 880.0, 0.0])
    curves = Elements(render(run)).data["curves"]
    assert unpack(curves["equity"]).tolist() == [1000.0, 1100.0, 880.0, 0.0]
    assert unpack(curves["drawdown"]) == pytest.approx([0.0, 0.0, -0.2, -1.0])
    assert unpack(curves["gross"])[:3] == pytest.approx([0.5, 0.5, 0.5])
    assert np.isnan(unpack(curves["gross"])[3])
    assert unpack(curves["time"])[0] == 1_577_880_000.0
    assert curves["net"] is None


def test_agents_say_what_they_added_or_would_have_added(make_run, build):
    page = render(full_run(make_run, build))
    assert re.search(r"<b>A</b> added <span class=\"up\">\+1,234\.50", page)
    assert re.search(r"<b>A2</b> would have added <span class=\"down\">\N{MINUS SIGN}5\.00", page)


@pytest.mark.parametrize("curve", [[1000.0], [1000.0, 1000.0], [1000.0, 0.0, 0.0]])
def test_a_run_without_anything_and_of_few_bars_has_a_page(make_run, curve):
    none = dict.fromkeys(("total_return", "sharpe", "win_rate"))
    page = render(make_run(curve, summary=none, benchmark={}, audit={"level": "cheap", "prefixes": {}}))
    for text in ("has no agents", "no candidates", "No trade was closed"):
        assert text in page
    assert "nan" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL).lower()


def test_prices_of_traded_symbols_are_in_the_page_when_the_run_has_them(make_run, build):
    prices = build.prices(["A", "B"], [[1.0, 5.0], [math.nan, 6.0], [3.0, 7.0]])
    data = Elements(render(make_run(tables={"prices": prices, "trades": build.trades(["A"])}))).data
    assert list(data["prices"]) == ["A"]
    assert unpack(data["prices"]["A"]["close"]).tolist() == [1.0, 3.0]
    assert data["prices"]["A"]["low"] is None


def test_a_run_without_prices_says_so_and_lists_its_trades(make_run, build):
    page = render(make_run(tables={"trades": build.trades(["A", "B"])}))
    assert "stores no prices" in page
    assert unpack(Elements(page).data["trades"]["profit"]).tolist() == [1.0, 1.0]


def test_the_page_is_written_into_the_runs_folder_and_the_run_stays_whole(make_run):
    run = make_run()
    line = HtmlReport().report(run)
    page = run.folder / "report.html"
    assert line.endswith(str(page))
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    run.verify()
    assert sorted(p.name for p in run.folder.glob(".*")) == []


def test_an_absolute_path_puts_the_page_elsewhere(make_run, tmp_path):
    target = tmp_path / "new" / "page.html"
    HtmlReport(path=str(target)).report(make_run())
    assert target.is_file()


def test_a_path_that_cannot_be_written_is_said_plainly(make_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DarwinError, match="cannot be written"):
        HtmlReport(path=str(tmp_path / "file" / "page.html")).report(make_run())


def test_a_path_that_could_be_one_of_the_runs_files_is_refused():
    with pytest.raises(ConfigError, match=r"path.*run\.json.*\.html"):
        make_reporter(fake_options({"path": "run.json"}))


def test_a_long_run_is_thinned_and_the_page_says_so(make_run):
    rng = np.random.default_rng(0)
    curve = 1000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 30_000)))
    page = render(make_run(curve, step=60 * 10**9))
    drawn = unpack(Elements(page).data["curves"]["equity"])
    assert "Drawn from 30,000 bars" in page
    assert len(drawn) < 15_000
    assert drawn.max() == np.float32(curve.max())
    assert drawn.min() == np.float32(curve.min())
