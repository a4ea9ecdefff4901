"""Sessions on small synthetic feeds, made as a user makes them: a deployment file, plugins in files, the paper broker."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.live import session as sessions
from darwin_core.live.running import open_runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.session import Session
    from darwin_core.live.sources import Source
    from darwin_core.live.tape import Slice

DAY = 86_400_000_000_000
FIRST = 946_684_800_000_000_000 + 21 * 3_600_000_000_000
REHEARSE = "DARWIN_TEST_REHEARSE"
"""While this environment variable is set, the agents in the files below misbehave as their options say."""

STRATEGY = '''
from attrs import frozen
import numpy as np
from darwin_core import Proposal, hookimpl


@frozen
class Rising:
    """Holds what closed above its close n bars before; may be short of the rest; brings stops when it is told to."""

    n: int = 4
    weight: float = 0.2
    short: bool = False
    stop: float = 0.0
    requires: tuple[str, ...] = ()

    @property
    def lookback(self):
        return self.n

    def propose(self, market):
        close = market.bars.close
        before = np.full_like(close, np.nan)
        before[self.n :] = close[: -self.n]
        side = np.where(close > before, 1, -1 if self.short else 0).astype(np.int8)
        side[np.isnan(before) | np.isnan(close)] = 0
        stop = np.full(close.shape, self.stop) if self.stop else None
        return Proposal(side, self.weight, 0.5, stop=stop)


@hookimpl
def make_strategy(options):
    return options.into(Rising)
'''

AGENT = '''
import os, time
from hashlib import blake2b
from attrs import frozen
import numpy as np
from darwin_core import hookimpl


@frozen
class Agent:
    """Answers by what it sees, `most` rows at a time; in a rehearsal it raises, sleeps or gives NaN on some bars."""

    when: str = "bar"
    effect: str = "scale"
    sees: str = "account.drawdown"
    raises: float = 0.0
    most: int = 0
    sleeps: float = 0.0
    nans: float = 0.0
    baseline: float = 1.0

    @property
    def requires(self):
        return (self.sees,)

    def decide(self, observation):
        seen = observation.values[:, 0]
        answer = np.round(1.0 / (1.0 + np.abs(seen) * 5.0), 3)
        if self.most and len(seen) > self.most:
            raise RuntimeError("too many rows at once")
        if os.environ.get("DARWIN_TEST_REHEARSE"):
            draw = int.from_bytes(blake2b(observation.time[:1].tobytes(), digest_size=4).digest()) / 2**32
            if draw < self.raises:
                raise RuntimeError("a fault for rehearsal")
            if draw > 1.0 - self.sleeps:
                time.sleep(0.06)
            if 0.5 < draw < 0.5 + self.nans:
                return np.full(len(seen), np.nan)
        return answer


@hookimpl
def make_agent(options):
    return options.into(Agent)
'''

BROKER = '''
import numpy as np
from attrs import evolve, frozen
from darwin_core import Event, FillReport, hookimpl


@frozen
class Odd:
    """A paper broker whose fills are dearer, cost more, or come in two; that trades lost bars; that crashes."""

    price: float = 0.0
    fee: float = 0.0
    split: float = 0.0
    trades_missing: bool = False
    crash: str = ""
    partial: float = 0.0
    seed: int = 0


class Crash(BaseException):
    """Ends the process."""


class OddBroker:
    def __init__(self, odd, inner, deployed):
        self.odd, self.inner, self.deployed, self.last = odd, inner, deployed, None

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def changed(self, body):
        if not isinstance(body, FillReport):
            return [body]
        body = evolve(body, price=body.price * (1.0 + self.odd.price), fee=body.fee + self.odd.fee)
        if not self.odd.split:
            return [body]
        first = round(body.quantity * self.odd.split, 1)
        parts = (first, round(body.quantity - first, 6))
        shares = [evolve(body, fill_id=f"{body.fill_id}-{n}", quantity=q) for n, q in enumerate(parts)]
        return [evolve(each, fee=body.fee / 2) for each in shares if each.quantity]

    async def events(self, cursor):
        async for event in self.inner.events(cursor):
            *first, last = self.changed(event.body)
            for body in first:
                yield Event(body)
            yield evolve(event, body=last)

    async def fills_since(self, cursor):
        fills, after = await self.inner.fills_since(cursor)
        return [part for fill in fills for part in self.changed(fill)], after

    async def market(self, row):
        if self.odd.trades_missing:
            if self.last is not None:
                row = evolve(row, values=np.where(np.isnan(row.values), self.last, row.values))
            self.last = row.values
        return await self.inner.market(row)

    async def submit(self, order):
        self.crash("submit")
        return await self.inner.submit(order)

    async def cancel(self, client_id):
        self.crash("cancel")
        return await self.inner.cancel(client_id)

    def crash(self, what):
        mark = self.deployed.folder / "crashed"
        if self.odd.crash == what and not mark.exists():
            mark.touch()
            raise Crash


@hookimpl
def make_broker(options, deployed):
    from darwin_paper.broker import PaperBroker
    from darwin_paper.faults import Faults

    odd = options.into(Odd)
    return OddBroker(odd, PaperBroker(Faults(seed=odd.seed, partial=odd.partial), deployed), deployed)
'''

BASE = """
[deployment]
name = "tiny"
seed = 3
[feed]
use = "arrays"
path = "data"
timezone = "UTC"
[strategy]
use = "./rising.py"
[broker]
use = "paper"
[execution]
fill = "{fill}"
fee = 0.0005
slippage = 0.0002
[safety]
max_weight = 0.4
max_gross = 0.95
allow_short = true
[run]
block = "month"
audit = "off"
[controls]
symbol_cap.share = 2.0
order_value.share = 2.0
price.share = 0.5
price_period.share = 0.9
"""


def feed(folder: Path, *, bars: int, symbols: int, seed: int, ranges: bool = True, missing: float = 0.03) -> None:
    """Write random walks, some bars missing, as the feed `arrays` reads them."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (bars, symbols)), axis=0))
    opens = close * np.exp(rng.normal(0.0, 0.01, close.shape))
    fields = {"close": close}
    if ranges:
        fields |= {"open": opens, "high": np.maximum(opens, close) * 1.01, "low": np.minimum(opens, close) * 0.99}
    gone = rng.random(close.shape) < missing
    folder.mkdir(parents=True)
    np.save(folder / "time.npy", FIRST + DAY * np.arange(bars))
    for name, values in fields.items():
        values[gone] = np.nan
        np.save(folder / f"{name}.npy", values)
    (folder / "symbols.json").write_text(json.dumps([f"S{i}" for i in range(symbols)]))


