"""Two machines with one key, and a mirror between them: MLflow's own client on MLflow's own store in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import frozen

from darwin_core.registry import Bundle, Column, Metadata, ObservationSchema, Registry, Signer, Trusted
from darwin_core.registry.keys import keygen
from darwin_core.testing import fake_options

VARIABLES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


@frozen
class Machine:
    """A registry and the key that publishes there."""

    registry: Registry
    signer: Signer

    def publish(self, agent: str = "gate", **changes: Any) -> str:
        said: dict[str, Any] = {
            "created": 1_700_000_000_000_000_000,
            "git_commit": "abc123",
            "data": ("d1",),
            "runs": ("r1", "r2"),
            "metrics": {"test": {"uplift": 0.25, "from": -0.5, "auc": 0.5}, "curve": [1, 2], "word": "no"},
            "libraries": {"numpy": "2.4"},
            "training": {"trainer": "ppo", "options": {"horizon": 5}, "seeds": [1, 2]},
            "baseline": "pass every candidate",
            "beats_baseline": False,
        }
        number = len(self.registry.versions(agent)) if self.registry.home(agent).exists() else 0
        schema = ObservationSchema((Column("sma(10)", 1.0, 2.0), Column("rsi(14)", 50.0, 10.0)))
        golden = np.arange(4, dtype=np.float32).reshape(2, 2)
        metadata = Metadata(**{**said, **changes})
        policy = b"policy %d \x00\xff\r\n" % number
        return self.registry.publish(Bundle(agent, policy, schema, metadata, {"golden_rows": golden}), self.signer)

    def serve(self, agent: str = "gate", count: int = 1) -> Machine:
        """Publish versions and put each into service."""
        for number in range(1, count + 1):
            version = self.publish(agent)
            self.registry.promote(agent, version, "ann", f"reason {number}", self.signer, at=number)
        return self


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    keygen(folder)
    return folder


@pytest.fixture
def machine(keys: Path, tmp_path: Path):
    """Return a machine by its name."""
    signer = Signer.load(keys / "models.key")
    trusted = Trusted({signer.fingerprint: signer.public})
    return lambda name: Machine(Registry(tmp_path / name, trusted), signer)


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow wants to be asked twice for its store in a folder; no credentials of whoever runs the tests."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def made():
    """Return a mirror of a table of options, as the deployment makes it."""
    from darwin_mlflow import make_mirror

    return lambda **table: make_mirror(options=fake_options(table))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder of MLflow's store."""
    return tmp_path / "store"


@pytest.fixture
def mirror(made, store: Path):
    return made(uri=store.as_uri())
