"""Change what a component must not depend on: the clocks, chance, the process it runs in."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAVY = frozenset(
    {
        "aiohttp", "alpaca", "ccxt", "duckdb", "gymnasium", "httpx", "jax", "lightgbm", "matplotlib", "numba",
        "onnxruntime", "pandas", "plotly", "polars", "pyarrow", "requests", "scipy", "sklearn", "stable_baselines3",
        "statsmodels", "tensorflow", "torch", "transformers", "vectorbt", "xgboost",
    }
)  # fmt: skip
"""Libraries that take long to import: a plugin imports them inside its functions."""

_CLOCKS = ("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time")
_LEFT_ALONE = (sys.stdlib_module_names | {"numpy", "pyarrow", "llvmlite", "pytest", "_pytest", "xdist", "execnet"}) - {
    "time",
    "datetime",
}


@contextlib.contextmanager
def clocks_moved(days: int) -> Iterator[None]:
    """Let the clocks of `time` and `datetime` run `days` ahead, wherever a module has taken them by name.

    NumPy's ``datetime64("now")`` and pandas' ``Timestamp.now()`` read the clock in C and are not moved.
    """
    moved = {id(getattr(time, name)): _moved(getattr(time, name), days) for name in _CLOCKS}
    moved[id(dt.datetime)] = _moved_datetime(days)
    moved[id(dt.date)] = _moved_date(days)
    changed: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _LEFT_ALONE:
                continue
            table = getattr(module, "__dict__", {})
            for key, value in list(table.items()):
                if id(value) in moved:
                    changed.append((table, key, value))
                    table[key] = moved[id(value)]
        yield
    finally:
        for table, key, value in changed:
            table[key] = value


def _moved(clock: Any, days: int) -> Any:
    def moved() -> Any:
        return clock() + days * 86_400 * (10**9 if clock.__name__.endswith("_ns") else 1)

    return moved


class _AsReal(type):
    """Lets ``isinstance`` know the real dates, which other modules go on making."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])


def _moved_datetime(days: int) -> type[dt.datetime]:
    real = dt.datetime

    class Moved(real, metaclass=_AsReal):  # type: ignore[valid-type, misc]
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return real.now(tz) + dt.timedelta(days=days)

        @classmethod
        def utcnow(cls) -> dt.datetime:
            return real.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(days=days)

        @classmethod
        def today(cls) -> dt.datetime:
            return real.now() + dt.timedelta(days=days)

    return Moved


def _moved_date(days: int) -> type[dt.date]:
    real = dt.date

    class Moved(real, metaclass=_AsReal):  # type: ignore[valid-type, misc]
        @classmethod
        def today(cls) -> dt.date:
            return real.today() + dt.timedelta(days=days)

    return Moved


def in_another_process(code: str, *arguments: str, folder: Path, hash_seed: int = 4_242) -> str:
    """Run Python code in a process of its own, with another hash seed and the same import path; return its output."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )
    if done.returncode != 0:
        msg = f"the plugin fails in a process of its own:\n{done.stderr.strip()}"
        raise AssertionError(msg)
    return done.stdout
