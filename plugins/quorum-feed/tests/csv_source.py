"""A provider for tests: one CSV file of one or more symbols, read as it is."""

from __future__ import annotations

import csv

import numpy as np
from attrs import frozen

from darwin_core import Bars, hookimpl
from darwin_core.testing import BarsFeed

FIELDS = ("open", "high", "low", "close", "volume")


@frozen
class Options:
    path: str
    timezone: str = "UTC"
    index: float = 0.0


class Daily(BarsFeed):
    """Bars of days, however few."""

    @property
    def interval(self):
        return 86_400_000_000_000


@hookimpl
def make_feed(options):
    chosen = options.into(Options)
    with (options.folder / chosen.path).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = tuple(dict.fromkeys(row["symbol"] for row in rows))
    time = np.unique(np.array([row["date"] for row in rows], "datetime64[ns]").astype(np.int64))
    fields = {name: np.full((len(time), len(names)), np.nan) for name in FIELDS if name in rows[0]}
    for row in rows:
        at = int(np.searchsorted(time, np.datetime64(row["date"], "ns").astype(np.int64)))
        for name, values in fields.items():
            values[at, names.index(row["symbol"])] = float(row[name])
    reference = {"VIX": np.full(len(time), chosen.index)} if chosen.index else {}
    for values in (time, *fields.values(), *reference.values()):
        values.flags.writeable = False
    return Daily(Bars(time, names, fields, reference, chosen.timezone))
