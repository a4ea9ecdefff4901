"""A live session's folder: what it was started with, and where it keeps what it remembers.

<run.store>/live/<name>/session.json   the deployment as it was, word for word
journal.sqlite, tape.sqlite, latch.json, status.json, log.jsonl, control.sock
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from darwin_core import __version__, config
from darwin_core.clock import now
from darwin_core.errors import ConfigError, RunError, did_you_mean
from darwin_core.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.config import Settings

INFO = "session.json"


@frozen
class Session:
    """A session on disk.

    Parameters
    ----------
    folder
        Its own.
    settings
        The deployment that it was started with.
    info
        What ``session.json`` says.
    """

    folder: Path
    settings: Settings
    info: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """``live`` or ``replay``."""
        return str(self.info["kind"])

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "journal.sqlite"

    @property
    def tape(self) -> Path:
        """The tape's file."""
        return self.folder / "tape.sqlite"

    @property
    def latch(self) -> Path:
        """The kill latch's file."""
        return self.folder / "latch.json"

    @property
    def status(self) -> Path:
        """What the session last showed of itself."""
        return self.folder / "status.json"


def home(settings: Settings) -> Path:
    """Return the folder of a deployment's live sessions."""
    return settings.source.path.parent / settings.run.store / "live"


def begin(path: Path, changes: Mapping[str, Any], *, replay: str | None = None) -> Session:
    """Start a session, or go on with the live one that is there.

    Parameters
    ----------
    path, changes
        The deployment file, and dotted keys that override it.
    replay
        ``FROM:TO`` for a session of its own over the past; None: the deployment's one live session.

    Raises
    ------
    ConfigError
        The live session that is there was started with another deployment.
    """
    settings = config.load(path, changes)
    if settings.broker is None:
        raise ConfigError(f'{path}: the table [broker] is missing: write [broker] use = "paper"')
    if settings.execution.fill == "same_close":
        where = settings.source.at(("execution", "fill"))
        raise ConfigError(f'{where}: "same_close" is what no live run can do: write "next_open" or "next_close"')
    info = {
        "kind": "live" if replay is None else "replay",
        "replay": replay or "",
        "deployment": path.resolve().as_posix(),
        "text": settings.source.text,
        "changes": dict(changes),
        "version": __version__,
        "created": now().isoformat(timespec="milliseconds"),
    }
    name = settings.deployment.name
    folder = home(settings) / name if replay is None else _free(home(settings), f"{name}-replay")
    if (folder / INFO).exists():
        found = load(folder)
        if (found.info["text"], found.info["changes"]) != (info["text"], info["changes"]):
            raise ConfigError(
                f"{folder} was started with another version of {path}, and its orders and positions belong to it. Take "
                f"the change back, or stop, flatten and move that folder away to begin a new session"
            )
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = folder / f".{INFO}"
        beside.write_text(json.dumps(info, indent=1, ensure_ascii=False), encoding="utf-8")
        beside.replace(folder / INFO)
    except OSError as error:
        raise RunError(f"a session cannot be begun in {folder}: {error.strerror}; [run] store says where") from None
    return Session(folder, settings, info)


def unchanged(session: Session) -> bool:
    """Say whether the deployment's file, if it is still there, has the words that the session was begun with."""
    try:
        return bool(Path(session.info["deployment"]).read_text(encoding="utf-8") == session.info["text"])
    except (OSError, UnicodeDecodeError):
        return True


def forget(session: Session) -> None:
    """Take a session's folder away if it never came to be: only what it was to be started with is in it."""
    with contextlib.suppress(OSError):
        if [each.name for each in session.folder.iterdir()] == [INFO]:
            (session.folder / INFO).unlink()
            session.folder.rmdir()


def _free(store: Path, name: str) -> Path:
    """Return the first of name-1, name-2, ... that is not taken."""
    number = 1
    while (store / f"{name}-{number}").exists():
        number += 1
    return store / f"{name}-{number}"


def load(folder: Path) -> Session:
    """Return the session of a folder; RunError when it is none."""
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
        source = Source.parse(info["text"], Path(info["deployment"]))
        return Session(folder, config.settings(source, info["changes"]), info)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder} is no live session: {error}") from None


def find(name: str, deployment: Path = Path("darwin.toml")) -> Session:
    """Return a session by its folder, or by its name, the beginning of one, or ``last``, in a deployment's store."""
    if (Path(name) / INFO).is_file():
        return load(Path(name))
    store = home(config.load(deployment))
    folders = [folder for folder in store.iterdir() if (folder / INFO).is_file()] if store.is_dir() else []
    if not folders:
        raise RunError(f"there are no live sessions in {store}: start one with `darwin live`")
    folders.sort(key=lambda folder: ((folder / INFO).stat().st_mtime_ns, folder.name))
    if name == "last":
        return load(folders[-1])
    names = [folder.name for folder in folders]
    exact = [each for each in names if each == name] or [each for each in names if each.startswith(name)]
    if len(exact) == 1:
        return load(store / exact[0])
    if exact:
        raise RunError(f"{name!r} could be any of {', '.join(exact)}")
    raise RunError(f"there is no session {name!r} in {store}: {did_you_mean(name, names)}")
