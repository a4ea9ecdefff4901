"""``darwin graduation``: where an agent stands on the way to active, and the steps up and down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting
from darwin_core.cli.running import console
from darwin_core.errors import ConfigError, DarwinError, did_you_mean

if TYPE_CHECKING:
    import argparse

    from darwin_core.config import Settings
    from darwin_core.graduation.reading import Reading
    from darwin_core.graduation.record import Taken
    from darwin_core.graduation.roles import Deployed

_STEPS = ("promote", "demote")
_MODES = ("observe", "canary", "active")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = (
        "darwin graduation AGENT [promote|demote] [FILE] [--db FILE] [--run RUN]\n"
        "                         [--to MODE --who NAME --reason TEXT [--override]] [--json]"
    )
    parser.add_argument("agent", metavar="AGENT", help="its name in the deployment")
    parser.add_argument(
        "words", nargs="*", metavar="[promote|demote] [FILE]",
        help="a step to be taken, and the deployment file (darwin.toml); without a step: say where it stands",
    )  # fmt: skip
    parser.add_argument("--db", metavar="FILE", help="the state database (that of the deployment's store)")
    parser.add_argument("--run", metavar="RUN", dest="session", help="a session or a run (all live ones, else newest)")
    parser.add_argument("--to", choices=_MODES, help="the mode of a step (the next one up; observe)")
    parser.add_argument("--reason", default="", help="of a step: why; it goes on the record")
    parser.add_argument("--who", default="", metavar="NAME", help="of a step: your name, for the record")
    parser.add_argument("--override", action="store_true", help="promote though the evidence does not carry it")
    acting.add_token(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say where the agent stands, or take a step."""
    from darwin_core.graduation.reading import plain

    step, file = _words(arguments.words)
    settings = _settings(arguments, file)
    agent, problem = _deployed(settings, arguments.agent)
    reading, problems = _read(arguments, settings, agent)
    said = {"db": _database(arguments, settings).as_posix(), **plain(reading)}
    said["deployed"] = None if agent is None else agent.version
    said["problems"] = [each for each in (problem, *problems) if each]
    if step:
        return {**said, "step": _take(arguments, settings, agent, reading, step)}
    if not arguments.json:
        _show(reading, agent, said["problems"])
    return said


def _words(words: list[str]) -> tuple[str, Path | None]:
    step = words[0] if words and words[0] in _STEPS else ""
    rest = words[1:] if step else words
    if len(rest) > 1:
        raise ConfigError(f"{rest[0]!r} and {rest[1]!r}: write promote or demote, and the deployment file behind it")
    return step, Path(rest[0]) if rest else None


def _settings(arguments: argparse.Namespace, file: Path | None) -> Settings | None:
    """Return the deployment; None when no file is named, none is here, and the database is named."""
    from darwin_core import config

    here = file or Path("darwin.toml")
    if file is None and arguments.db and not here.is_file():
        return None
    return config.load(here)


def _database(arguments: argparse.Namespace, settings: Settings | None) -> Path:
    from darwin_core.state import FILE

    if arguments.db or settings is None:
        return Path(arguments.db)
    return settings.source.path.parent / settings.run.store / FILE


def _deployed(settings: Settings | None, name: str) -> tuple[Deployed | None, str]:
    """Return the agent as the deployment has it, or why that cannot be said."""
    from darwin_core.graduation.roles import deployed

    if settings is None:
        return None, ""
    try:
        return deployed(settings, name), ""
    except DarwinError as error:
        return None, f"the deployment cannot be assembled, so its agents are not known: {error}"


def _read(
    arguments: argparse.Namespace, settings: Settings | None, agent: Deployed | None
) -> tuple[Reading, list[str]]:
    """Bring the sessions in, and read where the agent stands."""
    from darwin_core.graduation import record
    from darwin_core.graduation.reading import read
    from darwin_core.graduation.table import GraduationTable
    from darwin_core.state.sessions import record_sessions

    path = _database(arguments, settings)
    problems = record_sessions(path)
    table = getattr(settings, "graduation", None) or GraduationTable()
    steps = record.steps(record.place_of(settings)) if settings is not None else ()
    role = agent.role if agent is not None else None
    deployment = settings.deployment.name if settings is not None and not arguments.db else None
    found = read(
        path, arguments.agent, session=arguments.session, table=table, role=role, steps=steps, deployment=deployment
    )
    return found, problems


# Showing


def _show(reading: Reading, agent: Deployed | None, problems: list[str]) -> None:
    from darwin_core.graduation.words import tell

    for text, style in _header(reading):
        _print(text, style)
    for text in list(tell(reading.agent, reading.standing)):
        _print(text, _style(text))
    for text in [*_caveats(reading, agent), *problems]:
        _print(f"  note: {text}", "yellow")


