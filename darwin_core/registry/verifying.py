"""A version's files to verified bytes: signature first, then every file against the manifest, then the meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

from darwin_core.registry.bundle import (
    MANIFEST,
    METADATA,
    SCHEMA,
    SIGNATURE,
    File,
    Manifest,
    Metadata,
    Verified,
    sha256,
    version_of,
)
from darwin_core.registry.canonical import decode
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.keys import LINE
from darwin_core.registry.schema import ObservationSchema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from darwin_core.registry.keys import Trusted

_MANIFEST_LIMIT = 1_000_000


class Place(Protocol):
    """Where a version's files are."""

    @property
    def path(self) -> Path:
        """Its name, for errors; a folder here, or somewhere else."""

    def names(self) -> Sequence[str]:
        """Return the files' names."""

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's content; raise RegistryError when it is missing, or larger than `limit` bytes."""


@frozen(eq=False)
class Keeping:
    """A place of which every byte that was read is kept; after `verify` these are the bytes that were verified."""

    place: Place
    contents: dict[str, bytes] = field(factory=dict, init=False, repr=False)

    @property
    def path(self) -> Path:
        """Its name, for errors."""
        return self.place.path

    def names(self) -> Sequence[str]:
        """Return the files' names."""
        return self.place.names()

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's content, and keep it."""
        content = self.contents[name] = self.place.read(name, limit)
        return content


def verify(place: Place, agent: str, version: str, trusted: Trusted) -> Verified:
    """Read every file of a version once and return what was verified.

    Raises
    ------
    RegistryError
        Anything that is not as it was signed: names the file and says why.
    """
    folder, present = place.path, place.names()
    if SIGNATURE not in present:
        raise RegistryError(f"{folder / SIGNATURE} is missing: {agent} {version} is unsigned")
    line = place.read(SIGNATURE, LINE)
    text = place.read(MANIFEST, _MANIFEST_LIMIT)
    key = trusted.check("manifest", text, line, folder / MANIFEST, folder / SIGNATURE)
    manifest = decode(Manifest, text, folder / MANIFEST)
    _is_of(manifest, agent, version, folder)
    _all_there(manifest, present, folder)
    files = {file.name: _read(place, file) for file in manifest.files}
    return Verified(
        agent, version, manifest.sequence, sha256(text), key, files,
        ObservationSchema.from_json(files[SCHEMA], folder / SCHEMA),
        decode(Metadata, files[METADATA], folder / METADATA),
    )  # fmt: skip


def _is_of(manifest: Manifest, agent: str, version: str, folder: Path) -> None:
    where = folder / MANIFEST
    if manifest.agent != agent:
        raise RegistryError(
            f"{where} is of the agent {manifest.agent!r}, not of {agent!r}: folders were swapped or copied"
        )
    if manifest.version != version or version_of(manifest.sequence) != version:
        said = f"{manifest.version}, number {manifest.sequence}"
        raise RegistryError(f"{where} is of version {said}, not of {version}: folders were swapped or copied")
    manifest.refuse_odd_names(str(where))


def _all_there(manifest: Manifest, present: Sequence[str], folder: Path) -> None:
    wanted = {MANIFEST, SIGNATURE, *(file.name for file in manifest.files)}
    for name in present:
        if name not in wanted:
            raise RegistryError(
                f"{folder / name!s} does not belong to {manifest.agent} {manifest.version}: take it away"
            )
    for name in sorted(wanted.difference(present)):
        raise RegistryError(f"{folder / name} is missing")


def _read(place: Place, file: File) -> bytes:
    path, content = place.path / file.name, place.read(file.name, file.size)
    if len(content) < file.size:
        raise RegistryError(f"{path} was cut short: it has {len(content):,} bytes of {file.size:,}")
    if sha256(content) != file.sha256:
        raise RegistryError(f"{path} is not as it was published: its SHA-256 differs from the signed one")
    return content
