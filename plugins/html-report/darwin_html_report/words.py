"""Why agents decided as they did, in their own words: their last decisions that they have said it of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_html_report import clock
from darwin_html_report.texts import count, esc, money, percent, ratio, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from darwin_html_report.report import StoredRun

SHOWN = 20
_LONGEST = 300


def said(run: StoredRun, *, dates: bool) -> str:
    """Return a table of the last decisions with words; nothing for a run without any, whose log is not read."""
    info = run.info
    if not any(agent.get("explained") for agent in info["agents"]):
        return ""
    import pyarrow.parquet as pq

    columns = ["time", "symbol", "stage", "value", "confidence", "words"]
    log = pq.read_table(run.folder / "decisions.parquet", columns=columns)
    log = log.filter(log["words"].is_valid())
    last = log.slice(max(0, len(log) - SHOWN))
    wall = clock.wall(last["time"], info["timezone"])
    rows = (
        (
            esc(clock.words(at, dates=dates)), esc(row["symbol"]), esc(row["stage"]), ratio(row["value"]),
            percent(row["confidence"], digits=0), esc(_short(row["words"])),
        )
        for at, row in zip(wall[::-1], reversed(last.to_pylist()), strict=True)
    )  # fmt: skip
    heads = ("Time", "Symbol", "Agent", "Action", "Confidence", "In its own words")
    note = f'<p class="muted note">The last {len(last)} of {len(log):,} decisions that an agent has explained.</p>'
    return note + table(heads, rows, "words")


def calls(agents: Iterable[Any]) -> str:
    """Return a line for each agent that is paid for its answers: what it was asked, and what was saved."""
    return "".join(f'<p class="muted note">{_calls(agent)}</p>' for agent in agents if agent.get("calls"))


def _calls(agent: Any) -> str:
    found = agent["calls"]
    price = found["price"]

    def worth(number: int) -> str:
        return f" ({money(number * price)} in money)" if price is not None and number else ""

    parts = [
        f"{esc(agent['name'])} was asked about {count(found['asked'])} candidates{worth(found['asked'])}",
        f"{count(found['saved'])} questions were saved by agents before it{worth(found['saved'])}",
    ]
    would = ((esc(name), number) for name, number in found["would"].items() if number)
    parts += [f"{name} would save {count(number)} more{worth(number)}" for name, number in would]
    return "; ".join(parts) + "."


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else words[: _LONGEST - 3] + "..."
