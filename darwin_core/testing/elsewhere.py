"""The other process of the cases P2 and D4."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any


def main(file: str, suite: str, use: str, home: str, heavy: str) -> None:
    """Print which heavy modules the plugin's import brings, and the digest of what its component says."""
    from darwin_core.plugins import Plugins

    before = set(sys.modules)
    Plugins(Path(home)).load(use, "conformance")
    found = sorted({name.partition(".")[0] for name in set(sys.modules) - before} & set(heavy.split(",")))
    result = {"heavy": found, "digest": "", "error": ""}
    try:
        result["digest"] = _digest(file, suite)
    except Exception:  # noqa: BLE001 - told to the first process, which knows what it means
        result["error"] = traceback.format_exc()
    print(json.dumps(result))  # noqa: T201 - read by the first process


def _digest(file: str, suite: str) -> str:
    from darwin_core.testing.compare import digest
    from darwin_core.testing.suite import ComponentTests

    tests = _suite(file, suite)
    if tests is None or not issubclass(tests, ComponentTests):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        return digest(tests().says(Path(folder)))


def _suite(file: str, name: str) -> Any:
    if not file or not Path(file).is_file():
        return None
    spec = importlib.util.spec_from_file_location("darwin_conformance", file)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
