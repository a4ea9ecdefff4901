"""Keys: made once, kept closed, trusted by name."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import policies
import pytest

from darwin_core.registry import RegistryError, Signer, Trusted
from darwin_core.registry.keys import PASSPHRASE, keygen


def test_keygen_writes_a_private_file_that_only_its_owner_reads_and_never_writes_over_it(tmp_path: Path) -> None:
    private, public, text = keygen(tmp_path / "new" / "keys")
    assert public.read_text() == text + "\n"
    assert os.name == "nt" or stat.S_IMODE(private.stat().st_mode) == 0o600
    before = policies.tree(tmp_path)
    with pytest.raises(RegistryError, match=r"models.key is there already"):
        keygen(tmp_path / "new" / "keys")
    private.unlink()
    with pytest.raises(RegistryError, match=r"models.pub is there already"):
        keygen(tmp_path / "new" / "keys")
    assert set(policies.tree(tmp_path)) == set(before) - {"new/keys/models.key"}


def test_a_public_key_is_trusted_as_text_and_as_a_file_beside_the_deployment(tmp_path: Path) -> None:
    private, public, text = keygen(tmp_path / "keys")
    signer = Signer.load(private)
    as_file, as_text = Trusted.of([str(public.relative_to(tmp_path))], tmp_path), Trusted.of([text])
    assert as_file == as_text == policies.trusted(signer)
    assert text not in repr(signer)
    assert base64.b64decode(text) == signer.public


@pytest.mark.parametrize("content", ["", "not a key", "A" * 43, "A" * 44, "-----BEGIN PUBLIC KEY-----\nxx\n"])
def test_what_is_no_public_key_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "some.pub").write_text(content)
    with pytest.raises(RegistryError, match=r"some.pub is no public key: 44 characters"):
        Trusted.of(["some.pub"], tmp_path)
    with pytest.raises(RegistryError, match="other.pub is missing"):
        Trusted.of(["other.pub"], tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    private, _, _ = keygen(tmp_path)
    private.chmod(mode)
    with pytest.raises(RegistryError, match="can be read by others than its owner: chmod 600"):
        Signer.load(private)


def test_a_passphrase_closes_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    private, _, _ = keygen(tmp_path)
    assert b"ENCRYPTED" in private.read_bytes()
    fingerprint = Signer.load(private).fingerprint
    monkeypatch.setenv(PASSPHRASE, "wrong")
    with pytest.raises(RegistryError, match=f"or {PASSPHRASE} is not its passphrase"):
        Signer.load(private)
    monkeypatch.delenv(PASSPHRASE)
    with pytest.raises(RegistryError, match=f"has a passphrase: set {PASSPHRASE}"):
        Signer.load(private)
    assert len(fingerprint) == 64


def test_a_key_without_a_passphrase_is_read_whatever_the_variable_says(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, "of another key")
    assert Signer.load(keys / "models.key").fingerprint


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_private_key_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "models.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(RegistryError, match=r"models.key is no private key in PEM"):
        Signer.load(path)


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = generate_private_key(SECP256R1())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(RegistryError, match=r"the key is a key of another kind; Ed25519 is needed"):
        Signer.parse(text, "the key")


def test_a_signature_is_that_of_rfc_8032() -> None:
    """The RFC's first test key, over our own message: the signature checks with the raw public key alone."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    signer = Signer(key, key.public_key().public_bytes_raw())
    assert signer.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    line = signer.sign("manifest", b"{}")
    assert line == signer.sign("manifest", b"{}")
    key.public_key().verify(bytes.fromhex(line.split()[2].decode()), b"darwin manifest\0{}")
    assert policies.trusted(signer).check("manifest", b"{}", line, Path("f"), Path("s")) == signer.fingerprint


def test_a_public_key_in_the_place_of_the_private_one_is_named(tmp_path: Path) -> None:
    _, public, _ = keygen(tmp_path / "keys")
    with pytest.raises(RegistryError, match=r"models\.pub is a public key, which signs nothing"):
        Signer.load(public)
