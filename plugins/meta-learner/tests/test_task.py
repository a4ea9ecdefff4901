from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from darwin_meta_learner.task import MetaTask, opposite

from darwin_core import DataError, Examples


def examples(word, outcome, said=None) -> Examples:
    word, outcome = np.array(word, float), np.array(outcome, float)
    n = len(word)
    time = np.arange(n, dtype=np.int64)
    return Examples(
        ("agent.llm-expert", "x"), np.column_stack([word, np.ones(n)]), time, time + 1, np.repeat("A", n), outcome,
        word if said is None else np.array(said, float),
    )  # fmt: skip


def test_following_is_worth_what_the_expert_took_and_overruling_the_rest():
    rewards = MetaTask().rewards(examples([1, 0, 0.75], [2.0, -1.0, 4.0]))
    assert rewards.tolist() == [[0.0, 2.0], [-1.0, 0.0], [1.0, 3.0]]


def test_where_the_opposite_is_the_same_there_is_nothing_to_overrule():
    asked = examples([1, 0.5, 0], [0, 0, 0])
    assert MetaTask().allowed(asked.names, asked.values).tolist() == [[True, True], [False, True], [True, True]]
    assert opposite(np.array([1.5, 1.0, 0.25])).tolist() == [0.0, 0.0, 0.75]


def test_a_word_that_is_not_the_one_on_record_is_refused():
    with pytest.raises(DataError, match="1 decisions of 'llm-expert' are not what agent.llm-expert holds"):
        MetaTask().rewards(examples([1, 0], [1, 1], said=[1, 1]))


def test_an_expert_that_is_not_seen_cannot_be_followed():
    asked = examples([1], [1])
    with pytest.raises(DataError, match="has to see agent.rules-expert"):
        evolve(MetaTask(), expert="rules-expert").rewards(asked)
