"""Policies to a shared place and back. The place is in the hands of whoever writes there; the keys are not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import folder_mirror
import policies
import pytest

from darwin_core.registry import Registry, RegistryError, Signer
from darwin_core.registry.mirroring import Moved, known, pull, push

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILES = ("golden_rows.npy", "manifest.json", "manifest.sig", "metadata.json", "policy.onnx", "schema.json")


@pytest.fixture
def mirror(tmp_path: Path) -> folder_mirror.FolderMirror:
    (tmp_path / "share").mkdir()
    return folder_mirror.FolderMirror(tmp_path / "share")


@pytest.fixture
def pushed(served: Registry, mirror: folder_mirror.FolderMirror) -> folder_mirror.FolderMirror:
    """The mirror with gate's three versions and statements."""
    push(served, mirror, "gate")
    return mirror


@pytest.fixture
def other(tmp_path: Path, signer: Signer) -> Registry:
    """Another machine: the same keys, an empty folder."""
    return policies.registry(tmp_path / "elsewhere", signer)


def refused(mirror: folder_mirror.FolderMirror, other: Registry, version: str | None = None, seen: int = 0) -> str:
    """Assert that a pull is refused, and that nothing of it was written; return the words."""
    before = policies.tree(other.folder)
    with pytest.raises(RegistryError) as caught:
        pull(other, mirror, "gate", version, seen)
    assert policies.tree(other.folder) == before
    return str(caught.value)


def without_lock(registry: Registry) -> dict[str, bytes]:
    return {name: content for name, content in policies.tree(registry.folder).items() if not name.endswith(".lock")}


def test_what_is_in_service_comes_with_its_last_known_good_and_its_whole_history(
    served: Registry, mirror: folder_mirror.FolderMirror, other: Registry
) -> None:
    assert push(served, mirror, "gate") == Moved(("v1", "v2", "v3"), (1, 2, 3), "v3")
    assert (mirror.folder / "gate/shown").read_text() == "v3"
    assert pull(other, mirror, "gate") == Moved(("v3", "v2"), (1, 2, 3), "v3")
    assert other.current("gate").files == served.current("gate").files
    assert other.last_known_good("gate").version == "v2"
    assert other.history("gate") == served.history("gate")
    assert pull(other, mirror, "gate", "v1") == Moved(("v1",))
    assert without_lock(other) == {n: c for n, c in without_lock(served).items() if n.startswith("gate")}


def test_a_second_push_and_a_second_pull_move_nothing(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry
) -> None:
    before = policies.tree(pushed.folder)
    assert push(served, pushed, "gate") == Moved((), (), "v3")
    assert policies.tree(pushed.folder) == before
    pull(other, pushed, "gate")
    assert pull(other, pushed, "gate") == Moved((), (), "v3")
    assert pull(other, pushed, "gate", "v3") == Moved()


def test_promotions_and_rollbacks_travel_both_ways(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry, signer: Signer
) -> None:
    pull(other, pushed, "gate")
    other.rollback("gate", "bob", "it loses", signer, at=9)
    other.promote("gate", other.publish(policies.bundle(), signer), "bob", "newer", signer, at=10)
    assert push(other, pushed, "gate") == Moved(("v4",), (4, 5), "v4")
    assert pull(served, pushed, "gate") == Moved(("v4",), (4, 5), "v4")
    assert [each.act for each in served.history("gate")] == ["promote", "promote", "promote", "rollback", "promote"]
    assert served.rollback("gate", "ann", "back", signer, at=11).version == "v2"


def test_one_version_goes_without_any_statement(
    served: Registry, mirror: folder_mirror.FolderMirror, other: Registry
) -> None:
    assert push(served, mirror, "gate", "v2") == Moved(("v2",))
    assert "no version of gate is in service at folder share: name one" in refused(mirror, other)
    assert "no version v1 of gate at folder share: v2" in refused(mirror, other, "v1")
    assert pull(other, mirror, "gate", "v2") == Moved(("v2",))
    assert not other.has_pointer("gate")


