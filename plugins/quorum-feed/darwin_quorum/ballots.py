"""The vote on bars as they come: when a bar is believed, and who is put aside.

What comes out is a function of the messages and their times only.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core import BarEvent, Finding
from darwin_quorum.voting import middle

if TYPE_CHECKING:
    from darwin_quorum.feed import Panel
    from darwin_quorum.voting import Agreement, Bar

_KEPT = 64
"""How many of the newest moments are remembered, for votes that come after the decision."""


@define(eq=False)
class Ballot:
    """The votes on one bar.

    Parameters
    ----------
    until
        When it is decided at the latest, ns.
    """

    until: int
    votes: dict[int, Bar] = field(factory=dict)
    said: Bar | None = None
    sure: bool = False
    closed: bool = False


@define(eq=False)
class Ballots:
    """All votes that are open or were closed lately.

    Parameters
    ----------
    panel
        Who votes, and on what.
    after
        Bars up to here were decided before: for them a quorum is needed, and no deadline decides.
    """

    panel: Panel
    after: int
    _agreements: dict[str, Agreement] = field(init=False)
    _open: dict[int, dict[str, Ballot]] = field(factory=dict, init=False)
    _deadlines: list[tuple[int, int, str]] = field(factory=list, init=False)
    _strikes: dict[tuple[int, str], int] = field(factory=dict, init=False)
    _aside: set[tuple[int, str]] = field(factory=set, init=False)
    _turns: dict[tuple[str, int, str], list[str]] = field(factory=dict, init=False)
    _tell_at: int | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Know what agreement is, symbol by symbol."""
        self._agreements = dict.fromkeys(self.panel.symbols, self.panel.agreement)
        self._agreements.update(dict.fromkeys(self.panel.watched, self.panel.agreement_of_watched))

    def offer(self, provider: int, event: BarEvent, now: int) -> list[BarEvent | Finding]:
        """Take a provider's bar; return the bars that are decided by it.

        Parameters
        ----------
        provider
            Its number, from 0.
        event
            Its bar, in the order of the panel's fields.
        now
            The time, ns.
        """
        agreement = self._agreement(event.symbol)
        if agreement is None:
            return []
        bar: Bar = tuple(np.asarray(event.values, np.float64).tolist())
        if len(bar) != len(agreement.tolerances) or not np.isfinite(bar).all():
            text = f"provider {self.panel.names[provider]} sent {bar}, which is no bar"
            return [Finding("refused", event.symbol, event.time, text)]
        ballot = self._ballot(event.time, event.symbol, now)
        ballot.votes[provider] = bar
        found = self._count(event.time, event.symbol, ballot, now)
        if not ballot.closed and len(ballot.votes) == len(self.panel.names) and ballot.sure:
            self._close(event.symbol, ballot, now)
        return found

    def due(self, now: int, *, last: bool = False) -> list[BarEvent | Finding]:
        """Return what is decided because its time is up, and what is to be told; all of it, if this is the last."""
        found: list[BarEvent | Finding] = []
        alone: dict[int, list[str]] = {}
        while self._deadlines and (last or self._deadlines[0][0] <= now):
            _, time, symbol = heapq.heappop(self._deadlines)
            ballot = self._open.get(time, {}).get(symbol)
            if ballot is None or ballot.closed:
                continue
            if ballot.said is None:
                alone.setdefault(time, []).append(symbol)
                if time > self.after:
                    found.append(self._say(time, symbol, ballot, self._camp(symbol, ballot), now))
            self._close(symbol, ballot, now)
        found += [self._no_quorum(time, symbols) for time, symbols in alone.items()]
        if self._tell_at is not None and (last or self._tell_at <= now):
            found += self._told(now)
        self._forget()
        return found

    def next_deadline(self) -> int | None:
        """Return when `due` has something to say at the latest; None when nothing waits."""
        times = [self._deadlines[0][0]] if self._deadlines else []
        return min([*times, *([] if self._tell_at is None else [self._tell_at])], default=None)

    @property
    def remembered(self) -> int:
        """The moment from which on bars are compared; a provider that was away is asked from here."""
        return min(self._open, default=self.after + 1) - 1

    def _agreement(self, symbol: str) -> Agreement | None:
        return self._agreements.get(symbol)

    def _ballot(self, time: int, symbol: str, now: int) -> Ballot:
        ballots = self._open.setdefault(time, {})
        if symbol not in ballots:
            length = int(self.panel.options.deadline_s * 1e9)
            until = time + length if now <= time + length else now + length
            ballots[symbol] = Ballot(until)
            heapq.heappush(self._deadlines, (until, time, symbol))
        return ballots[symbol]

    def _trusted(self, symbol: str) -> list[int]:
        """Return the providers whose votes count: those that are not put aside, or all when all are."""
        everyone = range(len(self.panel.names))
        return [p for p in everyone if (p, symbol) not in self._aside] or list(everyone)

    def _camp(self, symbol: str, ballot: Ballot) -> tuple[int, ...]:
        """Return who agrees: of those whose votes count, or of the others when none of them has voted."""
        agreement = self._agreement(symbol)
        trusted = {p: bar for p, bar in ballot.votes.items() if p in self._trusted(symbol)}
        return agreement.camp(trusted or ballot.votes) if agreement is not None else ()

    def _count(self, time: int, symbol: str, ballot: Ballot, now: int) -> list[BarEvent | Finding]:
        """Decide, when enough of those whose votes count agree; decide again, when they agree on something else."""
        trusted = self._trusted(symbol)
        needed = self.panel.options.quorum or len(trusted) // 2 + 1
        camp = self._camp(symbol, ballot)
        if len([p for p in camp if p in trusted]) < needed:
            return []
        agreement = self._agreement(symbol)
        before, ballot.sure = ballot.said, True
        if before is not None and agreement is not None and all(agreement.agree(before, ballot.votes[p]) for p in camp):
            return []
        return [self._say(time, symbol, ballot, camp, now)]

    def _say(self, time: int, symbol: str, ballot: Ballot, camp: tuple[int, ...], now: int) -> BarEvent:
        bars = np.array([ballot.votes[p] for p in camp])
        values = middle(bars[:, :, None])[:, 0]
        ballot.said = tuple(values.tolist())
        return BarEvent(time, symbol, values, now)

    def _close(self, symbol: str, ballot: Ballot, now: int) -> None:
        """Judge everybody, once, by what was decided; who votes later than this has missed the bar."""
        ballot.closed = True
        if ballot.said is not None:
            for provider in range(len(self.panel.names)):
                self._judge(provider, symbol, ballot, ballot.said, now)

    def _judge(self, provider: int, symbol: str, ballot: Ballot, said: Bar, now: int) -> None:
        """Count what a provider has missed or was outvoted on, in a row; without a quorum nobody knows who is right."""
        key, agreement, bar = (provider, symbol), self._agreement(symbol), ballot.votes.get(provider)
        if bar is not None and agreement is not None and agreement.agree(bar, said):
            self._strikes.pop(key, None)
            if key in self._aside:
                self._aside.discard(key)
                self._turn("back", provider, "it agrees again", symbol, now)
        elif bar is None or ballot.sure:
            self._strikes[key] = self._strikes.get(key, 0) + 1
            if self._strikes[key] >= self.panel.options.strikes and key not in self._aside:
                self._aside.add(key)
                self._turn("aside", provider, "it brought no bar" if bar is None else "it was outvoted", symbol, now)

    def _turn(self, kind: str, provider: int, why: str, symbol: str, now: int) -> None:
        """Note that somebody is put aside or comes back; it is told of all symbols together, a deadline later."""
        self._turns.setdefault((kind, provider, why), []).append(symbol)
        if self._tell_at is None:
            self._tell_at = now + int(self.panel.options.deadline_s * 1e9)

    def _told(self, now: int) -> list[Finding]:
        found = []
        for (kind, provider, why), symbols in self._turns.items():
            name, which = self.panel.names[provider], _some(symbols)
            times = f"{self.panel.options.strikes} bars in a row" if kind == "aside" else ""
            what = f"is put aside for {which}: {why} for {times}" if kind == "aside" else f"is back for {which}: {why}"
            found.append(Finding(kind, "", now, f"provider {name} {what}"))
        self._turns.clear()
        self._tell_at = None
        return found

    def _no_quorum(self, time: int, symbols: list[str]) -> Finding:
        ballot = self._open[time][symbols[0]]
        votes = ", ".join(
            f"{self.panel.names[p]} {bar[self._close_at(symbols[0])]!r}" for p, bar in ballot.votes.items()
        )
        taken = "the best is taken" if time > self.after else "it is left out, since that moment is decided on"
        text = f"too few providers agree on {_some(symbols)}; {taken}. {symbols[0]}: {votes}"
        return Finding("quorum", "", time, text)

    def _close_at(self, symbol: str) -> int:
        return self.panel.fields.index("close") if symbol in self.panel.symbols else 0

    def _forget(self) -> None:
        """Let go of the oldest moments, once they are decided."""
        times = sorted(self._open)
        for time in times[: max(0, len(times) - _KEPT)]:
            if all(ballot.closed for ballot in self._open[time].values()):
                del self._open[time]
                self.after = max(self.after, time)


def _some(symbols: list[str]) -> str:
    """Name a few of many symbols."""
    names = sorted(set(symbols))
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
