"""``darwin backtest``: run a deployment, measure it, ask what each agent added, and store it all."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from attrs import define, field, frozen

from darwin_core import __version__, engine, ledger, lockstep, stats, tables
from darwin_core.assembly import assemble
from darwin_core.clock import cpu_seconds, now
from darwin_core.closes import Closes
from darwin_core.config import load
from darwin_core.evaluate import stamp
from darwin_core.graduation.roles import role_of
from darwin_core.holding import BuyAndHold
from darwin_core.options import plain
from darwin_core.outcomes import Outcomes, r_multiples
from darwin_core.parallel import Workers
from darwin_core.standing import standing
from darwin_core.state import FILE, StateError, record_run
from darwin_core.state.attribution import attribution
from darwin_core.store import Run, Store, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core.assembly import AgentPart, Line
    from darwin_core.config import Settings
    from darwin_core.engine import Result
    from darwin_core.evaluate import Part
    from darwin_core.law.audit import Audited
    from darwin_core.types import Floats

_KEEP_CELLS = 20_000_000

CONVENTIONS = {
    "next_open": "decided at a close, filled at the next bar's open",
    "next_close": "decided at a close, filled at the next bar's close",
    "same_close": "decided and filled at the same close (no live run can do this)",
}


@define(eq=False)
class Evaluated:
    """The evaluated blocks of a deployment, kept for counterfactuals when they are small enough."""

    line: Line
    changes: Mapping[str, Any]
    keep: bool
    audited: list[Audited] = field(factory=list)
    _kept: list[Part] = field(factory=list)

    def parts(self) -> Iterator[Part] | None:
        """Return the blocks as other processes evaluate them, or kept ones; None: the engine does it."""
        settings = self.line.settings
        if self._kept:
            return iter(self._kept)
        if settings.run.processes == 1:
            return None
        return self._from_workers(settings)

    def _from_workers(self, settings: Settings) -> Iterator[Part]:
        count = len(engine.plan(self.line, self.line.feed.times()))
        workers = Workers(settings.source.path, self.changes, settings.run.processes)
        for part, audited in workers.parts(count):
            self.audited.extend(audited)
            yield part

    def block(self, _block: object, part: Part, _formed: object, _rules: object) -> None:
        """Keep a block that the engine has just walked through."""
        if self.keep:
            self._kept.append(part)


@frozen(eq=False)
class Outcome:
    """A measured backtest, before it is stored.

    `info` is what ``run.json`` will say; `others` the equity with each agent in the opposite mode, by its name.
    """

    result: Result
    benchmark: Floats
    closes: Closes
    candidates: NDArray[Any]
    info: dict[str, Any]
    others: Mapping[str, Floats]


def backtest(
    path: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[Run, Line]:
    """Backtest the deployment at `path` and store the run.

    Parameters
    ----------
    path
        The deployment file.
    changes
        Dotted keys that override it, ``{"strategy.fast": 10}``.
    tell
        Called with (bars done, bars in all).
    """
    settings = load(path, changes)
    line = assemble(settings)
    run = save(measure(line, changes or {}, tell))
    try:
        record_run(run.folder.parent / FILE, run)
    except StateError as error:
        raise StateError(f"{error}; the run is stored: `darwin runs record {run.id}` brings it in") from None
    return run, line


def measure(
    line: Line, changes: Mapping[str, Any] | None = None, tell: Callable[[int, int], None] | None = None
) -> Outcome:
    """Run a line with everything that a report needs."""
    started = cpu_seconds()
    time = line.feed.times()
    cells = len(time) * len(line.feed.symbols)
    evaluated = Evaluated(line, changes or {}, keep=bool(line.agents) and cells <= _KEEP_CELLS)
    outcomes = Outcomes()
    holding = BuyAndHold(line.settings.execution.cash, np.empty(len(time)))
    closes = Closes(len(time), len(line.feed.symbols))
    watchers = (outcomes, holding, closes, evaluated)
    result = engine.run(line, parts=evaluated.parts(), watchers=watchers, tell=tell, remarks=True)
    candidates = outcomes.all()
    info = _info(result, holding.curve, candidates)
    info["changes"] = dict(changes or {})
    info["audit"] = _audits(result, evaluated.audited)
    others: dict[str, Floats] = {}
    info["agents"] = [
        _agent_info(result, part, number, evaluated, others, candidates) for number, part in enumerate(line.agents)
    ]
    info["cpu_seconds"] = cpu_seconds() - started
    return Outcome(result, holding.curve, closes, candidates, info, others)


def save(outcome: Outcome) -> Run:
    """Store a measured backtest in the deployment's store."""
    result, settings = outcome.result, outcome.result.line.settings
    trades = stats.round_trips(result.fills, len(result.symbols))
    content = {
        "equity": tables.equity(result, outcome.benchmark, outcome.others),
        "prices": tables.prices(result, outcome.closes),
        "decisions": tables.decisions(result),
        "candidates": tables.candidates(result, outcome.candidates, taken(result, outcome.candidates)),
        "orders": tables.orders(result),
        "fills": tables.fills(result),
        "trades": tables.trades(result, trades),
    }
    texts = {"config.json": to_json(resolved(settings)), "deployment.toml": settings.source.text}
    created = now()
    name = f"{settings.deployment.name}-{created:%Y%m%d-%H%M%S}-{result.digest[:8]}"
    return store_of(settings).add(name, created, outcome.info, content, texts)


def store_of(settings: Settings) -> Store:
    """Return the store that the deployment names."""
    return Store(settings.source.path.parent / settings.run.store)


def resolved(settings: Settings) -> dict[str, Any]:
    """Return the whole deployment with every default filled in; secrets stay references."""
    return {f.name: plain(getattr(settings, f.name)) for f in attrs.fields(type(settings)) if f.name != "source"}


