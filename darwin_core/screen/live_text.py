"""Text that fits: every line of the live screen is built of cells whose width is known."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from attrs import frozen
from rich.cells import cell_len as _cell_len
from rich.cells import set_cell_size

from darwin_core.screen.drawing import BLOCKS, PLAIN_BLOCKS, chart
from darwin_core.screen.words import MISSING, clean, fixed, known

Span: TypeAlias = tuple[str, str]
"""Text and its style."""
Line: TypeAlias = list[Span]

_HUGE = 1e300
_FLAGS, _TONES = range(0x1F1E6, 0x1F200), range(0x1F3FB, 0x1F400)


@frozen
class Pen:
    """The characters that a terminal has: blocks and rules, or ASCII."""

    ascii: bool = False

    @property
    def rule(self) -> str:
        """What a heading is drawn with."""
        return "-" if self.ascii else "─"

    @property
    def dots(self) -> str:
        """What stands where something was cut."""
        return "~" if self.ascii else "…"

    @property
    def bar(self) -> str:
        """A full and an empty part of a bar."""
        return "#." if self.ascii else "█░"

    @property
    def blocks(self) -> str:
        """Nine characters from empty to full."""
        return PLAIN_BLOCKS if self.ascii else BLOCKS

    def text(self, value: object) -> str:
        """Return a text from outside so that each of its characters has its own cells and steers nothing."""
        text = value if isinstance(value, str) else str(value)
        if text.isascii() and text.isprintable():
            return text
        return _plain(text).encode("ascii", "replace").decode() if self.ascii else _plain(text)

    def cut(self, text: str, width: int) -> str:
        """Return the text in at most `width` cells, with a mark where it was cut."""
        if cell_len(text) <= width:
            return text
        return set_cell_size(text, width - 1).rstrip() + self.dots if width > 0 else ""

    def fit(self, line: Line, width: int) -> Line:
        """Return a line that fills `width` cells exactly."""
        if width <= 0:
            return []
        over = width_of(line) > width
        made: Line = []
        left = width - over
        for text, style in line:
            part = set_cell_size(text, min(cell_len(text), left)) if over else text
            made.append((part, style))
            left -= cell_len(part)
        return [*made, (" " * left + self.dots * over, "")]

    def listing(self, names: tuple[str, ...], width: int) -> str:
        """Return as many names as fit, and how many more there are."""
        shown = ""
        for number, name in enumerate(names):
            rest = len(names) - number - 1
            longer = f"{shown}, {self.text(name)}" if shown else self.cut(self.text(name), max(8, width // 2))
            if cell_len(longer) + (len(f" + {rest:,} more") if rest else 0) > width and shown:
                return f"{shown} + {rest + 1:,} more"
            shown = longer
        return shown

    def spark(self, values: tuple[float, ...], width: int, rows: int) -> list[str]:
        """Draw values, the newest on the right, as lines of blocks; what is not finite leaves a gap."""
        n = min(width, len(values))
        shown = [values[(i + 1) * len(values) // n - 1] for i in range(n)] if n else []
        finite = [value for value in shown if known(value) is not None]
        if not finite:
            return [""] * rows
        if max(map(abs, finite)) > _HUGE:
            finite = [value / 1e10 for value in finite]
        drawn = chart(finite, rows, self.blocks)
        places = [known(value) is not None for value in shown]
        return [_with_gaps(row, places) for row in drawn]


def _with_gaps(row: str, places: list[bool]) -> str:
    left = iter(row)
    return "".join(next(left) if there else " " for there in places)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Return printable characters only, and none that joins its neighbour's cell."""
    return "".join(c for c in unicodedata.normalize("NFC", clean(text)) if not _joins(c))


def _joins(character: str) -> bool:
    code = ord(character)
    return code > 0x2FF and (unicodedata.category(character)[0] == "M" or code in _FLAGS or code in _TONES)


def cell_len(text: str) -> int:
    """Return how many cells a text takes; rich's count, without its way round for plain characters."""
    return len(text) if text.isascii() else _cell_len(text)


def width_of(line: Line) -> int:
    """Return how many cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def moment(time: int, now: int = 0) -> str:
    """Return a time in ns as UTC: the clock on the day of `now`, else the date; both when there is no `now`."""
    if time <= 0:
        return MISSING
    try:
        when = datetime.fromtimestamp(time // 1_000_000_000, UTC)
        if not now:
            return when.isoformat(" ")[:19]
        return when.isoformat()[11:19] if time // _DAY == now // _DAY else when.isoformat()[:10]
    except (ValueError, OverflowError, OSError):
        return MISSING


_DAY = 86_400 * 1_000_000_000


def share(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """Return a fraction as per cent, shorter than a report would."""
    number = known(value)
    number = known(number * 100) if number is not None else None
    return MISSING if number is None else f"{fixed(number, digits, sign=sign)} %"


def milliseconds(value: float) -> str:
    """Return a latency in ms with three figures; what is beyond every scale is `never`."""
    if value == float("inf"):
        return "never"
    number = known(value)
    if number is None:
        return MISSING
    size = abs(number)
    return fixed(number, 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3)


def amount(value: float) -> str:
    """Return a quantity as short as it is exact to eight digits."""
    number = known(value)
    if number is None:
        return MISSING
    if abs(number) >= 1e12:
        return f"{number:.4g}"
    text = f"{number:,.8f}".rstrip("0").rstrip(".")
    return text if abs(number) >= 1e-6 or not number else f"{number:.4g}"


def duration(seconds: float) -> str:
    """Return seconds in the unit that people would use."""
    number = known(seconds)
    if number is None:
        return "unknown"
    for size, unit in ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min")):
        if abs(number) >= 2 * size:
            return f"{fixed(number / size, 1)} {unit}"
    return f"{fixed(number, 1)} s"
