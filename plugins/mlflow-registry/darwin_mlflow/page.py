"""What people see of a version on MLflow's pages. Nothing of it is ever read back."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from darwin_core import Verified

_ODD = re.compile(r"[^A-Za-z0-9_. /-]")
_LONGEST_KEY, _LONGEST_VALUE = 200, 500
MOST_PARAMETERS, MOST_METRICS = 100, 1000
"""The largest batches that a server takes."""


def metrics(found: Verified) -> dict[str, float]:
    """Return the finite numbers among the held-out figures, ``test.uplift`` and so on; tables' lists are left out."""
    return {name: float(value) for name, value in _leaves(found.metadata.metrics) if _is_number(value)}


def parameters(found: Verified) -> dict[str, str]:
    """Return how it was trained, with what and on what, as text."""
    metadata = found.metadata
    told: dict[str, Any] = {
        "training": metadata.training, "libraries": metadata.libraries, "git_commit": metadata.git_commit,
        "baseline": metadata.baseline, "parent": metadata.parent or "none", "data": list(metadata.data),
        "runs": list(metadata.runs), "observation": list(found.schema.names),
        "observation_digest": found.schema.digest,
    }  # fmt: skip
    return {name: str(value)[:_LONGEST_VALUE] for name, value in _leaves(told)}


def tags(found: Verified) -> dict[str, str]:
    """Return what names a version for good, and whether it is any good."""
    return {
        "darwin.agent": found.agent,
        "darwin.version": found.version,
        "darwin.manifest": found.digest,
        "darwin.key": found.key,
        "darwin.beats_baseline": str(found.metadata.beats_baseline).lower(),
    }


def description(found: Verified) -> str:
    """Return the sentence on a version's page."""
    beats = "beat" if found.metadata.beats_baseline else "did NOT beat"
    return (
        f"darwin policy {found.agent} {found.version}: it {beats} its baseline ({found.metadata.baseline}) on held-out "
        f"time. Signed by the key {found.key[:16]}; manifest {found.digest}. `darwin models pull {found.agent} "
        f"--version {found.version}` verifies it and brings it."
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{above}{_ODD.sub('_', str(key))}"[:_LONGEST_KEY]
        if isinstance(value, dict) or hasattr(value, "items"):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value
