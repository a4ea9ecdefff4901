"""What a published version consists of, as values and as bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from attrs import Factory, field, frozen

from darwin_core.registry.canonical import encode
from darwin_core.registry.errors import RegistryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.registry.schema import ObservationSchema

POLICY, SCHEMA, METADATA = "policy.onnx", "schema.json", "metadata.json"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")
_ARRAY = re.compile(r"[a-z][a-z0-9_]{0,79}")
_FILE = re.compile(r"policy\.onnx|schema\.json|metadata\.json|[a-z][a-z0-9_]{0,79}\.npy")


@frozen
class Metadata:
    """Where a policy comes from and what it is worth.

    Parameters
    ----------
    created
        When, ns UTC; it is given, so that the same inputs give the same bytes.
    git_commit
        Of the code that trained it.
    data
        Fingerprints of the data sets.
    runs
        Ids of the recorded runs that it was trained on.
    metrics
        Held-out figures, finite: name to number, text or table.
    libraries
        Distribution to version.
    training
        Trainer, hyper-parameters, seeds, thread count.
    baseline
        What it was compared with, in words.
    beats_baseline
        Whether it was better on held-out time. One that was not cannot graduate.
    parent
        The version that it was trained on from, if any.
    """

    created: int
    git_commit: str
    data: tuple[str, ...]
    runs: tuple[str, ...]
    metrics: Mapping[str, Any]
    libraries: Mapping[str, Any]
    training: Mapping[str, Any]
    baseline: str
    beats_baseline: bool
    parent: str | None = None


@frozen(eq=False)
class Bundle:
    """What is published.

    Parameters
    ----------
    agent
        The agent's name.
    policy
        The ONNX file's bytes; they are not looked into here.
    schema
        The observation that it was trained on.
    metadata
        Where it comes from.
    arrays
        Plain numbers that travel with it, each a ``NAME.npy``: golden vectors, reference quantiles.
    """

    agent: str
    policy: bytes = field(repr=False)
    schema: ObservationSchema = field(repr=False)
    metadata: Metadata = field(repr=False)
    arrays: Mapping[str, NDArray[Any]] = field(factory=dict, repr=False)

    def contents(self) -> dict[str, bytes]:
        """Return every file but the manifest, by name.

        Raises
        ------
        RegistryError
            A name or a value that cannot be published.
        """
        agent_name(self.agent)
        if not self.policy:
            raise RegistryError(f"the policy of {self.agent} is empty")
        if self.metadata.parent is not None:
            sequence_of(self.metadata.parent)
        files = {POLICY: self.policy, SCHEMA: self.schema.to_json(), METADATA: encode(self.metadata)}
        return files | {f"{name}.npy": _array_bytes(name, array) for name, array in self.arrays.items()}


@frozen
class File:
    """One file of a version: its size in bytes and its SHA-256, hex."""

    name: str
    size: int
    sha256: str


@frozen
class Manifest:
    """What is signed: which version of which agent, and every file of it."""

    format: Literal["darwin policy 1"]
    agent: str
    version: str
    sequence: int
    files: tuple[File, ...]

    @classmethod
    def of(cls, agent: str, sequence: int, contents: Mapping[str, bytes]) -> Manifest:
        """Return the manifest of files; their names are sorted."""
        files = tuple(File(n, len(contents[n]), sha256(contents[n])) for n in sorted(contents))
        return cls("darwin policy 1", agent, version_of(sequence), sequence, files)

    def refuse_odd_names(self, where: str) -> None:
        """Refuse a manifest that names something else than a version's files, or one of them twice."""
        given = [file.name for file in self.files]
        odd = next((name for name in given if not _FILE.fullmatch(name)), None)
        if odd is not None:
            raise RegistryError(f"{where} names the file {odd!r}, which no version has")
        missing = next((name for name in (POLICY, SCHEMA, METADATA) if name not in given), None)
        if missing is not None or given != sorted(set(given)):
            raise RegistryError(f"{where}: {missing or 'a file'} is not named exactly once")


def _read_only(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return MappingProxyType(dict(files))


@frozen(eq=False)
class Verified:
    """A version whose signature and whose every byte were found right. What is in here is what was verified.

    Parameters
    ----------
    agent, version, sequence
        Which one.
    digest
        SHA-256 of its manifest, hex: names this version's content for good.
    key
        Fingerprint of the key that signed it.
    files
        Name to bytes.
    schema, metadata
        Read from those bytes.
    counter
        The counter of the pointer that named it; 0 when it was asked for by version.
    """

    agent: str
    version: str
    sequence: int
    digest: str
    key: str
    files: Mapping[str, bytes] = field(repr=False, converter=_read_only)
    schema: ObservationSchema = field(repr=False)
    metadata: Metadata = field(repr=False)
    counter: int = 0
    _arrays: dict[str, Any] = field(default=Factory(dict), init=False, repr=False)

    @property
    def policy(self) -> bytes:
        """The ONNX file's bytes."""
        return self.files[POLICY]

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the arrays that travel with it."""
        return tuple(name.removesuffix(".npy") for name in self.files if name.endswith(".npy"))

    def array(self, name: str) -> NDArray[Any]:
        """Return an array, read-only; raise RegistryError when there is none of that name or it is not numbers."""
        try:
            content = self.files[f"{name}.npy"]
        except KeyError:
            known = ", ".join(self.arrays) or "none"
            raise RegistryError(f"{self.agent} {self.version} has no array {name!r} (it has: {known})") from None
        if name not in self._arrays:
            self._arrays[name] = _read_array(content, f"{self.agent} {self.version}: {name}.npy")
        return self._arrays[name]  # type: ignore[no-any-return]


def agent_name(name: str) -> str:
    """Return a name that can be an agent's folder; refuse what would lead elsewhere."""
    if not is_agent(name):
        raise RegistryError(
            f"{name!r:.100} is no agent's name: letters, digits, _ . and -, at most 80, a letter or digit first"
        )
    return name


def version_of(sequence: int) -> str:
    """Return the name of a version, ``v`` and its number."""
    return f"v{sequence}"


def is_agent(name: str) -> bool:
    """Whether a name can be an agent's."""
    return _AGENT.fullmatch(name) is not None


def is_version(name: str) -> bool:
    """Whether a name is a version's."""
    return _VERSION.fullmatch(name) is not None


def sequence_of(version: str) -> int:
    """Return the number of a version; refuse what is no version's name."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise RegistryError(f"{version!r:.100} is no version: versions are v1, v2, v3, ...")
    return int(found[1])


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, hex."""
    return hashlib.sha256(content).hexdigest()


def _array_bytes(name: str, array: NDArray[Any]) -> bytes:
    if not _ARRAY.fullmatch(name):
        raise RegistryError(f"{name!r:.100} is no array's name: small letters, digits and _, a letter first")
    if array.dtype.kind not in "biuf":
        raise RegistryError(f"the array {name} is of {array.dtype}; numbers and truth values only travel with a policy")
    file = io.BytesIO()
    # Always C order and little-endian, so that the same numbers give the same bytes.
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    np.lib.format.write_array(file, plain, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _read_array(content: bytes, where: str) -> NDArray[Any]:
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, KeyError, MemoryError) as error:
        what = str(error) or type(error).__name__
        raise RegistryError(f"{where} is no array of plain numbers: {what:.200}") from None
    if array.dtype.kind not in "biuf":
        raise RegistryError(f"{where} is of {array.dtype}, not of plain numbers")
    array.flags.writeable = False
    return array
