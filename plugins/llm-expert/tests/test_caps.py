"""Money and calls: what is counted, by whose calendar, and that no cap is ever passed."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from darwin_llm_expert.asking import worst
from darwin_llm_expert.expert import NoOpinion
from darwin_llm_expert.opinion import Failure
from darwin_llm_expert.recording import Answer, Bill, Question, Recording
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = 86_400 * 10**9
NOON = 19_000 * DAY + DAY // 2
PRICES = {"price_prompt": 0.15, "price_answer": 0.6}
ONE = 50 * 150_000 + 20 * 600_000  # what the fake endpoint's usage costs, in billionths


def said(agent, asked):
    try:
        return agent.decide(asked)
    except NoOpinion:
        return np.full(len(asked), np.nan)


def spent(agent):
    with agent.recording._open("ro") as file:
        return {
            row[0]: row[1:]
            for row in file.execute("SELECT day, requests, nano, money, prompt_tokens, answer_tokens FROM spent")
        }


def test_tokens_and_money_are_counted_as_the_endpoint_says(expert, rows):
    agent = expert(**PRICES)
    agent.decide(rows(1, 2, 3))
    assert spent(agent) == {"2022-01-08": (3, 3 * ONE, 3 * ONE / 1e9, 150, 60)}


def test_prices_are_the_decimals_that_were_written(expert):
    assert expert(price_prompt=0.00015, price_answer=1.1).settings.cost(1000, 1000) == 150_000 + 1_100_000_000
    assert expert(price_prompt=0.0000015).settings.cost(10, 0) == 20  # 1.5 billionths a token count as 2


@pytest.mark.parametrize("cap", [1, 2, 5, 7])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_cap_in_calls_is_used_up_to_the_last_call_and_never_passed(expert, endpoint, rows, cap, concurrency):
    agent = expert(calls_per_day=cap, concurrency=concurrency)
    actions = said(agent, rows(*range(10)))
    assert np.isfinite(actions).tolist() == [True] * cap + [False] * (10 - cap)
    assert len(endpoint.requests) == cap
    words = f"cap: the caps of 2022-01-08 leave no room for another request ({cap} calls)"
    assert agent.explain(rows(*range(10)))[cap:] == [(pytest.approx(np.nan, nan_ok=True), words)] * (10 - cap)


def test_repeated_requests_count_as_well(expert, endpoint, rows, question, faults):
    busy = faults.refuses(503, Retry_After="0")
    endpoint.plan = {question(0): [busy, busy, faults.completion("garbage")]}
    agent = expert(calls_per_day=5)
    assert np.isfinite(said(agent, rows(0, 1, 2))).tolist() == [True, True, False]
    assert len(endpoint.requests) == 5


def test_a_question_gets_what_is_left_of_the_cap_when_that_is_less_than_it_might_need(
    expert, endpoint, rows, question, faults
):
    endpoint.plan = {question(0): [faults.refuses(503, "busy", Retry_After="0")] * 9}
    agent = expert(calls_per_day=2)
    assert np.isnan(said(agent, rows(0))).all()
    assert len(endpoint.requests) == 2


def test_the_cap_in_money_is_never_passed(expert, endpoint, rows, question):
    limit = worst(expert(**PRICES).settings, question(100)) / 1e9 * 1.3
    agent = expert(**PRICES, money_per_day=limit)
    answered = np.isfinite(said(agent, rows(*range(100, 200))))
    _, nano, *_ = spent(agent)["2022-01-08"]
    assert nano == answered.sum() * ONE <= limit * 1e9
    assert nano + worst(agent.settings, question(100)) > limit * 1e9
    assert len(endpoint.requests) == answered.sum() > 5
    assert answered.tolist() == sorted(answered.tolist(), reverse=True)
    assert "leave no room" in agent.explain(rows(199))[0][1]


def test_a_request_of_which_nobody_says_what_it_cost_costs_the_most_that_it_can(
    expert, endpoint, rows, question, faults
):
    endpoint.plan = {
        question(0): [faults.completion(faults.opinion(), usage=None)],
        question(1): [faults.resets, faults.completion(faults.opinion())],
        question(2): [faults.refuses(500, Retry_After="0"), faults.completion(faults.opinion())],
        question(3): [faults.completion(faults.opinion(), usage={"prompt_tokens": -5, "completion_tokens": "7"})],
    }
    agent = expert(**PRICES)
    most = worst(agent.settings, question(0))
    costs = {0: most, 1: most + ONE, 2: ONE, 3: most}
    for n in costs:
        agent.decide(rows(n, time=NOON + n * DAY))
    assert [row[1] for row in spent(agent).values()] == list(costs.values())


def test_a_day_is_the_bars_own_in_the_zone_that_the_deployment_says(expert, rows):
    midnight = 19_000 * DAY
    for zone, days in (("UTC", ["2022-01-07", "2022-01-08"]), ("America/New_York", ["2022-01-07"])):
        agent = expert(recording=f"{len(zone)}.sqlite", timezone=zone, calls_per_day=1)
        actions = np.concatenate([said(agent, rows(n, time=midnight + n)) for n in (0, 1)])
        assert list(spent(agent)) == days
        assert np.isfinite(actions).tolist() == [True, len(days) == 2]


def test_a_block_of_days_has_a_cap_for_each(expert, endpoint, rows):
    times = [NOON, NOON, NOON, NOON + DAY, NOON + DAY, NOON + 2 * DAY]
    actions = said(expert(calls_per_day=2), rows(1, 2, 3, 4, 5, 6, time=times))
    assert np.isfinite(actions).tolist() == [True, True, False, True, True, True]


def test_what_was_reserved_when_a_process_died_stays_spent(tmp_path):
    recording = Recording(tmp_path / "r.sqlite")
    recording.make()
    assert [a.requests for a in recording.allot("d", [Question("a", 1, "?", 10)], 4, 6, 1000)] == [4]
    assert [a.requests for a in recording.allot("d", [Question("b", 1, "?", 10)], 4, 6, 1000)] == [2]
    assert recording.allot("d", [Question("c", 1, "?", 10)], 4, 6, 1000) == []
    assert len(recording.allot("dear", [Question("a", 1, "?", 100)], 4, 99, 700)) == 1
    assert [a.requests for a in recording.allot("dear", [Question("b", 1, "?", 100)], 4, 99, 700)] == [3]
    assert recording.allot("dear", [Question("c", 1, "?", 100)], 4, 99, 700) == []
    assert recording.allot("other", [Question("c", 1, "?", 10)], 4, 6, 1000) != []


@settings(max_examples=60)
@given(
    worsts=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    used=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=8, max_size=8),
    attempts=st.integers(1, 4), calls=st.integers(0, 20), money=st.one_of(st.none(), st.integers(0, 200)),
)  # fmt: skip
def test_no_order_of_questions_passes_a_cap(tmp_path_factory, worsts, used, attempts, calls, money):
    recording = Recording(tmp_path_factory.mktemp("caps") / "r.sqlite")
    recording.make()
    waiting = [Question(str(n), 1, "?", each) for n, each in enumerate(worsts)]
    total = [0, 0]
    while waiting and (allotted := recording.allot("d", waiting, attempts, calls, money)):
        assert [each.question for each in allotted] == waiting[: len(allotted)]
        reserved = (
            sum(each.requests for each in allotted),
            sum(each.requests * each.question.worst for each in allotted),
        )
        assert total[0] + reserved[0] <= calls
        assert money is None or total[1] + reserved[1] <= money
        results = []
        for each in allotted:
            requests, share = used[int(each.question.key)]
            requests = min(requests, each.requests)
            nano = int(requests * each.question.worst * share)
            total[0], total[1] = total[0] + requests, total[1] + nano
            results.append((each, Bill(requests, nano), Failure("x", "y")))
        recording.write("m", results)
        waiting = waiting[len(allotted) :]
    if waiting:
        tight = waiting[0].worst
        assert total[0] == calls or (money is not None and money - total[1] < tight)


def test_two_who_use_one_recording_share_its_cap(tmp_path):
    recording = Recording(tmp_path / "r.sqlite")
    recording.make()
    got = []

    def take(name):
        for n in range(20):
            for each in recording.allot("d", [Question(f"{name}{n}", 1, "?", 0)], 1, 25, None):
                got.append(each.requests)
                recording.write("m", [(each, Bill(1), Answer("{}", None))])

    threads = [threading.Thread(target=take, args=(name,)) for name in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(got) == 25
