"""The top of the live screen: which deployment, in which state, when, with how much money."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from darwin_core.screen.live_text import cell_len, duration, moment, share, width_of
from darwin_core.screen.words import MISSING, colour, known, money

if TYPE_CHECKING:
    from darwin_core.live.status import Status
    from darwin_core.screen.live_text import Line, Pen, Span

STATES = {
    "starting": "cyan",
    "trading": "green",
    "halted": "yellow",
    "safe mode": "magenta",
    "killed": "red",
    "stopping": "yellow",
    "ended": "white",
}


def head(status: Status, pen: Pen, width: int, height: int) -> list[Line]:
    """Return the lines above the tables."""
    lines = [_banner(status, pen, width), _clock(status, pen, width)]
    lines[1:1] = _why(status, pen, width, 2 if height > 20 else 1)
    lines.append(_joined(_figures(status), width))
    lines += _curve(status, pen, width, 0 if height < 14 else 1 if height < 36 else 4)
    lines.append(_wires(status, pen, width))
    return [pen.fit(line, width) for line in lines]


def _banner(status: Status, pen: Pen, width: int) -> Line:
    """Return the line that says whether this trades, readable from across the room."""
    style = f"bold reverse {STATES.get(status.state, '')}".strip()
    state = f" {pen.text(status.state).upper()} "
    name = f" {pen.text(status.deployment)}"
    rest = f"  {pen.text(status.kind)}  {pen.text(status.session)}"
    room = width - cell_len(state)
    left = pen.cut(name + rest, room - 1) if cell_len(name) + 12 < room else pen.cut(name, room - 1)
    return [(left, style), (" " * max(0, room - cell_len(left)), style), (state, style)]


def _why(status: Status, pen: Pen, width: int, most: int) -> list[Line]:
    style = f"bold {STATES.get(status.state, '')}".strip()
    words = pen.text(status.why)
    parts = wrap(words, max(width - 2, 8), max_lines=most, placeholder=f" {pen.dots}") if words.strip() else []
    return [[(f" {part}", style)] for part in parts]


def _clock(status: Status, pen: Pen, width: int) -> Line:
    parts: list[list[Span]] = [
        [(f"{moment(status.now)} UTC", "bold")],
        [("bar ", "dim"), (f"{status.bars:,}", "")],
        [("last bar ", "dim"), (moment(status.last_bar, status.now), "")],
    ]
    done = min(max(status.bars / status.bars_total, 0.0), 1.0) if status.bars_total > 0 else float("nan")
    if known(done) is not None:
        parts[1] += [(f" of {status.bars_total:,}", ""), (f" {share(done)}", "")]
        full, empty = pen.bar[0], pen.bar[1]
        size = min(30, width - width_of(_joined(parts, width)) - 1)
        if size >= 4:
            filled = max(int(size * done), done > 0.0)
            parts[1].append((f" {full * filled}{empty * (size - filled)}", "cyan"))
    if status.digest:
        parts.append([("digest ", "dim"), (pen.text(status.digest)[:16], "")])
    return _joined(parts, width)


def change(value: float, base: float) -> float:
    """Return a relative change; NaN when it cannot be said."""
    a, b = known(value), known(base)
    return float("nan") if a is None or b is None or b <= 0.0 else a / b - 1.0


def _figures(status: Status) -> list[list[Span]]:
    day, down = change(status.equity, status.day_start), -change(status.equity, status.peak)
    parts: list[list[Span]] = [
        [("Equity ", "dim"), (money(status.equity), "bold")],
        [("day ", "dim"), (share(day, 2, sign=True), colour(day))],
        [("drawdown ", "dim"), (share(down, 2), "red" if down > 0.0 else "")],
        [("gross ", "dim"), (_of(status.gross, status.equity), "")],
        [("net ", "dim"), (_of(status.net, status.equity), "")],
        [("cash ", "dim"), (money(status.cash), "")],
        [("peak ", "dim"), (money(status.peak), "")],
    ]
    return parts


def _of(value: float, equity: float) -> str:
    whole = known(equity)
    return share(value / whole, 0) if whole and known(value) is not None else MISSING


def _curve(status: Status, pen: Pen, width: int, rows: int) -> list[Line]:
    """Return the equity of the last bars: the lowest and the highest value, and what came of the first."""
    finite = [value for value in status.curve if known(value) is not None]
    if not rows or not finite:
        return [[("no equity yet", "dim")]] if rows else []
    made = change(status.equity, status.curve[0])
    since: Line = [(share(made, 2, sign=True), colour(made)), (f" in {len(status.curve):,} bars", "dim")]
    high, low = money(max(finite)), money(min(finite))
    if rows == 1:
        room = width - cell_len(low + high) - width_of(since) - 5
        drawn = pen.spark(status.curve, max(room, 0), 1)[0]
        return [[(f"{low} ", "dim"), (drawn, "cyan"), (f" {high}   ", "dim"), *since]]
    beside = max(cell_len(high), cell_len(low), width_of(since))
    drawn_rows = pen.spark(status.curve, max(width - beside - 1, 0), rows)
    labels: list[Line] = [[(high, "dim")], since, *([] for _ in range(rows - 3)), [(low, "dim")]]
    return [
        [*label, (" " * (beside + 1 - width_of(label)), ""), (row, "cyan")]
        for label, row in zip(labels, drawn_rows, strict=True)
    ]


def _wires(status: Status, pen: Pen, width: int) -> Line:
    """Return what is heard from outside: data, broker, orders."""
    late = status.feed_late_s
    feed: list[Span] = [("Feed ", "dim"), ("on time", "green")]
    if not late <= 0.0:
        feed = [("Feed ", "dim"), (f"{duration(late)} late", "bold red")]
    parts = [feed]
    if status.unknown:
        parts.append([(f"UNKNOWN orders {status.unknown:,}", "bold magenta")])
    parts.append([("open orders ", "dim"), (f"{status.open_orders:,}", "")])
    if status.broker:
        parts.append([("broker ", "dim"), (pen.cut(pen.text(status.broker), max(12, width // 4)), "")])
    if status.late:
        words = f"{len(status.late):,} late: "
        room = max(12, width - width_of(_joined(parts, width)) - len(words) - 3)
        parts.insert(1, [(words, "bold yellow"), (pen.listing(status.late, room), "yellow")])
    return _joined(parts, width)


def _joined(parts: list[list[Span]], width: int) -> Line:
    """Return parts in a row, as many as there is room for."""
    line: Line = list(parts[0])
    for part in parts[1:]:
        if width_of(line) + 3 + width_of(part) > width:
            continue
        line += [("   ", ""), *part]
    return line
