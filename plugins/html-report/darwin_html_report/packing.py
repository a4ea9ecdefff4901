"""Arrays in a page: base64 of little-endian numbers, which keeps NaN out of JSON and the page small."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def floats(values: Any) -> dict[str, str]:
    """Return values for drawing: float32, seven digits."""
    return {"f32": _packed(np.asarray(values, "<f4"))}


def doubles(values: Any) -> dict[str, str]:
    """Return values for reading: float64, all digits."""
    return {"f64": _packed(np.asarray(values, "<f8"))}


def seconds(column: Any) -> dict[str, str]:
    """Return a column of UTC timestamps as float64 seconds since 1970; NaN where there is none."""
    return doubles(nanoseconds(column) / 1e9)


def nanoseconds(column: Any) -> NDArray[np.float64]:
    """Return a column of UTC timestamps as float64 ns since 1970 (exact to 256 ns today); NaN where there is none."""
    import pyarrow as pa

    whole = column.cast(pa.int64())
    known: NDArray[np.float64] = whole.fill_null(0).to_numpy().astype(np.float64)
    known[whole.is_null().to_numpy()] = np.nan
    return known


def _packed(values: NDArray[Any]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def script_json(value: object) -> str:
    """Return JSON that may stand inside a script element, whatever texts are in it."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
