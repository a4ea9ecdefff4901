"""A session while it runs: a screen that is drawn anew a few times a second, or lines for a log.

Nothing here may make trading wait: a status is drawn in the caller's thread, only when one is due, and never when the
terminal has not taken the last one yet.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Self

from attrs import frozen
from rich.segment import Segment

from darwin_core.screen import live_panels as panels
from darwin_core.screen.live_head import change, head
from darwin_core.screen.live_table import beside, stack
from darwin_core.screen.live_terminal import patient, takes_a_line
from darwin_core.screen.live_text import Pen, moment, share
from darwin_core.screen.words import clean, fixed, known

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.live import Live

    from darwin_core.live.status import Status
    from darwin_core.screen.live_table import Section
    from darwin_core.screen.live_terminal import Terminal
    from darwin_core.screen.live_text import Line

_TWO, _THREE = 80, 150
"""From which width on tables stand in two and in three columns."""

_EVERY_S, _PLAIN_EVERY_S = 0.25, 10.0
_LONGEST = 400
_BUSY = 50.0
"""A screen that takes long to draw is drawn less often: at most 1/50 of the time goes into it."""


@frozen
class _Screen:
    status: Status
    width: int
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = compose(self.status, Pen(options.ascii_only), self.width, self.height)
        for number, line in enumerate(lines):
            if number:
                yield Segment.line()
            for text, style in _merged(line):
                yield Segment(text, console.get_style(style) if style else None)


def _merged(line: Line) -> Line:
    """Return a line in as few spans as look the same: rich's work goes with their number."""
    made: Line = []
    for text, style in line:
        if made and (style == made[-1][1] or (text.isspace() and not style and "reverse" not in made[-1][1])):
            made[-1] = (made[-1][0] + text, made[-1][1])
        elif text:
            made.append((text, style))
    return made


def render(status: Status, width: int, height: int) -> RenderableType:
    """Return a status as a rich renderable of at most `height` lines of exactly `width` cells."""
    return _Screen(status, width, height)


