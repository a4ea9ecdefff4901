"""Tables for the live screen: a heading that is a rule, rows that fit, and a count of what did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from darwin_core.screen.live_text import Line, Pen, Span, cell_len

Row: TypeAlias = Callable[[Any], tuple[Span, ...]]


@frozen
class Column:
    """A column: its heading, and what happens to it where there is little room.

    Parameters
    ----------
    right
        Numbers stand on the right.
    drop
        Left out where there is no room, the highest first; 0 never is.
    least, wish
        To how many cells its texts may be cut when nothing else helps, and before another column is left out; 0:
        never, because it holds numbers.
    """

    heading: str
    right: bool = True
    drop: int = 0
    least: int = 0
    wish: int = 0


@frozen
class Section:
    """A table of things.

    Parameters
    ----------
    columns
        The first one's heading is the section's.
    items, row
        The things in the order in which they are shown, and how one becomes cells.
    urgent
        How much a thing must be seen when not all can be; None: the first ones are shown.
    empty
        What is said when there is nothing.
    weight
        Its share of the rows that are left.
    """

    columns: tuple[Column, ...]
    items: Sequence[Any]
    row: Row
    urgent: Callable[[Any], Any] | None = None
    empty: str = "none"
    weight: float = 1.0

    @property
    def wanted(self) -> int:
        """Rows that it would fill."""
        return 1 + len(self.items)

    def lines(self, pen: Pen, width: int, rows: int) -> list[Line]:
        """Return at most `rows` lines of exactly `width` cells."""
        if not self.items:
            return [_alone(pen, self.columns[0].heading, self.empty, width)][:rows]
        shown, more = self._shown(rows - 1)
        cells = [[(pen.text(text), style) for text, style in self.row(each)] for each in shown]
        made = _table(pen, self.columns, f" {len(self.items):,}", cells, width)
        if more:
            made.append(pen.fit([(f"+ {more:,} more", "dim")], width))
        return made[:rows]

    def _shown(self, rows: int) -> tuple[Sequence[Any], int]:
        """Return the things that are shown, and how many are not."""
        if len(self.items) <= rows:
            return self.items, 0
        rows = max(rows - 1, 0)
        urgent = self.urgent
        if urgent is None:
            return self.items[:rows], len(self.items) - rows
        by_urgency = sorted(range(len(self.items)), key=lambda i: urgent(self.items[i]), reverse=True)
        return [self.items[i] for i in sorted(by_urgency[:rows])], len(self.items) - rows


def _table(pen: Pen, columns: Sequence[Column], number: str, rows: Sequence[Sequence[Span]], width: int) -> list[Line]:
    kept, gap, widths = _room(columns, rows, width)
    made = [pen.fit(_heading(pen, [columns[i] for i in kept], number, widths, gap), width)]
    for row in rows:
        line: Line = []
        for place, size in zip(kept, widths, strict=True):
            text, style = row[place]
            text = pen.cut(text, size)
            pad = (" " * (size - cell_len(text)), "")
            line += [pad, (text, style)] if columns[place].right else [(text, style), pad]
            line.append((" " * gap, ""))
        made.append(pen.fit(line[:-1], width))
    return made


def _room(columns: Sequence[Column], rows: Sequence[Sequence[Span]], width: int) -> tuple[list[int], int, list[int]]:
    """Return the columns that fit, the blanks between them, and their widths, which fill `width` if they can."""
    headings = [cell_len(column.heading) for column in columns]
    natural = [max([headings[i], *(cell_len(row[i][0]) for row in rows)]) for i in range(len(columns))]

    def sizes(limits: Sequence[int]) -> dict[int, int]:
        return {i: max(headings[i], min(natural[i], limits[i] or natural[i])) for i in kept}

    def total(made: dict[int, int]) -> int:
        return sum(made.values()) + gap * (len(kept) - 1)

    kept, gap = list(range(len(columns))), 2
    widths = sizes([column.wish for column in columns])
    while total(widths) > width:
        droppable = [i for i in kept if columns[i].drop]
        if gap > 1:
            gap = 1
        elif droppable:
            dropped = max(droppable, key=lambda i: columns[i].drop)
            kept.remove(dropped)
            del widths[dropped]
        else:
            widths = sizes([column.least for column in columns])
            break
    spare = max(0, width - total(widths))
    for i in kept:
        more = min(natural[i] - widths[i], spare)
        widths[i] += more
        spare -= more
    soft = [i for i in kept if columns[i].least]
    if soft:
        widths[soft[-1]] += spare
    return kept, gap, [widths[i] for i in kept]


def _heading(pen: Pen, columns: Sequence[Column], number: str, widths: Sequence[int], gap: int) -> Line:
    """Return the headings as parts of one rule, the first one with its number where there is room."""
    line: Line = []
    drawn, start = 0, 0  # cells drawn so far; where the column starts
    for place, (column, size) in enumerate(zip(columns, widths, strict=True)):
        text = column.heading + (number if not place and len(column.heading + number) <= size else "")
        at = start + (size - cell_len(text) if column.right else 0)
        if text:
            line += [(pen.rule * (at - drawn - 1) + " " * (at > drawn), "dim"), (text, "dim" if place else "bold")]
            line.append((" ", ""))
            drawn = at + cell_len(text) + 1
        start += size + gap
    end = start - gap
    return [*line[:-1], *([(" " + pen.rule * (end - drawn), "dim")] if end > drawn else [])]


def _alone(pen: Pen, title: str, words: str, width: int) -> Line:
    rest = width - len(title) - len(words) - 2
    return pen.fit([(title, "bold"), (f" {words} ", "dim"), (pen.rule * max(rest, 0), "dim")], width)


def stack(pen: Pen, sections: Sequence[Section], width: int, rows: int) -> list[Line]:
    """Return sections one below the other in exactly `rows` lines of `width` cells, apart where there is room."""
    blank: Line = [(" " * width, "")]
    apart = sum(each.wanted for each in sections) + len(sections) - 1 <= rows
    made: list[Line] = []
    for section, share in zip(sections, _shares(sections, rows), strict=True):
        made += [blank] if apart and made else []
        made += section.lines(pen, width, share)
    return [*made, *([blank] * (rows - len(made)))]


def _shares(sections: Sequence[Section], rows: int) -> list[int]:
    """Share rows out: a heading each, then one at a time to whoever has the least for its weight and wants more."""
    shares = [1 if place < rows else 0 for place in range(len(sections))]
    for _ in range(rows - sum(shares)):
        hungry = [i for i, each in enumerate(sections) if shares[i] < each.wanted]
        if not hungry:
            break
        shares[min(hungry, key=lambda i: shares[i] / sections[i].weight)] += 1
    return shares


def beside(columns: Sequence[list[Line]], gap: int) -> list[Line]:
    """Return columns of equally many lines side by side."""
    return [[span for line in lines for span in (*line, (" " * gap, ""))][:-1] for lines in zip(*columns, strict=True)]
