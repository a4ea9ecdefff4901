"""Helpers of these tests can be imported by name; folders short enough for a socket."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A session's folder; no token in the environment."""
    monkeypatch.delenv("DARWIN_TOKEN", raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    made = Path(tempfile.mkdtemp(prefix="darwin-"))
    (made / "session.json").write_text("{}")
    yield made
    shutil.rmtree(made)
