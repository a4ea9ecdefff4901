"""The wire: a real client, a real server on loopback, and everything that can go wrong between them."""

from __future__ import annotations

import numpy as np
import pytest
from darwin_llm_expert.expert import NoOpinion


def said(agent, asked):
    """Return the actions, NaN where there is no opinion, as the guard has them."""
    try:
        return agent.decide(asked)
    except NoOpinion:
        return np.full(len(asked), np.nan)


def why(agent, asked):
    return [words for _, words in agent.explain(asked)]


def bills(agent):
    with agent.recording._open("ro") as file:
        return file.execute("SELECT requests, nano, prompt_tokens, answer_tokens FROM bills").fetchall()


def test_an_opinion_is_asked_for_and_becomes_an_action(expert, endpoint, rows, question, faults):
    endpoint.plan = {
        question(30): [faults.completion(faults.opinion("follow", 0.8, "oversold"))],
        question(80): [faults.completion(faults.opinion("decline", 0.9, "overbought"))],
    }
    agent = expert(temperature=0.0)
    assert agent.decide(rows(30, 80)).tolist() == [1.0, 0.0]
    assert agent.explain(rows(30, 80)) == [(0.8, "follow: oversold"), (0.9, "decline: overbought")]
    body, headers = endpoint.requests[0]
    assert body["model"] == "model-1"
    assert (body["temperature"], body["max_tokens"]) == (0.0, 300)
    assert body["response_format"]["json_schema"]["strict"]
    assert headers["authorization"] == "Bearer none"


def test_the_confidence_may_be_the_action(expert, endpoint, rows, question, faults):
    endpoint.plan = {
        question(30): [faults.completion(faults.opinion("follow", 0.8))],
        question(80): [faults.completion(faults.opinion("decline", 0.9))],
    }
    assert expert(action="confidence").decide(rows(30, 80)).tolist() == [0.8, 0.0]


@pytest.mark.parametrize(
    ("said", "sent", "unsent"),
    [
        ({}, {"max_tokens", "response_format"}, {"temperature", "max_completion_tokens"}),
        ({"limit": "max_completion_tokens"}, {"max_completion_tokens"}, {"max_tokens"}),
        ({"structured": "text"}, {"max_tokens"}, {"response_format"}),
    ],
)
def test_only_what_the_deployment_says_is_sent(expert, endpoint, rows, said, sent, unsent):
    expert(**said).decide(rows(30))
    body = endpoint.requests[0][0]
    assert sent <= body.keys()
    assert not unsent & body.keys()


def test_an_answer_is_asked_for_once_and_then_replayed(expert, endpoint, rows):
    agent = expert()
    first = agent.decide(rows(10, 20, 30, 10))
    assert len(endpoint.requests) == 3
    later = rows(30, 10, 20, time=[1, 2, 3])
    assert agent.decide(later).tolist() == first[[2, 0, 1]].tolist()
    assert (
        expert(calls="recorded", base_url="http://127.0.0.1:9/v1").decide(rows(10, 20, 30, 10)).tobytes()
        == first.tobytes()
    )
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize("concurrency", [1, 2, 16])
def test_concurrency_changes_no_bytes(expert, endpoint, rows, question, faults, tmp_path, concurrency):
    """Later questions are answered first, some fail in passing and some for good."""
    values = list(range(1, 13))
    gone = faults.refuses(400, "too long")

    def slow(seconds, content):
        def behave(made, handler):
            made.ending.wait(seconds)
            faults.send(handler, content)

        return behave

    for value in values:
        content = faults.json.dumps(faults.completion(faults.by_its_hash(question(value)))).encode()
        endpoint.plan[question(value)] = [slow(0.01 * (12 - value), content)]
    endpoint.plan[question(4)] = [faults.refuses(503, Retry_After="0"), *endpoint.plan[question(4)]]
    endpoint.plan[question(7)] = [gone]
    agent = expert(concurrency=concurrency, calls_per_day=13)
    actions = said(agent, rows(*values))
    wanted = [faults.json.loads(faults.by_its_hash(question(v)))["decision"] == "follow" for v in values]
    expected = np.array(wanted, float)
    expected[6] = np.nan
    assert actions.tobytes() == expected.tobytes()
    assert endpoint.most_at_once <= concurrency
    with agent.recording._open("ro") as file:
        order = [row[0] for row in file.execute("SELECT key FROM allotments JOIN bills USING (number) ORDER BY number")]
    assert order == [agent.key(question(value)) for value in values]


