"""What a broker plugin answers, looked at before anybody believes it.

A plugin may return anything. What is none of the protocol's values, or has a number in it that is none, is refused here
with a sentence: as an outcome it is unknown, as a statement it was not made.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from darwin_core.live.orders import (
    Absent,
    Accepted,
    Event,
    FillReport,
    OrderReport,
    PositionReport,
    Refused,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darwin_core.live.orders import Outcome

_NUMBERS = {
    OrderReport: ("quantity", "filled"),
    FillReport: ("quantity", "price", "fee"),
    PositionReport: ("quantity",),
}


def outcome(answer: Any) -> Outcome:
    """Return what a submit or a cancel was answered; Unknown when that is nothing that can be understood."""
    if isinstance(answer, Accepted | Refused | Unknown):
        return answer
    return Unknown(f"the broker answered {answer!r}, which is no outcome")


def order(answer: Any) -> OrderReport | Absent:
    """Return what was said of an order.

    Raises
    ------
    ValueError
        It is nothing of the kind; so do the other functions here.
    """
    return answer if isinstance(answer, Absent) else _checked(answer, OrderReport)


def fills(answer: Any) -> tuple[Sequence[FillReport], str]:
    """Return fills, and the cursor behind them."""
    found, cursor = answer
    return [_checked(each, FillReport) for each in found], str(cursor)


def positions(answer: Any) -> Sequence[PositionReport]:
    """Return positions."""
    return [_checked(each, PositionReport) for each in answer]


def orders(answer: Any) -> Sequence[OrderReport]:
    """Return orders."""
    return [_checked(each, OrderReport) for each in answer]


def event(answer: Any) -> Event:
    """Return an event of the stream."""
    if not isinstance(answer, Event):
        raise ValueError(f"it said {answer!r}, which is no Event")  # noqa: TRY004 - a value, whatever its type
    if isinstance(answer.body, OrderReport | FillReport):
        _checked(answer.body, type(answer.body))
    return answer


def _checked(answer: Any, kind: Any) -> Any:
    if not isinstance(answer, kind):
        raise ValueError(f"it said {answer!r}, which is no {kind.__name__}")  # noqa: TRY004
    for name in _NUMBERS[kind]:
        value = getattr(answer, name)
        if not isinstance(value, float | int) or not isfinite(value):
            raise ValueError(f"{name} is {value!r} in {answer!r}")
    return answer
