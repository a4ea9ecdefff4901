"""The feed: the providers' histories, joined by vote."""

from __future__ import annotations

import hashlib
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from attrs import define, field, frozen

from darwin_core import Bars, DataError, Stream
from darwin_quorum.options import QuorumOptions
from darwin_quorum.voting import Agreement, vote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from darwin_core import Feed, Options
    from darwin_quorum.voting import Outcome

    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]
    Number = TypeVar("Number", np.int64, np.float64)


@frozen(eq=False)
class Panel:
    """The providers and what they have in common.

    Parameters
    ----------
    providers, names
        P feeds, and how they are called.
    symbols, fields, watched
        What all of them have.
    options
        How they vote.
    """

    providers: tuple[Feed, ...]
    names: tuple[str, ...]
    symbols: tuple[str, ...]
    fields: tuple[str, ...]
    watched: tuple[str, ...]
    options: QuorumOptions

    @property
    def needed(self) -> int:
        """How many must agree while nobody is put aside."""
        return self.options.quorum or len(self.providers) // 2 + 1

    @property
    def agreement(self) -> Agreement:
        """When two bars of the fields agree."""
        shares = {"volume": self.options.volume_tolerance}
        return Agreement(tuple(shares.get(name, self.options.tolerance) for name in self.fields))

    @property
    def agreement_of_watched(self) -> Agreement:
        """When two values of a watched series agree."""
        return Agreement((self.options.tolerance,))


