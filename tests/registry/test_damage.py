"""Whatever is done to a published version without the key, it is refused before anything is loaded."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import policies
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darwin_core.registry import Manifest, RegistryError
from darwin_core.registry.canonical import encode

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.registry import Registry, Signer

FILES = ("golden_rows.npy", "manifest.json", "manifest.sig", "metadata.json", "policy.onnx", "schema.json")
ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def refused(registry: Registry, where: str, agent: str = "gate", version: str = "v1") -> str:
    """Assert that a version is refused by a message that names the file; return the message."""
    with pytest.raises(RegistryError) as caught:
        registry.verify(agent, version)
    assert where in str(caught.value)
    return str(caught.value)


@pytest.fixture
def version(registry: Registry, signer: Signer) -> Path:
    """The folder of gate's v1."""
    registry.publish(policies.bundle(), signer)
    return registry.folder / "gate" / "v1"


def test_what_was_published_is_what_is_verified(registry: Registry, version: Path) -> None:
    found = registry.verify("gate", "v1")
    assert tuple(sorted(found.files)) == tuple(name for name in FILES if not name.startswith("manifest"))
    assert sorted(path.name for path in version.iterdir()) == list(FILES)
    assert found.policy == policies.bundle().policy
    assert found.schema == policies.schema()
    assert found.metadata.metrics == {"uplift": 0.1, "auc": 0.6}
    assert found.array("golden_rows").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.arrays == ("golden_rows",)
    assert found.counter == 0


def test_what_was_verified_stays_what_it_was_whatever_happens_on_disk(registry: Registry, version: Path) -> None:
    found = registry.verify("gate", "v1")
    (version / "policy.onnx").write_bytes(b"another one")
    assert found.policy == policies.bundle().policy
    with pytest.raises(TypeError):
        found.files["policy.onnx"] = b"another one"  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        found.array("golden_rows")[0, 0] = 1.0


@pytest.mark.parametrize("name", FILES)
def test_a_flip_of_any_byte_of_any_file_is_refused(registry: Registry, version: Path, name: str) -> None:
    content = (version / name).read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        (version / name).write_bytes(changed)
        refused(registry, "manifest.sig" if name == "manifest.sig" else str(version / name))
    (version / name).write_bytes(content)
    registry.verify("gate", "v1")


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_at_any_length_is_refused(registry: Registry, version: Path, name: str) -> None:
    content = (version / name).read_bytes()
    for length in range(len(content)):
        (version / name).write_bytes(content[:length])
        refused(registry, str(version / name))


@ANY
@given(name=st.sampled_from(FILES), more=st.binary(min_size=1, max_size=40))
def test_a_file_with_anything_after_its_end_is_refused(
    registry: Registry, version_again: Path, name: str, more: bytes
) -> None:
    content = (version_again / name).read_bytes()
    (version_again / name).write_bytes(content + more)
    refused(registry, str(version_again / name))
    (version_again / name).write_bytes(content)


@pytest.fixture
def version_again(version: Path) -> Path:
    return version


@ANY
@given(content=st.binary(max_size=300))
def test_a_manifest_or_signature_of_any_bytes_is_refused_in_words(
    registry: Registry, version_again: Path, content: bytes
) -> None:
    for name in ("manifest.json", "manifest.sig"):
        good = (version_again / name).read_bytes()
        (version_again / name).write_bytes(content)
        refused(registry, str(version_again / name))
        (version_again / name).write_bytes(good)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(registry: Registry, version: Path, name: str) -> None:
    (version / name).unlink()
    assert "missing" in refused(registry, str(version / name))


@pytest.mark.parametrize("name", ["policy.pkl", ".hidden", "weights.npy", "sub"])
def test_a_file_or_folder_that_does_not_belong_there_is_refused(registry: Registry, version: Path, name: str) -> None:
    (version / name).mkdir() if name == "sub" else (version / name).write_bytes(b"")
    assert "does not belong" in refused(registry, str(version / name))


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_refused_even_to_the_very_file(registry: Registry, version: Path, name: str, tmp_path: Path) -> None:
    (version / name).rename(tmp_path / name)
    (version / name).symlink_to(tmp_path / name)
    assert "symbolic link" in refused(registry, str(version / name))


@pytest.mark.parametrize("place", ["gate", "gate/v1"])
def test_a_linked_folder_is_refused(registry: Registry, version: Path, place: str, tmp_path: Path) -> None:
    folder = registry.folder / place
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in refused(registry, str(folder))


def test_a_folder_or_a_pipe_in_a_file_s_place_is_refused_and_not_waited_for(registry: Registry, version: Path) -> None:
    (version / "policy.onnx").unlink()
    (version / "policy.onnx").mkdir()
    assert "no plain file" in refused(registry, "policy.onnx")
    (version / "policy.onnx").rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(version / "policy.onnx")
        assert "no plain file" in refused(registry, "policy.onnx")


def test_an_unsigned_version_is_refused(registry: Registry, version: Path) -> None:
    (version / "manifest.sig").write_bytes(b"")
    assert "unsigned" in refused(registry, "manifest.sig")
    (version / "manifest.sig").unlink()
    assert "unsigned" in refused(registry, "manifest.sig")


def test_a_version_of_a_key_that_is_not_trusted_is_refused(
    registry: Registry, signer: Signer, stranger: Signer, tmp_path: Path
) -> None:
    other = policies.registry(tmp_path / "other", stranger)
    other.publish(policies.bundle(), stranger)
    shutil.copytree(other.folder, registry.folder)
    said = refused(registry, "manifest.sig")
    assert stranger.fingerprint[:16] in said
    assert signer.fingerprint[:16] in said


