"""The page: one HTML file with everything in it, which loads nothing and runs no script but its own."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from darwin_html_report import agents, candidates, clock, figures, proofs, series, words
from darwin_html_report.months import heat_table
from darwin_html_report.packing import script_json
from darwin_html_report.texts import count, esc, ratio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from darwin_html_report.report import StoredRun

_SCRIPTS = ("base.js", "curves.js", "trades.js")
_FEW_SYMBOLS = 6


def render(run: StoredRun) -> str:
    """Return the page of a stored run."""
    info = run.info
    equity = run.table("equity")
    wall = clock.wall(equity["time"], info["timezone"])
    drawn = _drawn(run, equity)
    first, last = (clock.words(time, dates=drawn["daily"]) for time in wall[[0, -1]])
    uplot, script = _uplot(), _script()
    return Template(_asset("page.html")).substitute(
        csp=f"default-src 'none'; style-src 'unsafe-inline'; script-src {_hash(uplot)} {_hash(script)}",
        title=esc(f"{info['deployment']}: {first} to {last}"),
        style=_asset("uPlot.min.css") + _asset("style.css"),
        uplot=uplot,
        script=script,
        data=script_json(drawn),
        deployment=esc(info["deployment"]),
        strategy=esc(info["strategy"]),
        span=_span(info, first, last),
        fill=esc(info["fill_convention"]),
        fill_class="caution" if info["fill"] == "same_close" else "",
        warnings=proofs.warnings(info),
        tiles=figures.tiles(info["summary"], info["benchmark"]),
        thinned=_thinned(drawn["curves"]["bars"]),
        figures=figures.figures(info["summary"], info["benchmark"]),
        formulas=figures.formulas(),
        months=_months(run, equity, wall),
        agents=_agents(info) + words.said(run, dates=drawn["daily"]),
        candidates=_candidates(run),
        trades=_trades(drawn),
        audit=proofs.audit(info["audit"]),
        audited=proofs.audited(info["audit"]),
        facts=proofs.facts(run.id, info),
        config=proofs.config(run.folder),
    )


def _drawn(run: StoredRun, equity: Any) -> dict[str, Any]:
    """Return what the scripts draw."""
    trades = run.table("trades")
    shown = series.charted(trades)
    return {
        "zone": run.info["timezone"],
        "daily": clock.daily(equity["time"]),
        "curves": series.curves(equity, _start(run, equity)),
        "trades": series.trades(trades),
        "charted": shown,
        "prices": series.prices(_prices(run), shown),
    }


def _prices(run: StoredRun) -> Any:
    """Return the run's thinned prices; None for a run that stores none."""
    import pyarrow.parquet as pq

    return pq.read_table(run.folder / "prices.parquet") if "prices.parquet" in run.info["files"] else None


def _start(run: StoredRun, equity: Any) -> float:
    """Return the money before the first bar; buy and hold is worth just that at the first close."""
    cash = proofs.start_cash(run.folder)
    return float(equity["benchmark"][0].as_py()) if cash is None else cash


def _months(run: StoredRun, equity: Any, wall: NDArray[np.datetime64]) -> str:
    own, held = (equity[name].to_numpy() for name in ("equity", "benchmark"))
    return heat_table(wall, own, held, _start(run, equity))


def _span(info: Any, first: str, last: str) -> str:
    symbols = info["symbols"]
    names = ", ".join(symbols) if len(symbols) <= _FEW_SYMBOLS else f"{count(len(symbols))} symbols"
    bars = "1 bar" if info["bars"] == 1 else f"{count(info['bars'])} bars"
    return f"{esc(names)} · {bars} · {first} to {last} ({esc(info['timezone'])})"


def _thinned(bars: int) -> str:
    if bars <= series.MOST_ROWS:
        return ""
    return (
        f"Drawn from {count(bars)} bars: of each of 1,000 stretches the first and last bar and the lowest and highest "
        "value of every curve, which looks the same at this size; zooming in shows no more than these."
    )


def _agents(info: Any) -> str:
    if not info["agents"]:
        return '<p class="muted none">This deployment has no agents.</p>'
    return agents.attribution(info["agents"]) + words.calls(info["agents"])


def _candidates(run: StoredRun) -> str:
    numbers = run.info["candidates"]
    if not numbers["count"]:
        return '<p class="muted none">There were no candidates.</p>'
    mean = f"mean R of all {ratio(numbers['mean_r'], sign=True)}"
    said = f"<p>{count(numbers['count'])} candidates, {count(numbers['taken'])} taken; {mean}.</p>"
    return said + candidates.outcomes(run.table("candidates"))


def _trades(drawn: Any) -> str:
    trades = drawn["trades"]
    if not trades["count"]:
        return '<p class="muted">No trade was closed.</p>'
    notes = []
    if drawn["prices"] is None:
        notes.append("The run stores no prices: each line joins a trade's entry and exit.")
    elif any(price["low"] for price in drawn["prices"].values()):
        notes.append("The line is the last close, the band the lowest to the highest of each short stretch of bars.")
    if trades["shown"] < trades["count"]:
        shown, whole = count(trades["shown"]), count(trades["count"])
        notes.append(f"The last {shown} of {whole} trades; all are in trades.parquet.")
    if len(drawn["charted"]) < len(trades["symbols"]):
        notes.append(f"Charts for the {len(drawn['charted'])} symbols with the most trades.")
    return Template(_asset("trades.html")).substitute(notes=" ".join(notes))


@cache
def _asset(name: str) -> str:
    return files("darwin_html_report").joinpath("assets", name).read_text(encoding="utf-8")


def _uplot() -> str:
    return f"/*\n{_asset('uPlot-LICENSE.txt')}*/\n{_asset('uPlot.iife.min.js')}"


def _script() -> str:
    return "(() => {\n" + "\n".join(_asset(name) for name in _SCRIPTS) + "})();\n"


def _hash(script: str) -> str:
    """Return what the page's policy calls a script: no other one may run, whatever text gets into the page."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
