"""A provider for tests: a CSV file of days that may grow."""

from __future__ import annotations

import asyncio
import csv

import numpy as np
from attrs import frozen

from darwin_core import BarEvent, Bars, hookimpl
from darwin_core.testing import BarsFeed

FIELDS = ("open", "high", "low", "close", "volume")


@frozen
class Options:
    path: str


def rows_of(path):
    """Return (time, symbol, values) of every line."""
    with path.open(encoding="utf-8") as file:
        return [
            (int(np.datetime64(row["date"], "ns").astype(np.int64)), row["symbol"], [float(row[n]) for n in FIELDS])
            for row in csv.DictReader(file)
        ]


class Growing(BarsFeed):
    """A history, and a stream that reads the file again and again."""

    async def stream(self, after):
        """Yield what is later than a time and has not been yielded."""
        said = set()
        while True:
            for time, symbol, values in rows_of(self.path):
                if time > after and (time, symbol) not in said:
                    said.add((time, symbol))
                    yield BarEvent(time, symbol, np.array(values), 1)
            await asyncio.sleep(0.01)


@hookimpl
def make_feed(options):
    path = options.folder / options.into(Options).path
    rows = rows_of(path)
    time = np.unique(np.array([each[0] for each in rows]))
    names = tuple(sorted({each[1] for each in rows}))
    values = np.full((len(FIELDS), len(time), len(names)), np.nan)
    for at, symbol, numbers in rows:
        values[:, np.searchsorted(time, at), names.index(symbol)] = numbers
    for each in (time, values):
        each.flags.writeable = False
    feed = Growing(Bars(time, names, dict(zip(FIELDS, values, strict=True)), {}, "UTC"))
    object.__setattr__(feed, "path", path)
    return feed
