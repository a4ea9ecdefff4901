"""Which version is in service: signed, counted, never taken back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import policies
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darwin_core.registry import RegistryError
from darwin_core.registry.pointer import By, Named, Pointer, Sealed, promote, rollback

if TYPE_CHECKING:
    from darwin_core.registry import Registry, Signer


def current(registry: Registry, agent: str = "gate") -> Path:
    return registry.folder / agent / "current"


def asks(registry: Registry) -> list[Callable[[], object]]:
    """Every question that a pointer answers."""
    return [lambda: registry.pointer("gate"), lambda: registry.current("gate"), lambda: registry.last_known_good("gate"),
            lambda: registry.history("gate")]  # fmt: skip


def refused(registry: Registry, where: str | Path) -> str:
    """Assert that no question is answered, and that the file is named; return the last message."""
    said = ""
    for ask in asks(registry):
        with pytest.raises(RegistryError) as caught:
            ask()
        said = str(caught.value)
        assert str(where) in said
    return said


def test_versions_go_into_service_one_after_the_other(served: Registry) -> None:
    found = served.current("gate")
    assert (found.version, found.counter, found.policy) == ("v3", 3, b"policy 3")
    assert served.last_known_good("gate").policy == b"policy 2"
    said = [(p.counter, p.act, p.version, p.who, p.why, p.time) for p in served.history("gate")]
    assert said == [(n, "promote", f"v{n}", "ann", f"reason {n}", n) for n in (1, 2, 3)]


def test_a_rollback_is_a_new_statement_that_goes_to_the_last_known_good(served: Registry, signer: Signer) -> None:
    went = served.rollback("gate", "bob", "it loses", signer, at=4)
    assert (went.counter, went.act, went.version, went.last_known_good) == (4, "rollback", "v2", "v1")
    assert served.current("gate").policy == b"policy 2"
    again = served.rollback("gate", "bob", "still", signer, at=5)
    assert (again.counter, again.version, again.last_known_good) == (5, "v1", None)
    with pytest.raises(RegistryError, match="no version that was in service before v1"):
        served.rollback("gate", "bob", "more", signer, at=6)
    with pytest.raises(RegistryError, match="no version that was in service before v1"):
        served.last_known_good("gate")
    assert [p.act for p in served.history("gate")] == ["promote"] * 3 + ["rollback"] * 2


def test_a_rollback_goes_to_any_version_that_was_in_service(served: Registry, signer: Signer) -> None:
    assert served.rollback("gate", "bob", "far", signer, at=4, to="v1").good == ()
    back = served.rollback("gate", "bob", "it was the data", signer, at=5, to="v3")
    assert (back.version, back.last_known_good) == ("v3", None)
    served.publish(policies.bundle(), signer)
    for to, said in (("v4", "never in service"), ("v3", "in service already"), ("v9", "never in service")):
        with pytest.raises(RegistryError, match=said):
            served.rollback("gate", "bob", "x", signer, at=6, to=to)


def test_a_promotion_goes_forward_only(served: Registry, signer: Signer) -> None:
    with pytest.raises(RegistryError, match="v3 is in service already"):
        served.promote("gate", "v3", "ann", "x", signer, at=4)
    with pytest.raises(RegistryError, match="v1 is older than v3, which is in service: use rollback"):
        served.promote("gate", "v1", "ann", "x", signer, at=4)
    assert served.pointer("gate").counter == 3


def test_a_version_that_was_rolled_back_from_is_good_again_only_after_it_served_again(
    served: Registry, signer: Signer
) -> None:
    served.rollback("gate", "bob", "x", signer, at=4)
    assert served.promote("gate", "v3", "ann", "mended", signer, at=5).last_known_good == "v2"
    served.publish(policies.bundle(), signer)
    assert served.promote("gate", "v4", "ann", "new", signer, at=6).last_known_good == "v3"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=20))
def test_versions_to_fall_back_to_are_all_older_than_the_one_in_service_and_each_served(
    moves: list[tuple[bool, int]],
) -> None:
    by, now, served = By("a", "b", 1), None, set()
    for back, number in moves:
        version = Named(f"v{number}", f"{number}")
        if back and version not in served:
            continue
        try:
            new = rollback(now, version, by) if back and now else promote(now, "gate", version, by)
        except RegistryError:
            continue
        assert new.counter == (now.pointer.counter + 1 if now else 1)
        line = [int(each.manifest) for each in (*new.good, new.named)]
        assert line == sorted(set(line))
        assert served.issuperset(new.good)
        now = Sealed(new, repr(new).encode())
        served.add(version)


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("ann", " "), ("\t", "x")])
def test_a_promotion_needs_a_person_and_a_reason(served: Registry, signer: Signer, who: str, why: str) -> None:
    for say in (served.rollback, lambda *a, **k: served.promote("gate", "v3", *a[1:], **k)):
        with pytest.raises(RegistryError, match="a named person, with a reason"):
            say("gate", who, why, signer, at=4)


def test_a_key_that_is_not_trusted_changes_nothing(served: Registry, stranger: Signer) -> None:
    before = policies.tree(served.folder)
    for act in (
        lambda: served.promote("gate", "v3", "eve", "x", stranger, at=4),
        lambda: served.rollback("gate", "eve", "x", stranger, at=4),
        lambda: served.publish(policies.bundle(), stranger),
    ):
        with pytest.raises(RegistryError, match=f"the key {stranger.fingerprint[:16]} is not trusted here"):
            act()
    assert policies.tree(served.folder) == before


def test_without_a_promotion_nothing_is_in_service(registry: Registry, signer: Signer) -> None:
    registry.publish(policies.bundle(), signer)
    for ask in (*asks(registry), lambda: registry.rollback("gate", "a", "b", signer, at=1)):
        with pytest.raises(RegistryError, match="no version in service: darwin models promote gate"):
            ask()


def test_a_flip_of_any_byte_of_the_pointer_is_refused(served: Registry) -> None:
    path = current(served)
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        with pytest.raises(RegistryError, match=str(path)):
            served.pointer("gate")
    path.write_bytes(content)
    assert served.current("gate").version == "v3"


def test_a_pointer_cut_at_any_length_is_refused(served: Registry) -> None:
    path = current(served)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(RegistryError, match=str(path)):
            served.pointer("gate")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(content=st.binary(max_size=600))
def test_a_pointer_of_any_bytes_is_refused_in_words(served: Registry, content: bytes) -> None:
    current(served).write_bytes(content)
    refused(served, current(served))


def test_a_flip_of_any_byte_of_the_past_is_found_in_the_history(served: Registry) -> None:
    for name in ("00000001", "00000002"):
        path = served.folder / "gate" / "history" / name
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            changed = bytearray(content)
            changed[place] ^= 1
            path.write_bytes(changed)
            with pytest.raises(RegistryError, match=name):
                served.history("gate")
        path.unlink()
        with pytest.raises(RegistryError, match=f"{name} is missing"):
            served.history("gate")
        path.write_bytes(content)


def test_a_pointer_without_a_trusted_signature_is_refused(served: Registry, stranger: Signer) -> None:
    path = current(served)
    text = path.read_bytes()[:-202]
    path.write_bytes(text + stranger.sign("pointer", text))
    assert "not trusted here" in refused(served, path)
    path.write_bytes(text)
    refused(served, path)


def test_a_manifest_s_signature_is_no_pointer_s(served: Registry, signer: Signer) -> None:
    text = current(served).read_bytes()[:-202]
    current(served).write_bytes(text + signer.sign("manifest", text))
    assert "was changed" in refused(served, current(served))


def test_an_old_pointer_that_is_put_back_is_refused(served: Registry) -> None:
    shutil.copy(served.folder / "gate" / "history" / "00000002", current(served))
    assert "an old one was put back" in refused(served, current(served))


def test_an_old_pointer_with_its_whole_history_is_refused_by_who_has_seen_the_newer_one(
    served: Registry, signer: Signer, tmp_path: Path
) -> None:
    shutil.copytree(served.folder, tmp_path / "kept")
    seen = served.rollback("gate", "bob", "it loses", signer, at=4).counter
    shutil.rmtree(served.folder)
    shutil.copytree(tmp_path / "kept", served.folder)
    assert served.current("gate").version == "v3"  # nothing in the folder can tell
    for ask in (served.current, served.pointer, served.history, served.last_known_good):
        with pytest.raises(RegistryError, match="is statement number 3, but number 4 has been seen"):
            ask("gate", seen=seen)
    for act in (
        lambda: served.promote("gate", "v3", "a", "b", signer, at=5, seen=seen),
        lambda: served.rollback("gate", "a", "b", signer, at=5, seen=seen),
    ):
        with pytest.raises(RegistryError, match="number 4 has been seen"):
            act()


def test_a_deleted_pointer_is_missed(served: Registry, signer: Signer) -> None:
    current(served).unlink()
    assert "missing" in refused(served, current(served))
    with pytest.raises(RegistryError, match="current is missing"):
        served.promote("gate", "v3", "a", "b", signer, at=5)
    shutil.rmtree(served.folder / "gate" / "history")
    with pytest.raises(RegistryError, match="current is missing"):
        served.current("gate", seen=3)


def test_a_registry_begun_anew_counts_on_from_what_was_seen(served: Registry, signer: Signer) -> None:
    (served.folder / "gate").rename(served.folder / "gate-lost")
    served.publish(policies.bundle(), signer)
    assert served.promote("gate", "v1", "ann", "begun anew", signer, at=9, seen=3).counter == 4
    served.publish(policies.bundle(), signer)
    served.promote("gate", "v2", "ann", "next", signer, at=10, seen=4)
    assert served.current("gate", seen=5).version == "v2"
    assert [p.counter for p in served.history("gate", seen=5)] == [4, 5]


def test_another_agent_s_pointer_is_refused(served: Registry) -> None:
    shutil.copy(current(served, "portfolio"), current(served))
    assert "of the agent 'portfolio', not of 'gate'" in refused(served, current(served))


def test_swapped_agents_are_refused(served: Registry) -> None:
    (served.folder / "gate").rename(served.folder / "aside")
    (served.folder / "portfolio").rename(served.folder / "gate")
    (served.folder / "aside").rename(served.folder / "portfolio")
    refused(served, current(served))
    assert all(each.found is None and "swapped" in each.refused for each in served.list("gate"))


def test_two_statements_of_one_number_are_refused(served: Registry, signer: Signer, tmp_path: Path) -> None:
    shutil.copytree(served.folder, tmp_path / "fork")
    fork = policies.registry(tmp_path / "fork", signer)
    fork.rollback("gate", "bob", "one way", signer, at=4)
    served.rollback("gate", "bob", "another way", signer, at=4)
    shutil.copy(current(fork), current(served))
    assert "two statements of one number" in refused(served, current(served))


def test_a_version_of_the_same_name_and_other_content_is_not_the_one_in_service(
    served: Registry, signer: Signer, tmp_path: Path
) -> None:
    other = policies.registry(tmp_path / "other", signer)
    for _ in range(3):
        other.publish(policies.bundle(policy=b"other"), signer)
    shutil.rmtree(served.folder / "gate" / "v3")
    shutil.copytree(other.folder / "gate" / "v3", served.folder / "gate" / "v3")
    with pytest.raises(RegistryError, match="is not the v3 that was put into service"):
        served.current("gate")
    assert served.last_known_good("gate").policy == b"policy 2"


def test_a_linked_pointer_or_history_is_refused(served: Registry, tmp_path: Path) -> None:
    for path in (current(served), served.folder / "gate" / "history"):
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        assert "symbolic link" in refused(served, path)
        path.unlink()
        (tmp_path / "elsewhere").rename(path)


def test_when_the_version_in_service_is_damaged_the_last_known_good_is_there_and_rollback_works(
    served: Registry, signer: Signer
) -> None:
    (served.folder / "gate" / "v3" / "policy.onnx").write_bytes(b"")
    with pytest.raises(RegistryError, match=r"v3/policy.onnx was cut short: it has 0 bytes of 8"):
        served.current("gate")
    assert served.last_known_good("gate").policy == b"policy 2"
    served.rollback("gate", "bob", "damaged", signer, at=4)
    assert served.current("gate").policy == b"policy 2"


def test_a_damaged_version_is_never_put_into_service(served: Registry, signer: Signer) -> None:
    version = served.publish(policies.bundle(), signer)
    (served.folder / "gate" / version / "policy.onnx").write_bytes(b"tampered")
    (served.folder / "gate" / "v2" / "policy.onnx").write_bytes(b"tampered")
    before = policies.tree(served.folder)
    with pytest.raises(RegistryError, match=r"v4/policy.onnx"):
        served.promote("gate", version, "ann", "x", signer, at=4)
    with pytest.raises(RegistryError, match=r"v2/policy.onnx"):
        served.rollback("gate", "ann", "x", signer, at=4)
    assert policies.tree(served.folder) == before


def test_a_writer_that_died_before_the_history_s_copy_leaves_it_to_the_next(served: Registry, signer: Signer) -> None:
    copy = served.folder / "gate" / "history" / "00000003"
    copy.unlink()
    assert served.current("gate").version == "v3"
    assert len(served.history("gate")) == 3
    served.rollback("gate", "bob", "x", signer, at=4)
    assert copy.exists()
    assert [p.version for p in served.history("gate")] == ["v1", "v2", "v3", "v2"]


def test_the_past_can_be_read_after_its_key_is_trusted_no_more(
    served: Registry, signer: Signer, stranger: Signer
) -> None:
    both = type(served)(served.folder, policies.trusted(signer, stranger))
    both.promote("gate", both.publish(policies.bundle(), stranger), "ann", "the new key", stranger, at=4)
    alone = type(served)(served.folder, policies.trusted(stranger))
    assert alone.current("gate").version == "v4"
    assert [p.version for p in alone.history("gate")] == ["v1", "v2", "v3", "v4"]
    with pytest.raises(RegistryError, match="not trusted here"):
        alone.last_known_good("gate")


def test_a_statement_is_plain_text_that_a_person_can_read(served: Registry) -> None:
    text, line, end = current(served).read_text().split("\n")
    assert '"who":"ann","why":"reason 3"' in text or '"why":"reason 3"' in text
    assert line.startswith("ed25519 ")
    assert end == ""
    assert isinstance(served.pointer("gate"), Pointer)
