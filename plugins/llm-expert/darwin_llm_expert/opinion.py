"""Opinions: what a model is told to answer, and the check that it did."""

from __future__ import annotations

import json
from typing import Any, Final

from attrs import frozen

FOLLOW, DECLINE = "follow", "decline"
INSTRUCTION: Final = (
    "You are asked about a proposed trade. Answer with one JSON object and nothing else: "
    '{"reason": one or two sentences, "decision": "follow" or "decline", '
    '"confidence": a number from 0 to 1, how sure you are of the decision}.'
)
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "decision": {"type": "string", "enum": [FOLLOW, DECLINE]},
        "confidence": {"type": "number"},
    },
    "required": ["reason", "decision", "confidence"],
    "additionalProperties": False,
}
FORMATS: Final[dict[str, dict[str, Any] | None]] = {
    "schema": {"type": "json_schema", "json_schema": {"name": "opinion", "strict": True, "schema": SCHEMA}},
    "object": {"type": "json_object"},
    "text": None,
}
_SHOWN = 80


@frozen
class Opinion:
    """What a model said of a candidate.

    Parameters
    ----------
    decision
        follow or decline.
    confidence
        In the decision, 0 to 1.
    reason
        The model's own words.
    """

    decision: str
    confidence: float
    reason: str


@frozen
class Failure:
    """Why there is no opinion on a candidate: the kind in a word, and the whole in a sentence."""

    kind: str
    words: str


def parse(answer: str) -> Opinion:
    """Return the opinion in an answer; raise ValueError with a sentence that the model can mend it by.

    Examples
    --------
    >>> parse('{"reason": "calm", "decision": "follow", "confidence": 0.7}')
    Opinion(decision='follow', confidence=0.7, reason='calm')
    """
    if not _whole(answer):
        raise ValueError("it holds half a character")
    try:
        found = json.loads(answer, object_pairs_hook=_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it is not one JSON object ({getattr(error, 'msg', 'nested too deep')})") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - of the answer, not of an argument
    wanted = SCHEMA["required"]
    for name in wanted:
        if name not in found:
            raise ValueError(f"{name} is missing")
    if len(found) > len(wanted):
        raise ValueError(f"{_shown(next(name for name in found if name not in wanted))} is too much")
    reason, decision, confidence = (found[name] for name in wanted)
    if not isinstance(reason, str) or not _whole(reason):
        raise ValueError("reason is no text")
    if decision not in (FOLLOW, DECLINE):
        raise ValueError(f"decision is {_shown(decision)}, and not follow or decline")
    number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not number or not 0.0 <= confidence <= 1.0:
        raise ValueError(f"confidence is {_shown(confidence)}, and not a number from 0 to 1")
    return Opinion(decision, float(confidence), reason)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names something twice")
    return found


def _whole(text: str) -> bool:
    """Whether text can be written down: an escape may stand for half a character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
