"""Why a session is not its backtest: both walked through bar by bar, the inputs that differ handed over one by one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core.evaluate import stamp
from darwin_core.live.attributing import (
    UNEXPLAINED,
    Cause,
    Inputs,
    Reason,
    Stories,
    Watched,
    given_reasons,
    inputs_of,
    mixed,
    order_reason,
)
from darwin_core.live.corrected import Corrected
from darwin_core.live.deciding import given_of, log_of, refold
from darwin_core.live.reference import ArrayRun, Bench, Effect, Outcome, account
from darwin_core.live.replaying import differing, fold_of, parted
from darwin_core.lockstep import IN_VAIN

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from darwin_core.assembly import Line
    from darwin_core.live.reference import Row, State
    from darwin_core.live.replaying import Recorded
    from darwin_core.live.schema import Decision
    from darwin_core.live.stepping import Step


@frozen
class Difference:
    """One root cause, and what it changed.

    Parameters
    ----------
    cause
        One of `darwin_core.live.attributing.CAUSES`, or UNEXPLAINED.
    bar
        The first bar on which it changed something, ns; `bars` are all of them.
    symbols, about, text
        Where, which order or component, and what happened, in words.
    rows
        Rows of the decision log that it changed.
    money
        Equity at the close of its bars, against the backtest's from the same account.
    """

    cause: str
    bar: int
    bars: int
    symbols: tuple[str, ...]
    about: str
    text: str
    rows: int
    money: float


def unexplained(bar: int, text: str, symbols: tuple[str, ...] = (), rows: int = 0, money: float = 0.0) -> Difference:
    """Return what nothing explains."""
    return Difference(UNEXPLAINED, bar, 1, symbols, "", text, rows, money)


@frozen(eq=False)
class _Bar:
    """A bar of the session, and all that its decision rests on.

    Parameters
    ----------
    before
        The account after the bar before.
    effects
        What the venue has done since.
    live
        How it came out, when it is decided again.
    """

    record: Decision
    step: Step
    before: State
    effects: tuple[Effect, ...]
    live: Outcome


@define(eq=False)
class Attribution:
    """Walks through a session beside the backtest, and finds out what made each difference.

    Parameters
    ----------
    line
        The deployment, its feed the tape or the corrected bars.
    """

    recorded: Recorded
    line: Line
    seen: Line = field(init=False)
    fold: Watched = field(init=False)
    stories: Stories = field(factory=Stories, init=False)
    inside: Bench = field(init=False)
    outside: Bench = field(init=False)
    corrections: Corrected = field(init=False)
    found: list[Difference] = field(factory=list, init=False)
    _by_key: dict[Hashable, int] = field(factory=dict, init=False)
    _since: dict[str, int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Open the accounts."""
        self.seen = self.recorded.line_on_tape
        self.fold = fold_of(self.recorded, Watched)
        self.inside, self.outside = Bench(self.seen, outside=False), Bench(self.seen, outside=True)
        self.corrections = Corrected(self.recorded.tape)

    def differences(self) -> tuple[Difference, ...]:
        """Return every difference with its cause."""
        first, stop = self.recorded.tape.known, self.recorded.tape.known + len(self.recorded.decisions)
        seen = ArrayRun(self.seen, first, stop).rows()
        ideal = ArrayRun(self.line, first, stop).rows() if self.line.feed is not self.recorded.tape else None
        try:
            for bar in self._bars():
                row = next(seen)
                self._compare(bar, row, None if ideal is None else next(ideal))
        finally:
            self.fold.stepper.tape.close()
        return tuple(self.found)

    def _bars(self) -> Iterator[_Bar]:
        """Decide the session's bars again."""
        walk = self.fold.stepper.walk
        before = walk.state()
        for record, step in refold(self.fold, self.stories.heard(self.recorded.bodies)):
            after = walk.state()
            live = Outcome(step.decisions, step.orders[:0], step.curve[0], account(after))
            yield _Bar(record, step, before, tuple(self.fold.taken()), live)
            before = after

    def _compare(self, bar: _Bar, row: Row, ideal: Row | None) -> None:
        """Find what differs on a bar, and why."""
        self._note_since(bar)
        again = self._repeats(bar)
        if again is not None:
            self.found.append(again)
            return
        backtest = self.inside.bar(bar.before, row)
        if ideal is not None:
            corrected = self.inside.bar(bar.before, ideal)
            if not corrected.is_like(backtest):
                self._add(bar, self._correction(bar, row, corrected, backtest), corrected, backtest)
        if not backtest.is_like(bar.live):
            self._explain(bar, row, backtest)

    def _note_since(self, bar: _Bar) -> None:
        """Remember since when things are as they are."""
        given = given_of(bar.record)
        so = {f"silent {name}" for name in given.silent}
        so |= {name for name, on in (("closed", given.closed or given.keep != 1.0), ("modes", given.modes)) if on}
        self._since = {name: self._since.get(name, bar.record.bar) for name in so}

    def _repeats(self, bar: _Bar) -> Difference | None:
        """Return a difference when the bar, decided again from the same records, is not what was recorded."""
        log, content = log_of(bar.record), bar.record.content
        if log.tobytes() == bar.step.decisions.tobytes() and content["equity"] == bar.step.curve[0]:
            return None
        parts = [
            f"{stage} of {symbol}: recorded {was}; now {now}"
            for stage, symbol, was, now in parted(self.line, log, bar.step.decisions)
        ]
        text = f"decided again from the same records, it is another: {'; '.join(parts[:3]) or 'its equity'}"
        return unexplained(bar.record.bar, text, rows=len(parts))

    def _explain(self, bar: _Bar, row: Row, backtest: Outcome) -> None:
        """Give the backtest what the session had, one after the other, and see what each changes."""
        live, last = inputs_of(given_of(bar.record), bar.effects), backtest
        inputs = Inputs()
        for reason, inputs in self._changes(bar, row, backtest, live):
            now = self._with(bar, row, inputs, live) or last
            if not now.is_like(last):
                self._add(bar, reason, last, now)
                last = now
        if not last.is_like(bar.live):
            missing = "" if inputs == live else "the journal does not say why its inputs differ: "
            self.found.append(self._rest(bar, last, missing))

    def _with(self, bar: _Bar, row: Row, inputs: Inputs, live: Inputs) -> Outcome | None:
        """Return how a bar comes out with given inputs; None when that cannot be tried."""
        if inputs.rest != Inputs().rest:  # it comes last: nothing else may be missing by then
            return bar.live if inputs == live else None
        return self.outside.bar(
            bar.before, row, of_block=inputs.of_block, effects=inputs.effects, silent=inputs.silent,
            spoiled=inputs.spoiled, closed=inputs.closed, modes=inputs.modes,
        )  # fmt: skip

    def _changes(self, bar: _Bar, row: Row, backtest: Outcome, live: Inputs) -> Iterator[tuple[Reason, Inputs]]:
        """Yield what the session had otherwise than the backtest: why, and the inputs with that and all before it."""
        ref = [
            evolve(each, client_id=self.fold.client_id(each.number))
            for each in self.outside.as_effects(bar.before, row, backtest.fills)
        ]
        inputs = Inputs(of_block=False, effects=tuple(ref))
        yield self._of_block(bar, row), inputs
        taken: list[int] = []
        for s in sorted({each.s for each in (*ref, *bar.effects)}):
            sides = [[each for each in side if each.s == s] for side in (ref, bar.effects)]
            symbol = self.line.feed.symbols[s]
            if sides[0] != sides[1]:
                reason = order_reason(symbol, sides[0], sides[1], self.stories, came=self._came(row, s))
                if reason is not None:
                    taken.append(s)
                    inputs = evolve(inputs, effects=mixed(ref, bar.effects, taken))
                    yield reason, inputs
        if inputs.effects != live.effects and Counter(inputs.effects) == Counter(live.effects):
            inputs = evolve(inputs, effects=live.effects)
            yield Reason("latency", ("order", bar.record.bar), "the reports came in another order"), inputs
        given, bar_time = given_of(bar.record), bar.record.bar
        faults = dict(bar.record.content["faults"])
        for reason, name, value in given_reasons(bar_time, given, faults, self._since, self.stories.halted):
            inputs = evolve(inputs, **{name: value})
            yield reason, inputs

    def _of_block(self, bar: _Bar, row: Row) -> Reason:
        """Return what it means when agents answer a bar otherwise than the block that it is in."""
        names = [part.name for part in self.line.agents]
        failed = [name for name, given in zip(names, row.answers.given.tolist(), strict=True) if given == IN_VAIN]
        if failed:
            text = "it fails when it is asked about a whole block, and falls back for all of it"
            return Reason("model", ("block", failed[0], row.number - row.t), text, about=failed[0])
        text = "a component answers a block otherwise than a bar of it: it breaks the law of causality"
        return Reason(UNEXPLAINED, ("block", bar.record.bar), text)

    def _came(self, row: Row, s: int) -> str:
        """Return what became of a symbol's bar."""
        missing = bool(np.isnan(row.part.bars.close[0, s]))
        if s in self.corrections.changes.get(row.number, {}):
            return "late bar" if missing else "revision"
        return "missing bar" if missing else ""

    def _correction(self, bar: _Bar, row: Row, one: Outcome, other: Outcome) -> Reason:
        """Return the correction nearest before a bar, of one of the symbols that differ if there is any."""
        touched = {s for _, s in differing(one.log, other.log)}
        known = [
            *((s in touched, row_, each) for row_, of in self.corrections.changes.items() for s, each in of.items()),
            *((True, row_, each) for row_, of in self.corrections.watched.items() for each in of.values()),
        ]
        before = [each for each in known if each[1] <= row.number]
        if not before:
            return Reason(UNEXPLAINED, ("correction", bar.record.bar), "no bar was corrected by then")
        _, number, revision = max(before, key=lambda each: each[:2])
        came = self.recorded.tape.read(number, number + 1)
        first = (
            came.close[0, came.symbols.index(revision.symbol)]
            if revision.symbol in came.symbols else came.reference[revision.symbol][0]
        )  # fmt: skip
        cause: Cause = "late bar" if np.isnan(first) else "revision"
        text = f"revision {revision.revision} of the bar of {stamp(revision.time)}"
        return Reason(cause, ("revision", number, revision.symbol), text, revision.symbol)

    def _add(self, bar: _Bar, reason: Reason, was: Outcome, now: Outcome) -> None:
        """Count what a cause has changed."""
        keys = differing(was.log, now.log)
        symbols = (reason.symbol,) if reason.symbol else tuple(sorted({self.line.feed.symbols[s] for _, s in keys}))
        money, key = now.equity - was.equity, self._key(reason)
        at = self._by_key.setdefault(key, len(self.found))
        if at == len(self.found):
            self.found.append(Difference(reason.cause, bar.record.bar, 0, (), reason.about, reason.text, 0, 0.0))
        old = self.found[at]
        self.found[at] = evolve(
            old, bars=old.bars + 1, symbols=tuple(sorted({*old.symbols, *symbols})), rows=old.rows + len(keys),
            money=old.money + money,
        )  # fmt: skip

    def _key(self, reason: Reason) -> Hashable:
        """Return under what a reason is counted: an exit that the backtest had first goes with that."""
        story, waiting = self.stories.of(reason.about), ("exit", reason.symbol)
        if story is not None and story.leg in ("stop", "take_profit") and waiting in self._by_key:
            at = self._by_key.pop(waiting)
            self._by_key.setdefault(reason.key, at)
        return reason.key

    def _rest(self, bar: _Bar, last: Outcome, missing: str) -> Difference:
        """Say loudly what nothing explains."""
        keys = differing(last.log, bar.live.log)
        symbols = tuple(sorted({self.line.feed.symbols[s] for _, s in keys}))
        parts = [
            f"{stage} of {symbol}: backtest {one}; live {other}"
            for stage, symbol, one, other in parted(self.line, last.log, bar.live.log)
        ]
        text = missing + ("; ".join(parts[:3]) or "the account is another one")
        return unexplained(bar.record.bar, text, symbols, len(keys), bar.live.equity - last.equity)
