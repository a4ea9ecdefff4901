"""Publishing: whole or not at all, one after the other, the same bytes for the same inputs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import policies
import pytest
from killing import Killing

import darwin_core.registry
from darwin_core.registry import Bundle, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_core.registry import Registry, Signer

PACKAGE = Path(darwin_core.registry.__file__).parent


def test_versions_are_numbered_and_what_was_published_never_changes(registry: Registry, signer: Signer) -> None:
    assert registry.publish(policies.bundle(), signer) == "v1"
    before = policies.tree(registry.folder / "gate" / "v1")
    assert [registry.publish(policies.bundle(policy=b"next"), signer) for _ in range(10)][-1] == "v11"
    assert policies.tree(registry.folder / "gate" / "v1") == before
    assert registry.versions("gate") == tuple(f"v{n}" for n in range(1, 12))
    assert registry.agents() == ("gate",)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, signer: Signer) -> None:
    trees = []
    for name in ("a", "b"):
        made = policies.registry(tmp_path / name, signer)
        policies.serve(made, signer, "gate", 2)
        made.rollback("gate", "bob", "x", signer, at=3)
        trees.append(policies.tree(made.folder))
    assert trees[0] == trees[1]


def test_an_array_has_the_same_bytes_in_any_order_of_memory_and_of_bytes() -> None:
    plain = np.arange(6.0).reshape(2, 3)
    made = [
        Bundle("gate", b"x", policies.schema(), policies.metadata(), {"a": each}).contents()["a.npy"]
        for each in (plain, np.asfortranarray(plain), plain.astype(">f8"), np.repeat(plain, 2, axis=1)[:, ::2])
    ]
    assert len(set(made)) == 1


def test_an_array_comes_back_as_it_was(registry: Registry, signer: Signer) -> None:
    arrays = {
        "scalar": np.array(3.5),
        "empty": np.zeros((0, 4), np.float32),
        "mask": np.array([[True, False]]),
        "whole": np.array([1, -2], np.int64),
        "odd": np.array([np.nan, np.inf, -0.0]),
    }
    registry.publish(Bundle("gate", b"x", policies.schema(), policies.metadata(), arrays), signer)
    found = registry.verify("gate", "v1")
    for name, array in arrays.items():
        again = found.array(name)
        assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes())
    with pytest.raises(RegistryError, match="no array 'none'"):
        found.array("none")


@pytest.mark.parametrize(
    ("bundle", "said"),
    [
        (lambda: policies.bundle(policy=b""), "the policy of gate is empty"),
        (lambda: policies.bundle(metrics={"sharpe": float("nan")}), "metrics.sharpe is nan"),
        (lambda: policies.bundle(created=1.5), "Metadata.created is 1.5"),
        (lambda: policies.bundle(training={"policy": object()}), "JSON cannot say that"),
        (lambda: policies.bundle(beats_baseline=1), "Metadata.beats_baseline is 1"),
        (lambda: policies.bundle(parent="../v1"), "is no version"),
        (lambda: policies.bundle("../gate"), "is no agent's name"),
        (lambda: named("a", np.array([{}], dtype=object)), "numbers and truth values only"),
        (lambda: named("a", np.array(["x"])), "numbers and truth values only"),
        (lambda: named("a", np.zeros(2, [("x", "f8")])), "numbers and truth values only"),
        (lambda: named("../a", np.zeros(2)), "is no array's name"),
        (lambda: named("A", np.zeros(2)), "is no array's name"),
    ],
)
def test_what_cannot_be_published_is_refused_and_leaves_nothing(
    registry: Registry, signer: Signer, bundle: object, said: str
) -> None:
    with pytest.raises(RegistryError, match=said):
        registry.publish(bundle(), signer)  # type: ignore[operator]
    assert not registry.folder.exists()


def named(name: str, array: np.ndarray) -> Bundle:
    return Bundle("gate", b"x", policies.schema(), policies.metadata(), {name: array})


def test_what_an_interrupted_writer_left_is_neither_listed_nor_in_the_way(served: Registry, signer: Signer) -> None:
    home = served.folder / "gate"
    (home / ".draft-v4").mkdir()
    (home / ".draft-v4" / "policy.onnx").write_bytes(b"half")
    (home / ".draft-current-1").write_bytes(b"half")
    (home / ".draft-v5").symlink_to(home / "v1")
    assert served.versions("gate") == ("v1", "v2", "v3")
    assert served.current("gate").version == "v3"
    assert served.publish(policies.bundle(), signer) == "v4"
    assert not list(home.glob(".draft-*"))
    assert len(served.verify("gate", "v1").files) == 4


def test_a_number_that_was_in_service_is_not_given_again(served: Registry, signer: Signer) -> None:
    for version in ("v2", "v3"):
        (served.folder / "gate" / version).rename(served.folder / version)
    assert served.publish(policies.bundle(), signer) == "v4"


def test_a_registry_that_cannot_be_written_is_told_in_words(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "models").write_bytes(b"a file")
    with pytest.raises(RegistryError, match="gate cannot be written"):
        policies.registry(tmp_path / "models", signer).publish(policies.bundle(), signer)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="flock")
def test_processes_that_publish_and_promote_at_once_get_a_version_each_and_one_history(
    registry: Registry, signer: Signer, keys: Path
) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import policies
from darwin_core.registry import RegistryError
for _ in range(12):
    try:
        policies.publish_and_promote(sys.argv[1], sys.argv[2])
    except RegistryError as error:
        if "older than" not in str(error):  # the other one was quicker with a newer version
            raise
"""
    words = [sys.executable, "-c", program, str(registry.folder), str(keys)]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    while any(each.poll() is None for each in both):
        if (registry.folder / "gate" / "current").exists():
            assert registry.current("gate").counter <= len(registry.history("gate"))
    for each in both:
        assert each.wait() == 0, each.communicate()[1]
        each.communicate()
    assert registry.versions("gate") == tuple(f"v{n}" for n in range(1, 25))
    assert all(each.found for each in registry.list("gate"))
    history = registry.history("gate")
    assert [p.counter for p in history] == list(range(1, len(history) + 1))
    assert history[-1].version == "v24"
    assert not list((registry.folder / "gate").glob(".draft-*"))