def test_an_agent_that_was_never_promoted_is_pushed_without_statements(
    registry: Registry, mirror: folder_mirror.FolderMirror, signer: Signer
) -> None:
    registry.publish(policies.bundle(), signer)
    assert push(registry, mirror, "gate") == Moved(("v1",))
    with pytest.raises(RegistryError, match="number 4 has been seen|current is missing"):
        push(registry, mirror, "gate", seen=4)


def test_an_unknown_agent_and_names_that_lead_elsewhere_are_refused(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry
) -> None:
    with pytest.raises(RegistryError, match="there is no policy of 'gat' at folder share"):
        pull(other, pushed, "gat")
    with pytest.raises(RegistryError, match="did you mean 'gate'"):
        push(served, pushed, "gat")
    with pytest.raises(RegistryError, match="no version v9 of gate"):
        push(served, pushed, "gate", "v9")
    for name in ("../gate", "", ".lock"):
        with pytest.raises(RegistryError, match="is no agent's name"):
            pull(other, pushed, name)
    with pytest.raises(RegistryError, match="versions are v1, v2"):
        pull(other, pushed, "gate", "../v1")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["flipped", "cut short", "longer", "gone", "emptied"])
def test_a_file_that_was_touched_there_is_refused_and_nothing_is_written(
    pushed: folder_mirror.FolderMirror, other: Registry, name: str, how: str
) -> None:
    path = pushed.folder / "gate/v3/files" / name
    content = path.read_bytes()
    changed = {
        "flipped": bytes([content[0] ^ 1]) + content[1:], "cut short": content[:-1], "longer": content + b"x",
        "emptied": b"", "gone": b"",
    }  # fmt: skip
    path.write_bytes(changed[how])
    if how == "gone":
        path.unlink()
    for said in (refused(pushed, other), refused(pushed, other, "v3")):
        assert said.startswith("folder share: gate/v3/")
        assert name in said


def test_a_file_too_many_is_refused(pushed: folder_mirror.FolderMirror, other: Registry) -> None:
    (pushed.folder / "gate/v3/files/policy.pkl").write_bytes(b"x")
    assert "gate/v3/policy.pkl does not belong" in refused(pushed, other)


def test_swapped_versions_and_agents_are_refused(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry
) -> None:
    home = pushed.folder / "gate"
    shutil.rmtree(home / "v3")
    shutil.copytree(home / "v1", home / "v3")
    assert "of version v1, number 1, not of v3" in refused(pushed, other)
    push(served, pushed, "portfolio")
    shutil.rmtree(home / "v1")
    shutil.copytree(pushed.folder / "portfolio/v1", home / "v1")
    assert "of the agent 'portfolio', not of 'gate'" in refused(pushed, other, "v1")


def test_what_an_unknown_key_has_signed_is_refused(
    pushed: folder_mirror.FolderMirror, other: Registry, stranger: Signer, tmp_path: Path
) -> None:
    theirs = policies.registry(tmp_path / "theirs", stranger)
    policies.serve(theirs, stranger, "gate", 4)
    shutil.rmtree(pushed.folder / "gate")
    push(theirs, pushed, "gate")
    assert "not trusted here" in refused(pushed, other)
    assert "not trusted here" in refused(pushed, other, "v1")
    assert "no key is" in refused(pushed, policies.registry(other.folder))


def test_another_version_of_the_same_name_signed_by_our_key_is_not_what_was_promoted(
    pushed: folder_mirror.FolderMirror, other: Registry, signer: Signer, tmp_path: Path
) -> None:
    again = policies.registry(tmp_path / "again", signer)
    for number in (11, 12, 13):
        again.publish(policies.bundle(policy=b"policy %d" % number), signer)
    shutil.rmtree(pushed.folder / "gate/v3")
    push(again, pushed, "gate", "v3")
    assert "gate/v3 is not the v3 that was put into service" in refused(pushed, other)