def _print(text: str, style: str) -> None:
    """Print a line; what is too long for the screen goes on below, further in."""
    import textwrap

    from darwin_core.screen.words import line

    out = console()
    indent = " " * (len(text) - len(text.lstrip()))
    hanging = f"{indent}       " if indent else ""
    for each in textwrap.wrap(text, out.width, subsequent_indent=hanging, drop_whitespace=True) or [""]:
        out.print(line((each, style)))


def _style(text: str) -> str:
    """Return the style of a line by its first word."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if not text.startswith(" "):
        return "bold"
    return {"yes": "green", "no": "yellow", "due:": "bold green", "missing:": "yellow"}.get(first, "")


def _header(reading: Reading) -> list[tuple[str, str]]:
    from darwin_core.screen.words import clean

    where = reading.sessions[0] if len(reading.sessions) == 1 else f"{len(reading.sessions)} sessions"
    judged = reading.role if reading.role != "any" else "any agent"
    as_what = f"judged as {judged}" if judged.startswith("any") else f"judged as a {judged}"
    guessed = "" if reading.declared else ", by what it does"
    days = "1 day" if reading.block == 1 else f"{reading.block} days"
    return [
        (f"{clean(reading.version)}, {as_what}{guessed}", ""),
        (f"{reading.kind} {clean(where)}", "dim"),
        (f"{reading.first} to {reading.last} ({reading.timezone}), blocks of {days}, uplift in {reading.unit}", "dim"),
    ]


def _caveats(reading: Reading, agent: Deployed | None) -> list[str]:
    """Return what else has to be known before anybody acts on this."""
    import numpy as np

    from darwin_core.graduation.taking import obstacles

    notes = []
    if reading.kind != "live":
        notes.append(
            f"a {reading.kind} is about days that were known before the agent was chosen: it shows where it would "
            "stand, and promotes nobody by itself"
        )
    if reading.recorded is not None and reading.stage != reading.mode:
        when = np.datetime_as_string(np.datetime64(reading.recorded.time, "ns"), unit="D")
        notes.append(f"on record it is in {reading.stage} since {when}; its latest decisions are of {reading.mode}")
    if reading.left_out:
        notes.append(f"{reading.left_out:,} decisions have no uplift that could be known, and are not counted")
    if agent is not None:
        notes += obstacles(reading, agent)
        if agent.mode != reading.mode:
            notes.append(f"the deployment has it in {agent.mode}, and its latest decisions were made in {reading.mode}")
    return notes


# Taking a step


def _take(
    arguments: argparse.Namespace, settings: Settings | None, agent: Deployed | None, reading: Reading, step: str
) -> dict[str, Any]:
    """Take a step: refuse it, or have a running session do it, write it down, and say what to write into the file."""
    from darwin_core.graduation import taking

    if settings is None or agent is None:
        where = "this deployment" if settings is None else str(settings.source.path)
        known = [] if settings is None else [table.trust.name for table in settings.agents]
        raise ConfigError(f"{where} has no agent {arguments.agent!r} to {step}: {did_you_mean(arguments.agent, known)}")
    after = taking.way(reading, arguments.to, step)
    taken = taking.judge(reading, agent, after, arguments.who, arguments.reason, override=arguments.override)
    said = taking.tell_session(settings, taken, acting.secret(arguments))
    place = taking.keep(settings, taken)
    lines = taking.lines(settings, agent, after)
    if not arguments.json:
        _say(taken, said, lines, place)
    return {
        "action": step, "before": taken.before, "after": after, "override": taken.override,
        "against": taken.evidence["against"], "record": place.as_posix(), "session": said, "write": lines,
    }  # fmt: skip


def _say(taken: Taken, said: str, lines: list[str], place: Path) -> None:
    """Tell what was done, and what is left to do."""
    against = taken.evidence["against"]
    how = ", by override" if taken.override else ", as the evidence carries it" if taken.action == "promote" else ""
    what = "a new attempt begins" if taken.anew else f"{taken.before} -> {taken.after}{how}"
    _print(f"{taken.agent}: {what}", "bold green")
    for each in against:
        _print(f"  against it: {each}", "yellow")
    if said:
        _print(f"  the running session: {said}; a new session takes it from the file", "")
    _print(f"  {lines[0]}:", "")
    for each in lines[1:]:
        _print(f"    {each}", "bold")
    _print(f"  on record in {place}, by {taken.who}: {taken.why}", "dim")