@pytest.fixture(scope="module")
def killing() -> Iterator[Killing]:
    with Killing(Path(__file__).with_name("writer.py"), "write") as each:
        yield each


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_writer_killed_at_any_step_leaves_a_sound_registry_and_the_next_one_goes_on(
    killing: Killing, tmp_path: Path, signer: Signer, keys: Path
) -> None:
    killing.run(tmp_path / "undisturbed", keys)
    lines = killing.count(tmp_path / "undisturbed", keys)
    seen = set()
    for at in range(1, lines - 50, lines // 60):
        made = policies.registry(tmp_path / str(at), signer)
        killing.run(made.folder, keys)
        assert killing.kill(at, made.folder, keys)
        found = made.list("gate")
        assert all(each.found for each in found)
        left = bool(list((made.folder / "gate").glob(".draft-*")))
        seen.add((len(found), made.current("gate").version, left))
        before = made.history("gate")
        killing.run(made.folder, keys)
        after = made.history("gate")
        assert after[: len(before)] == before
        assert after[-1].version == f"v{len(found) + 1}"
        assert not list((made.folder / "gate").glob(".draft-*"))
    versions = {(count, version) for count, version, _ in seen}
    assert versions == {(1, "v1"), (2, "v1"), (2, "v2")}
    assert any(left for _, _, left in seen)


def test_nothing_in_the_package_can_unpickle() -> None:
    banned = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch", "yaml"}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not banned & {name.split(".")[0] for name in names}, path
            if isinstance(node, ast.Call):
                allowed = [k.value for k in node.keywords if k.arg == "allow_pickle"]
                assert all(isinstance(each, ast.Constant) and each.value is False for each in allowed), path
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "np.load", "numpy.load", "__import__"), path


def test_importing_the_registry_imports_no_cryptography() -> None:
    program = "import sys, darwin_core.registry, darwin_core.cli.models; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
