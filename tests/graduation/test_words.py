"""The screen says what the standing holds."""

from __future__ import annotations

import numpy as np

from darwin_core.graduation import criteria
from darwin_core.graduation.eprocess import Bounds
from darwin_core.graduation.facts import Facts
from darwin_core.graduation.rule import Ladder
from darwin_core.graduation.standing import stand
from darwin_core.graduation.words import tell


def told(blocks: np.ndarray, *, steps: bool = False) -> str:
    ladder = Ladder(Bounds())
    for uplift in blocks.tolist():
        ladder = ladder.after(uplift)
        step = ladder.step(True) if steps else None
        ladder = ladder.moved(step) if step else ladder
    facts = Facts(np.repeat(np.arange(len(blocks)), 10), np.repeat(blocks, 10))
    return "\n".join(tell("gate", stand(ladder, blocks, facts, criteria.ANY)))


NOISE = np.random.default_rng(1).uniform(-0.4, 0.8, 120)


def test_an_observing_agent_is_told_what_it_lacks_and_for_how_long() -> None:
    text = told(NOISE[:12])
    assert text.startswith("gate is in observe, attempt 1\n  yes  days: 12 days of decisions")
    assert "missing: 12 of at least 20 blocks" in text
    assert "to canary: about " in text
    assert "uplift: " in text


def test_a_due_step_is_said_with_its_reason() -> None:
    assert "due: observe -> canary: evidence of " in told(NOISE)


def test_an_active_agent_is_told_about_its_watch() -> None:
    text = told(NOISE, steps=True)
    assert text.startswith("gate is in active")
    assert "of 250, at which it steps back" in text
    assert "missing" not in text


def test_an_agent_without_a_block_or_without_an_edge_is_promised_nothing() -> None:
    for text in (told(np.empty(0)), told(-NOISE)):
        assert text.endswith("to canary: days alone do not bring it, or it is too early to say")
