"""``darwin models``: list, show, verify, promote, roll back, push and pull policies; make keys."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

from darwin_core.cli import mirror
from darwin_core.cli.audit import now_ns
from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.registry import Listed, Pointer, Registry, RegistryTable, Signer, Verified
    from darwin_core.source import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its forms."""
    _add_place(parser)
    forms = parser.add_subparsers(metavar="list|show|verify|promote|rollback|push|pull|keygen")
    listing = forms.add_parser("list", help="list all versions, each verified")
    listing.add_argument("agent", nargs="?", metavar="AGENT", help="only this agent's")
    listing.set_defaults(run=_list)
    show = forms.add_parser("show", help="show a version, what it was trained on and what was said of it")
    show.set_defaults(run=_show)
    verify = forms.add_parser("verify", help="check every byte of all versions and of the pointer's history")
    verify.set_defaults(run=_verify)
    promote = forms.add_parser("promote", help="put a newer version into service")
    promote.set_defaults(run=_promote)
    rollback = forms.add_parser("rollback", help="put a version that was in service before into service again")
    rollback.set_defaults(run=_rollback)
    shown = {show: "the version (the current one)", verify: "only this version", promote: "the version, v1, v2, ..."}
    for form, text in {**shown, rollback: "the version (the last known good)"}.items():
        form.add_argument("agent", metavar="AGENT", help="the agent's name")
        form.add_argument("--version", metavar="V", help=text, required=form is promote)
        form.add_argument("--seen", type=int, default=0, metavar="N", help="refuse a pointer below this counter")
    for form in (promote, rollback):
        form.add_argument("--who", required=True, help="your name")
        form.add_argument("--why", required=True, help="the reason")
        form.add_argument("--key", metavar="FILE", help="the private key (the deployment's)")
    moving = mirror.add_forms(forms, _push, _pull)
    for form in (listing, *shown, rollback, *moving):
        _add_place(form, default=argparse.SUPPRESS)  # what is given before the form's name is not forgotten
    keygen = forms.add_parser("keygen", help="make a pair of keys; a passphrase comes from DARWIN_MODELS_PASSPHRASE")
    keygen.add_argument("--out", default="keys", metavar="FOLDER", type=Path, help="where they go (keys)")
    keygen.set_defaults(run=_keygen)


