"""A version's folder to verified bytes: signature first, then every file against the manifest, then the meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.registry import disk
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
    from pathlib import Path

    from darwin_core.registry.keys import Trusted

_MANIFEST_LIMIT = 1_000_000


def verify(folder: Path, agent: str, version: str, trusted: Trusted) -> Verified:
    """Read a version's folder once and return what was verified.

    Raises
    ------
    RegistryError
        Anything that is not as it was signed: names the file and says why.
    """
    present = disk.names(folder)
    if SIGNATURE not in present:
        raise RegistryError(f"{folder / SIGNATURE} is missing: {agent} {version} is unsigned")
    line = disk.read(folder / SIGNATURE, LINE)
    text = disk.read(folder / MANIFEST, _MANIFEST_LIMIT)
    key = trusted.check("manifest", text, line, folder / MANIFEST, folder / SIGNATURE)
    manifest = decode(Manifest, text, folder / MANIFEST)
    _is_of(manifest, agent, version, folder)
    _all_there(manifest, present, folder)
    files = {file.name: _read(folder / file.name, file) for file in manifest.files}
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


def _all_there(manifest: Manifest, present: list[str], folder: Path) -> None:
    wanted = {MANIFEST, SIGNATURE, *(file.name for file in manifest.files)}
    for name in present:
        if name not in wanted:
            raise RegistryError(
                f"{folder / name!s} does not belong to {manifest.agent} {manifest.version}: take it away"
            )
    for name in sorted(wanted.difference(present)):
        raise RegistryError(f"{folder / name} is missing")


def _read(path: Path, file: File) -> bytes:
    content = disk.read(path, file.size)
    if len(content) < file.size:
        raise RegistryError(f"{path} was cut short: it has {len(content):,} bytes of {file.size:,}")
    if sha256(content) != file.sha256:
        raise RegistryError(f"{path} is not as it was published: its SHA-256 differs from the signed one")
    return content
