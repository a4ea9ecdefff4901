"""``darwin train``: train an agent on recorded runs, show what it is worth, publish it signed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import changes, console, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from darwin_core.training.task import Task
    from darwin_core.training.teaching import Candidate, Taught, Tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add("agent", metavar="AGENT", help="the agent plugin: gate, portfolio, meta-learner, sl-fallback or ./file.py")
    add("--runs", required=True, metavar="RUN,RUN", help="stored runs: ids, their beginnings, or last")
    add("--deployment", default="darwin.toml", metavar="FILE", type=Path, help="where the runs came from (darwin.toml)")
    add("--name", metavar="NAME", help="its name in the registry (the plugin's)")
    add("--trainer", default="auto", metavar="NAME", help="regression, ppo, or auto: what wins on validation (auto)")
    add("--total-timesteps", type=_positive, default=100_000, metavar="N", help="steps that ppo learns (100000)")
    add("--eval-freq", type=_positive, default=10_000, metavar="N", help="steps between two evaluations (10000)")
    add("--tensorboard-log", type=Path, metavar="DIR", help="write TensorBoard's event files there")
    add("--seed", type=_count, default=0, metavar="N", help="of every random choice (0)")
    add("--columns", metavar="A;B", help="the observation, separated by ';' (the task's own)")
    add("--expert", metavar="AGENT", help="meta-learner: the agent that it follows or overrides, as --set expert=AGENT")
    add("--max-changed", type=_share, metavar="SHARE", help="largest share unlike the baseline (the task's)")
    add("--max-winners", type=_share, metavar="SHARE", help="largest share of winners skipped or reduced (none)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="an option of the task")
    add("--resume", action="store_true", help="go on from the last checkpoint of an interrupted training")
    add("--key", metavar="FILE", type=Path, help="the private key to sign with (the deployment's)")
    add("--no-publish", action="store_true", help="show what it is worth and publish nothing")
    add("--trainers", default="trainers", metavar="PLUGIN", help="the plugin that brings the trainers (trainers)")
    add("--backend", default="onnx", metavar="PLUGIN", help="the backend that scores held-out rows (onnx)")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: write a whole number, 1 or more")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text}: write a whole number, 0 or more, below 2^32")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text}: write a share from 0 to 1")
    return value


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, judge, publish; show it."""
    from darwin_core.training.session import Session, Wishes
    from darwin_core.training.teaching import Caps

    columns = tuple(each.strip() for each in (arguments.columns or "").split(";") if each.strip())
    wishes = Wishes(
        agent=arguments.agent,
        name=arguments.name or Path(arguments.agent).stem,
        runs=tuple(each for each in arguments.runs.split(",") if each),
        deployment=arguments.deployment,
        trainer=arguments.trainer,
        steps=arguments.total_timesteps,
        eval_every=arguments.eval_freq,
        seed=arguments.seed,
        tensorboard=arguments.tensorboard_log,
        columns=columns,
        caps=Caps(arguments.max_changed, arguments.max_winners),
        options={**changes(arguments.settings), **({"expert": arguments.expert} if arguments.expert else {})},
        resume=arguments.resume,
        key=arguments.key,
        publish=not arguments.no_publish,
        trainers=arguments.trainers,
        backend=arguments.backend,
    )
    session = Session.begin(wishes)  # whatever would be refused at the end is refused here
    with _progress(console(stderr=True), quiet=arguments.json) as tell:
        taught = session.teach(tell)
    version = session.publish(taught)
    if not arguments.json:
        _show(taught, session.task, version, wishes.name, console())
    return session.facts(taught, version)


