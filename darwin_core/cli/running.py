"""How every command runs: arguments, errors for people, one JSON object when asked, quiet on interrupts."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from darwin_core.cli import COMMANDS
from darwin_core.errors import DarwinError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors can be told as JSON."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise _Misuse(f"{self.prog}: {message}\n{self.format_usage().strip()}")


class _Misuse(Exception):  # noqa: N818
    pass


def run_command(command: str, words: list[str]) -> int:
    """Run one command; print what a person or a program needs; return the exit status."""
    as_json = "--json" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter must not cost the run
    try:
        parser = Parser(prog=f"darwin {command}", description=COMMANDS.get(command))
        if command in COMMANDS:
            module = importlib.import_module(f"darwin_core.cli.{command.replace('-', '_')}")
            module.add_arguments(parser)
            parser.set_defaults(run=module.run)
        else:
            _add_plugin_commands(command, parser)
        _every_parser_takes_json(parser)
        arguments = parser.parse_args(words)
        result = arguments.run(arguments)
        if as_json:
            _print_json(result[0] if isinstance(result, tuple) else result)
        return result[1] if isinstance(result, tuple) else 0
    except _Misuse as error:
        return _fail(str(error), "usage", MISUSED, as_json=as_json)
    except DarwinError as error:
        return _fail(str(error), type(error).__name__, FAILED, as_json=as_json)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was stored", "interrupted", INTERRUPTED, as_json=as_json)
    except BrokenPipeError:
        # The reader went away (`darwin runs | head`): there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _every_parser_takes_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout and nothing else there")
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to reach its sub-parsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for child in action.choices.values():
                _every_parser_takes_json(child)


def _add_plugin_commands(name: str, parser: argparse.ArgumentParser) -> None:
    """Let plugin `name`, and no other, add its commands."""
    from pathlib import Path

    from darwin_core.plugins import Plugins, installed

    known = installed()
    if name not in known:
        raise _Misuse(f"darwin: there is no command {name!r}: {did_you_mean(name, [*COMMANDS, *known])}")
    Plugins(Path()).command(name, parser)
    parser.set_defaults(run=lambda _arguments: _print_help(parser))


def _print_help(parser: argparse.ArgumentParser) -> None:
    parser.print_help()


def _fail(message: str, kind: str, status: int, *, as_json: bool) -> int:
    if as_json:
        _print_json({"error": {"kind": kind, "message": message}})
    else:
        console(stderr=True).print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    return status


def _print_json(value: object) -> None:
    from darwin_core.store import to_json

    print(to_json(value))  # noqa: T201


def console(*, stderr: bool = False) -> Console:
    """Return a rich console; it honours NO_COLOR and pipes by itself."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def escape(text: str) -> str:
    """Keep a text's square brackets from being read as colours."""
    from rich.markup import escape as rich_escape

    return rich_escape(text)


def add_deployment(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a deployment and change it."""
    parser.add_argument("deployment", nargs="?", default="darwin.toml", help="the deployment file (darwin.toml)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="override a key, strategy.fast=20 or agents.0.mode=active; may be repeated",
    )  # fmt: skip


def changes(settings: list[str]) -> dict[str, Any]:
    """Read ``--set`` arguments: values as TOML, or plain words."""
    pairs: dict[str, Any] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise _Misuse(f"darwin: --set {text}: write KEY=VALUE, as in strategy.fast=20")
        pairs[key.strip()] = toml_value(value.strip())
    return pairs


def toml_value(text: str) -> Any:
    """Read one value as TOML does; what is no TOML value is a word."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the keys that were not given."""
    return {key: value for key, value in values.items() if value is not None}