def compose(status: Status, pen: Pen, width: int, height: int) -> list[Line]:
    """Return the lines: head, tables, alerts."""
    if width < 1 or height < 1:
        return []
    top = head(status, pen, width, height)
    rows = height - len(top)
    if rows < 1:
        return top[:height]
    alerts = panels.alerts(status)
    if width < _TWO:
        return [
            *top,
            *stack(pen, [alerts, *_middle(status), panels.positions(status), panels.orders(status)], width, rows),
        ]
    below = min(alerts.wanted, rows, max(2, rows // 4))
    body = _columns(status, pen, width, rows - below)
    return [*top, *body, *stack(pen, [alerts], width, below)]


def _middle(status: Status, *, everything: bool = False) -> list[Section]:
    return [panels.agents(status), panels.stages(status), panels.controls(status, everything=everything)]


def _columns(status: Status, pen: Pen, width: int, rows: int) -> list[Line]:
    gap = 2 if width < 100 else 3
    positions, orders = panels.positions(status), panels.orders(status)
    if width < _THREE:
        left = (width - gap) * 42 // 100
        parts = [([positions, orders], left), (_middle(status), width - gap - left)]
    else:
        left = (width - 2 * gap) * 30 // 100
        middle = (width - 2 * gap) * 36 // 100
        parts = [
            ([positions], left),
            (_middle(status, everything=True), middle),
            ([orders], width - 2 * gap - left - middle),
        ]
    return beside([stack(pen, sections, size, rows) for sections, size in parts], gap)


def plain(status: Status) -> str:
    """Return a status as one line of key=value; what is not known is left out."""
    bars = f"{status.bars}/{status.bars_total}" if status.bars_total > 0 else f"{status.bars}"
    slow = ",".join(each.name for each in status.stages if panels.is_slow(each))
    open_circuits = ",".join(each.name for each in status.agents if each.state in ("open", "half-open"))
    newest = max(status.alerts, key=lambda each: each.time, default=None)
    facts = {
        "now": moment(status.now).replace(" ", "T") + "Z" if status.now > 0 else "",
        "deployment": status.deployment,
        "kind": status.kind,
        "state": status.state,
        "why": status.why,
        "bars": bars,
        "equity": _figure(status.equity),
        "day": _share(change(status.equity, status.day_start)),
        "drawdown": _share(-change(status.equity, status.peak)),
        "positions": str(len(status.holdings)),
        "open": str(status.open_orders),
        "unknown": str(status.unknown),
        "feed_late_s": _figure(status.feed_late_s, 1),
        "late": str(len(status.late)) if status.late else "",
        "fallbacks": str(sum(each.fallbacks for each in status.agents)),
        "circuits_open": open_circuits,
        "slow": slow,
        "refusals": str(sum(each.refusals for each in status.controls)),
        "alert": f"{newest.level}: {newest.text}" if newest else "",
    }
    return " ".join(f"{key}={_word(value)}" for key, value in facts.items() if value)


def _figure(value: float, digits: int = 2) -> str:
    number = known(value)
    return "" if number is None else fixed(number, digits).replace(",", "")


def _share(value: float) -> str:
    return "" if known(value) is None else share(value, 2).replace(" ", "").replace(",", "")


def _word(value: str) -> str:
    text = clean(value[:_LONGEST])
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ' "=\\') else text


class LiveScreen:
    """Show a session for as long as the context lasts.

    A terminal gets the screen; everything else (a pipe, a dumb terminal, `as_lines`) a line now and then. Whatever
    goes wrong with showing is kept in `problem` and never raised: trading does not depend on being seen.

    Parameters
    ----------
    console
        Where to.
    as_lines
        Lines for logs even on a terminal.
    clock
        Seconds that only grow. Not the session's clock: a replay's runs faster than eyes.
    """

    def __init__(
        self, console: Console, *, as_lines: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.problem = ""
        self._console, self._clock = console, clock
        self._as_lines = as_lines or not console.is_terminal or console.is_dumb_terminal
        self._next = float("-inf")
        self._last: Status | None = None
        self._shown: Status | None = None
        self._terminal: Terminal | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Take the screen."""
        if not self._as_lines:
            from rich.live import Live

            self._terminal = patient(self._console)
            self._live = Live(
                console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the screen back, and leave the last status as a line, since the screen is gone."""
        free = self._ready()  # one that was stuck may take a little and stick again: it gets no last line
        if self._live is not None:
            self._live.stop()
            self._live = None
        taken = self._terminal is None or self._terminal.close()
        self._terminal = None
        unshown = not self._as_lines or self._last is not self._shown
        if self._last is not None and unshown and free and taken and self._ready():
            self._draw(self._last)

    @property
    def due(self) -> bool:
        """Whether a status would be drawn now: who builds one only for the screen asks first."""
        return self._clock() >= self._next and self._ready()

    def show(self, status: Status) -> None:
        """Draw a status if it is time, or if the state has changed."""
        self._last = status
        began = self._clock()
        changed = self._shown is None or status.state != self._shown.state
        if (began < self._next and not changed) or not self._ready():
            return
        self._draw(status)
        took = self._clock() - began
        self._next = began + max(_PLAIN_EVERY_S if self._as_lines else _EVERY_S, _BUSY * took)

    def _ready(self) -> bool:
        """Say whether what is written now is taken at once."""
        return self._terminal.ready() if self._terminal else takes_a_line(self._console.file)

    def _draw(self, status: Status) -> None:
        self._shown = status
        try:
            if self._live is None:
                self._console.file.write(f"{plain(status)}\n")  # rich would end the process when its reader has gone
                self._console.file.flush()
            else:
                self._live.update(render(status, self._console.width, self._console.height), refresh=True)
        except Exception as error:  # noqa: BLE001 - a mistake of the screen's, or a terminal that has gone
            self.problem = f"{type(error).__name__}: {error}"