def deployment(
    folder: Path, *, text: str = "", fill: str = "next_open", bars: int = 90, symbols: int = 4, seed: int = 0,
    ranges: bool = True, missing: float = 0.03,
) -> Path:  # fmt: skip
    """Write a deployment with its data and plugins; return its file."""
    feed(folder / "data", bars=bars, symbols=symbols, seed=seed, ranges=ranges, missing=missing)
    (folder / "rising.py").write_text(STRATEGY)
    (folder / "agent.py").write_text(AGENT)
    (folder / "odd.py").write_text(BROKER)
    path = folder / "tiny.toml"
    path.write_text(BASE.format(fill=fill) + text)
    return path


def trade(
    path: Path, changes: Mapping[str, Any] | None = None, *, known: int = 30, stop: int | None = None,
    during: Callable[[Runtime], None] | None = None,
) -> Session:  # fmt: skip
    """Replay a deployment's feed from bar `known` on, as fast as it can; return the session.

    Parameters
    ----------
    stop
        Bars after which the session is ended and taken up again by another one.
    during
        Called before each bar.
    """
    first = str(np.datetime64(FIRST + DAY * known, "ns").astype("datetime64[D]"))
    session = sessions.begin(path, changes or {}, replay=f"{first}:")
    try:
        run(session, stop=stop, during=during)
    except BaseException as error:
        if type(error).__name__ != "Crash":
            raise
        stop = 0
    if stop is not None:
        session = sessions.load(session.folder)
        run(session, during=during)
    return session


