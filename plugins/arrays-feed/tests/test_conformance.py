"""The core's suite for feeds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.testing import FeedTests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class TestArrays(FeedTests):
    use = "arrays"
    options: ClassVar[Mapping[str, Any]] = {"path": "panel", "timezone": "America/New_York"}

    def prepare(self, folder: Path) -> None:
        folder = folder / "panel"
        folder.mkdir(exist_ok=True)
        close = 10 + np.arange(60.0).reshape(20, 3)
        close[5, 1] = np.nan
        np.save(folder / "time.npy", (18_000 + np.arange(20)) * 86_400_000_000_000)
        for name, values in {
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": close * 100,
        }.items():
            np.save(folder / f"{name}.npy", values)
        (folder / "symbols.json").write_text(json.dumps(["A", "B", "C"]))

    def disturb(self, folder: Path) -> None:
        close = np.load(folder / "panel" / "close.npy")
        close[3, 2] += 0.5
        np.save(folder / "panel" / "close.npy", close)
