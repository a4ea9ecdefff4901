"""The core's suites for feeds and their live bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from darwin_core.testing import FeedTests
from darwin_core.testing.stream import StreamTests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DAYS = [f"2020-01-{d:02}" for d in (6, 7, 8, 9, 10, 13, 14, 15)]


def write(folder: Path, *symbols: str) -> None:
    for number, symbol in enumerate(symbols):
        rows = "".join(
            f"{day},{10 + i + number},{12 + i},{9 + i},{11 + i},{100 * i}\n" for i, day in enumerate(DAYS[number:])
        )
        (folder / f"{symbol}.csv").write_text("date,open,high,low,close,volume\n" + rows)


class TestOneFileASymbol(FeedTests):
    use = "panel"
    options: ClassVar[Mapping[str, Any]] = {"path": "*.csv", "timezone": "America/New_York"}

    def prepare(self, folder: Path) -> None:
        write(folder, "A", "B")

    def disturb(self, folder: Path) -> None:
        path = folder / "B.csv"
        path.write_text(path.read_text().replace(",11,", ",11.5,", 1))


class TestALongFileWithAReference(FeedTests):
    use = "panel"
    options: ClassVar[Mapping[str, Any]] = {
        "path": "all.csv",
        "timezone": "UTC",
        "stamp": "open",
        "reference": {"VIX": {"path": "VIX.csv", "align": "last"}},
    }

    def prepare(self, folder: Path) -> None:
        times = [f"{day}T{hour:02}:00" for day in DAYS for hour in range(9, 16)]
        rows = [
            f"{time},{symbol},{10 + i}"
            for i, time in enumerate(times)
            for symbol in ("X", "Y")
            if (i + ord(symbol)) % 5
        ]
        (folder / "all.csv").write_text("\n".join(["time,symbol,close", *rows]))
        (folder / "VIX.csv").write_text("date,close\n" + "".join(f"{day},{20 + i}\n" for i, day in enumerate(DAYS)))

    def disturb(self, folder: Path) -> None:
        path = folder / "VIX.csv"
        path.write_text(path.read_text().replace(",20", ",20.5", 1))


class TestALongFileThatGrows(StreamTests):
    use = "panel"
    options: ClassVar[Mapping[str, Any]] = {
        "path": "all.csv", "timezone": "America/New_York", "adjust": "adj", "follow": True,
        "reference": {"VIX": {"path": "VIX.csv", "align": "last"}},
    }  # fmt: skip

    def prepare(self, folder: Path) -> None:
        rows = [f"{day},{symbol},{10 + i / 3},{9 + i / 7}\n" for i, day in enumerate(DAYS) for symbol in "XY"]
        (folder / "all.csv").write_text("date,symbol,close,adj\n" + "".join(rows))
        (folder / "VIX.csv").write_text("date,close\n" + "".join(f"{day},{20 + i}\n" for i, day in enumerate(DAYS)))

    def extend(self, folder: Path) -> None:
        with (folder / "all.csv").open("a") as file:
            file.write("2020-02-03,X,11.1,10.9\n2020-02-03,Y,12.1,11.9\n")
