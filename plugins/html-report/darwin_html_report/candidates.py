"""What became of the candidates: how their outcomes are spread, the taken ones beside the skipped ones."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_html_report.texts import count, esc, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_R_EDGES = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_RETURN_EDGES = (-0.2, -0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1, 0.2, 0.5)


def outcomes(rows: Any) -> str:
    """Return the histogram and the exits of a table of candidates (a pyarrow.Table)."""
    taken = rows["taken"].to_numpy()
    return f'<div class="two wide-left">{_histogram(rows, taken)}{_exits(rows, taken)}</div>'


def _histogram(rows: Any, taken: NDArray[np.bool_]) -> str:
    r, returns = rows["r_multiple"].to_numpy(), rows["return"].to_numpy()
    in_r = bool(np.isfinite(r).any())
    values, edges = (r, _R_EDGES) if in_r else (returns, _RETURN_EDGES)
    known = np.isfinite(values)
    if not known.any():
        return '<p class="muted">No candidate has an outcome yet.</p>'
    counts = [np.histogram(values[known & which], [-np.inf, *edges, np.inf])[0].tolist() for which in (taken, ~taken)]
    most = max(map(max, counts))
    heading = "R multiple" if in_r else "Return"
    named = zip(_names(edges, in_r=in_r), *counts, strict=True)
    return table(
        (heading, "Taken", "Skipped"),
        ((name, _bar(a, most, "taken"), _bar(b, most, "skipped")) for name, a, b in named),
        "histogram",
    )


def _names(edges: Sequence[float], *, in_r: bool) -> list[str]:
    texts = [f"{e:g}" if in_r else f"{e * 100:g} %" for e in edges]
    texts = [text.replace("-", "\N{MINUS SIGN}") for text in texts]
    return [f"below {texts[0]}", *(f"{a} to {b}" for a, b in pairwise(texts)), f"{texts[-1]} and more"]


def _bar(n: int, most: int, css: str) -> str:
    share = 100.0 * n / most if most else 0.0
    return f'<div class="hbar {css}" style="--share:{share:.2f}%"><i></i><span>{count(n) if n else ""}</span></div>'


def _exits(rows: Any, taken: NDArray[np.bool_]) -> str:
    reasons = [reason or "open at the end" for reason in rows["reason"].to_pylist()]
    of_taken = Counter(reason for reason, was in zip(reasons, taken, strict=True) if was)
    of_skipped = Counter(reason for reason, was in zip(reasons, taken, strict=True) if not was)
    names = sorted({*of_taken, *of_skipped})
    lines = ((esc(name.replace("_", " ")), count(of_taken[name]), count(of_skipped[name])) for name in names)
    return table(("Ended by", "Taken", "Skipped"), lines)
