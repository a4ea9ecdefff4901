"""``darwin token``: who may do what to a session. A token is shown once, when it is made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting
from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from darwin_core.live.control.tokens import Token


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its four forms."""
    forms = parser.add_subparsers(metavar="add|list|revoke|require", required=True)
    add = forms.add_parser("add", help="make a token and print it, once")
    add.add_argument("name", metavar="NAME", help="whose it is")
    add.add_argument("--role", required=True, choices=("viewer", "operator", "risk", "admin"), help="what it may do")
    add.add_argument("--days", type=int, default=0, help="for how long it is valid (0: until it is revoked)")
    listing = forms.add_parser("list", help="list the tokens, those that are over too")
    revoke = forms.add_parser("revoke", help="take a token's rights away, from its next request on")
    revoke.add_argument("name", metavar="NAME")
    require = forms.add_parser("require", help="whether the user who owns the session needs a token, too")
    require.add_argument("answer", choices=("on", "off"))
    for form, run_form in ((add, run), (listing, _list), (revoke, _revoke), (require, _require)):
        form.add_argument("--session", metavar="SESSION", help=acting.SESSION)
        acting.add_token(form)
        form.set_defaults(run=run_form)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make a token; print it on stdout."""
    from darwin_core.live.control import tokens

    folder, by, at = _allowed(arguments)
    made = tokens.add(folder, arguments.name, arguments.role, at, by, arguments.days)
    if not arguments.json:
        note = f"the token of {arguments.name}, {arguments.role}; it is shown this once and kept nowhere"
        console(stderr=True).print(f"[dim]{escape(note)}[/]", soft_wrap=True)
        print(made)  # noqa: T201 - bare, for a pipe
    return {"name": arguments.name, "role": arguments.role, "token": made}


def _list(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.live.control import tokens

    folder, _, at = _allowed(arguments)
    known = tokens.read(folder)
    rows = [_facts(token, at) for token in known.tokens]
    if not arguments.json:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("token", "role", "state", "made", "by", "expires"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            style = None if row["state"] == "valid" else "dim"
            cells = (row["name"], row["role"], row["state"], row["made"], row["made_by"], row["expires"] or "-")
            table.add_row(*map(escape, cells), style=style)
        console().print(table if rows else "there are no tokens")
        console().print("tokens are required" if known.require else "the user who owns the session needs no token")
    return {"require": known.require, "tokens": rows}


def _revoke(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.live.control import tokens

    folder, by, at = _allowed(arguments)
    return _tell(arguments, f"{tokens.revoke(folder, arguments.name, at, by).name} is revoked")


def _require(arguments: argparse.Namespace) -> dict[str, Any]:
    from darwin_core.live.control import tokens

    folder, _, at = _allowed(arguments)
    on = arguments.answer == "on"
    tokens.require(folder, at, on=on)
    return _tell(arguments, "everybody needs a token" if on else "the user who owns the session needs no token")


def _allowed(arguments: argparse.Namespace) -> tuple[Path, str, int]:
    """Return the session's folder, who acts, and now; raise ConfigError unless they are its admin."""
    from darwin_core.live.control import offline, sessions
    from darwin_core.live.control.private import now_ns

    folder = sessions.find(arguments.session)
    caller = offline.permitted(folder, acting.secret(arguments), "release")
    return folder, caller.name, now_ns()


def _facts(token: Token, at: int) -> dict[str, str]:
    def day(time: int) -> str:
        return datetime.fromtimestamp(time // 10**9, UTC).isoformat() if time else ""

    return {
        "name": token.name, "role": token.role, "state": token.state(at), "made": day(token.made),
        "made_by": token.made_by, "expires": day(token.expires), "revoked": day(token.revoked),
        "revoked_by": token.revoked_by,
    }  # fmt: skip


def _tell(arguments: argparse.Namespace, text: str) -> dict[str, Any]:
    if not arguments.json:
        console().print(escape(text), soft_wrap=True)
    return {"text": text}
