"""A small registry with one signed policy in it, for the tests of agents that have learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.registry import Bundle, Column, Metadata, ObservationSchema, Registry, Signer, Trusted
from darwin_core.registry.keys import keygen
from darwin_core.training.policy import GOLDEN
from darwin_core.training.task import options_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from darwin_core.protocols import Backend
    from darwin_core.training.task import Task

CREATED = 1_577_836_800 * 10**9


def publish(
    folder: Path, task: Task, policy: bytes, columns: Mapping[str, tuple[float, float]], backend: Backend,
    *, learnt_until: int = 0, threshold: float = 0.0,
) -> str:  # fmt: skip
    """Publish and promote a policy that nobody has trained; return a ``[registry]`` table that trusts it.

    Parameters
    ----------
    folder
        Where the registry and its keys go.
    policy
        An ONNX model, (N, F) to (N, A).
    columns
        Its observation: name to (mean, scale).
    learnt_until
        It decides from this time on, ns.
    """
    private, public, text = keygen(folder / "keys")
    schema = ObservationSchema(tuple(Column(name, mean, scale) for name, (mean, scale) in columns.items()))
    rows = np.random.default_rng(0).standard_normal((32, len(columns)), dtype=np.float32)
    training: dict[str, Any] = {
        "task": task.name, "options": dict(options_of(task)), "actions": list(task.actions),
        "baseline": task.actions.index(task.baseline), "threshold": threshold, "learnt_until": learnt_until,
    }  # fmt: skip
    metadata = Metadata(CREATED, "unknown", (), (), {}, {}, training, task.against, beats_baseline=False)
    arrays = dict(zip(GOLDEN, (rows, backend.load(policy).predict(rows)), strict=True))
    registry = Registry(folder / "models", Trusted.of([text]))
    signer = Signer.load(private)
    version = registry.publish(Bundle(task.name, policy, schema, metadata, arrays), signer)
    registry.promote(task.name, version, "a test", "to see it at work", signer, at=CREATED)
    return f'[registry]\npath = "{registry.folder.as_posix()}"\ntrusted = ["{public.as_posix()}"]\n'
