"""``darwin models push`` and ``pull``: policies to the shared place of ``[registry.mirror]`` and back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import asdict

from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from darwin_core.plugins import Owner
    from darwin_core.protocols import Mirror
    from darwin_core.registry import Registry
    from darwin_core.registry.mirroring import Moved
    from darwin_core.source import Source

_KEY = ("registry", "mirror")


def add_forms(
    forms: argparse._SubParsersAction[Any],
    run_push: Callable[[argparse.Namespace], object],
    run_pull: Callable[[argparse.Namespace], object],
) -> tuple[argparse.ArgumentParser, ...]:
    """Describe the two forms; return their parsers."""
    push = forms.add_parser("push", help="give the mirror the versions and statements that it lacks")
    push.add_argument("--version", metavar="V", help="only this version, and no statement")
    push.set_defaults(run=run_push)
    pull = forms.add_parser("pull", help="bring what is in service at the mirror into service here, verified first")
    pull.add_argument("--version", metavar="V", help="only bring this version; what is in service stays")
    pull.add_argument("--list", action="store_true", help="only say what the mirror has; nothing of it is verified")
    pull.set_defaults(run=run_pull)
    for form in (push, pull):
        form.add_argument("agent", metavar="AGENT", help="the agent's name")
        form.add_argument("--seen", type=int, default=0, metavar="N", help="refuse a pointer below this counter")
    return push, pull


def push(registry: Registry, source: Source, arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the mirror what it lacks."""
    from darwin_core.registry.mirroring import push as give

    with _opened(source) as mirror:
        moved = give(registry, mirror, arguments.agent, arguments.version, arguments.seen)
        return _told(moved, "went to", mirror.place, f"in service at {mirror.place}", arguments)


def pull(registry: Registry, source: Source, arguments: argparse.Namespace) -> dict[str, Any]:
    """Bring what is in service there, or one version; or only list."""
    from darwin_core.registry.mirroring import pull as bring

    with _opened(source) as mirror:
        if arguments.list:
            return _listed(registry, mirror, arguments)
        moved = bring(registry, mirror, arguments.agent, arguments.version, arguments.seen)
        return _told(moved, "came, verified, from", mirror.place, "in service here", arguments)


def _listed(registry: Registry, mirror: Mirror, arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.registry.mirroring import known

    agent, there = arguments.agent, known(mirror, arguments.agent)
    here = registry.versions(agent) if registry.home(agent).exists() else ()
    newest = max(mirror.statements(agent), default=0)
    if not arguments.json:
        for version, digest in there.items():
            line = f"{agent} {version}  manifest {digest[:16]}{'  here too' if version in here else ''}"
            console().print(escape(line), soft_wrap=True)
        said = f"{len(there)} versions, newest statement {newest or 'none'}; nothing of this is verified"
        console().print(escape(f"{mirror.place}: {said}"), soft_wrap=True)
    return {"agent": agent, "mirror": mirror.place, "versions": there, "statement": newest}


def _told(moved: Moved, went: str, place: str, where: str, arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.json:
        show, agent = console(), arguments.agent
        what = [f"{agent} {version}" for version in moved.versions]
        what += [f"statement {number}" for number in moved.statements]
        line = f"{', '.join(what)} {went} {place}" if what else f"{agent}: nothing to do, {place} and this disk agree"
        show.print(escape(line), soft_wrap=True)
        if moved.current is not None:
            show.print(f"[bold green]{escape(f'{agent} {moved.current} is {where}')}[/]", soft_wrap=True)
    return {"agent": arguments.agent, "mirror": place, **asdict(moved)}


@contextmanager
def _opened(source: Source) -> Iterator[Mirror]:
    """Make the deployment's mirror; a fault of its plugin becomes words."""
    from darwin_core.errors import DarwinError, PluginError
    from darwin_core.plugins import why

    mirror, owner = _make(source)
    try:
        yield mirror
    except (DarwinError, BrokenPipeError):
        raise
    except Exception as error:
        raise PluginError(f"{owner} failed: {why(error)}") from error


def _make(source: Source) -> tuple[Mirror, Owner]:
    from darwin_core.errors import ConfigError, PluginError
    from darwin_core.options import Options
    from darwin_core.plugins import Plugins
    from darwin_core.protocols import Mirror

    table = source.tables.get("registry", {}).get("mirror")
    if table is None:
        what = "there is no mirror to push to or to pull from"
        raise ConfigError(f'{source.path}: {what}: name one, [registry.mirror] use = "mlflow", uri = "http://..."')
    options = Options({key: value for key, value in table.items() if key != "use"}, source, _KEY)
    where = source.at(_KEY)
    made, owner = Plugins(source.path.parent).make("make_mirror", "mirror", table["use"], where, options=options)
    if not isinstance(made, Mirror):
        lacks = [name for name in vars(Mirror) if not name.startswith("_") and not hasattr(made, name)]
        raise PluginError(f"{where}: {owner} made something that is no Mirror: it has no {', '.join(lacks)}")
    return made, owner
