"""Feeds over files that a test writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from darwin_panel_feed import make_feed

from darwin_core.testing import fake_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core import Feed


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real prices."""
    return Path(__file__).resolve().parents[3] / "data"


@pytest.fixture
def feed(tmp_path: Path) -> Callable[..., Feed]:
    """Write files and open a feed on them: ``feed({"A.csv": text}, path="A.csv", ...)``.

    New York and the file's name are the defaults.
    """

    def open_feed(files: dict[str, str | bytes], **options: Any) -> Feed:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        table = {"path": next(iter(files), "none.csv"), "timezone": "America/New_York", **options}
        return make_feed(fake_options({k: v for k, v in table.items() if v is not None}, tmp_path))

    return open_feed
