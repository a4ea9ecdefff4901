"""Prompts, options, keys, the recording, and the expert in a backtest."""

from __future__ import annotations

import re
import sqlite3

import numpy as np
import pytest
from attrs import evolve
from darwin_llm_expert.expert import NoOpinion, expert_of
from darwin_llm_expert.opinion import Failure, Opinion, parse
from darwin_llm_expert.recording import Recording
from darwin_llm_expert.template import template_of
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, DataError, assembly, config, engine
from darwin_core import backtest as stored

GOOD = '{"reason": "calm", "decision": "follow", "confidence": 0.5}'
COLUMNS = ["rsi(14)", "strategy.side", "macd(12, 26, 9)"]


@pytest.mark.parametrize(
    ("text", "values", "prompt"),
    [
        ("{rsi(14)}", [70.123456789, 0, 0], "70.1235"),
        ("{rsi(14):.2f} {macd(12, 26, 9):+.1%}", [70.0, 0, 0.051], "70.00 +5.1%"),
        ('{{"a": {strategy.side:.0f}}}', [0, -0.0, 0], '{"a": 0}'),
        ("é {rsi(14):06.1f}\n", [5.0, 0, 0], "é 0005.0\n"),
    ],
)
def test_a_prompt_is_its_file_with_the_columns_in_their_places(tmp_path, text, values, prompt):
    (tmp_path / "p.txt").write_text(text)
    assert template_of(tmp_path / "p.txt", COLUMNS).render(values) == prompt


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{rsi(15)}", r"the column 'rsi\(15\)' is not in `requires`: did you mean 'rsi\(14\)'"),
        ("{symbol}", "the column 'symbol' is not in `requires`"),
        ("{}", "the column '' is not in `requires`"),
        ("{rsi(14)", "a brace that is no column is written twice"),
        ("}", "a brace that is no column is written twice"),
        ("{rsi(14):%Y}", "'%Y' is no way to write one"),
        ("{rsi(14):{strategy.side}}", "is no way to write one"),
        ("{rsi(14)!r}", "without !r"),
        ("buy?", "names no column"),
        ("", "names no column"),
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_refused_in_words(options, tmp_path, text, what):
    made = options(calls="live")
    (tmp_path / "expert.txt").write_text(text)
    with pytest.raises(ConfigError, match=what) as error:
        expert_of(made)
    assert "darwin.toml:2: plugin.prompt: the prompt expert.txt" in str(error.value)


def test_a_prompt_that_is_missing_or_no_text_is_refused(options, tmp_path):
    with pytest.raises(ConfigError, match="the prompt none.txt cannot be read: No such file"):
        expert_of(options(calls="live", prompt="none.txt"))
    made = options(calls="live")
    (tmp_path / "expert.txt").write_bytes(b"\xff{rsi(14)}")
    with pytest.raises(ConfigError, match=r"the prompt expert.txt is not UTF-8 \(byte 0\)"):
        expert_of(made)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"requires": []}, "plugin.requires: names no column"),
        ({"requires": ["rsi(14)", "rsi(14)"]}, r"plugin.requires: names 'rsi\(14\)' twice"),
        ({"base_url": "models.example"}, "plugin.base_url: 'models.example' is no address"),
        ({"base_url": "ftp://models.example"}, "plugin.base_url"),
        ({"base_url": "http://models.example:port"}, "plugin.base_url"),
        ({"timezone": "Mars"}, "plugin.timezone: 'Mars' is no time zone"),
        ({"timezone": "../UTC"}, "plugin.timezone"),
        ({"money_per_day": 1.0}, "money_per_day needs price_prompt and price_answer"),
        ({"calls": "always"}, "plugin.calls"),
        ({"baseline": 2.0}, "plugin.baseline"),
        ({"recording": "missing/e.sqlite", "calls": "live"}, "plugin.recording: there is no folder missing"),
        ({"recording": "none.sqlite"}, 'plugin.recording: there is no recording none.sqlite: calls = "live" makes one'),
        (
            {"recording": "expert.txt"},
            "plugin.recording: the recording expert.txt cannot be used: file is not a database",
        ),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, more, what):
    with pytest.raises(ConfigError, match=what):
        expert_of(options(**more))


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("", "not one JSON object"),
        ("```json\n" + GOOD + "\n```", "not one JSON object"),
        (GOOD + GOOD, "not one JSON object"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "not one JSON object"),
        (GOOD[:-1] + ', "size": 2}', '"size" is too much'),
        (GOOD[:-1] + ', "decision": "decline"}', "names something twice"),
        (GOOD.replace('"reason": "calm", ', ""), "reason is missing"),
        (GOOD.replace('"calm"', "7"), "reason is no text"),
        (GOOD.replace("calm", "\\ud83d"), "reason is no text"),
        (GOOD.replace("calm", "\ud83d"), "half a character"),
        (GOOD.replace('"follow"', '"Follow"'), 'decision is "Follow"'),
        (GOOD.replace('"follow"', '["follow"]'), "decision is"),
        (GOOD.replace("0.5", "NaN"), "confidence is NaN"),
        (GOOD.replace("0.5", "-0.1"), "confidence is -0.1"),
        (GOOD.replace("0.5", "50"), "confidence is 50"),
        (GOOD.replace("0.5", "true"), "confidence is true"),
        (GOOD.replace("0.5", "1" + "0" * 400), "confidence is 1000"),
        (GOOD.replace("0.5", '"0.5"'), 'confidence is "0.5"'),
    ],
)
def test_what_is_no_opinion_is_refused_in_words(answer, what):
    with pytest.raises(ValueError, match=what):
        parse(answer)


