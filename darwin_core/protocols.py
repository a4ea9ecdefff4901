"""The contracts of the parts. Plugins comply by shape; there is no base class to inherit from.

The law: a component's value at bar t is a function of the bars up to t, bit for bit the same however much of
the future is in the array. Components keep no state between calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.live.assembling import BarEvent, Finding
    from darwin_core.live.orders import (
        Absent,
        AccountReport,
        Approved,
        Capabilities,
        Event,
        FillReport,
        OrderReport,
        Outcome,
        PositionReport,
    )
    from darwin_core.live.tape import Slice
    from darwin_core.registry.bundle import Verified
    from darwin_core.types import (
        Bars,
        Bools,
        Effect,
        Floats32,
        Ints,
        Limits,
        Market,
        Observation,
        Proposal,
        When,
    )

WHOLE_TAPE = -1
"""A `lookback` that asks for every bar since the beginning. It costs what it says."""


@runtime_checkable
class Feed(Protocol):
    """Bars of a fixed set of symbols, readable in blocks."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the traded symbols."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Which of open, high, low, close, volume there are."""

    @property
    def timezone(self) -> str:
        """IANA zone in which days and sessions are meant."""

    @property
    def interval(self) -> int:
        """Nominal time between bars, in ns."""

    def times(self) -> Ints:
        """Return the completion times of all bars, (T,) ns UTC, strictly increasing."""

    def read(self, start: int, stop: int) -> Bars:
        """Return bars `start` to `stop` (exclusive), row numbers of `times()`."""

    def fingerprint(self) -> str:
        """Return a hex digest that changes whenever the data changes."""

    def findings(self) -> Sequence[str]:
        """Return one sentence for each thing in the data that was dropped or flagged."""


@runtime_checkable
class Column(Protocol):
    """One feature column: a causal function of the bars."""

    @property
    def lookback(self) -> int:
        """Bars needed before the first bar of a block, or WHOLE_TAPE."""

    def compute(self, bars: Bars) -> NDArray[Any]:
        """Return the column over the window, (T, S), or (T,) when it is the same for all symbols."""


@runtime_checkable
class Features(Protocol):
    """A library of feature columns, asked for by expressions such as ``sma(10)``."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the functions on offer, without their arguments."""

    def column(self, name: str, arguments: tuple[float, ...]) -> Column:
        """Return the column; raise ValueError with a sentence when the arguments make no sense."""


@runtime_checkable
class Strategy(Protocol):
    """Turns the market into proposals."""

    @property
    def requires(self) -> Sequence[str]:
        """Feature columns that `propose` reads."""

    @property
    def lookback(self) -> int:
        """Bars needed before the first bar of a block, or WHOLE_TAPE."""

    def propose(self, market: Market) -> Proposal:
        """Return a proposal for each row of the window."""


@runtime_checkable
class Agent(Protocol):
    """Decides on rows; the core applies the decisions, or not.

    An agent may also offer ``compiled``: a numba function ``(observation (N, F), actions (N,)) -> None`` that
    writes the same actions as `decide`, bit for bit; the core then runs it inside the compiled loop.

    And it may offer ``explain``: ``(observation) -> Sequence[(confidence, words)]``, one pair a row, about rows that
    it has just been asked to decide on: how sure it is, 0 to 1 or NaN, and why, in its own words. They are a function
    of the observation alone, as the decision is. They are kept in the run and in the state database and change nothing:
    one that fails is an incident, and the decision stands.

    An agent that is paid for each question says so with ``price``: what one has cost on average, in money, or None as
    long as nobody knows. Reports then count the questions that earlier agents have saved.
    """

    @property
    def when(self) -> When:
        """When it decides: at each candidate, at each bar, or at the first bar of each hour, day, week..."""

    @property
    def requires(self) -> Sequence[str]:
        """Columns of its observation: features, ``proposal.*``, ``strategy.*`` and ``account.*``."""

    @property
    def effect(self) -> Effect:
        """What an action does: scale the weight, set the signed target weight, or cap the weight."""

    @property
    def baseline(self) -> float:
        """The action that stands when the agent cannot decide."""

    def decide(self, observation: Observation) -> NDArray[Any]:
        """Return one action a row, (N,). No row may depend on another row."""


@runtime_checkable
class Monitor(Protocol):
    """Watches over the account: fixed limits, and a causal say on whether new risk is allowed."""

    @property
    def requires(self) -> Sequence[str]:
        """Feature columns that `allow` reads."""

    @property
    def lookback(self) -> int:
        """Bars needed before the first bar of a block, or WHOLE_TAPE."""

    @property
    def limits(self) -> Limits:
        """Limits to be held at all times."""

    def allow(self, market: Market) -> Bools:
        """Return, for each bar of the window, whether risk may be added, (T,)."""


@runtime_checkable
class Reporter(Protocol):
    """Is told what happened and cannot answer back."""

    def report(self, run: Any) -> str | None:
        """Write about a finished `darwin_core.store.Run`; return a line that says where, or None."""