PASSING = ["refuses 429", "refuses 500", "refuses 503", "resets", "breaks_off", "malformed", "no_text", "html"]


def behaviour(faults, name):
    if name.startswith("refuses"):
        return faults.refuses(int(name.split()[1]), Retry_After="0")
    return {
        "malformed": faults.says(b'{"choices": []}'),
        "no_text": faults.completion(None),
        "html": faults.says(b"<html>busy</html>"),
        "schema": faults.completion('{"decision": "buy", "confidence": 2}'),
        "garbage": faults.completion("I would follow this one."),
        "refusal": faults.completion(None, refusal="I cannot help with trades"),
        "filter": faults.completion(None, finish="content_filter"),
        "cut": faults.completion('{"reason": "because', finish="length"),
    }.get(name) or getattr(faults, name)


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_is_asked_through(expert, endpoint, rows, question, faults, name):
    fault = behaviour(faults, name)
    endpoint.plan = {question(30): [fault, faults.completion(faults.opinion("follow"))]}
    assert expert().decide(rows(30)).tolist() == [1.0]
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("name", "requests", "words"),
    [
        ("refuses 429", 3, "status: the endpoint refuses with status 429: no"),
        ("refuses 500", 3, "status: the endpoint refuses with status 500: no"),
        ("refuses 400", 1, "status: the endpoint refuses with status 400: no"),
        ("refuses 307", 1, "status: the endpoint refuses with status 307: no"),
        ("resets", 3, "connection: the connection failed (ReadError)"),
        ("breaks_off", 3, "connection: the connection failed (RemoteProtocolError)"),
        ("malformed", 3, "malformed: the endpoint's answer is no chat completion"),
        ("no_text", 3, "malformed: the endpoint's answer holds no text"),
        ("schema", 2, "answer: the answer is no opinion: reason is missing"),
        ("garbage", 2, "answer: the answer is no opinion: it is not one JSON object (Expecting value)"),
        ("refusal", 1, "refusal: the model refuses: I cannot help with trades"),
        ("filter", 1, "refusal: the model refuses: content_filter"),
        ("cut", 1, "length: the answer is longer than max_tokens = 300"),
    ],
)
def test_a_lasting_fault_ends_in_no_opinion_and_says_why(
    expert, endpoint, rows, question, faults, name, requests, words, monkeypatch
):
    endpoint.plan = {question(30): [behaviour(faults, name)] * 9}
    agent = expert()
    monkeypatch.setattr("darwin_llm_expert.asking._FIRST_WAIT", 0.01)
    actions = said(agent, rows(30, 60))
    assert np.isnan(actions[0])
    assert np.isfinite(actions[1])
    assert why(agent, rows(30)) == [words]
    assert endpoint.asked[question(30)] == requests


@pytest.mark.parametrize("name", ["waits", "drips"])
def test_a_request_that_takes_too_long_is_given_up(expert, endpoint, rows, question, faults, name):
    endpoint.plan = {question(30): [getattr(faults, name)] * 9}
    agent = expert(timeout_s=0.3, retries=0)
    assert np.isnan(said(agent, rows(30))).all()
    assert why(agent, rows(30)) == ["timeout: no answer within 0.3 s"]


def test_a_bar_has_an_end_whatever_its_requests_do(expert, endpoint, rows, faults):
    endpoint.plan = {"*": [faults.waits] * 9}
    agent = expert(timeout_s=10.0, patience_s=0.4, concurrency=2)
    assert np.isnan(said(agent, rows(1, 2, 3, 4))).all()
    assert set(why(agent, rows(1, 2, 3, 4))) == {"patience: no opinion within the 0.4 s of a bar"}
    assert [bill[0] for bill in bills(agent)] == [1, 1, 0, 0]


