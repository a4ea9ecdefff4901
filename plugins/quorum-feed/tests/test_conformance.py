"""The core's suites for feeds and their live bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from darwin_core.testing import FeedTests
from darwin_core.testing.stream import StreamTests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DAYS = [f"2020-01-{d:02}" for d in (6, 7, 8, 9, 10, 13, 14, 15)]
NAMES = ("one", "two", "three")


def write(folder: Path) -> None:
    """Three providers: each lacks a bar of its own, and is wrong about one."""
    for number, name in enumerate(NAMES):
        rows = [
            f"{day},{symbol},{10 + i},{13 + i},{9 + i},{11 + i + (0.5 if i == 3 + number else 0)},{100 * i}\n"
            for i, day in enumerate(DAYS)
            for symbol in "AB"
            if i != number or symbol == "B"
        ]
        (folder / f"{name}.csv").write_text("date,symbol,open,high,low,close,volume\n" + "".join(rows))


class TestThreeProviders(FeedTests):
    use = "quorum"
    options: ClassVar[Mapping[str, Any]] = {
        "providers": [{"use": "./csv_source.py", "path": f"{name}.csv", "index": 20.0} for name in NAMES]
    }

    def prepare(self, folder: Path) -> None:
        write(folder)

    def disturb(self, folder: Path) -> None:
        for name in NAMES[:2]:
            path = folder / f"{name}.csv"
            path.write_text(path.read_text().replace("B,17,20,", "B,17,20.5,"))


class TestThreeThatGoOn(StreamTests):
    use = "quorum"
    options: ClassVar[Mapping[str, Any]] = {
        "providers": [{"use": "./csv_stream.py", "path": f"{name}.csv"} for name in NAMES]
    }

    def prepare(self, folder: Path) -> None:
        write(folder)

    def extend(self, folder: Path) -> None:
        for name in NAMES:
            with (folder / f"{name}.csv").open("a") as file:
                file.write("2020-02-03,A,1.1,2,1,1.5,10\n2020-02-03,B,2.1,3,2,2.5,10\n")
