"""Which session a command means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from darwin_core.errors import ConfigError, did_you_mean
from darwin_core.live.control.places import JOURNAL, LATCH, POINTER, SOCKET, listens
from darwin_core.source import Source

DEPLOYMENT = "darwin.toml"
_FILES = ("session.json", JOURNAL, LATCH, "status.json", SOCKET, POINTER)
"""One of them is enough: a session that has lost the others can still be killed."""


@frozen
class Home:
    """The folder of a deployment's sessions, and the name of the session that it runs by default."""

    folder: Path
    name: str

    @classmethod
    def of(cls, deployment: Path) -> Home:
        """Read as little of a deployment as possible: a mistake elsewhere in it must not keep anybody from acting."""
        try:
            tables = Source.load(deployment).tables
        except ConfigError as error:
            raise ConfigError(f"{error}; or name the folder of a session") from None
        store, name = _text(tables, "run", "store", "runs"), _text(tables, "deployment", "name", "darwin")
        return cls(deployment.parent / store / "live", name)

    def all(self) -> list[Path]:
        """Return every session's folder, running or not."""
        return sorted(each for each in self.folder.iterdir() if each.is_dir()) if self.folder.is_dir() else []


def find(session: str | None) -> Path:
    """Return the folder of a session.

    Parameters
    ----------
    session
        A folder, or the name of a session of ``./darwin.toml``. None: the one that is running, or, when none is, the
        one of the deployment's name.

    Raises
    ------
    ConfigError
        There is none, or several are running.
    """
    folder = Path(session or "")
    if session and folder.is_dir() and any((folder / name).exists() for name in _FILES):
        return folder
    if session and folder.is_dir() and (folder.is_absolute() or len(folder.parts) != 1):
        raise ConfigError(f"the folder {folder} holds no session: a session's is RUNS/live/NAME")
    if not Path(DEPLOYMENT).is_file():
        what = "session in" if folder.is_dir() else "folder"
        problem = f"there is no {what} {session}" if session else f"there is no {DEPLOYMENT} here"
        raise ConfigError(f"{problem}: name the folder of a session")
    home = Home.of(Path(DEPLOYMENT))
    if session:
        return _named(home, session)
    running = [each for each in home.all() if listens(each)]
    if len(running) > 1:
        raise ConfigError(f"several sessions are running, name one: {', '.join(each.name for each in running)}")
    if running:
        return running[0]
    if (home.folder / home.name).is_dir():
        return home.folder / home.name
    kept = ", ".join(each.name for each in home.all())
    raise ConfigError(f"no session is running in {home.folder}" + (f"; name one of: {kept}" if kept else ""))


def _named(home: Home, name: str) -> Path:
    names = [each.name for each in home.all()]
    if name not in names:
        raise ConfigError(f"there is no session {name!r} in {home.folder}: {did_you_mean(name, names)}")
    return home.folder / name


def _text(tables: dict[str, Any], table: str, key: str, default: str) -> str:
    found = tables.get(table)
    value = found.get(key, default) if isinstance(found, dict) else default
    return value if isinstance(value, str) and value else default