def test_a_signature_under_another_key_s_name_is_refused(registry: Registry, version: Path, stranger: Signer) -> None:
    line = (version / "manifest.sig").read_bytes()
    forged = stranger.sign("manifest", (version / "manifest.json").read_bytes())
    (version / "manifest.sig").write_bytes(line[:73] + forged[73:])
    assert "was changed" in refused(registry, "manifest.json")


def test_a_pointer_s_signature_is_no_manifest_s(registry: Registry, version: Path, signer: Signer) -> None:
    (version / "manifest.sig").write_bytes(signer.sign("pointer", (version / "manifest.json").read_bytes()))
    assert "was changed" in refused(registry, "manifest.json")


def test_without_any_trusted_key_everything_is_refused_and_it_says_what_to_do(
    registry: Registry, version: Path
) -> None:
    assert "[registry] trusted" in refused(policies.registry(registry.folder), "manifest.sig")


def test_swapped_versions_are_refused(served: Registry, signer: Signer) -> None:
    home = served.folder / "gate"
    (home / "v1").rename(home / "aside")
    (home / "v2").rename(home / "v1")
    (home / "aside").rename(home / "v2")
    assert "version v2" in refused(served, "v1/manifest.json", version="v1")
    assert "version v1" in refused(served, "v2/manifest.json", version="v2")
    with pytest.raises(RegistryError, match="swapped or copied"):
        served.rollback("gate", "ann", "try", signer, at=9)


def test_another_agent_s_version_is_refused(served: Registry) -> None:
    shutil.rmtree(served.folder / "portfolio" / "v1")
    shutil.copytree(served.folder / "gate" / "v1", served.folder / "portfolio" / "v1")
    assert "of the agent 'gate', not of 'portfolio'" in refused(served, "manifest.json", "portfolio")
    with pytest.raises(RegistryError, match="of the agent 'gate'"):
        served.current("portfolio")


@pytest.mark.parametrize("name", [n for n in FILES if not n.startswith("manifest")])
def test_a_file_of_another_version_is_refused(served: Registry, signer: Signer, name: str) -> None:
    changed = policies.bundle("gate", b"another policy", git_commit="def")
    changed = type(changed)(
        "gate", changed.policy, policies.schema(5), changed.metadata, {"golden_rows": policies.odd()}
    )
    version = served.publish(changed, signer)
    home = served.folder / "gate"
    shutil.copy(home / version / name, home / "v1" / name)
    refused(served, f"v1/{name}")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../gate", "/etc", "gate/../gate", "a\\b", "gate\n", "gate\0", "x" * 81, ".lock", "é"]
)
def test_a_name_that_leads_elsewhere_is_no_agent(served: Registry, signer: Signer, name: str) -> None:
    for ask in (served.versions, served.current, served.list, served.history):
        with pytest.raises(RegistryError, match="is no agent's name"):
            ask(name)
    with pytest.raises(RegistryError, match="is no agent's name"):
        served.publish(policies.bundle(name), signer)


@pytest.mark.parametrize("name", ["", "v0", "v01", "1", "V1", "v1/", "../gate/v1", "v1\n", "current", "v-1", "v1.0"])
def test_a_name_that_leads_elsewhere_is_no_version(served: Registry, name: str) -> None:
    with pytest.raises(RegistryError, match="versions are v1, v2"):
        served.verify("gate", name)


def test_a_missing_version_or_agent_is_told_with_what_there_is(served: Registry) -> None:
    with pytest.raises(
        RegistryError, match="no version v9 of gate: did you mean|no version v9 of gate: known: v1, v2, v3"
    ):
        served.verify("gate", "v9")
    with pytest.raises(RegistryError, match="no policy of 'gat' in .*: did you mean 'gate'"):
        served.current("gat")


def signed_as(version: Path, signer: Signer, manifest: Manifest) -> None:
    """Sign another manifest into a version, as only who has the key can."""
    (version / "manifest.json").write_bytes(encode(manifest))
    (version / "manifest.sig").write_bytes(signer.sign("manifest", encode(manifest)))


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "..", "a/b.npy", "policy.pkl", "manifest.json", "A.npy", "x.npz", "other.onnx"]
)
def test_even_a_signed_manifest_names_plain_files_of_a_version_only(
    registry: Registry, version: Path, signer: Signer, name: str
) -> None:
    contents = {path.name: path.read_bytes() for path in version.iterdir() if not path.name.startswith("manifest")}
    signed_as(version, signer, Manifest.of("gate", 1, {**contents, name: b""}))
    assert "which no version has" in refused(registry, "manifest.json")


def test_even_a_signed_manifest_needs_the_three_files_once_each(
    registry: Registry, version: Path, signer: Signer
) -> None:
    contents = {path.name: path.read_bytes() for path in version.iterdir() if not path.name.startswith("manifest")}
    whole = Manifest.of("gate", 1, contents)
    for files in (whole.files[:-1], whole.files[::-1], (*whole.files, whole.files[-1]), ()):
        signed_as(version, signer, Manifest("darwin policy 1", "gate", "v1", 1, files))
        assert "exactly once" in refused(registry, "manifest.json")
    signed_as(version, signer, Manifest("darwin policy 1", "gate", "v1", 2, whole.files))
    assert "number 2" in refused(registry, "manifest.json")


def test_an_array_that_would_need_pickle_is_refused(registry: Registry, version: Path, signer: Signer) -> None:
    contents = {path.name: path.read_bytes() for path in version.iterdir() if not path.name.startswith("manifest")}
    contents["golden_rows.npy"] = policies.pickled_array()
    (version / "golden_rows.npy").write_bytes(contents["golden_rows.npy"])
    signed_as(version, signer, Manifest.of("gate", 1, contents))
    found = registry.verify("gate", "v1")
    with pytest.raises(RegistryError, match="golden_rows.npy is no array of plain numbers"):
        found.array("golden_rows")
