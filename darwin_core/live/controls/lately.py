"""What was lately sent, by time and by symbol: brought forward order by order, and never gathered anew for a bar."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from darwin_core.live.controls.facts import Recent

_TIME = attrgetter("time")
_SPENT = 4_096
"""Times that have been let go of lie at the front of their list until there are so many."""


@frozen(eq=False)
class Past:
    """What had been sent at one moment.

    Parameters
    ----------
    symbols
        By symbol, oldest first; only symbols of which something was sent.
    times
        When anything was sent, ns UTC, ascending.
    """

    symbols: Mapping[str, tuple[Recent, ...]]
    times: Sequence[int]

    @classmethod
    def of(cls, recent: Iterable[Recent]) -> Past:
        """Put in order what was sent; what was sent at one moment stays in the order in which it is given."""
        lately = Lately()
        for each in recent:
            lately.append(each)
        return lately.past()

    def __iter__(self) -> Iterator[Recent]:
        """Yield everything, symbol by symbol."""
        for sent in self.symbols.values():
            yield from sent

    def since(self, time: int) -> int:
        """Return how many were sent after a time."""
        return len(self.times) - bisect_right(self.times, time)


@define(eq=False)
class Lately:
    """What was lately sent, oldest first; whoever keeps it lets go of what is too old."""

    _all: deque[Recent] = field(factory=deque, init=False)
    _symbols: dict[str, tuple[Recent, ...]] = field(factory=dict, init=False)
    _times: list[int] = field(factory=list, init=False)
    _spent: int = field(default=0, init=False)

    def append(self, sent: Recent) -> None:
        """Add what was just sent, in its place: a clock may have been set back."""
        place = bisect_right(self._times, sent.time, self._spent)
        self._times.insert(place, sent.time)
        self._all.insert(place - self._spent, sent)
        known = self._symbols.get(sent.intent.symbol, ())
        place = bisect_right(known, sent.time, key=_TIME)
        self._symbols[sent.intent.symbol] = (*known[:place], sent, *known[place:])

    def popleft(self) -> Recent:
        """Let go of the oldest, and return it."""
        oldest = self._all.popleft()
        symbol = oldest.intent.symbol
        left = self._symbols[symbol][1:]
        if left:
            self._symbols[symbol] = left
        else:
            del self._symbols[symbol]
        self._spent += 1
        if self._spent == _SPENT:
            del self._times[:_SPENT]
            self._spent = 0
        return oldest

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def __getitem__(self, place: int) -> Recent:
        """Return one; 0 is the oldest."""
        return self._all[place]

    def __iter__(self) -> Iterator[Recent]:
        """Yield everything, oldest first."""
        return iter(self._all)

    def __reversed__(self) -> Iterator[Recent]:
        """Yield everything, newest first."""
        return reversed(self._all)

    def past(self) -> Past:
        """Return what there is now; it stays as it is, whatever is sent afterwards."""
        return Past(dict(self._symbols), self._times[self._spent :])
