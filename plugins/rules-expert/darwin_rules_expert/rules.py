"""A stand-in for an expert: a candidate that keeps all rules is followed, any other one declined.

It has learned nothing and reads no news: it stands where a language model would, so that a deployment can be tried
without one.
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, le

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute
    from numpy.typing import NDArray

    from darwin_core import Observation

    Floats: TypeAlias = NDArray[np.float64]

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_RULE = re.compile(r"\s*([a-z][a-z0-9_.]*(?:\([^()]*\))?)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*")


@frozen
class Rule:
    """One comparison of a column with a number."""

    column: str
    sign: str
    number: float

    def holds(self, observation: Observation) -> NDArray[np.bool_]:
        """Return on which rows it holds, (N,)."""
        kept: NDArray[np.bool_] = _COMPARE[self.sign](observation[self.column], self.number)
        return kept


def rule_of(text: str) -> Rule:
    """Read a rule such as ``rsi(14) < 70``; raise ValueError with a sentence when it is none."""
    match = _RULE.fullmatch(text)
    try:
        number = float(match[3]) if match else math.nan
    except ValueError:
        number = math.nan
    if match is None or not math.isfinite(number):
        raise ValueError(f"{text!r} is no rule: write COLUMN < NUMBER, with one of {' '.join(_COMPARE)}")
    return Rule(match[1], match[2], number)


def _rules(_: object, __: Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("names no rule: write one such as 'rsi(14) < 70'")
    for text in value:
        rule_of(text)


@frozen
class RulesExpert:
    """The agent.

    Parameters
    ----------
    rules
        Comparisons such as ``rsi(14) < 70``; all of them must hold.
    action
        decision: 1 when all rules hold, else 0. confidence: the share of the rules that hold.
    baseline
        The action without an opinion.
    """

    rules: tuple[str, ...] = field(validator=_rules)
    action: Literal["decision", "confidence"] = "decision"
    baseline: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    _read: tuple[Rule, ...] = field(init=False, repr=False)

    when: ClassVar[Literal["candidate"]] = "candidate"
    effect: ClassVar[Literal["scale"]] = "scale"

    @_read.default
    def _parsed(self) -> tuple[Rule, ...]:
        return tuple(rule_of(text) for text in self.rules)

    @property
    def requires(self) -> tuple[str, ...]:
        """The columns that the rules name."""
        return tuple(dict.fromkeys(rule.column for rule in self._read))

    def decide(self, observation: Observation) -> Floats:
        """Return 1 for each row that keeps all rules and 0 for the others, or the share that it keeps, (N,)."""
        kept = np.array([rule.holds(observation) for rule in self._read])
        share: Floats = kept.sum(axis=0) / len(self._read)
        return share if self.action == "confidence" else np.floor(share)

    def explain(self, observation: Observation) -> list[tuple[float, str]]:
        """Return for each row the share of the rules that hold, and which do not."""
        kept = np.array([rule.holds(observation) for rule in self._read])
        broken = [[text for text, held in zip(self.rules, row, strict=True) if not held] for row in kept.T]
        return [
            (
                1.0 - len(each) / len(self.rules),
                f"decline: not {', not '.join(each)}" if each else "follow: all rules hold",
            )
            for each in broken
        ]
