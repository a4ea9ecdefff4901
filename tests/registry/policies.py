"""Small policies, keys and registries; nothing in them is a model, because the registry never looks into one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from darwin_core.registry import Bundle, Metadata, ObservationSchema, Registry, Signer, Trusted
from darwin_core.registry.keys import keygen

NAMES = ("sma(10)", "rsi(14)", "account.exposure")


def make_keys(folder: Path) -> Path:
    keygen(folder)
    return folder


def signer(folder: Path) -> Signer:
    return Signer.load(folder / "models.key")


def trusted(*signers: Signer) -> Trusted:
    return Trusted({each.fingerprint: each.public for each in signers})


def registry(folder: Path, *signers: Signer) -> Registry:
    return Registry(folder, trusted(*signers))


def schema(seed: int = 0) -> ObservationSchema:
    return ObservationSchema.fit(NAMES, np.random.default_rng(seed).normal(3.0, 2.0, size=(50, 3)))


def metadata(**changes: Any) -> Metadata:
    said: dict[str, Any] = {
        "created": 1_700_000_000_000_000_000,
        "git_commit": "abc123",
        "data": ("d1",),
        "runs": ("r1", "r2"),
        "metrics": {"uplift": 0.1, "auc": np.float64(0.6)},
        "libraries": {"numpy": "2.4"},
        "training": {"trainer": "ppo", "seeds": [1, 2]},
        "baseline": "pass_all",
        "beats_baseline": True,
    }
    return Metadata(**{**said, **changes})


def bundle(agent: str = "gate", policy: bytes = b"\x08\x07a policy", **changes: Any) -> Bundle:
    golden = np.arange(6, dtype=np.float32).reshape(2, 3)
    return Bundle(agent, policy, schema(), metadata(**changes), {"golden_rows": golden})


def serve(made: Registry, by: Signer, agent: str, count: int) -> None:
    """Publish `count` versions and put each into service."""
    for number in range(1, count + 1):
        version = made.publish(bundle(agent, policy=b"policy %d" % number), by)
        made.promote(agent, version, "ann", f"reason {number}", by, at=number)


def publish_and_promote(folder: str, keys: str) -> None:
    """Publish a version and put it into service; the arguments are text, for a process of its own."""
    by = signer(Path(keys))
    made = registry(Path(folder), by)
    made.promote("gate", made.publish(bundle(), by), "ann", "a reason", by, at=1)


def odd() -> np.ndarray:
    return np.ones((2, 3))


def pickled_array() -> bytes:
    """Return a .npy file whose array holds Python objects."""
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
