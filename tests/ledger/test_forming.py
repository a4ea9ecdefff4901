"""Proposals become targets and candidates: the same however history is cut, and refused when they make no sense."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core import Bars, PluginError, Proposal
from darwin_core.forming import Formed, form
from darwin_core.plugins import Owner

OWNER = Owner("strategy", "s", "test")
SYMBOLS = ("A", "B", "C")


def bars(rows: int) -> Bars:
    return Bars(np.arange(rows) * 86_400 * 10**9, SYMBOLS, {"close": np.ones((rows, 3))})


def formed(proposal: Proposal, rows: int, previous: np.ndarray | None = None) -> Formed:
    return form(OWNER, proposal, bars(rows), np.zeros(3, np.int8) if previous is None else previous)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 20), max_size=20), st.booleans())
def test_a_proposal_forms_the_same_however_it_is_cut(seed: int, cuts: list[int], own: bool) -> None:
    rng = np.random.default_rng(seed)
    arrays: dict[str, Any] = {
        "side": rng.integers(-1, 2, (20, 3)),
        "weight": rng.random((20, 3)),
        "confidence": rng.random((20, 3)),
        "candidate": rng.random((20, 3)) < 0.3 if own else None,
        "stop": rng.choice([0.01, np.nan], (20, 3)),
    }
    whole = formed(Proposal(**arrays), 20)
    previous = np.zeros(3, np.int8)
    edges = sorted({0, *cuts, 20})
    pieces = [
        formed(Proposal(**{k: v if v is None else v[a:b] for k, v in arrays.items()}), b - a, previous)
        for a, b in pairwise(edges)
    ]
    for name in ("signed", "candidate", "confidence", "stop"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in pieces]), getattr(whole, name))


def test_one_row_keeps_each_symbols_own_side_and_weight() -> None:
    found = formed(Proposal(side=np.array([[1, 0, -1]]), weight=np.array([[0.1, 0.2, 0.3]])), 1)
    assert found.signed.tolist() == [[0.1, 0.0, -0.3]]
    assert found.candidate.tolist() == [[True, False, True]]


def test_candidates_are_the_rows_on_which_the_side_turns_to_a_new_one() -> None:
    side = np.array([[1, 0, 0], [1, 0, 1], [0, -1, 1], [1, 1, 0], [1, 1, 0]])
    found = formed(Proposal(side=side, weight=0.5), 5)
    assert np.argwhere(found.candidate).tolist() == [[0, 0], [1, 2], [2, 1], [3, 0], [3, 1]]


def test_a_flat_row_is_no_candidate_whatever_the_strategy_says() -> None:
    found = formed(Proposal(side=np.zeros((2, 3), int), candidate=np.ones((2, 3), np.bool_)), 2)
    assert not found.candidate.any()


def test_the_weight_of_a_flat_row_means_nothing() -> None:
    found = formed(Proposal(side=np.array([[0, 0, 1]]), weight=np.array([[np.nan, -1.0, 0.5]])), 1)
    assert found.signed.tolist() == [[0.0, 0.0, 0.5]]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"side": np.array([[0, 2, 0]])}, "side is 2 for B"),
        ({"side": np.array([[0, -128, 0]], np.int8)}, "side is -128 for B"),
        ({"side": np.array([[0, 1, 0]]), "weight": np.array([[1.0, -0.1, 1.0]])}, "weight is -0.1 for B"),
        ({"side": np.array([[0, 1, 0]]), "weight": np.array([[1.0, np.nan, 1.0]])}, "weight is nan for B"),
        ({"side": np.array([[0, 1, 0]]), "weight": np.array([[1.0, np.inf, 1.0]])}, "weight is inf for B"),
        ({"side": np.array([[0, 1, 0]]), "confidence": np.array([[1.0, 1.1, 1.0]])}, "confidence is 1.1 for B"),
        ({"side": np.array([[0, 1, 0]]), "stop": np.array([[0.1, -0.1, 0.1]])}, "stop is -0.1 for B"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(what: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        formed(Proposal(**what), 1)
