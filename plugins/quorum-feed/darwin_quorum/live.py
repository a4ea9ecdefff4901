"""The providers' streams, joined by vote."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field

from darwin_core import BarEvent, Finding
from darwin_quorum.ballots import Ballots
from darwin_quorum.feed import QuorumFeed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_ROOM = 10_000
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0


@define(eq=False)
class LiveQuorum(QuorumFeed):
    """A quorum whose providers all have live bars.

    Parameters
    ----------
    now
        The clock, ns.
    """

    now: Callable[[], int] = field(default=time.time_ns, kw_only=True)

    @property
    def ended(self) -> bool:
        """Whether every provider's market has ended for good."""
        return all(getattr(feed, "ended", False) for feed in self.panel.providers)

    async def stream(self, after: int) -> AsyncIterator[BarEvent | Finding]:
        """Yield each bar when enough providers agree on it, or the best there is at its deadline."""
        ballots = Ballots(self.panel, after)
        messages: asyncio.Queue[tuple[int, Any]] = asyncio.Queue(_ROOM)
        listeners = [
            asyncio.create_task(self._listen(number, ballots, messages)) for number in range(len(self.panel.providers))
        ]
        try:
            while not (messages.empty() and all(each.done() for each in listeners)):
                for event in await self._step(ballots, messages, listeners):
                    yield event
            for event in ballots.due(self.now(), last=True):
                yield event
        finally:
            for each in listeners:
                each.cancel()
            await asyncio.wait(listeners, timeout=1.0)

    async def _step(
        self, ballots: Ballots, messages: asyncio.Queue[tuple[int, Any]], listeners: list[asyncio.Task[None]]
    ) -> list[BarEvent | Finding]:
        """Take what has come, waiting for it until the next deadline; return what follows from it."""
        found: list[BarEvent | Finding] = []
        if messages.empty():
            deadline = ballots.next_deadline()
            seconds = 1.0 if deadline is None else min(1.0, max(0.0, (deadline - self.now()) / 1e9))
            try:
                async with asyncio.timeout(seconds):
                    found += self._take(ballots, *await messages.get())
            except TimeoutError:
                for each in listeners:
                    if each.done():
                        each.result()  # raises what has ended it
        for _ in range(messages.qsize()):
            found += self._take(ballots, *messages.get_nowait())
        return found + ballots.due(self.now())

    def _take(self, ballots: Ballots, number: int, event: Any) -> list[BarEvent | Finding]:
        if isinstance(event, BarEvent):
            return ballots.offer(number, self._arranged(number, event), self.now())
        if isinstance(event, Finding):
            text = f"provider {self.panel.names[number]}: {event.text}"
            return [Finding(event.kind, event.symbol, event.time, text)]
        return []  # it is the word that a provider has ended

    def _arranged(self, number: int, event: BarEvent) -> BarEvent:
        """Return a provider's bar with the panel's fields only, in their order."""
        theirs = self.panel.providers[number].fields
        if event.symbol not in self.panel.symbols or theirs == self.panel.fields or len(event.values) != len(theirs):
            return event
        values = np.array([event.values[theirs.index(name)] for name in self.panel.fields])
        return BarEvent(event.time, event.symbol, values, event.arrival)

    async def _listen(self, number: int, ballots: Ballots, messages: asyncio.Queue[tuple[int, Any]]) -> None:
        """Read one provider's stream; when it is lost, call again, less and less often."""
        provider: Any = self.panel.providers[number]
        pause, lost = _SHORTEST_PAUSE_S, ""
        while not getattr(provider, "ended", False):
            events: Any = None
            reason, began = "it ended", self.now()
            try:
                events = provider.stream(ballots.remembered)
                async for event in events:
                    if lost:
                        lost = ""
                        await messages.put((number, Finding("stream", "", self.now(), "it is back")))
                    await messages.put((number, event))
            except Exception as error:  # noqa: BLE001 - the provider is another plugin's, and the others go on
                reason = f"{type(error).__name__}: {error}"
            finally:
                if hasattr(events, "aclose"):
                    await events.aclose()
            if getattr(provider, "ended", False):
                break
            if self.now() - began > _LONGEST_PAUSE_S * 1e9:
                pause = _SHORTEST_PAUSE_S
            if reason != lost:
                lost = reason
                text = f"its stream was lost, and is called again: {reason}"
                await messages.put((number, Finding("stream", "", self.now(), text)))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        await messages.put((number, None))
