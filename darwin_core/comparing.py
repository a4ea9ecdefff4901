"""Say where two runs part: settings, data, and the first decision that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from darwin_core.store import Run

_FACTS = ("data", "bars", "first", "last", "symbols", "fill", "block", "seed", "strategy", "versions")


def compare(first: Run, second: Run) -> dict[str, Any]:
    """Compare two runs.

    Returns
    -------
    dict
        ``same_decisions`` (digests are equal), ``facts`` and ``settings`` that differ as [name, A, B], ``summary``
        as [figure, A, B], and ``parting``: number, A's row and B's row of the first decision that differs.
    """
    same = first.info["digest"] == second.info["digest"]
    return {
        "a": first.id,
        "b": second.id,
        "same_decisions": same,
        "facts": [
            [name, first.info.get(name), second.info.get(name)]
            for name in _FACTS
            if first.info.get(name) != second.info.get(name)
        ],
        "settings": list(_differences("", _config(first), _config(second))),
        "summary": [
            [name, value, second.info["summary"].get(name)]
            for name, value in first.info["summary"].items()
            if value != second.info["summary"].get(name)
        ],
        "parting": None if same else _parting(first.table("decisions"), second.table("decisions")),
    }


def _config(run: Run) -> Any:
    import json

    return json.loads((run.folder / "config.json").read_text(encoding="utf-8"))


def _differences(prefix: str, first: Any, second: Any) -> Iterator[list[Any]]:
    """Yield [dotted key, A, B] for every leaf that differs."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in dict.fromkeys([*first, *second]):
            yield from _differences(f"{prefix}.{key}".lstrip("."), first.get(key), second.get(key))
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (a, b) in enumerate(zip(first, second, strict=True)):
            yield from _differences(f"{prefix}.{number}", a, b)
    elif first != second:
        yield [prefix, first, second]


def _parting(first: pa.Table, second: pa.Table) -> dict[str, Any] | None:
    """Return the first decision in which two logs differ; None when only their headers do."""
    rows = min(len(first), len(second))
    differs = np.zeros(rows, np.bool_)
    for name in first.column_names:
        a, b = _plain(first[name][:rows]), _plain(second[name][:rows])
        differs |= (a != b) & ~((a != a) & (b != b))  # noqa: PLR0124 - NaN equals NaN here
    if not differs.any() and len(first) == len(second):
        return None
    at = int(np.argmax(differs)) if differs.any() else rows
    return {"row": at, "a": _row(first, at), "b": _row(second, at)}


def _plain(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return column.to_numpy()


def _row(table: pa.Table, at: int) -> dict[str, Any] | None:
    if at >= len(table):
        return None
    row: dict[str, Any] = table.slice(at, 1).to_pylist()[0]
    return {**row, "time": row["time"].isoformat()}
