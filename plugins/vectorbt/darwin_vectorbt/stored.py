"""A stored run as a vectorbt portfolio, from the files that every reader of Parquet opens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core import DataError, did_you_mean
from darwin_vectorbt.portfolio import portfolio

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILL_DTYPE = np.dtype([("bar", "i8"), ("symbol", "i8"), ("quantity", "f8"), ("price", "f8"), ("fee", "f8")])


def find(store: Path, name: str) -> Path:
    """Return the folder of a run: its id, the beginning of one, or ``last``."""
    runs = {path.parent.name: path.parent for path in store.glob("*/run.json") if not path.parent.name.startswith(".")}
    if not runs:
        raise DataError(f"there are no runs in {store}: make one with `darwin backtest`")
    if name == "last":
        return max(runs.values(), key=lambda folder: (_info(folder)["created"], folder.name))
    chosen = [name] if name in runs else [run for run in runs if run.startswith(name)]
    if not chosen:
        raise DataError(f"there is no run {name!r} in {store}: {did_you_mean(name, list(runs))}")
    if len(chosen) > 1:
        raise DataError(f"{name!r} could be any of {', '.join(sorted(chosen))}")
    return runs[chosen[0]]


def of_run(folder: Path) -> tuple[Any, bool]:
    """Return the portfolio of a stored run, and whether it has every bar."""
    import pyarrow.parquet as pq

    symbols = _info(folder)["symbols"]
    try:
        equity, prices, fills = (pq.read_table(folder / f"{name}.parquet") for name in ("equity", "prices", "fills"))
        cash = json.loads((folder / "config.json").read_text(encoding="utf-8"))["execution"]["cash"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"run {folder.name} cannot be read: {error}") from None
    every = _ns(equity["time"])
    time = _ns(prices["time"])[:: max(1, len(symbols))]
    closes = prices["close"].to_numpy().reshape(len(time), len(symbols))
    records = np.zeros(len(fills), FILL_DTYPE)
    records["bar"] = np.searchsorted(time, _ns(fills["time"]))  # the first kept bar that is not before the fill
    numbers = {symbol: i for i, symbol in enumerate(symbols)}
    records["symbol"] = [numbers[symbol] for symbol in fills["symbol"].to_pylist()]
    for field in ("quantity", "price", "fee"):
        records[field] = fills[field].to_numpy()
    interval = int(np.median(np.diff(time))) if len(time) > 1 else 1
    return portfolio(time, symbols, closes, records, float(cash), interval), len(time) == len(every)


def _info(folder: Path) -> dict[str, Any]:
    try:
        info: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / 'run.json'} cannot be read: {error}") from None
    if not {"created", "symbols"} <= set(info):
        raise DataError(f"{folder / 'run.json'} does not describe a backtest")
    return info


def _ns(column: Any) -> NDArray[np.int64]:
    times: NDArray[np.int64] = column.combine_chunks().cast("int64").to_numpy()
    return times
