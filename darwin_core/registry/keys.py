"""Ed25519 keys and signatures (RFC 8032): who may publish and promote, and whom a deployment trusts.

A signature is one line of text, ``ed25519 FINGERPRINT SIGNATURE``, over a word that says what is signed and the exact
bytes; the word keeps one kind of document from passing for another. The fingerprint is the SHA-256 of the public key.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen

from darwin_core.registry import disk
from darwin_core.registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE = "DARWIN_MODELS_PASSPHRASE"  # noqa: S105 - the variable's name
PRIVATE, PUBLIC = "models.key", "models.pub"
LINE = len("ed25519 ") + 64 + 1 + 128 + 1
"""Length of a signature's line."""

What: TypeAlias = Literal["manifest", "pointer"]

_LINE = re.compile(rb"ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})\n")
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
_MOST = 10_000


def fingerprint(public: bytes) -> str:
    """Return the SHA-256 of a raw public key, hex."""
    return hashlib.sha256(public).hexdigest()


def short(print_of_key: str) -> str:
    """Return what people see of a fingerprint."""
    return print_of_key[:16]


@frozen
class Signer:
    """A private key in memory; it is never shown."""

    _key: Ed25519PrivateKey = field(repr=False)
    public: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Which key this is."""
        return fingerprint(self.public)

    @classmethod
    def parse(cls, text: str, where: str) -> Signer:
        """Read a private key's PEM text; its passphrase, if it has one, is in ``DARWIN_MODELS_PASSPHRASE``."""
        _needs_cryptography()
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        secret = os.environ.get(PASSPHRASE, "").encode() or None
        try:
            key = load_pem_private_key(text.encode(), secret if "ENCRYPTED" in text else None)
        except TypeError:
            raise RegistryError(f"{where} has a passphrase: set {PASSPHRASE}") from None
        except (ValueError, UnsupportedAlgorithm):
            hint = f"or {PASSPHRASE} is not its passphrase" if secret else "as darwin models keygen writes it"
            raise RegistryError(f"{where} is no private key in PEM, {hint}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise RegistryError(f"{where} is a key of another kind; Ed25519 is needed: darwin models keygen makes one")
        return cls(key, key.public_key().public_bytes_raw())

    @classmethod
    def load(cls, path: Path) -> Signer:
        """Read a private key's file; refuse one that others can read."""
        content = disk.read(path, _MOST)
        if _KEY.fullmatch(content.decode("ascii", "replace").strip()):
            raise RegistryError(f"{path} is a public key, which signs nothing: name the private one, as in {PRIVATE}")
        if os.name != "nt" and path.stat().st_mode & 0o077:
            raise RegistryError(f"{path} can be read by others than its owner: chmod 600 it, and think of a new key")
        return cls.parse(content.decode("ascii", "replace"), str(path))

    def sign(self, what: What, content: bytes) -> bytes:
        """Return the signature's line; the same content always gives the same line."""
        return f"ed25519 {self.fingerprint} {self._key.sign(_message(what, content)).hex()}\n".encode()


@frozen
class Trusted:
    """The public keys whose signatures count: fingerprint to raw key."""

    keys: dict[str, bytes]

    @classmethod
    def of(cls, given: Iterable[str], folder: Path = Path()) -> Trusted:
        """Return the keys that are given as base64 text or as files, relative to `folder`.

        Raises
        ------
        RegistryError
            A file is missing, or what is given or in it is no key.
        """
        raw = [_public(each, folder) for each in given]
        return cls({fingerprint(key): key for key in raw})

    def expect(self, signer: Signer) -> None:
        """Refuse a key whose signatures would be refused."""
        if signer.fingerprint not in self.keys:
            raise RegistryError(f"the key {short(signer.fingerprint)} is not trusted here: {self.said}")

    @property
    def said(self) -> str:
        """The trusted keys, for people."""
        shown = ", ".join(map(short, self.keys))
        name = "name one in [registry] trusted, or, for darwin models, with --trust"
        return f"trusted: {shown}" if shown else f"no key is; {name}"

    def check(self, what: What, content: bytes, line: bytes, file: Path, place: Path) -> str:
        """Return whose signature it is.

        Parameters
        ----------
        content, line
            What was signed, and the signature.
        file, place
            Where the two stand, for errors.

        Raises
        ------
        RegistryError
            No signature, one by a key that is not trusted, or one of other content.
        """
        _needs_cryptography()
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        found = _LINE.fullmatch(line)
        if found is None:
            raise RegistryError(f"{place} holds no signature: unsigned, cut short or damaged")
        by = found[1].decode()
        if by not in self.keys:
            raise RegistryError(f"{place} is by the key {short(by)}, which is not trusted here: {self.said}")
        try:
            key = Ed25519PublicKey.from_public_bytes(self.keys[by])
            key.verify(bytes.fromhex(found[2].decode()), _message(what, content))
        except (InvalidSignature, ValueError):
            pair = "it or its signature" if file == place else f"it or {place}"
            raise RegistryError(f"{file} is not what the key {short(by)} signed: {pair} was changed") from None
        return by


def _message(what: What, content: bytes) -> bytes:
    return b"darwin " + what.encode() + b"\0" + content


def _public(given: str, folder: Path) -> bytes:
    where, text = "a trusted key", given
    if not _KEY.fullmatch(given):
        path = folder / given
        where, text = str(path), disk.read(path, _MOST).decode("ascii", "replace").strip()
    if not _KEY.fullmatch(text):
        raise RegistryError(f"{where} is no public key: 44 characters of base64, as darwin models keygen writes them")
    return base64.b64decode(text)


def keygen(folder: Path) -> tuple[Path, Path, str]:
    """Make a pair of keys; return the private file (mode 0600), the public file and the public key's text.

    The private key is encrypted when ``DARWIN_MODELS_PASSPHRASE`` is set.

    Raises
    ------
    RegistryError
        There is a key already, or the folder cannot be written.
    """
    _needs_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    secret = os.environ.get(PASSPHRASE, "").encode()
    key = Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(secret) if secret else NoEncryption()
    text = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    private, public = folder / PRIVATE, folder / PUBLIC
    with disk.telling(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
        for path in (private, public):
            if path.exists() or path.is_symlink():
                raise RegistryError(f"{path} is there already; a key is never written over: name another --out FOLDER")
        disk.write_new(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), 0o600)
        disk.write_new(public, f"{text}\n".encode())
        disk.sync(folder)
    return private, public, text


def _needs_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise RegistryError("signatures need the library cryptography: pip install 'darwin-core[registry]'") from None