@runtime_checkable
class Stream(Protocol):
    """A feed that also brings bars as they are made: what `make_feed` returns for a live market."""

    def stream(self, after: int) -> AsyncIterator[BarEvent | Finding]:
        """Yield bars of single symbols later than `after` (ns), as they come; at least once, in any order.

        It ends when the connection is lost, and raises nothing for it: the core calls again, less and less often, and
        asks for what it has missed. A corrected bar comes again with other values, however old it is. A `Finding`
        among them is told to people. A stream of a market that ends for good also has an attribute ``ended``, which
        is true from then on.
        """


@runtime_checkable
class Broker(Protocol):
    """A venue. It owns the wire and nothing else: ids, journal, states, limits and recovery are the core's.

    A method that asks for something to be done returns Accepted, Refused or Unknown, and never raises for what a
    venue does; it never retries. A method that asks what is so may raise OSError or TimeoutError when it cannot say.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the venue can do."""

    async def connect(self) -> None:
        """Reach the venue; nothing is traded by that."""

    async def close(self) -> None:
        """Let go of the venue; orders stay as they are."""

    async def submit(self, order: Approved) -> Outcome:
        """Send an order that the controls have approved."""

    async def cancel(self, client_id: str) -> Outcome:
        """Ask for a cancel. Accepted: asked for; what became of it comes as a report."""

    async def order(self, client_id: str) -> OrderReport | Absent:
        """Return what the venue says of an order."""

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every order that may trade, those that are not ours included."""

    async def fills_since(self, cursor: str) -> tuple[Sequence[FillReport], str]:
        """Return every fill behind a cursor ("" is the beginning), oldest first, and the cursor behind the last."""

    async def positions(self) -> Sequence[PositionReport]:
        """Return what is held; flat symbols may be left out."""

    async def account(self) -> AccountReport:
        """Return the account's money."""

    def events(self, cursor: str) -> AsyncIterator[Event]:
        """Yield what happens behind a cursor, at least once, in any order; ends when the stream is lost.

        While nothing happens a Heartbeat comes at least every ten seconds: who says nothing for long is taken for lost.
        """

    async def cancel_venue(self, venue_id: str) -> Outcome:
        """Ask for the cancel of an order by the venue's own id: of one that is not ours."""


@runtime_checkable
class SimulatedVenue(Protocol):
    """What a broker offers besides, whose `capabilities.simulated` is true."""

    async def market(self, bar: Slice) -> str:
        """Let the venue trade through a bar; return the cursor behind the last event that followed from it."""


@runtime_checkable
class Backend(Protocol):
    """Runs a trained policy."""

    @property
    def batch_invariant(self) -> bool:
        """Whether a row's result is bit for bit the same in a batch of any size."""

    def load(self, model: bytes, golden: tuple[Floats32, Floats32] | None = None) -> Model:
        """Make a model ready to run; raise PluginError with a sentence when it must not be run.

        The bytes are verified already. A backend opens no file and unpickles nothing. `golden` are rows (G, F) and
        the outputs (G, A) that they gave where the model was made: they are checked on this machine.
        """


@runtime_checkable
class Model(Protocol):
    """A policy that is ready to run."""

    @property
    def inputs(self) -> int:
        """Columns of a row, F."""

    @property
    def outputs(self) -> int:
        """Columns of an answer, A."""

    def predict(self, rows: Floats32) -> Floats32:
        """Return the outputs, (N, A), for rows (N, F); a row that is not finite is answered by NaN."""


@runtime_checkable
class Mirror(Protocol):
    """A shared place that policies are pushed to and pulled from. It keeps bytes, and nothing that it says is believed.

    What comes from it is verified as if it had lain on disk, before it is put there; serving never asks it. A method
    that cannot reach the place, or is refused there, raises DarwinError with a sentence.
    """

    @property
    def place(self) -> str:
        """Where it is, for people; without any credential."""

    def versions(self, agent: str) -> Mapping[str, str]:
        """Return the versions that are whole: ``v1``, ... to the SHA-256 of the manifest, hex; empty without any."""

    def files(self, agent: str, version: str) -> Mapping[str, int]:
        """Return the files of one of `versions`, name to size in bytes."""

    def read(self, agent: str, version: str, name: str, limit: int) -> bytes:
        """Return one of `files`, byte for byte; of one that is larger than `limit` its first `limit` + 1 bytes."""

    def put(self, found: Verified, files: Mapping[str, bytes]) -> None:
        """Keep a version that is not there yet: there it is whole or not at all. `found` says what it is worth."""

    def statements(self, agent: str) -> Sequence[int]:
        """Return the numbers of the signed statements of what is in service."""

    def statement(self, agent: str, number: int, limit: int) -> bytes:
        """Return one of `statements`, as `read` does."""

    def state(self, agent: str, current: str, new: Mapping[int, bytes]) -> None:
        """Keep statements, number to bytes, in their order, and show people that version `current` is in service."""