def _add_place(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    place = "the registry (the deployment's, or artifacts/models)"
    parser.add_argument("--registry", metavar="FOLDER", default=default, help=place)
    parser.add_argument(
        "--trust", action="append", default=default, metavar="KEY",
        help="a public key whose signatures count beside the deployment's: base64 text or a file; may be repeated",
    )  # fmt: skip
    deployment = "the deployment file (darwin.toml, if there is one)"
    parser.add_argument("--deployment", metavar="FILE", default=default, help=deployment)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """List every agent's versions."""
    arguments.agent = None
    return _list(arguments)


def _source(arguments: argparse.Namespace) -> Source:
    """Return the deployment; without any an empty one."""
    from darwin_core.source import Source

    path = Path(arguments.deployment or "darwin.toml")
    if arguments.deployment is None and not path.exists():
        return Source.parse("", path)
    return Source.load(path)


def _table(arguments: argparse.Namespace) -> tuple[RegistryTable, Path]:
    """Return the deployment's ``[registry]`` and the folder that its paths are meant in."""
    from darwin_core.errors import ConfigError
    from darwin_core.options import structure
    from darwin_core.registry import RegistryTable

    source = _source(arguments)
    table = source.tables.get("registry", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{source.at(('registry',))}: a table is expected, not {table!r}")
    return structure(RegistryTable, table, source, ("registry",)), source.path.parent


def _open(arguments: argparse.Namespace) -> Registry:
    table, folder = _table(arguments)
    if arguments.registry:
        table = evolve(table, path=str(Path(arguments.registry).absolute()))
    return table.open(folder, arguments.trust or ())


def _signer(arguments: argparse.Namespace) -> Signer:
    from darwin_core.registry import Signer

    return Signer.load(Path(arguments.key)) if arguments.key else _table(arguments)[0].signer()


def _list(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.registry import RegistryError

    registry = _open(arguments)
    agents: dict[str, Any] = {}
    for agent in [arguments.agent] if arguments.agent else registry.agents():
        found = registry.list(agent)
        try:
            pointer, refused = registry.pointer(agent), ""
        except RegistryError as error:
            pointer, refused = None, str(error)
        if pointer is not None and pointer.version not in {each.version for each in found}:
            refused = f"{pointer.version} is in service, and its folder is missing: bring it back, or promote another"
        versions = [_facts(each) for each in found]
        agents[agent] = {
            "current": pointer and pointer.version,
            "last_known_good": pointer and pointer.last_known_good,
            "note": refused,
            "versions": versions,
        }
    if not arguments.json:
        _print_agents(agents, registry.folder)
    return {"registry": str(registry.folder), "agents": agents}


def _facts(each: Listed) -> dict[str, Any]:
    if each.found is None:
        return {"version": each.version, "refused": each.refused}
    found, metadata = each.found, each.found.metadata
    said = {"created": metadata.created, "beats_baseline": metadata.beats_baseline, "parent": metadata.parent}
    return {"version": found.version, "digest": found.digest, "key": found.key, **said}


def _print_agents(agents: Mapping[str, Any], folder: Path) -> None:
    from rich.table import Table

    show = console()
    if not agents:
        show.print(escape(f"there are no policies in {folder}"), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("agent", "version", "state", "created", "baseline", "key"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "version")
    for agent, facts in agents.items():
        for each in facts["versions"]:
            table.add_row(*map(escape, _row(agent, each, facts)), style="red" if "refused" in each else None)
    show.print(table)
    for agent, facts in agents.items():
        for line in [facts["note"], *(each["refused"] for each in facts["versions"] if "refused" in each)]:
            if line:
                show.print(f"[yellow]{escape(agent)}:[/] {escape(line)}", soft_wrap=True)


def _row(agent: str, each: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, ...]:
    if "refused" in each:
        return agent, each["version"], "refused", "", "", ""
    words = {facts["last_known_good"]: "last known good", facts["current"]: "current"}
    beats = "beaten" if each["beats_baseline"] else "NOT beaten"
    return agent, each["version"], words.get(each["version"], ""), _time(each["created"]), beats, each["key"][:16]


def _time(ns: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M}Z"


def _show(arguments: argparse.Namespace) -> dict[str, Any]:
    registry, agent = _open(arguments), arguments.agent
    history: tuple[Pointer, ...] = ()
    if arguments.version:
        found = registry.verify(agent, arguments.version)
    else:
        found, history = registry.current(agent, arguments.seen), registry.history(agent, arguments.seen)
    answer = {
        "agent": agent,
        **{name: getattr(found, name) for name in ("version", "sequence", "digest", "key", "counter")},
        "files": {name: len(content) for name, content in found.files.items()},
        "observation": {"digest": found.schema.digest, "columns": [asdict(each) for each in found.schema.columns]},
        "metadata": asdict(found.metadata),
        "history": [asdict(each) for each in history],
    }
    if not arguments.json:
        _print_version(found, history)
    return answer


def _print_version(found: Verified, history: tuple[Pointer, ...]) -> None:
    from darwin_core.store import to_json

    show, metadata = console(), asdict(found.metadata)
    show.print(f"[bold]{escape(f'{found.agent} {found.version}')}[/]  verified, signed by {found.key[:16]}")
    show.print(f"  manifest     {found.digest}", soft_wrap=True)
    sizes = ", ".join(f"{name} {len(content):,}" for name, content in found.files.items())
    show.print(escape(f"  files        {sizes} bytes"), soft_wrap=True)
    show.print(escape(f"  observation  {', '.join(found.schema.names)}"), soft_wrap=True)
    metadata["created"] = _time(found.metadata.created)
    for name, value in metadata.items():
        text = value if isinstance(value, str) else " ".join(to_json(value).split())
        show.print(escape(f"  {name:14} {text}"), soft_wrap=True)
    for each in history:
        said = f"  {each.counter:4}  {_time(each.time)}  {each.act} {each.version}  by {each.who}: {each.why}"
        show.print(escape(said), soft_wrap=True)


def _verify(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Check everything, and say all that is wrong; the status is 1 when anything is."""
    from darwin_core.registry import Listed, RegistryError

    registry, agent = _open(arguments), arguments.agent
    pointer: Pointer | None = None
    problems: list[str] = []
    if arguments.version:
        found: tuple[Listed, ...] = (Listed(arguments.version, registry.verify(agent, arguments.version)),)
    else:
        found = registry.list(agent)
        try:
            if registry.has_pointer(agent) or arguments.seen:
                pointer = registry.history(agent, arguments.seen)[-1]
                registry.current(agent, arguments.seen)
        except RegistryError as error:
            problems.append(str(error))
    problems += [each.refused for each in found if each.refused and each.refused not in problems]
    if not arguments.json:
        _print_verdict(agent, found, pointer, problems)
    facts = {"agent": agent, "versions": [_facts(each) for each in found], "problems": problems}
    return {**facts, "pointer": pointer and asdict(pointer)}, 1 if problems else 0


def _print_verdict(agent: str, found: tuple[Listed, ...], pointer: Pointer | None, problems: list[str]) -> None:
    show = console()
    for each in found:
        if each.found is not None:
            show.print(escape(f"{agent} {each.version} is as it was signed by {each.found.key[:16]}"), soft_wrap=True)
    if pointer is not None:
        said = f"{agent} {pointer.version} is in service by statement number {pointer.counter}"
        show.print(escape(said), soft_wrap=True)
    for problem in problems:
        show.print(f"[bold red]refused:[/] {escape(problem)}", soft_wrap=True)


def _promote(arguments: argparse.Namespace) -> dict[str, Any]:
    registry, agent = _open(arguments), arguments.agent
    by = (arguments.who, arguments.why, _signer(arguments))
    new = registry.promote(agent, arguments.version, *by, at=now_ns(), seen=arguments.seen)
    beats = registry.current(agent).metadata.beats_baseline
    note = "" if beats else "it did not beat its baseline: it can be observed, and cannot graduate"
    return _told(new, note, arguments)


def _rollback(arguments: argparse.Namespace) -> dict[str, Any]:
    registry = _open(arguments)
    by = (arguments.who, arguments.why, _signer(arguments))
    new = registry.rollback(arguments.agent, *by, at=now_ns(), to=arguments.version, seen=arguments.seen)
    return _told(new, "", arguments)


def _push(arguments: argparse.Namespace) -> dict[str, Any]:
    return mirror.push(_open(arguments), _source(arguments), arguments)


def _pull(arguments: argparse.Namespace) -> dict[str, Any]:
    return mirror.pull(_open(arguments), _source(arguments), arguments)


def _told(new: Pointer, note: str, arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.json:
        show = console()
        show.print(f"[bold green]{escape(f'{new.agent} {new.version} is in service')}[/] (statement {new.counter})")
        show.print(escape(f"  rollback goes to {new.last_known_good or 'nothing: there was none before'}"))
        if note:
            show.print(f"  [yellow]note:[/] {escape(note)}", soft_wrap=True)
    return {**asdict(new), "last_known_good": new.last_known_good, "note": note}


def _keygen(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.registry.keys import Trusted, keygen

    private, public, text = keygen(arguments.out)
    if not arguments.json:
        show = console()
        said = f"private key: {private} (mode 0600; it signs, and stays off the machine that serves)"
        show.print(escape(said), soft_wrap=True)
        show.print(escape(f"public key:  {public}"), soft_wrap=True)
        show.print(escape(f'in the deployment file:\n\n[registry]\ntrusted = ["{text}"]'), soft_wrap=True)
    return {
        "private": str(private),
        "public": str(public),
        "key": text,
        "fingerprint": next(iter(Trusted.of([text]).keys)),
    }
