"""What is killed in `test_publish`: one publication and promotion, with everything imported and cached before."""

from __future__ import annotations

import tempfile
from pathlib import Path

import policies

with tempfile.TemporaryDirectory() as _folder:
    _keys = policies.make_keys(Path(_folder) / "keys")
    for _ in range(2):
        policies.publish_and_promote(str(Path(_folder) / "models"), str(_keys))


def write(folder: str, keys: str) -> None:
    """Publish a version and put it into service."""
    policies.publish_and_promote(folder, keys)
