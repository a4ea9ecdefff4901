"""The run store: one folder a run, columnar files that pandas, polars and DuckDB open, whole or not there.

A run is written beside its final place and moved there in one step, so a folder without the leading dot is
complete. ``run.json`` holds the SHA-256 of every other file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from darwin_core.errors import RunError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pyarrow as pa

INFO = "run.json"
TABLES = ("equity", "prices", "decisions", "candidates", "orders", "fills", "trades")
_UNFINISHED = ".unfinished-"


@frozen
class Run:
    """A finished run.

    Parameters
    ----------
    folder
        Where it is.
    info
        The content of ``run.json``.
    """

    folder: Path
    info: Mapping[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """The run's name in its store."""
        return self.folder.name

    def table(self, name: str) -> pa.Table:
        """Return one of the run's tables; see `TABLES`."""
        import pyarrow.parquet as pq

        if name not in TABLES:
            raise RunError(f"a run has no table {name!r}: {did_you_mean(name, TABLES)}")
        try:
            return pq.read_table(self.folder / f"{name}.parquet")
        except (OSError, ValueError) as error:
            raise RunError(f"run {self.id}: {name}.parquet cannot be read: {error}") from None

    def verify(self) -> None:
        """Raise RunError when a file is missing or not as it was written."""
        for name, wanted in self.info["files"].items():
            path = self.folder / name
            if not path.is_file():
                raise RunError(f"run {self.id}: {name} is missing")
            if sha256(path) != wanted:
                raise RunError(f"run {self.id}: {name} is not as it was written (its SHA-256 differs)")


@frozen
class Store:
    """The folder that holds all runs of a deployment."""

    folder: Path

    def runs(self) -> list[Run]:
        """Return the finished runs, oldest first."""
        if not self.folder.is_dir():
            return []
        folders = [f for f in self.folder.iterdir() if (f / INFO).is_file() and not f.name.startswith(".")]
        return sorted((load(f) for f in folders), key=lambda run: (run.info["created"], run.id))

    def unfinished(self) -> list[Path]:
        """Return what interrupted runs left behind."""
        return sorted(self.folder.glob(f"{_UNFINISHED}*")) if self.folder.is_dir() else []

    def get(self, name: str) -> Run:
        """Return a run by id, by the beginning of one, or ``last``."""
        runs = self.runs()
        if not runs:
            raise RunError(f"there are no runs in {self.folder}: make one with `darwin backtest`")
        if name == "last":
            return runs[-1]
        exact = [run for run in runs if run.id == name] or [run for run in runs if run.id.startswith(name)]
        if len(exact) == 1:
            return exact[0]
        if exact:
            raise RunError(f"{name!r} could be any of {', '.join(run.id for run in exact)}")
        raise RunError(f"there is no run {name!r} in {self.folder}: {did_you_mean(name, [run.id for run in runs])}")

    def add(
        self,
        name: str,
        created: datetime,
        info: Mapping[str, Any],
        tables: Mapping[str, pa.Table],
        texts: Mapping[str, str],
    ) -> Run:
        """Write a run; it appears in the store only when all of it is on disk.

        Parameters
        ----------
        name
            The wanted id; a number is appended when it is taken.
        created
            Wall-clock time, UTC.
        info
            What ``run.json`` says beside id, time and files; JSON-able.
        tables, texts
            Content of ``NAME.parquet`` and of the other files by name.
        """
        try:
            return self._write(name, created, info, tables, texts)
        except OSError as error:
            raise RunError(f"the run cannot be stored in {self.folder}: {error.strerror or error}") from None

    def _write(
        self,
        name: str,
        created: datetime,
        info: Mapping[str, Any],
        tables: Mapping[str, pa.Table],
        texts: Mapping[str, str],
    ) -> Run:
        import pyarrow.parquet as pq

        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{_UNFINISHED}{name}-{os.getpid()}"
        draft.mkdir()
        try:
            for table, content in tables.items():
                pq.write_table(content, draft / f"{table}.parquet", compression="zstd")
            for file, text in texts.items():
                (draft / file).write_text(text, encoding="utf-8")
            final = self._free(name)
            files = {path.name: sha256(path) for path in sorted(draft.iterdir())}
            whole = {"id": final.name, "created": created.isoformat(timespec="milliseconds"), **info, "files": files}
            (draft / INFO).write_text(to_json(whole), encoding="utf-8")
            _flush(draft)
            draft.rename(final)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return Run(final, whole)

    def _free(self, name: str) -> Path:
        final, number = self.folder / name, 1
        while final.exists():
            number += 1
            final = self.folder / f"{name}-{number}"
        return final


def load(folder: Path) -> Run:
    """Open a finished run."""
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / INFO} cannot be read: {error}") from None
    if not isinstance(info, dict) or "created" not in info or "files" not in info:
        raise RunError(f"{folder / INFO} does not describe a run")
    return Run(folder, info)


def to_json(value: object) -> str:
    """Write JSON that every reader accepts: NaN and infinities become null."""
    return json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    """Put a folder's files on disk before it gets its final name."""
    for path in [*folder.iterdir(), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
