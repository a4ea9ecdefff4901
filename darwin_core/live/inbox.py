"""What waits for the loop's turn: what the venue's stream brings, and jobs that other threads hand over."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

from darwin_core.live import answers
from darwin_core.live.orders import Event, StreamDown
from darwin_core.plugins import why

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.protocols import Broker

Item: TypeAlias = "Event | Callable[[], None] | None"

_SILENCE_S = 30.0
"""A stream that does not even say that it is alive for so long is lost."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 30.0
_REACHED = 2_000


@define(eq=False)
class Inbox:
    """What waits for the loop, in its order."""

    cursor: str = ""
    """How far the stream has been taken in."""
    loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _early: list[Callable[[], None]] = field(factory=list, init=False)
    _items: deque[Item] = field(factory=deque, init=False)
    _rung: asyncio.Event = field(factory=asyncio.Event, init=False)
    _reached: deque[str] = field(factory=lambda: deque(maxlen=_REACHED), init=False)

    def open(self) -> None:
        """Belong to the loop that runs, and have it do what was handed over before."""
        self.loop = asyncio.get_running_loop()
        for job in self._early:
            self.loop.call_soon(job)

    def later(self, job: Callable[[], None]) -> None:
        """Have the loop do a job; before it runs, it waits for it, and after it has ended there is nobody to do it."""
        if self.loop is None:
            self._early.append(job)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(job)

    def put(self, item: Item) -> None:
        """Put something in: a job, or None to wake the loop. Whoever waits takes nothing out before its turn."""
        self._items.append(item)
        self._rung.set()

    async def rung(self) -> None:
        """Wait until something is there."""
        await self._rung.wait()

    def take(self) -> list[Item]:
        """Take everything out."""
        self._rung.clear()
        items = list(self._items)
        self._items.clear()
        return items

    def reach(self, cursor: str) -> None:
        """Know that the stream has been taken in as far as that."""
        if cursor:
            self.cursor = cursor
            self._reached.append(cursor)

    def has(self, place: str) -> bool:
        """Whether the stream has been taken in as far as a place that the venue has named."""
        return place == self.cursor or place in self._reached

    def pass_over(self, place: str) -> None:
        """Wait for a place no more: what lies before it was asked for."""
        self._reached.append(place)

    async def pump(self, broker: Broker) -> None:
        """Put what the venue's stream brings in; when it ends, ask what was missed, and listen again."""
        pause = _SHORTEST_PAUSE_S
        while True:
            try:
                events = aiter(broker.events(self.cursor))
                while True:
                    async with asyncio.timeout(_SILENCE_S):  # wait_for of 3.11 may swallow being cancelled
                        event = await anext(events)
                    self.put(answers.event(event))
                    pause = _SHORTEST_PAUSE_S
            except StopAsyncIteration:
                reason = "it ended"
            except TimeoutError:
                reason = f"it said nothing for {_SILENCE_S:g} s"
            except Exception as error:  # noqa: BLE001 - the stream is the plugin's, and is opened again
                reason = why(error)
            self.put(Event(StreamDown(reason)))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