@given(st.text())
def test_no_text_makes_the_check_fail_otherwise(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


def test_an_opinion_is_what_the_answer_says():
    assert parse(GOOD) == Opinion("follow", 0.5, "calm")
    assert parse(GOOD.replace("0.5", "1")).confidence == 1.0


def test_the_key_is_of_everything_that_the_answer_depends_on_and_of_nothing_else(options, tmp_path):
    def key(prompt="x", **more):
        return expert_of(options(calls="live", **more)).key(prompt)

    same = [{}, {"base_url": "https://other.example/v1"}, {"timeout_s": 5.0}, {"calls_per_day": 1}, {"baseline": 1.0},
            {"action": "confidence"}]  # fmt: skip
    assert len({key(**more) for more in same}) == 1
    other = [{}, {"model": "model-2"}, {"temperature": 0.0}, {"temperature": 0.5}, {"max_tokens": 100},
             {"limit": "max_completion_tokens"}, {"structured": "text"}, {"prompt": "y"}]  # fmt: skip
    keys = [
        key(**({} if "prompt" in more else more), **({"prompt": "y"} if "prompt" in more else {}))
        for more in other[:-1]
    ]
    keys.append(expert_of(options(calls="live")).key("y"))
    made = options(calls="live")
    (tmp_path / "expert.txt").write_text("{rsi(14)} ")
    keys.append(expert_of(made).key("x"))
    assert len(set(keys)) == len(other) + 1


def test_the_recording_only_grows(expert, rows):
    agent = expert()
    agent.decide(rows(30))
    with sqlite3.connect(agent.recording.path) as file:
        for statement in (
            "UPDATE answers SET answer = ''",
            "DELETE FROM answers",
            "DELETE FROM bills",
            "DELETE FROM allotments",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                file.execute(statement)
        assert file.execute("SELECT decision, reason FROM opinions").fetchall() == [("decline", "for 3311046249")]
    file.close()


def test_failures_may_be_forgotten_so_that_a_backtest_asks_again(expert, endpoint, rows, question, faults):
    endpoint.plan = {question(30): [faults.refuses(400)]}
    agent = expert()
    with pytest.raises(NoOpinion):
        agent.decide(rows(30))
    with sqlite3.connect(agent.recording.path) as file:
        file.execute("DELETE FROM failures")
    file.close()
    assert np.isfinite(agent.decide(rows(30))).all()


def test_a_damaged_answer_is_no_opinion(expert, rows):
    agent = expert()
    agent.decide(rows(30, 31))
    with sqlite3.connect(agent.recording.path) as file:
        file.execute("DROP TRIGGER answers_UPDATE")
        file.execute("UPDATE answers SET answer = replace(answer, 'cline', 'clyne') WHERE prompt LIKE 'RSI 30%'")
    file.close()
    assert np.isnan(agent.decide(rows(30, 31))).tolist() == [True, False]
    assert agent.opinions(rows(30), np.array([True]))[0] == Failure(
        "damaged", 'the recorded answer is not as it was written: decision is "declyne", and not follow or decline'
    )


def test_another_file_or_a_newer_one_is_refused(tmp_path):
    other = Recording(tmp_path / "other.sqlite")
    with sqlite3.connect(other.path) as file:
        file.execute("CREATE TABLE t (x)")
    file.close()
    for method in (other.check, other.make):
        with pytest.raises(DataError, match=r"other.sqlite is no recording of an expert's"):
            method()
    newer = Recording(tmp_path / "newer.sqlite")
    newer.make()
    with sqlite3.connect(newer.path) as file:
        file.execute("PRAGMA user_version = 2")
    file.close()
    with pytest.raises(DataError, match="newer.sqlite was made by a newer darwin-llm-expert"):
        newer.check()


def test_a_recording_that_cannot_be_written_to_still_replays(expert, rows):
    agent = expert()
    wanted = agent.decide(rows(30))
    agent.recording.path.chmod(0o444)
    assert expert(calls="recorded").decide(rows(30)).tolist() == wanted.tolist()


def test_no_rows_are_no_question(expert, rows, endpoint):
    assert expert().decide(rows()).shape == (0,)
    assert endpoint.requests == []


def test_nobody_is_asked_about_a_candidate_of_which_nothing_is_left(expert, rows, endpoint):
    agent = expert(price_prompt=0.5, price_answer=1.0)
    skipped = rows(30, 70, left=np.array([0.0, 0.0]))
    assert agent.price is None
    assert agent.decide(skipped).tolist() == [0.0, 0.0]
    assert expert(baseline=1.0).decide(skipped).tolist() == [1.0, 1.0]
    assert endpoint.requests == []
    both = rows(30, 70, left=np.array([0.1, 0.0]))
    alone = agent.decide(rows(30)).tolist()
    assert agent.decide(both).tolist() == [*alone, 0.0]
    assert agent.explain(both)[1][1] == "not asked: an earlier agent has skipped it"
    assert len(endpoint.requests) == 1
    with sqlite3.connect(agent.recording.path) as file:
        assert agent.price == file.execute("SELECT money FROM spent").fetchone()[0] > 0.0


DEPLOYMENT = """
[feed]
use = "./parts.py"
[[features]]
use = "./parts.py"
[strategy]
use = "./parts.py"
[run]
audit = "full"
[[agents]]
use = "./expert.py"
mode = "active"
prompt = "expert.txt"
requires = ["up", "strategy.side"{more}]
model = "m"
base_url = "{url}"
recording = "expert.sqlite"
calls = "{calls}"
"""
PARTS = """
import numpy as np
from darwin_core import Proposal, hookimpl
from darwin_core.testing import BarsFeed, daily_bars

class Up:
    names = ("up",)
    lookback = 1
    def column(self, name, arguments):
        return self
    def compute(self, bars):
        out = np.full(bars.close.shape, np.nan)
        out[1:] = bars.close[1:] / bars.close[:-1] - 1.0
        return out

class EveryThirdBar:
    requires = ()
    lookback = 0
    def propose(self, market):
        days = market.bars.time // (86_400 * 10**9)
        return Proposal(np.repeat((days % 3 == 0)[:, None], 4, axis=1).astype(np.int8), 0.25)

@hookimpl
def make_feed(options):
    return BarsFeed(daily_bars(90))

@hookimpl
def make_features(options):
    return Up()

@hookimpl
def make_strategy(options):
    return EveryThirdBar()
"""


@pytest.fixture
def backtest(tmp_path, endpoint):
    (tmp_path / "parts.py").write_text(PARTS)
    (tmp_path / "expert.py").write_text("from darwin_llm_expert import make_agent\n")
    (tmp_path / "expert.txt").write_text("up {up:.2%}, side {strategy.side}")

    def run(calls, tier="auto", more=""):
        path = tmp_path / "darwin.toml"
        path.write_text(DEPLOYMENT.format(url=endpoint.url, calls=calls, more=more))
        return engine.run(assembly.assemble(config.load(path)), tier=tier)

    return run


def test_a_backtest_that_asks_and_one_that_replays_have_the_same_bytes(backtest, endpoint, faults, question):
    endpoint.plan = {
        f"up {percent}, side 1": [faults.refuses(400)] for percent in ("0.01%", "0.02%", "0.10%", "-0.10%")
    }
    live = backtest("live")
    assert len(endpoint.requests) > 20
    asked = len(endpoint.requests)
    actions = live.decisions[live.decisions["stage"] == 1]
    assert {0.0, 1.0} <= set(actions["value"])
    replays = [backtest("recorded"), backtest("recorded", "python"), backtest("recorded", more=', "account.drawdown"')]
    assert {each.digest for each in replays[:2]} == {live.digest}
    assert set(replays[2].decisions["value"][replays[2].decisions["stage"] == 1]) == {0.0, 1.0}
    assert len(endpoint.requests) == asked


def test_what_the_model_says_is_kept_with_each_decision(backtest, tmp_path, endpoint, faults):
    endpoint.plan = {"up 0.01%, side 1": [faults.refuses(400)]}
    backtest("live")
    path = tmp_path / "darwin.toml"
    path.write_text(DEPLOYMENT.format(url=endpoint.url, calls="recorded", more=""))
    run, _ = stored.backtest(path)
    said = [row for row in run.table("decisions").to_pylist() if row["stage"] == "expert"]
    asked = [row for row in said if row["words"] is not None]
    assert all(row["fallback"] for row in said if row["words"] is None)  # a column was missing: nobody was asked
    assert len(asked) > len(said) / 2
    for row in asked:
        assert row["words"].startswith(("follow: ", "decline: ", "status: ", "missing: "))
        assert (row["confidence"] is None) == row["fallback"] == (not row["words"].startswith(("follow", "decline")))
    with sqlite3.connect(tmp_path / "runs" / "state.sqlite") as state:
        found = state.execute("SELECT count(*), count(words), count(confidence) FROM agent_decisions").fetchone()
    assert found == (len(said), len(asked), sum(not row["fallback"] for row in said))


def test_a_backtest_bar_by_bar_asks_the_same_and_decides_the_same(backtest, endpoint, tmp_path):
    block = backtest("live")
    asked = sorted(body["messages"][1]["content"] for body, _ in endpoint.requests)
    (tmp_path / "expert.sqlite").unlink()
    endpoint.requests.clear()
    assert backtest("live", "python").digest == block.digest
    assert sorted(body["messages"][1]["content"] for body, _ in endpoint.requests) == asked


def test_a_candidate_without_an_opinion_is_not_taken_and_counted(backtest, tmp_path):
    Recording(tmp_path / "expert.sqlite").make()
    result = backtest("recorded")
    actions = result.decisions[result.decisions["stage"] == 1]
    assert set(actions["value"]) == {0.0}
    assert len(result.fills) == 0
    (incident,) = result.incidents
    assert incident.kind == "exception"
    counts = re.search(
        r"no opinion on (\d+) candidates: (\d+) missing \(no recorded answer in expert.sqlite", incident.first
    )
    assert 0 < int(counts[1]) == int(counts[2]) < len(actions)


def test_the_expert_says_the_same_whatever_it_is_asked_beside(expert, rows):
    agent = expert()
    whole = agent.decide(rows(*range(20)))
    for part in ([3], [3, 4], [19, 0], list(range(10, 20))):
        again = agent.decide(rows(*part))
        assert again.tobytes() == whole[part].tobytes()
    confident = evolve(agent, settings=evolve(agent.settings, action="confidence"))
    assert ((confident.decide(rows(*range(20))) > 0.0) <= (whole > 0.0)).all()


GATE = """
import numpy as np
from darwin_core import hookimpl

class Rising:
    requires = ("up",)
    when = "candidate"
    effect = "scale"
    baseline = 1.0
    def decide(self, o):
        return np.where(o["up"] > 0.0, 1.0, 0.0)

@hookimpl
def make_agent(options, seed):
    return Rising()
"""


@pytest.mark.parametrize("mode", ["active", "observe"])
def test_a_gate_before_it_saves_questions_and_a_report_says_how_many_and_what_they_are_worth(
    backtest, tmp_path, endpoint, mode
):
    backtest("live")  # everything is answered once
    (tmp_path / "gate.py").write_text(GATE)
    text = DEPLOYMENT.format(url=endpoint.url, calls="recorded", more="")
    text = text.replace("[[agents]]", f'[[agents]]\nuse = "./gate.py"\nmode = "{mode}"\n[[agents]]', 1)
    path = tmp_path / "darwin.toml"
    path.write_text(text)
    run, _ = stored.backtest(path)
    gate, expert = run.info["agents"]
    found = expert["calls"]
    assert gate["calls"] is None
    assert found["price"] is None
    table = run.table("decisions").to_pylist()
    skipped = sum(row["stage"] == "gate" and row["value"] == 0.0 for row in table)
    assert 5 < skipped < expert["decisions"] - 5
    assert found["asked"] + found["saved"] == expert["decisions"]
    assert (found["saved"], found["would"]) == ((skipped, {"gate": 0}) if mode == "active" else (0, {"gate": skipped}))
    silent = [row for row in table if row["words"] == "not asked: an earlier agent has skipped it"]
    assert len(silent) == found["saved"]
