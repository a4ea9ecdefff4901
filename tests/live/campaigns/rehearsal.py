"""Runs small live sessions of the real runtime, in this process, on the market that is made up in `market.py`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.live import session as sessions
from darwin_core.live.running import open_runtime
from darwin_core.testing.fake import toml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.session import Session
    from darwin_core.live.tape import Slice

MARKET = Path(__file__).with_name("market.py")
DEPLOYMENT: dict[str, Any] = {
    "deployment": {"name": "campaign", "seed": 1},
    "feed": {"use": MARKET, "bars": 30},
    "strategy": {"use": MARKET},
    "agents": [{"use": MARKET, "name": "careful", "mode": "active"}],
    "execution": {"fill": "next_open", "fee": 0.0005, "slippage": 0.0005},
    "safety": {"max_weight": 0.1, "max_gross": 1.0, "allow_short": True},
    "broker": {"use": "paper"},
    "live": {"answer_s": 0.02, "replay": ":"},
    "run": {"audit": "off"},
}


def deployment(folder: Path, **tables: Mapping[str, Any] | list[Any]) -> Path:
    """Write a deployment: `DEPLOYMENT`, with keys of its tables set otherwise, and lists in place of its lists."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**DEPLOYMENT, **{name: table for name, table in tables.items() if name not in DEPLOYMENT}}
    for name, table in tables.items():
        old = DEPLOYMENT.get(name)
        whole[name] = {**old, **table} if isinstance(old, dict) else table  # type: ignore[dict-item]
    lines = []
    for name, table in whole.items():
        for each in table if isinstance(table, list) else [table]:
            lines.append(f"[[{name}]]" if isinstance(table, list) else f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in each.items()]
    path = folder / "darwin.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rehearse(
    path: Path, prepare: Callable[[Runtime], None] | None = None, stop: int | None = None, pull_s: float = 0.5
) -> Runtime:
    """Begin a session over the past that the deployment names, or go on with the one that is there; run it.

    Parameters
    ----------
    prepare
        Given the runtime before it runs.
    stop
        Bars after which somebody stops it; None: it runs to its end.
    pull_s
        See `darwin_core.live.hearing`.
    """
    session = begun(path) or sessions.begin(path, {}, replay=":")
    runtime = open_runtime(session, 0.0, lambda _status: None)
    runtime.hearing.pull_s = pull_s
    if stop is not None:
        runtime.source = Stopped(runtime, stop)
    if prepare is not None:
        prepare(runtime)
    asyncio.run(runtime.run())
    return runtime


class Stopped:
    """The bars of a session that somebody stops after some of them."""

    def __init__(self, runtime: Runtime, bars: int) -> None:
        self.runtime, self.bars, self.source, self.total = runtime, bars, runtime.source, runtime.source.total

    async def slices(self) -> AsyncIterator[Slice]:
        async for row in self.source.slices():
            if not self.bars:
                self.runtime.stop()
                return
            self.bars -= 1
            yield row


def begun(path: Path) -> Session | None:
    """Return the session that was begun with a deployment, if it got as far as being one."""
    folder = path.parent / "runs" / "live" / "campaign-replay-1"
    return sessions.load(folder) if (folder / sessions.INFO).exists() else None
