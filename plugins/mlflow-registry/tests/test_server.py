"""A real MLflow server on this machine, its database and its artifacts: ``pytest -m slow``.

It needs the whole of MLflow, which is 850 MB and not among this checkout's libraries: either installed here, or in an
environment of its own whose ``mlflow`` command the variable DARWIN_MLFLOW names.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from darwin_core import PluginError
from darwin_core.cli.running import run_command
from darwin_core.registry import RegistryError
from darwin_core.registry.mirroring import Moved, pull, push

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
PATIENCE_S = 180


def command() -> str:
    """Return the command of a whole MLflow, or skip."""
    given = os.environ.get("DARWIN_MLFLOW") or (
        find_spec("sqlalchemy") and find_spec("flask") and shutil.which("mlflow")
    )
    if not given:
        pytest.skip(
            "there is no MLflow server here: pip install mlflow==3.17.2 somewhere, DARWIN_MLFLOW=THERE/bin/mlflow"
        )
    return str(given)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, port: int, *more: str) -> Iterator[str]:
    """Run a server in a folder until the block ends; yield its address."""
    uri = f"http://127.0.0.1:{port}"
    words = [
        command(), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", *more,
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        _wait(server, uri, folder / "server.log")
        yield uri
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def _wait(server: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=2):  # noqa: S310 - it is ours
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_a_policy_s_whole_way_through_a_server(machine, made, tmp_path: Path) -> None:
    folder, port = tmp_path / "server", free_port()
    folder.mkdir()
    here, there = machine("here").serve(count=3), machine("there").registry
    with running(folder, port, "--artifacts-destination", str(folder / "artifacts")) as uri:
        mirror = made(uri=uri)
        with pytest.raises(RegistryError, match="there is no policy of 'gate' at http"):
            pull(there, mirror, "gate")
        assert push(here.registry, mirror, "gate") == Moved(("v1", "v2", "v3"), (1, 2, 3), "v3")
        assert push(here.registry, made(uri=uri), "gate") == Moved((), (), "v3")
        assert pull(there, made(uri=uri), "gate") == Moved(("v3", "v2"), (1, 2, 3), "v3")
        assert dict(there.current("gate").files) == dict(here.registry.current("gate").files)
        assert there.history("gate") == here.registry.history("gate")

        here.registry.rollback("gate", "bob", "no better", here.signer, at=9)
        assert push(here.registry, mirror, "gate") == Moved((), (4,), "v2")
        assert pull(there, mirror, "gate") == Moved(("v1",), (4,), "v2")  # v1 is the last known good now
        _pages_are_right(uri)
        _touched_on_its_disk(folder / "artifacts", machine("third").registry, mirror)
    with pytest.raises(PluginError, match="no connection: is the server running there"):
        pull(there, made(uri=uri, retries=0), "gate")
    assert there.current("gate").version == "v2"


def _pages_are_right(uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    shown = client.get_model_version_by_alias("gate", "current")
    assert shown.tags["darwin.version"] == "v2"
    assert client.get_run(shown.run_id).data.metrics["test.uplift"] == 0.25


def _touched_on_its_disk(artifacts: Path, third, mirror) -> None:
    """Whoever holds the server can make a pull fail, and nothing else."""
    for path in artifacts.rglob("policy.onnx"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RegistryError, match=r"gate/v2/policy.onnx is not as it was published"):
        pull(third, mirror, "gate")
    assert not third.home("gate").exists()
    for path in artifacts.rglob("00000004"):
        path.unlink()
    with pytest.raises(RegistryError, match="number 4 has been seen"):
        pull(third, mirror, "gate", seen=4)


def test_the_command_line_against_a_server(
    machine, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    machine("here").serve(count=1)
    with running(folder, free_port()) as uri:
        for name in ("here", "there"):
            (tmp_path / f"{name}.toml").write_text(
                f'[registry]\npath = "{name}"\ntrusted = ["{(keys / "models.pub").as_posix()}"]\n'
                f'[registry.mirror]\nuse = "mlflow"\nuri = "{uri}"\n'
            )
        monkeypatch.chdir(tmp_path)

        def ask(*words: str) -> dict[str, object]:
            assert run_command("models", [*words, "--json"]) == 0
            answer: dict[str, object] = json.loads(capsys.readouterr().out)
            return answer

        assert ask("push", "gate", "--deployment", "here.toml")["versions"] == ["v1"]
        listed = ask("pull", "gate", "--list", "--deployment", "there.toml")
        assert (listed["mirror"], listed["statement"]) == (uri, 1)
        assert ask("pull", "gate", "--deployment", "there.toml")["current"] == "v1"
        assert ask("verify", "gate", "--deployment", "there.toml")["problems"] == []


def test_a_server_that_would_use_this_machine_s_folders_is_refused(machine, made, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    more = ("--no-serve-artifacts", "--default-artifact-root", str(folder / "root"))
    with (
        running(folder, free_port(), *more) as uri,
        pytest.raises(PluginError, match="start it with --serve-artifacts"),
    ):
        push(machine("here").serve().registry, made(uri=uri), "gate")
    assert not list((folder / "root").rglob("policy.onnx"))