def _progress(show: Console, *, quiet: bool) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def bars() -> Iterator[Tell]:
        if quiet or not show.is_terminal:
            yield lambda _what, _done, _total: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=show, transient=True) as shown:
            tasks: dict[str, Any] = {}

            def tell(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = shown.add_task(what, total=total)
                shown.update(tasks[what], completed=done, total=total)

            yield tell

    return bars()


def _show(taught: Taught, task: Task, version: str | None, name: str, out: Console) -> None:
    for line in _windows(taught):
        out.print(escape(line), soft_wrap=True)
    out.print()
    out.print(escape(f"measured against: {task.against}"))
    out.print(_figures(taught))
    out.print(f"[dim]{escape(_intervals(taught))}[/]", soft_wrap=True)
    out.print()
    out.print(_trade_off(taught))
    out.print()
    style = "bold green" if taught.beats else "bold yellow"
    out.print(f"[{style}]{escape(verdict(taught, task))}[/]", soft_wrap=True)
    if version is None:
        out.print("[dim]nothing was published[/]")
    else:
        promote = f"darwin models promote {name} --version {version} --who NAME --why REASON"
        out.print(escape(f"{name} {version} is published and signed; to put it in service: {promote}"), soft_wrap=True)


def _windows(taught: Taught) -> list[str]:
    lines = []
    for window in ("train", "validation", "test"):
        facts = taught.facts[window]
        lines.append(f"{window:11} {facts['rows']:>7,} decisions  {facts['first']} to {facts['last_known']}")
    left = f"{taught.facts['left_out']:,} decisions left out between them (purge, embargo of "
    return [*lines, f"{left}{taught.facts['embargo_days']:,g} days)"]


_ROWS: tuple[tuple[str, str, int], ...] = (
    ("decisions", "decisions", 0),
    ("baseline, R a decision", "baseline_r", 4),
    ("policy, R a decision", "policy_r", 4),
    ("uplift, R a decision", "uplift_r", 4),
    ("  from", "uplift_low", 4),
    ("  to", "uplift_high", 4),
    ("Sharpe per trade", "sharpe_per_trade", 3),
    ("of the baseline", "baseline_sharpe_per_trade", 3),
    ("difference", "sharpe_uplift", 3),
    ("  from", "sharpe_uplift_low", 3),
    ("  to", "sharpe_uplift_high", 3),
    ("changed", "changed", 1),
    ("skipped", "skipped", 1),
    ("winners reduced", "winners_reduced", 1),
    ("losers reduced", "losers_reduced", 1),
    ("right when changed", "right_when_changed", 1),
    ("AUC", "auc", 3),
    ("deepest fall, R", "drawdown_r", 1),
    ("of the baseline", "baseline_drawdown_r", 1),
)
_WORTH = "worth in R"
_EARNED: tuple[tuple[str, str, int], ...] = (
    ("baseline, R earned", "baseline_earned_r", 4),
    ("policy, R earned", "earned_r", 4),
)
_SHARES = {"changed", "skipped", "winners_reduced", "losers_reduced", "right_when_changed"}


def _figures(taught: Taught) -> Table:
    tried: Sequence[Candidate] = (taught.chosen, *taught.others)
    heads = [f"{each.trainer}\nvalidation" for each in tried]
    table = _table("", *heads, f"{taught.chosen.trainer}\nTEST")
    columns: list[Mapping[str, Any]] = [*(each.validation for each in tried), taught.test]
    for text, key, digits in _rows(columns):
        table.add_row(text, *(_cell(each, key, digits) for each in columns))
    return table


def _rows(columns: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    """Yield the table's rows; where worth is not what is earned, by variance or a cost, both, each by its name."""
    same = not any(_penalised(each) for each in columns)
    for text, key, digits in _ROWS:
        yield text if same else text.replace("R a decision", _WORTH), key, digits
        if key == "uplift_high" and not same:
            yield from _EARNED


def _penalised(figures: Mapping[str, Any]) -> bool:
    pairs = (("baseline_r", "baseline_earned_r"), ("policy_r", "earned_r"))
    return any(abs(figures[worth] - figures[earned]) > 1e-9 for worth, earned in pairs)


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _cell(figures: Mapping[str, Any], key: str, digits: int) -> str:
    value = figures[key]
    if value is None:
        return "-"
    return f"{value * 100:.{digits}f} %" if key in _SHARES else f"{value:,.{digits}f}"


def _intervals(taught: Taught) -> str:
    parts = [
        f"{name} {figures['level'] * 100:.4g} %, {figures['blocks']:,} blocks of a {figures['block']}"
        for name, figures in (("validation", taught.chosen.validation), ("test", taught.test))
    ]
    return f"from, to: bootstrap of blocks of time, fixed seed; {'; '.join(parts)}"


def _trade_off(taught: Taught) -> Table:
    what = _WORTH if _penalised(taught.test) else "R a decision"
    table = _table("if it changed (test window)", "winners reduced", f"uplift, {what}")
    for point in taught.curve:
        winners = "-" if point["winners_reduced"] is None else f"{point['winners_reduced'] * 100:.1f} %"
        table.add_row(f"{point['changed'] * 100:.0f} %", winners, f"{point['uplift_r']:+.4f}")
    return table


def verdict(taught: Taught, task: Task) -> str:
    """Return in a sentence whether the policy beats its baseline, and how sure that is."""
    seen = f"look {taught.look} at this test window, {taught.trials} policies tried on it so far"
    what = "in R a decision" if task.criterion == "uplift" else "in Sharpe ratio per trade"
    if taught.beats:
        return f"it beats its baseline ({task.against}) {what} on held-out time; {seen}"
    prefix = "uplift" if task.criterion == "uplift" else "sharpe_uplift"
    high = taught.test[f"{prefix}_high"]
    why = "there are too few blocks of time to say" if high is None else "the interval holds 0"
    if high is not None and high < 0.0:
        why = "it is worse"
    return f"it does NOT beat its baseline ({task.against}) {what} on held-out time: {why}; it cannot graduate; {seen}"
