"""What the venue says as it comes: its stream taken in, in order, and all that follows from a bar that it was shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import define

from darwin_core.live.orders import Event, FillReport, OrderReport, StreamDown
from darwin_core.live.schema import Alert

if TYPE_CHECKING:
    from darwin_core.live.inbox import Inbox
    from darwin_core.live.ordering import Ordering
    from darwin_core.live.tape import Slice
    from darwin_core.live.telling import Telling
    from darwin_core.live.truth import Truth


@define(eq=False)
class Hearing:
    """Takes in what waits for the loop.

    Parameters
    ----------
    inbox
        Where it waits.
    ordering
        Takes reports in.
    truth
        Asked for what the stream has not brought.
    telling
        Told when the stream is lost.
    pull_s
        How long a simulated venue's own stream is waited for before its truth is asked instead.
    """

    inbox: Inbox
    ordering: Ordering
    truth: Truth
    telling: Telling
    pull_s: float = 0.5

    async def take(self) -> None:
        """Take everything that is in the inbox, in its order, the venue's reports in one commit."""
        reports: list[OrderReport | FillReport] = []
        for item in self.inbox.take():
            if isinstance(item, Event):
                self.inbox.reach(item.cursor)
                if isinstance(item.body, OrderReport | FillReport):
                    reports.append(item.body)
                elif isinstance(item.body, StreamDown):
                    self.telling.tell(Alert("warning", "venue", f"the event stream was lost: {item.body.reason}"))
                    self.ordering.take(reports)
                    reports = []
                    await self.truth.pull()
            elif item is not None:
                self.ordering.take(reports)
                reports = []
                item()
        self.ordering.take(reports)

    async def market(self, row: Slice) -> None:
        """Show a bar to a venue that has no market of its own, and take in all that follows from it."""
        if not self.ordering.broker.capabilities.simulated:
            return
        venue: Any = self.ordering.broker
        wanted = await self.ordering.ask(venue.market(row), str)
        if wanted is None:
            return
        while not self.inbox.has(wanted):
            try:
                async with asyncio.timeout(self.pull_s):
                    await self.inbox.rung()
            except TimeoutError:
                await self.truth.pull()
                self.inbox.pass_over(wanted)
                return
            await self.take()
        if self.ordering.owed:
            await self.truth.pull()
