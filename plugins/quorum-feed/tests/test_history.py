"""The vote on histories, and the options."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from attrs import fields
from darwin_quorum.options import QuorumOptions
from darwin_quorum.voting import Agreement, middle, vote
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, DataError, Stream
from darwin_core.plugins import Plugins
from darwin_core.testing import fake_options

HERE = Path(__file__).resolve().parent
README = (HERE.parent / "README.md").read_text(encoding="utf-8")
EXACT = Agreement((1e-4, 1e-4, 1e-4, 1e-4, 0.1))


def row(day: int, close: float, symbol: str = "A", volume: float = 100.0) -> str:
    return f"2020-01-{day:02},{symbol},{close},{close + 1},{close - 1},{close},{volume}\n"


def joined(folder, *texts, header="date,symbol,open,high,low,close,volume\n", changes=None, **more):
    tables = []
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(text if text.startswith("date") else header + text)
        own = (changes or {}).get(number, {})
        tables.append({"use": "./csv_source.py", "path": f"{number}.csv", **own})
    options = fake_options({"providers": tables, **more}, folder)
    return Plugins(HERE).make("make_feed", "feed", "quorum", "d.toml:1", options=options)[0]


def test_the_median_of_those_who_agree_comes_out_and_the_others_are_named(tmp_path):
    feed = joined(tmp_path, row(6, 10.0) + row(7, 10.0), row(6, 10.0004) + row(7, 20.0), row(6, 10.0002) + row(7, 10.0))
    assert feed.read(0, 2).close[:, 0].tolist() == [10.0002, 10.0]
    (finding,) = feed.findings()
    assert finding == "provider 2 (./csv_source.py) disagrees on 1 of 2 bars; first: A 2020-01-07T00:00:00Z"


def test_a_bar_that_only_some_have_is_taken_and_told(tmp_path):
    feed = joined(tmp_path, row(6, 10.0), row(6, 10.0) + row(7, 11.0), row(6, 10.0) + row(8, 12.0))
    assert feed.read(0, 3).close[:, 0].tolist() == [10.0, 11.0, 12.0]
    said = " | ".join(feed.findings())
    assert "provider 1 (./csv_source.py) lacks 2 of 3 bars" in said
    assert "fewer than 2 providers agree, and the best is taken, on 2 of 3 bars" in said


def test_without_a_quorum_the_first_listed_of_equally_large_camps_wins(tmp_path):
    feed = joined(tmp_path, row(6, 10.0), row(6, 20.0))
    assert feed.read(0, 1).close.tolist() == [[10.0]]
    feed = joined(tmp_path, row(6, 10.0), row(6, 20.0), row(6, 30.0), row(6, 30.0))
    assert feed.read(0, 1).close.tolist() == [[30.0]]


def test_volumes_have_a_tolerance_of_their_own(tmp_path):
    texts = [row(6, 10.0, volume=v) for v in (100.0, 95.0, 150.0)]
    assert joined(tmp_path, *texts).read(0, 1).volume.tolist() == [[97.5]]
    assert joined(tmp_path, *texts, volume_tolerance=1.0).read(0, 1).volume.tolist() == [[100.0]]


def test_symbols_in_another_order_and_fewer_fields_are_brought_together(tmp_path):
    closes = "date,symbol,close\n2020-01-06,B,20\n2020-01-06,A,10\n"
    feed = joined(tmp_path, row(6, 10.0) + row(6, 20.0, "B"), closes)
    assert feed.fields == ("close",)
    assert feed.symbols == ("A", "B")
    assert feed.read(0, 1).close.tolist() == [[10.0, 20.0]]
    assert "not all providers have the field high, low, open, volume: left out" in feed.findings()


def test_watched_series_are_voted_on_too(tmp_path):
    index = {0: {"index": 20.0}, 1: {"index": 99.0}, 2: {"index": 20.0}}
    feed = joined(tmp_path, *[row(6, 10.0)] * 3, changes=index)
    assert feed.read(0, 1).reference["VIX"].tolist() == [20.0]
    assert feed.findings() == ("provider 2 (./csv_source.py) disagrees on 1 values of VIX",)


@pytest.mark.parametrize(
    ("texts", "more", "error", "words"),
    [
        ([row(6, 10.0)], {}, ConfigError, "2 to 9 providers can vote, not 1"),
        ([row(6, 10.0)] * 2, {"quorum": 3}, ConfigError, "3 cannot agree where there are 2 providers"),
        ([row(6, 10.0)] * 2, {"quorums": 2}, ConfigError, "did you mean 'quorum'"),
        ([row(6, 10.0), row(6, 10.0, "B")], {}, DataError, "not all providers have A"),
        ([row(6, 1.0)] * 2, {"changes": {1: {"timezone": "Europe/Paris"}}}, DataError, "has the timezone UTC"),
        ([row(6, 1.0)] * 2, {"changes": {1: {"pth": "x"}}}, ConfigError, r"plugin.providers\[1\].pth: unknown key"),
    ],
)
def test_providers_that_cannot_vote_together_are_refused_in_words(tmp_path, texts, more, error, words):
    with pytest.raises(error, match=words):
        joined(tmp_path, *texts, **more)


@pytest.mark.parametrize("providers", ["panel", [{"path": "x"}], ["panel", "panel"]])
def test_what_is_no_list_of_providers_is_refused(tmp_path, providers):
    options = fake_options({"providers": providers}, tmp_path)
    with pytest.raises(ConfigError, match="providers"):
        Plugins(HERE).make("make_feed", "feed", "quorum", "d.toml:1", options=options)


def test_a_quorum_of_feeds_without_live_bars_has_none(tmp_path):
    assert not isinstance(joined(tmp_path, row(6, 1.0), row(6, 1.0)), Stream)


PRICE = st.floats(1e-3, 1e6)


@st.composite
def bars(draw):
    """(P, 4, N) open, high, low, close; NaN where a provider has no bar; about half of them alike."""
    voters, count = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    values = np.full((voters, 4, count), np.nan)
    for n in range(count):
        common = draw(st.lists(PRICE, min_size=4, max_size=4))
        for p in range(voters):
            kind = draw(st.sampled_from(["same", "near", "other", "none"]))
            drawn = common if kind != "other" else draw(st.lists(PRICE, min_size=4, max_size=4))
            scale = 1.0 + (p * 1e-5 if kind == "near" else 0.0)
            if kind != "none":
                low, first, second, high = sorted(each * scale for each in drawn)
                values[p, :, n] = first, high, low, second
    return values


@given(bars())
def test_what_comes_out_is_a_possible_bar_between_those_who_agree(values):
    agreement = Agreement((1e-4,) * 4)
    outcome = vote(agreement, values)
    there = ~np.isnan(values[:, 0])
    assert not (outcome.outvoted & ~there).any()
    np.testing.assert_array_equal(outcome.size > 0, there.any(axis=0))
    for n in np.flatnonzero(there.any(axis=0)):
        camp = values[there[:, n] & ~outcome.outvoted[:, n], :, n]
        assert len(camp) == outcome.size[n]
        assert (outcome.values[:, n] >= camp.min(axis=0)).all()
        assert (outcome.values[:, n] <= camp.max(axis=0)).all()
        first, high, low, second = outcome.values[:, n]
        assert low <= min(first, second) <= max(first, second) <= high
        alone = vote(agreement, values[:, :, n : n + 1])
        np.testing.assert_array_equal(alone.values[:, 0], outcome.values[:, n])
        rows = {p: tuple(values[p, :, n].tolist()) for p in np.flatnonzero(there[:, n])}
        assert agreement.camp(rows) == tuple(p for p in rows if not outcome.outvoted[p, n])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=7))
def test_the_middle_is_the_median(numbers):
    found = middle(np.array(numbers)[:, None, None])[0, 0]
    below, above = sorted(numbers)[(len(numbers) - 1) // 2], sorted(numbers)[len(numbers) // 2]
    assert below <= found <= above
    assert len(numbers) % 2 == 0 or found == below


def test_every_option_is_in_the_readme():
    assert [each.name for each in fields(QuorumOptions) if f"`{each.name}`" not in README] == []


def test_the_example_of_the_readme_is_complete():
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    table = tomllib.loads(example)["feed"]
    assert table.pop("use") == "quorum"
    assert set(table) <= {each.name for each in fields(QuorumOptions)}
    assert len(table["providers"]) == 3