def test_an_endpoint_that_asks_for_more_time_than_there_is_is_not_waited_for(expert, endpoint, rows, question, faults):
    endpoint.plan = {question(30): [faults.refuses(429, "slow down", Retry_After="3600")] * 9}
    agent = expert()
    assert np.isnan(said(agent, rows(30))).all()
    assert endpoint.asked[question(30)] == 1
    assert why(agent, rows(30)) == ["status: the endpoint refuses with status 429: slow down"]


def test_a_wrong_answer_is_repaired_once_by_telling_the_model_what_was_wrong(expert, endpoint, rows, question, faults):
    wrong = '{"reason": "x", "decision": "hold", "confidence": 0.5}'
    endpoint.plan = {question(30): [faults.completion(wrong), faults.completion(faults.opinion("decline"))]}
    assert expert().decide(rows(30)).tolist() == [0.0]
    system, first, own, again = endpoint.requests[1][0]["messages"]
    assert [each["role"] for each in (system, first, own, again)] == ["system", "user", "assistant", "user"]
    assert own["content"] == wrong
    assert 'decision is "hold", and not follow or decline' in again["content"]


def test_who_is_refused_as_such_asks_nobody_else(expert, endpoint, rows, faults):
    endpoint.plan = {"*": [faults.refuses(401, "wrong key")] * 9}
    agent = expert(concurrency=1)
    assert np.isnan(said(agent, rows(*range(9), time=np.arange(9) + 1))).all()
    assert len(endpoint.requests) == 1
    assert set(why(agent, rows(8, time=9))) == {"status: the endpoint refuses with status 401"}


def test_a_bar_that_was_decided_without_an_opinion_stays_so_and_a_later_one_asks_again(
    expert, endpoint, rows, question, faults
):
    endpoint.plan = {question(30): [faults.refuses(400)]}
    agent = expert()
    assert np.isnan(said(agent, rows(30, time=1))).all()
    assert np.isfinite(said(agent, rows(30, time=2))).all()
    assert np.isnan(said(agent, rows(30, time=1))).all()
    assert np.isnan(said(expert(calls="recorded"), rows(30, time=1))).all()
    assert len(endpoint.requests) == 2


def test_a_block_and_its_bars_one_by_one_are_the_same(expert, endpoint, rows, question, faults):
    values, times = [1, 2, 3, 1, 2, 3, 4, 5], [1, 1, 1, 2, 2, 3, 3, 4]
    endpoint.plan = {question(2): [faults.refuses(400)], question(5): [faults.refuses(400)]}
    whole = said(expert(recording="block.sqlite"), rows(*values, time=times))
    endpoint.asked.clear()
    agent = expert(recording="bars.sqlite")
    single = []
    for bar in sorted(set(times)):
        single.append(said(agent, rows(*(v for v, t in zip(values, times, strict=True) if t == bar), time=bar)))
    assert whole.tobytes() == np.concatenate(single).tobytes()
    assert np.isnan(whole).tolist() == [False, True, False, False, False, False, False, True]


def test_a_loop_that_runs_already_is_left_alone(expert, rows):
    import asyncio

    async def in_a_notebook():
        return expert().decide(rows(30))

    assert asyncio.run(in_a_notebook()).shape == (1,)


def test_nobody_is_asked_unless_the_deployment_says_so(expert, endpoint, rows):
    expert().decide(rows(30))
    agent = expert(calls="recorded")
    actions = agent.decide(rows(30, 31, 32))
    assert np.isnan(actions).tolist() == [False, True, True]
    with pytest.raises(
        NoOpinion, match=r"no opinion on 2 candidates: 2 missing \(no recorded answer in expert.sqlite, and"
    ):
        agent.decide(rows(31, 32))
    assert len(endpoint.requests) == 1
