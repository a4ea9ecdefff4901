"""Values as HTML: escaped texts, and numbers with thousands, units and a real minus sign."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MISSING = "\N{EN DASH}"
_READABLE = 1e15
_MINUS = "\N{MINUS SIGN}"


def esc(value: object) -> str:
    """Return a text for HTML, in content and in attributes alike."""
    return escape(str(value), quote=True)


def number(value: object) -> float | None:
    """Return a figure as a number; None when it is missing, NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def fixed(value: float, digits: int, *, sign: bool = False) -> str:
    """Return a number with thousands and so many digits; what rounds to zero has no sign."""
    text = f"{abs(value):,.{digits}f}" if abs(value) < _READABLE else f"{abs(value):.4g}"
    if not any(c in "123456789" for c in text):
        return text
    return f"{_MINUS if value < 0.0 else '+' if sign else ''}{text}"


def percent(value: object, *, sign: bool = False, digits: int = 2) -> str:
    """Return a fraction as per cent."""
    known = number(value)
    known = number(known * 100) if known is not None else None
    return MISSING if known is None else f"{fixed(known, digits, sign=sign)}\N{NO-BREAK SPACE}%"


def gain(value: object) -> str:
    """Return a gain or loss in per cent, with its sign."""
    return percent(value, sign=True)


def ratio(value: object, *, sign: bool = False) -> str:
    """Return a plain ratio."""
    known = number(value)
    return MISSING if known is None else fixed(known, 2, sign=sign)


def money(value: object, *, sign: bool = False) -> str:
    """Return an amount in the account's currency: two digits, or four figures when it is below 1."""
    known = number(value)
    if known is None:
        return MISSING
    if 0.0 < abs(known) < 1.0:
        return f"{_MINUS if known < 0.0 else '+' if sign else ''}{abs(known):.4g}"
    return fixed(known, 2, sign=sign)


def count(value: object) -> str:
    """Return a number of things."""
    known = number(value)
    return MISSING if known is None else fixed(known, 0)


def direction(value: object) -> str:
    """Return the CSS class of a gain or a loss."""
    known = number(value)
    return "" if not known else "up" if known > 0.0 else "down"


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], css: str = "") -> str:
    """Return a table that scrolls sideways by itself; cells are HTML, the first of a row is its name."""
    head = "".join(f'<th scope="col">{each}</th>' for each in headings)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table class="{css}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(row: Iterable[str]) -> str:
    first, *others = row
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{each}</td>" for each in others)


def coloured(value: object, write: Callable[[object], str]) -> str:
    """Return a gain or loss in its colour."""
    return f'<span class="{direction(value)}">{write(value)}</span>'
