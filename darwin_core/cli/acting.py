"""What the commands that act on a running session share: which session, as whom, and telling what became of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import FAILED, console, escape
from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    import argparse

SESSION = "the session's folder or name (the one that ./darwin.toml has running)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a command that acts."""
    parser.add_argument("--reason", required=True, help="why; it goes on the record")
    parser.add_argument("--who", default="", metavar="NAME", help="your name, for the record")
    add_token(parser)


def add_token(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says where the token is; a token itself is never an argument: others see those."""
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the file with your token ($DARWIN_TOKEN)")


def secret(arguments: argparse.Namespace) -> str:
    """Return the token of the named file or of the environment, or an empty text."""
    from darwin_core.live.control.callers import TOKEN
    from darwin_core.live.control.tokens import PREFIX

    file: Path | None = arguments.token_file
    if file is None:
        return os.environ.get(TOKEN, "").strip()
    if file.name.startswith(PREFIX) and not file.exists():
        raise ConfigError("--token-file wants a file, and this looks like a token: others may have seen it, revoke it")
    try:
        if os.name != "nt" and file.stat().st_mode & 0o077:
            raise ConfigError(f"{file} can be read by others: chmod 600 {file}, and take a new token if they may have")
        found = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token file {file} cannot be read: {error}") from None
    if not found:
        raise ConfigError(f"the token file {file} is empty")
    return found


def request(arguments: argparse.Namespace, do: str, details: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the request that a command sends."""
    if not arguments.reason.strip():
        raise ConfigError("--reason is empty: say why, it goes on the record")
    return {
        "do": do,
        "why": arguments.reason,
        "who": arguments.who,
        "token": secret(arguments),
        "details": details or {},
    }


def act(arguments: argparse.Namespace, do: str, details: dict[str, str] | None = None) -> tuple[dict[str, Any], int]:
    """Send an action to a running session, tell what became of it, return that and the status."""
    from darwin_core.live.control import client, sessions

    folder = sessions.find(arguments.session)
    return tell(arguments, folder, client.ask(folder, request(arguments, do, details)))


def tell(arguments: argparse.Namespace, folder: Path, answer: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Tell a person what became of an action; return it and the status, 0 when it was done."""
    kind, text = str(answer.get("kind", "failed")), str(answer.get("text", ""))
    if not arguments.json:
        colour = "green" if kind == "done" else "bold red"
        console(stderr=kind != "done").print(f"[{colour}]{escape(kind)}:[/] {escape(text)}", soft_wrap=True)
        if answer.get("recorded") is False:
            console(stderr=True).print("[yellow]it is not in the session's journal[/]")
    return {"session": folder.as_posix(), **answer}, 0 if kind == "done" else FAILED