@define(eq=False)
class QuorumFeed:
    """Bars on which the providers agree; in memory, every array read-only.

    Parameters
    ----------
    panel
        Who voted.
    bars
        What came out.
    interval
        Nominal time between bars, ns.
    """

    panel: Panel
    bars: Bars
    interval: int
    _findings: tuple[str, ...]
    _digest: str = field(default="", init=False)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols."""
        return self.bars.symbols

    @property
    def fields(self) -> tuple[str, ...]:
        """Which of open, high, low, close, volume all providers have."""
        return tuple(self.bars.fields)

    @property
    def timezone(self) -> str:
        """IANA zone of days and sessions."""
        return self.bars.timezone

    def times(self) -> Ints:
        """Return the times at which any provider has a bar, (T,) ns UTC."""
        return self.bars.time

    def read(self, start: int, stop: int) -> Bars:
        """Return bars `start` to `stop` (exclusive), without a copy."""
        return self.bars[start:stop]

    def fingerprint(self) -> str:
        """Return the SHA-256 of what came out of the vote."""
        if not self._digest:
            total = hashlib.sha256(repr(("quorum 1", self.symbols, self.timezone, self.interval)).encode())
            total.update(self.bars.time.tobytes())
            for kind, arrays in (("field", self.bars.fields), ("reference", self.bars.reference)):
                for name in sorted(arrays):
                    total.update(f"{kind} {name}".encode() + arrays[name].tobytes())
            self._digest = total.hexdigest()
        return self._digest

    def findings(self) -> Sequence[str]:
        """Return who disagreed, who lacks bars, and what the providers found themselves."""
        return self._findings


def open_feed(options: Options, feeds: Callable[[str], tuple[Feed, ...]]) -> QuorumFeed:
    """Make the providers and let them vote; raise ConfigError or DataError when they cannot."""
    chosen = options.into(QuorumOptions)
    if chosen.quorum > len(chosen.providers):
        raise options.error("quorum", f"{chosen.quorum} cannot agree where there are {len(chosen.providers)} providers")
    providers = feeds("providers")
    names = tuple(f"{n} ({table['use']})" for n, table in enumerate(chosen.providers, 1))
    where = options.source.at((*options.key, "providers"))
    findings = [
        f"provider {name}: {text}" for name, feed in zip(names, providers, strict=True) for text in feed.findings()
    ]
    panel, bars = _joined(where, chosen, providers, names, findings)
    kind = QuorumFeed
    if all(isinstance(feed, Stream) for feed in providers):
        from darwin_quorum.live import LiveQuorum

        kind = LiveQuorum
    return kind(panel, bars, providers[0].interval, tuple(findings))


def _joined(
    where: str, chosen: QuorumOptions, providers: tuple[Feed, ...], names: tuple[str, ...], findings: list[str]
) -> tuple[Panel, Bars]:
    first = providers[0]
    for name, feed in zip(names, providers, strict=True):
        for what in ("timezone", "interval"):
            mine, theirs = getattr(first, what), getattr(feed, what)
            if mine != theirs:
                raise DataError(f"{where}: provider {names[0]} has the {what} {mine}, provider {name} has {theirs}")
        odd = set(first.symbols) ^ set(feed.symbols)
        if odd:
            raise DataError(
                f"{where}: not all providers have {min(odd)}: name the `symbols` that provider {name} and provider "
                f"{names[0]} both have"
            )
    whole = [feed.read(0, len(feed.times())) for feed in providers]
    fields = tuple(name for name in first.fields if all(name in feed.fields for feed in providers))
    watched = tuple(name for name in whole[0].reference if all(name in bars.reference for bars in whole))
    for kind, all_of_them, common in (
        ("field", [feed.fields for feed in providers], fields),
        ("series", [tuple(bars.reference) for bars in whole], watched),
    ):
        lost = sorted({name for each in all_of_them for name in each} - set(common))
        if lost:
            findings.append(f"not all providers have the {kind} {', '.join(lost)}: left out")
    panel = Panel(providers, names, first.symbols, fields, watched, chosen)
    return panel, _voted(panel, whole, findings)


def _voted(panel: Panel, whole: list[Bars], findings: list[str]) -> Bars:
    """Let the providers vote on every bar, and say who disagreed."""
    time = reduce(np.union1d, [bars.time for bars in whole])
    rows = [np.searchsorted(time, bars.time) for bars in whole]
    shape = (len(time), len(panel.symbols))
    votes = np.full((len(whole), len(panel.fields), *shape), np.nan)
    for p, bars in enumerate(whole):
        columns = [bars.symbols.index(symbol) for symbol in panel.symbols]
        for f, name in enumerate(panel.fields):
            votes[p, f, rows[p]] = bars.fields[name][:, columns]
    outcome = vote(panel.agreement, votes.reshape(*votes.shape[:2], -1))
    _tell(panel, time, votes, outcome, findings)
    fields = {name: _locked(outcome.values[f].reshape(shape)) for f, name in enumerate(panel.fields)}
    reference = {}
    for name in panel.watched:
        series = np.full((len(whole), 1, len(time)), np.nan)
        for p, bars in enumerate(whole):
            series[p, 0, rows[p]] = bars.reference[name]
        voted = vote(panel.agreement_of_watched, series)
        reference[name] = _locked(voted.values[0])
        for p in np.flatnonzero(voted.outvoted.any(axis=1)).tolist():
            findings.append(f"provider {panel.names[p]} disagrees on {voted.outvoted[p].sum():,} values of {name}")
    return Bars(_locked(time), panel.symbols, fields, reference, whole[0].timezone)


def _tell(panel: Panel, time: Ints, votes: Floats, outcome: Outcome, findings: list[str]) -> None:
    there = ~np.isnan(votes[:, 0]).reshape(len(votes), -1)
    some = there.any(axis=0)

    def say(bars: NDArray[np.bool_], what: str) -> None:
        found = np.flatnonzero(bars)
        if len(found):
            row, column = divmod(int(found[0]), len(panel.symbols))
            at = np.datetime_as_string(time[row : row + 1].view("datetime64[ns]"), unit="s")[0]
            findings.append(f"{what} {len(found):,} of {some.sum():,} bars; first: {panel.symbols[column]} {at}Z")

    for p, name in enumerate(panel.names):
        say(outcome.outvoted[p], f"provider {name} disagrees on")
        say(some & ~there[p], f"provider {name} lacks")
    say(some & (outcome.size < panel.needed), f"fewer than {panel.needed} providers agree, and the best is taken, on")


def _locked(array: NDArray[Number]) -> NDArray[Number]:
    """Return a view that nobody can make writable again, since its base is not."""
    whole = np.array(array, order="C")
    whole.flags.writeable = False
    return whole.view()