def run(session: Session, *, stop: int | None = None, during: Callable[[Runtime], None] | None = None) -> None:
    """Let a session run."""
    runtime = open_runtime(session, 0.0, lambda _status: None)
    runtime.source = Watched(runtime.source, runtime, stop, during)
    asyncio.run(runtime.run())


class Watched:
    """A session's bars, with something done before each of them, and an end after some."""

    def __init__(
        self, inner: Source, runtime: Runtime, stop: int | None, during: Callable[[Runtime], None] | None
    ) -> None:
        self.inner, self.runtime, self.stop, self.during = inner, runtime, stop, during
        self.total = inner.total

    async def slices(self) -> AsyncIterator[Slice]:
        bars = 0
        async for row in self.inner.slices():
            if bars == self.stop:
                self.runtime.stop()
                return
            if self.during is not None:
                self.during(self.runtime)
            bars += 1
            yield row


AGENTS = """
[[agents]]
use = "./agent.py"
name = "gate"
when = "candidate"
sees = "strategy.weight"
mode = "{gate}"
deadline_ms = 10000.0
share = 0.5
[[agents]]
use = "./agent.py"
name = "scaler"
mode = "{scaler}"
deadline_ms = 10000.0
[[agents]]
use = "./agent.py"
name = "week"
when = "week"
sees = "account.gross"
effect = "cap"
mode = "{week}"
deadline_ms = 10000.0
"""

_SHARES = (0.05, 0.2, 0.5)
_FAULTS = ("reject", "partial", "unknown_before", "unknown_after", "late_fill", "duplicate", "reorder", "drop")


def schedule(seed: int) -> tuple[dict[str, Any], dict[str, Any], int | None]:
    """Draw what goes wrong: changes to a deployment, arguments of `deployment`, and after how many bars it restarts."""
    rng = random.Random(seed)  # noqa: S311 - faults for a rehearsal
    changes: dict[str, Any] = {"broker.seed": seed, "deployment.seed": seed}
    changes |= {f"broker.{fault}": rng.choice(_SHARES) for fault in _FAULTS if rng.random() < 0.4}
    if rng.random() < 0.1:
        changes |= {"broker.hang": 0.03, "live.answer_s": 0.05}
    if rng.random() < 0.1:
        changes["broker.lag_positions"] = True
    if rng.random() < 0.3:
        changes["controls.symbol_cap.share"] = 0.2
    text = ""
    if rng.random() < 0.5:
        stop, take, horizon = rng.choice([0, 0.02]), rng.choice([0, 0.03]), rng.choice([0, 5])
        text += f"[exits]\nstop = {stop}\ntake_profit = {take}\nhorizon = {horizon}\n"
    if rng.random() < 0.6:
        gate, scaler, week = (rng.choice(["observe", "canary", "active"]) for _ in range(3))
        text += AGENTS.format(gate=gate, scaler=scaler, week=week)
        if rng.random() < 0.6:
            changes |= {f"agents.{j}.{fault}": 0.1 for j in range(3) for fault in ("raises", "nans")}
        if rng.random() < 0.2:
            changes |= {"agents.1.sleeps": 0.05, "agents.1.deadline_ms": 20.0}
    fill, ranges = rng.choice([("next_open", True), ("next_close", True), ("next_close", False)])
    made = {"text": text, "fill": fill, "ranges": ranges, "seed": seed, "missing": rng.choice([0.0, 0.03, 0.2])}
    return changes, made, rng.choice([None, None, 20])