def test_a_pointer_that_was_touched_is_refused(pushed: folder_mirror.FolderMirror, other: Registry) -> None:
    home = pushed.folder / "gate/statements"
    content = (home / "3").read_bytes()
    for changed in (content[:-1], content + b"x", b"", content.replace(b"ann", b"bob"), b"x" * 1_000_001):
        (home / "3").write_bytes(changed)
        said = refused(pushed, other)
        assert said.startswith("folder share: ")
        assert ("larger than the 1,000,000 bytes" in said) is (len(changed) > 1_000_000)
    (home / "3").write_bytes((home / "2").read_bytes())
    assert "what is there as statement 3 is number 2" in refused(pushed, other)
    (home / "3").write_bytes(content)
    (home / "2").write_bytes((home / "1").read_bytes())
    assert "statement number 2, which number 3 follows, was changed or replaced" in refused(pushed, other)
    (home / "2").unlink()
    assert "statement number 2, which number 3 follows, was changed or replaced" in refused(pushed, other)


def test_another_agent_s_pointer_is_refused(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry
) -> None:
    push(served, pushed, "portfolio")
    shutil.rmtree(pushed.folder / "gate/statements")
    shutil.copytree(pushed.folder / "portfolio/statements", pushed.folder / "gate/statements")
    assert "of the agent 'portfolio', not of 'gate'" in refused(pushed, other)


def test_an_old_state_that_was_put_back_there_is_refused(pushed: folder_mirror.FolderMirror, other: Registry) -> None:
    assert "number 4 has been seen" in refused(pushed, other, seen=4)
    pull(other, pushed, "gate", seen=3)
    (pushed.folder / "gate/statements/3").unlink()
    assert "number 3 is in force here" in refused(pushed, other)
    assert other.current("gate").version == "v3"


def test_two_machines_that_promoted_apart_are_told_so(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry, signer: Signer
) -> None:
    pull(other, pushed, "gate")
    for each, who in ((served, "ann"), (other, "bob")):
        each.rollback("gate", who, "it loses", signer, at=9)
    push(served, pushed, "gate")
    before = policies.tree(pushed.folder)
    with pytest.raises(RegistryError, match="another statement number 4 .* two machines promoted"):
        push(other, pushed, "gate")
    assert policies.tree(pushed.folder) == before
    assert "statement number 4 is not the one that is here" in refused(pushed, other)
    served.promote("gate", "v3", "ann", "again", signer, at=10)
    push(served, pushed, "gate")
    assert "statement number 4, which number 5 follows, is not the one that is here" in refused(pushed, other)
    with pytest.raises(RegistryError, match="has statement number 5, 4 is in force here: pull first"):
        push(other, pushed, "gate")


def test_two_machines_that_published_apart_are_told_so(
    pushed: folder_mirror.FolderMirror, other: Registry, signer: Signer
) -> None:
    other.publish(policies.bundle(policy=b"mine"), signer)
    with pytest.raises(RegistryError, match="another v1 of gate than the one that is here"):
        push(other, pushed, "gate")
    assert "another v1 of gate than the one that is here" in refused(pushed, other, "v1")


def test_a_registry_that_was_begun_anew_there_does_not_replace_ours(
    served: Registry, pushed: folder_mirror.FolderMirror, signer: Signer, tmp_path: Path
) -> None:
    anew = policies.registry(tmp_path / "anew", signer)
    anew.promote("gate", anew.publish(policies.bundle(), signer), "ann", "anew", signer, at=1, seen=7)
    shutil.rmtree(pushed.folder / "gate")
    push(anew, pushed, "gate")
    assert "does not follow number 3, which is in force here: the registry was begun anew" in refused(pushed, served)


def test_a_pull_that_died_half_way_is_mended_by_the_next(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry
) -> None:
    pull(other, pushed, "gate")
    for number in (2, 3):
        (other.folder / "gate/history" / f"{number:08d}").unlink()
    shutil.rmtree(other.folder / "gate/v3")
    assert pull(other, pushed, "gate") == Moved(("v3",), (), "v3")
    assert other.history("gate") == served.history("gate")


