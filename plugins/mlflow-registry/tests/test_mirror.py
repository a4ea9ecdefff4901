"""Policies through MLflow's client and MLflow's store in a folder, where anything can be done to them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from darwin_core import PluginError
from darwin_core.registry import RegistryError
from darwin_core.registry.mirroring import Moved, pull, push


def kept(store: Path, name: str) -> Path:
    """Return the place of the one artifact of a name."""
    (found,) = store.glob(f"*/*/artifacts/{name}")
    return found


def client(store: Path):
    from mlflow import MlflowClient

    return MlflowClient(store.as_uri(), store.as_uri())


def test_what_was_pushed_is_pulled_byte_for_byte(machine, mirror) -> None:
    here, there = machine("here").serve(count=3).registry, machine("there").registry
    assert push(here, mirror, "gate") == Moved(("v1", "v2", "v3"), (1, 2, 3), "v3")
    assert push(here, mirror, "gate") == Moved((), (), "v3")
    assert pull(there, mirror, "gate") == Moved(("v3", "v2"), (1, 2, 3), "v3")
    assert pull(there, mirror, "gate", "v1") == Moved(("v1",))
    assert there.history("gate") == here.history("gate")
    for version in here.versions("gate"):
        names = sorted(path.name for path in (here.home("gate") / version).iterdir())
        assert names == sorted(path.name for path in (there.home("gate") / version).iterdir())
        for name in names:
            assert (here.home("gate") / version / name).read_bytes() == (
                there.home("gate") / version / name
            ).read_bytes()


def test_another_process_continues_where_one_left_off(machine, made, store: Path) -> None:
    here, there = machine("here").serve(count=1), machine("there")
    push(here.registry, made(uri=store.as_uri()), "gate")
    pull(there.registry, made(uri=store.as_uri()), "gate")
    there.serve(count=1)
    there.registry.rollback("gate", "bob", "no better", there.signer, at=9)
    assert push(there.registry, made(uri=store.as_uri()), "gate") == Moved(("v2",), (2, 3), "v1")
    assert client(store).get_model_version_by_alias("gate", "current").tags["darwin.version"] == "v1"
    assert pull(here.registry, made(uri=store.as_uri()), "gate") == Moved((), (2, 3), "v1")
    assert pull(here.registry, made(uri=store.as_uri()), "gate", "v2") == Moved(("v2",))


def test_the_pages_show_what_a_version_is_worth(machine, mirror, store: Path) -> None:
    here = machine("here").serve(count=2).registry
    push(here, mirror, "gate", "v2")
    push(here, mirror, "gate")
    asked = client(store)
    shown = asked.get_model_version_by_alias("gate", "current")
    found = here.verify("gate", "v2")
    assert (shown.version, shown.tags["darwin.version"], shown.tags["darwin.manifest"]) == (1, "v2", found.digest)
    assert shown.tags["darwin.beats_baseline"] == "false"
    assert "did NOT beat its baseline (pass every candidate)" in shown.description
    run = asked.get_run(shown.run_id)
    assert run.data.metrics == {"test.uplift": 0.25, "test.from": -0.5, "test.auc": 0.5}
    told = {
        "training.trainer": "ppo",
        "training.options.horizon": "5",
        "libraries.numpy": "2.4",
        "git_commit": "abc123",
    }
    assert told.items() <= run.data.params.items()
    assert run.data.params["observation"] == "['sma(10)', 'rsi(14)']"
    assert run.info.status == "FINISHED"


def test_any_number_of_parameters_of_any_length_and_name_goes_along(machine, mirror, store: Path) -> None:
    here = machine("here")
    here.publish(
        training={f"näme {n}:%": "x" * 10_000 for n in range(150)},
        metrics={**{f"m{n}": float(n) for n in range(1200)}, "yes": True},
    )
    push(here.registry, mirror, "gate")
    (shown,) = client(store).search_model_versions("name='gate'")
    data = client(store).get_run(shown.run_id).data
    assert len([name for name in data.params if name.startswith("training.n_me ")]) == 150
    assert len(data.metrics) == 1200


def test_agents_and_deployments_share_a_store(machine, made, store: Path) -> None:
    one, two, there = machine("one").serve("gate"), machine("two").serve("gate", 2), machine("there")
    one.serve("portfolio")
    first, second = made(uri=store.as_uri(), prefix="one."), made(uri=store.as_uri(), prefix="two.")
    for agent in ("gate", "portfolio"):
        push(one.registry, first, agent)
    push(two.registry, second, "gate")
    assert sorted(each.name for each in client(store).search_registered_models()) == [
        "one.gate",
        "one.portfolio",
        "two.gate",
    ]
    assert pull(there.registry, first, "portfolio") == Moved(("v1",), (1,), "v1")
    assert pull(there.registry, second, "gate").current == "v2"


def test_an_agent_that_the_store_does_not_know_is_told(machine, mirror) -> None:
    with pytest.raises(RegistryError, match=r"there is no policy of 'gate' at file://"):
        pull(machine("there").registry, mirror, "gate")
    assert mirror.statements("gate") == []


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("policy.onnx", b"policy 9 \x00\xff\r\n", "policy.onnx is not as it was published"),
        ("policy.onnx", b"short", "policy.onnx was cut short"),
        ("policy.onnx", b"x" * 100, "policy.onnx is larger than"),
        ("policy.onnx", None, "policy.onnx is missing"),
        ("manifest.sig", None, "manifest.sig is missing: gate v1 is unsigned"),
        ("manifest.sig", b"ed25519\n", "manifest.sig holds no signature"),
        ("manifest.json", b"{}", "manifest.json is not what the key"),
        ("manifest.json", None, "manifest.json is missing"),
        ("extra.pkl", b"x", "extra.pkl does not belong to gate v1"),
        ("sub/policy.onnx", b"x", "sub does not belong to gate v1"),
    ],
)
def test_what_was_touched_in_the_store_is_refused_and_not_written(
    machine, mirror, store: Path, name: str, how: bytes | None, said: str
) -> None:
    push(machine("here").serve().registry, mirror, "gate")
    path = kept(store, "policy") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(how) if how is not None else path.unlink()
    there = machine("there").registry
    with pytest.raises(RegistryError) as caught:
        pull(there, mirror, "gate")
    assert f"{store.as_uri()}: gate/v1/" in str(caught.value)
    assert said in str(caught.value)
    assert not there.home("gate").exists()


def test_a_changed_or_missing_statement_is_refused(machine, mirror, store: Path) -> None:
    push(machine("here").serve(count=2).registry, mirror, "gate")
    there, path = machine("there").registry, kept(store, "statements/00000002")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"ann", b"bob"))
    with pytest.raises(RegistryError, match="is not what the key .* signed"):
        pull(there, mirror, "gate")
    path.unlink()
    assert pull(there, mirror, "gate").statements == (1,)
    path.write_bytes(content)
    kept(store, "statements/00000001").write_bytes(content)
    assert pull(there, mirror, "gate").statements == (2,)


def test_what_is_not_ours_among_the_versions_is_passed_over(machine, mirror, store: Path) -> None:
    push(machine("here").serve().registry, mirror, "gate")
    asked = client(store)
    run = asked.create_run(asked.create_experiment("theirs"))
    source = f"{run.info.artifact_uri}/model"
    asked.create_model_version("gate", source, run.info.run_id)
    asked.create_model_version("gate", source, run.info.run_id, tags={"darwin.version": "v7", "darwin.manifest": "no"})
    asked.create_model_version("gate", source, tags={"darwin.version": "v8", "darwin.manifest": "a" * 64})
    asked.create_model_version(
        "gate", source, run.info.run_id, tags={"darwin.version": "../v9", "darwin.manifest": "a" * 64}
    )
    assert pull(machine("there").registry, mirror, "gate").current == "v1"
    with pytest.raises(RegistryError, match=r"there is no version v7 of gate at file://[^ ]*: v1$"):
        pull(machine("there").registry, mirror, "gate", "v7")


def test_two_versions_of_one_name_are_refused_when_they_differ(machine, mirror, store: Path) -> None:
    push(machine("here").serve().registry, mirror, "gate")
    asked = client(store)
    (shown,) = asked.search_model_versions("name='gate'")
    asked.create_model_version("gate", shown.source, shown.run_id, tags=shown.tags)
    assert pull(machine("there").registry, mirror, "gate").current == "v1"
    asked.create_model_version("gate", shown.source, shown.run_id, tags={**shown.tags, "darwin.manifest": "a" * 64})
    with pytest.raises(PluginError, match="registered model gate both call themselves v1 and differ"):
        pull(machine("there").registry, mirror, "gate")


def test_a_push_that_dies_before_its_end_leaves_no_version(
    machine, mirror, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    here = machine("here").serve().registry
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", full)
        with pytest.raises(PluginError, match=r"No space left on device \(pushing gate v1\)"):
            push(here, mirror, "gate")
    assert mirror.versions("gate") == {}
    assert push(here, mirror, "gate") == Moved(("v1",), (1,), "v1")
    statuses = {
        run.info.status
        for run in client(store).search_runs(["0", client(store).get_experiment_by_name("darwin").experiment_id])
    }
    assert statuses == {"FAILED", "FINISHED"}


def test_two_first_pushes_of_statements_at_one_time_are_both_found(machine, mirror, store: Path) -> None:
    here = machine("here").serve(count=2).registry
    push(here, mirror, "gate")
    asked = client(store)
    experiment = asked.get_experiment_by_name("darwin").experiment_id
    second = asked.create_run(experiment, tags={"darwin.statements": "gate"}).info.run_id
    moved = kept(store, "statements/00000002")
    (store / experiment / second / "artifacts/statements").mkdir(parents=True, exist_ok=True)
    shutil.move(moved, store / experiment / second / "artifacts/statements")
    assert mirror.statements("gate") == [1, 2]
    assert pull(machine("there").registry, mirror, "gate").statements == (1, 2)


def test_mlflow_s_surroundings_are_put_back(machine, mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    before = dict(os.environ)
    push(machine("here").serve().registry, mirror, "gate")
    assert dict(os.environ) == before
