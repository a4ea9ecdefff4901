"""What a session says: alerts, its log, and what waits to be written into the journal with the next bar."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import define, field

from darwin_core.live.schema import Alert, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.live.journal import Journal
    from darwin_core.live.logfile import LogFile
    from darwin_core.live.schema import Body

_SHOWN = 50


@define(eq=False)
class Telling:
    """Tells people and the journal.

    Parameters
    ----------
    journal, log
        Where it is written.
    now
        The session's clock, ns UTC.
    """

    journal: Journal
    log: LogFile
    now: Callable[[], int]
    alerts: deque[tuple[int, Alert]] = field(factory=lambda: deque(maxlen=_SHOWN), init=False)
    """The latest, newest first."""
    _waiting: list[Body] = field(factory=list, init=False)

    def tell(self, alert: Alert, *, written: bool = False) -> None:
        """Take an alert in: for the journal, if it is not `written` there already, the log and the screen."""
        self.alerts.appendleft((self.now(), alert))
        if not written:
            self.note(alert)
        self.log.write(self.now(), alert.level, alert.source, alert.text, about=alert.about)

    def note(self, *bodies: Body) -> None:
        """Have records written for which nobody waits."""
        self._waiting += bodies

    def flush(self) -> None:
        """Write down what nobody waits for."""
        lost = self.log.alert(self.now())
        if lost is not None:
            self.tell(Alert("warning", lost.source, lost.text))
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.journal.append([Entry(self.now(), body) for body in waiting])
