"""What the venue says is so: asked at the start, after a gap in its stream and now and then, held against the book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from darwin_core.live import answers
from darwin_core.live.ordering import differ
from darwin_core.live.orders import OrderReport
from darwin_core.live.schema import PositionSeen

if TYPE_CHECKING:
    from darwin_core.live.course import Course
    from darwin_core.live.ordering import Ordering
    from darwin_core.live.stance import Stance
    from darwin_core.live.stepping import Step
    from darwin_core.live.telling import Telling

_WHO = "positions"


@define(eq=False)
class Truth:
    """Asks the venue what is so.

    Parameters
    ----------
    ordering
        The way to the venue.
    course
        What the line holds.
    stance, telling
        Told when positions differ.
    """

    ordering: Ordering
    course: Course
    stance: Stance
    telling: Telling
    fills: str = ""
    """How far the venue's list of fills has been taken in."""

    async def settle(self, last: Step | None) -> None:
        """At the start: ask the venue about everything that is in doubt, before any new risk.

        `last` is the bar at which an earlier process of the session ended.
        """
        await self.pull()
        await self.reconcile()
        if last is not None:
            await self.ordering.finish(last)
        await self.ordering.resolve()

    async def pull(self) -> None:
        """Ask for the fills that were missed, and for what became of every order that may trade."""
        self.fills = await self.ordering.pull(self.fills)
        for order in self.ordering.journal.book.unfinished():
            report = await self.ordering.ask(self.ordering.broker.order(order.client_id), answers.order)
            if isinstance(report, OrderReport):
                self.ordering.take([report])

    async def reconcile(self) -> None:
        """Compare the positions with what the venue says; no new risk while they differ."""
        ordering = self.ordering
        theirs = await ordering.ask(ordering.broker.positions(), answers.positions)
        if theirs is None:
            return
        for _ in range(2):
            wrong = differ(self.course.held(), theirs)
            if not wrong:
                break
            await self.pull()
            theirs = await ordering.ask(ordering.broker.positions(), answers.positions) or theirs
        if wrong and _WHO not in self.stance.closed:
            self.stance.close(ordering.now(), _WHO, wrong)
            self.telling.note(*(PositionSeen(each.symbol, each.quantity, each.as_of) for each in theirs))
        elif not wrong and _WHO in self.stance.closed:
            self.stance.lift(ordering.now(), _WHO, "they agree with the venue's again")
