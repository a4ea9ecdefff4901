"""A mirror that is a plain folder: whoever can write there can do anything to it. A plugin as `use = "./..."` loads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core import PluginError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from darwin_core import Options, Verified


@frozen
class FolderMirror:
    folder: Path

    @property
    def place(self) -> str:
        return f"folder {self.folder.name}"

    def _home(self, agent: str) -> Path:
        if not self.folder.is_dir():
            raise PluginError(f"{self.place} is not mounted")
        return self.folder / agent

    def versions(self, agent: str) -> Mapping[str, str]:
        return {path.parent.name: path.read_text() for path in self._home(agent).glob("*/digest")}

    def files(self, agent: str, version: str) -> Mapping[str, int]:
        home = self._home(agent) / version / "files"
        return {path.name: path.stat().st_size for path in home.iterdir()}

    def read(self, agent: str, version: str, name: str, limit: int) -> bytes:
        return (self._home(agent) / version / "files" / name).read_bytes()[: limit + 1]

    def put(self, found: Verified, files: Mapping[str, bytes]) -> None:
        home = self._home(found.agent) / found.version
        (home / "files").mkdir(parents=True)
        for name, content in files.items():
            (home / "files" / name).write_bytes(content)
        (home / "digest").write_text(found.digest)

    def statements(self, agent: str) -> Sequence[int]:
        return [int(path.name) for path in self._home(agent).glob("statements/*")]

    def statement(self, agent: str, number: int, limit: int) -> bytes:
        return (self._home(agent) / "statements" / str(number)).read_bytes()[: limit + 1]

    def state(self, agent: str, current: str, new: Mapping[int, bytes]) -> None:
        home = self._home(agent) / "statements"
        home.mkdir(exist_ok=True)
        for number, content in new.items():
            (home / str(number)).write_bytes(content)
        (home.parent / "shown").write_text(current)


@frozen
class Settings:
    path: str


@hookimpl
def make_mirror(options: Options) -> FolderMirror:
    return FolderMirror(options.folder / options.into(Settings).path)