def taken(result: Result, candidates: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which candidates the line ordered."""
    n = len(result.symbols)
    entries = result.orders[result.orders["target"] != 0.0]
    chosen: NDArray[np.bool_] = np.isin(
        candidates["bar"] * n + candidates["symbol"], entries["bar"] * n + entries["symbol"]
    )
    return chosen


def summary(result: Result) -> dict[str, float]:
    """Return all figures of a result, in the order in which a report shows them."""
    trades = stats.round_trips(result.fills, len(result.symbols))
    return {
        **stats.curve_stats(result.time, result.equity, result.line.settings.execution.cash),
        **stats.account_stats(result.time, result.curve, result.book),
        **stats.trade_stats(trades),
        "final_equity": float(result.equity[-1]),
    }


def _info(result: Result, benchmark: Floats, candidates: NDArray[Any]) -> dict[str, Any]:
    line = result.line
    settings = line.settings
    r = r_multiples(candidates, settings.execution.fee)
    return {
        "kind": "backtest",
        "deployment": settings.deployment.name,
        "seed": settings.deployment.seed,
        "digest": result.digest,
        "data": line.feed.fingerprint(),
        "bars": len(result.time),
        "first": stamp(result.time[0]),
        "last": stamp(result.time[-1]),
        "timezone": line.feed.timezone,
        "symbols": list(result.symbols),
        "fill": settings.execution.fill,
        "fill_convention": CONVENTIONS[settings.execution.fill],
        "block": settings.run.block,
        "strategy": str(line.strategy.owner),
        "limits": attrs.asdict(line.limits),
        "summary": summary(result),
        "benchmark": stats.curve_stats(result.time, benchmark, settings.execution.cash),
        "candidates": {
            "count": len(candidates),
            "taken": int(taken(result, candidates).sum()),
            "mean_r": float(np.nanmean(r)) if np.isfinite(r).any() else None,
        },
        "halted": bool(result.book[ledger.HALTED]),
        "incidents": [{"agent": i.agent, "kind": i.kind, "count": i.count, "first": i.first} for i in result.incidents],
        "findings": list(line.feed.findings()),
        "versions": _versions(line),
    }


def _audits(result: Result, elsewhere: list[Audited]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for each in (*elsewhere, *result.audited):
        counts[each.component] = counts.get(each.component, 0) + each.prefixes
    return {"level": result.line.settings.run.audit, "prefixes": counts}


def _versions(line: Line) -> dict[str, str]:
    owners = [
        line.strategy.owner,
        *(c.owner for c in line.columns),
        *(a.owner for a in line.agents),
        *(m.owner for m in line.monitors),
    ]
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "darwin-core": __version__,
        **{name: version(name) for name in ("numpy", "numba", "pyarrow")},
        **{owner.name: owner.origin for owner in owners},
    }


def _calls(result: Result, part: AgentPart, number: int) -> dict[str, Any] | None:
    """Count the questions of an agent that is paid for each, and those that agents before it have saved, or would.

    `saved` are its decisions on candidates of which nothing was left; `would` counts by agent those that it was asked
    about and that an earlier agent had refused without being allowed to.
    """
    if not hasattr(part.agent, "price"):
        return None
    log = result.decisions
    mine = log[log["stage"] == number + 1]
    asked = mine[mine["extra"] != 0.0]
    would = {}
    for place, other in enumerate(result.line.agents[:number], 1):
        if other.agent.effect == "scale" and other.agent.when == "candidate":
            said = log[(log["stage"] == place) & (log["value"] == 0.0) & (log["flags"] & lockstep.APPLIED == 0)]
            would[other.name] = len(_places(asked) & _places(said))
    return {"asked": len(asked), "saved": len(mine) - len(asked), "would": would, "price": part.agent.price}


def _places(rows: NDArray[Any]) -> set[tuple[int, int]]:
    """Return time and symbol of rows of the log."""
    return set(zip(rows["time"].tolist(), rows["symbol"].tolist(), strict=True))


def _agent_info(
    result: Result, part: AgentPart, number: int, evaluated: Evaluated, others: dict[str, Floats],
    candidates: NDArray[Any],
) -> dict[str, Any]:  # fmt: skip
    """Count an agent's decisions, and run the line once more with the agent in the opposite mode."""
    log = result.decisions[result.decisions["stage"] == number + 1]
    acts = part.trust.mode in ("canary", "active")
    other = engine.run(
        result.line.with_mode(part.name, "observe" if acts else "active"), parts=evaluated.parts(), audit=False
    )
    others[part.name] = other.equity
    with_agent, without = (result, other) if acts else (other, result)
    return {
        "name": part.name,
        "plugin": str(part.owner),
        "role": role_of(part.agent),
        "version": getattr(part.agent, "version", None),
        "mode": part.trust.mode,
        "share": part.trust.share if part.trust.mode == "canary" else None,
        "experiment": part.arm and part.arm.facts(result.symbols),
        "effect": part.agent.effect,
        "baseline": float(part.agent.baseline),
        "when": part.agent.when,
        "decisions": len(log),
        "applied": int((log["flags"] & lockstep.APPLIED != 0).sum()),
        "fallback": int((log["flags"] & lockstep.FALLBACK != 0).sum()),
        "explained": result.explained(number),
        "calls": _calls(result, part, number),
        "differs_from_baseline": int((log["value"] != standing(result.line.agents, number, result.decisions)).sum()),
        "mean_action": float(log["value"].mean()) if len(log) else None,
        "with": summary(with_agent),
        "without": summary(without),
        "added_money": float(with_agent.equity[-1] - without.equity[-1]),
        "added": attribution(result, part, number, candidates, with_agent.equity, without.equity),
        "hypothetical": not acts,
    }
