"""The state database's SQLite file: how it is made, opened, and refused when it is not what it should be."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from darwin_core.errors import DarwinError
from darwin_core.state import rewards
from darwin_core.state.schema import APPLICATION, MIGRATIONS, SCHEMA, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY_SECONDS = 5.0


class StateError(DarwinError):
    """A state database that is missing, damaged, too new, or asked for what it does not hold."""


@contextmanager
def telling(path: Path, doing: str) -> Iterator[None]:
    """Turn SQLite's errors into words."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OSError) as error:
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        advice = "; it is damaged, or no SQLite file: move it away, and record the runs again" if damaged else ""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            advice = f"; another process has been writing to it for {_BUSY_SECONDS:g} s: let it end, then do this again"
        raise StateError(f"the state database {path} cannot be {doing}: {error}{advice}") from None


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a state database; a writer makes it when it is not there, a reader never changes it.

    A commit of a writer is never half there, but the last ones may be lost when the machine loses power (WAL,
    synchronous NORMAL): what was decided stands in the run or in the journal, and is recorded again from there.

    Raises
    ------
    StateError
        When the file is missing, is something else, is damaged, or was made by a newer darwin.
    """
    if not write and not path.is_file():
        raise StateError(f"there is no state database {path}: `darwin backtest` makes one beside the runs")
    with telling(path, "opened"):
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'rwc' if write else 'ro'}", uri=True, isolation_level=None,
            timeout=_BUSY_SECONDS, check_same_thread=False,
        )  # fmt: skip
        try:
            _prepare(connection, path, write=write)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, *, write: bool) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    if not write:
        _check(connection, path)
        return
    connection.execute("PRAGMA synchronous = NORMAL")
    if _is_new(connection):
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            if _is_new(connection):  # nobody else has made it meanwhile
                for statement in _statements(SCHEMA):
                    connection.execute(statement)
    if _check(connection, path) < VERSION:
        _bring_up(connection)
    for function in (rewards.reward, rewards.reward_r):
        connection.create_function(function.__name__, -1, function, deterministic=True)


def _statements(script: str) -> Iterator[str]:
    """Yield a script's statements one by one: `executescript` would commit what is open."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_new(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _bring_up(connection: sqlite3.Connection) -> None:
    """Make a file of an older version one of this; what is in it stays."""
    with transaction(connection):
        # Looked at once more: somebody else may have done it meanwhile.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number in range(version, VERSION):
            for statement in _statements(MIGRATIONS[number]):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """Refuse what this darwin does not know; return the file's version."""
    (application,), (version,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    if application != APPLICATION:
        raise StateError(f"{path} is an SQLite file, but no state database of darwin's: name another with --db")
    if version > VERSION:
        known = f"version {version}, and this darwin knows versions up to {VERSION}"
        raise StateError(f"the state database {path} was made by a newer darwin ({known}): update darwin")
    return int(version)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything inside, or nothing; inside another transaction, be part of it."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