def test_a_damaged_version_here_is_neither_pushed_nor_replaced(
    served: Registry, mirror: folder_mirror.FolderMirror
) -> None:
    (served.folder / "gate/v1/policy.onnx").write_bytes(b"another")
    with pytest.raises(RegistryError, match="v1/policy.onnx"):
        push(served, mirror, "gate")
    assert policies.tree(mirror.folder) == {}
    push(served, mirror, "gate", "v2")
    (served.folder / "gate/v2/schema.json").write_bytes(b"another")
    with pytest.raises(RegistryError, match="v2/schema.json"):
        pull(served, mirror, "gate", "v2")


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_in_a_version_s_place_is_not_written_through(
    pushed: folder_mirror.FolderMirror, other: Registry, tmp_path: Path, dangling: bool
) -> None:
    (other.folder / "gate").mkdir(parents=True)
    (other.folder / "gate/v3").symlink_to(tmp_path / "target")
    if not dangling:
        (tmp_path / "target").mkdir()
    assert "symbolic link" in refused(pushed, other)
    assert not list(tmp_path.glob("target/*"))


class Lying(folder_mirror.FolderMirror):
    """A mirror whose policies are larger, or smaller, than it says."""

    claim: ClassVar[int]
    asked: ClassVar[list[str]]

    def files(self, agent: str, version: str) -> Mapping[str, int]:
        return {**super().files(agent, version), "policy.onnx": self.claim}

    def read(self, agent: str, version: str, name: str, limit: int) -> bytes:
        self.asked.append(name)
        return super().read(agent, version, name, limit)


@pytest.mark.parametrize(("claim", "asked"), [(10**15, False), (1, True)])
def test_a_size_that_is_too_large_is_not_fetched_and_one_that_is_a_lie_is_found_out(
    pushed: folder_mirror.FolderMirror, other: Registry, claim: int, asked: bool
) -> None:
    (pushed.folder / "gate/v3/files/policy.onnx").write_bytes(b"x" * 100)
    lying = Lying(pushed.folder)
    Lying.claim, Lying.asked = claim, []
    assert "gate/v3/policy.onnx is larger than the 8 bytes that it may have" in refused(lying, other)
    assert ("policy.onnx" in Lying.asked) is asked


def test_what_a_mirror_says_it_has_is_put_in_order_and_odd_names_are_left_out(
    mirror: folder_mirror.FolderMirror,
) -> None:
    said = {"v10": "a" * 64, "v9": "b" * 64, "v2": "\x1b[31m", "latest": "c" * 64, "v0": "d" * 64}
    for version, digest in said.items():
        (mirror.folder / "gate" / version).mkdir(parents=True)
        (mirror.folder / "gate" / version / "digest").write_text(digest)
    assert list(known(mirror, "gate").items()) == [("v2", "unknown"), ("v9", "b" * 64), ("v10", "a" * 64)]


class Interrupting(folder_mirror.FolderMirror):
    """A mirror during whose reading something happens on this machine."""

    def happens(self, what: Callable[[], object]) -> Interrupting:
        self.__dict__["what"] = [what]
        return self

    def read(self, agent: str, version: str, name: str, limit: int) -> bytes:
        while self.__dict__["what"]:
            self.__dict__["what"].pop()()
        return super().read(agent, version, name, limit)


def test_a_promotion_here_during_a_pull_is_not_undone(
    served: Registry, mirror: folder_mirror.FolderMirror, other: Registry, signer: Signer
) -> None:
    push(served, mirror, "gate", "v1")
    push(served, mirror, "gate", "v2")
    served.rollback("gate", "ann", "to v2", signer, at=8)
    push(served, mirror, "gate")
    pull(other, mirror, "gate", "v1")
    racing = Interrupting(mirror.folder).happens(lambda: other.promote("gate", "v1", "bob", "now", signer, at=9))
    with pytest.raises(RegistryError, match="another process has written .*current meanwhile"):
        pull(other, racing, "gate")
    assert other.current("gate").version == "v1"
    assert other.history("gate")[-1].who == "bob"


def test_a_version_that_is_published_here_during_a_pull_is_not_replaced(
    served: Registry, pushed: folder_mirror.FolderMirror, other: Registry, signer: Signer
) -> None:
    racing = Interrupting(pushed.folder).happens(lambda: other.publish(policies.bundle(policy=b"mine"), signer))
    with pytest.raises(RegistryError, match="another process has written .*v1 meanwhile"):
        pull(other, racing, "gate", "v1")
    assert other.verify("gate", "v1").policy == b"mine"
