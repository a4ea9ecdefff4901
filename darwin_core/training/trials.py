"""Who has looked at which test window: every training is one more chance to be lucky, and is held against the next.

A line of JSON a training, written before the window is opened, in ``artifacts/training/AGENT/trials.jsonl``. The k-th
training whose test window overlaps those of the k - 1 before it is judged at the level 1 - 0.05 * 6 / (pi k)^2: the
errors of all of them together stay below 5 % (the sum of 1 / k^2 is pi^2 / 6).
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

from attrs import frozen

from darwin_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ERROR = 0.05
FILE = "trials.jsonl"


@frozen
class Opening:
    """A test window that is about to be looked at.

    Parameters
    ----------
    data
        Fingerprints of the data sets.
    first, last
        Of the window, ns.
    tried
        Policies that were trained and compared on validation before one was chosen.
    """

    data: tuple[str, ...]
    first: int
    last: int
    tried: int


def open_window(folder: Path, opening: Opening, about: dict[str, Any]) -> tuple[int, int]:
    """Write down that a test window is opened; return how many-th look at it this is, and all trials up to now.

    Raises
    ------
    DataError
        The record cannot be read or written: then the window stays shut.
    """
    place = folder / FILE
    before = [each for each in past(folder) if _overlaps(each, opening)]
    looks = 1 + len(before)
    trials = opening.tried + sum(int(each["tried"]) for each in before)
    line = json.dumps(
        {"look": looks, "data": list(opening.data), "first": opening.first, "last": opening.last,
         "tried": opening.tried, **about},
        sort_keys=True,
    )  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataError(f"{place} cannot be written, so the test window stays shut: {error.strerror}") from None
    return looks, trials


def level(look: int) -> float:
    """Return the level of the interval that the k-th look is judged by.

    Examples
    --------
    >>> [round(level(k), 4) for k in (1, 2, 3)]
    [0.9696, 0.9924, 0.9966]
    """
    return 1.0 - ERROR * 6.0 / (math.pi * look) ** 2


def _overlaps(past: dict[str, Any], opening: Opening) -> bool:
    same = bool(set(past["data"]) & set(opening.data))
    return same and past["first"] <= opening.last and past["last"] >= opening.first


def past(folder: Path) -> Sequence[dict[str, Any]]:
    """Return all openings on record, oldest first; raise DataError when the record cannot be read."""
    place = folder / FILE
    if not place.exists():
        return ()
    shut = "so nobody knows who has seen the test window"
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{place} cannot be read, {shut}: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except ValueError:
            raise DataError(f"{place}:{number} cannot be read, {shut}: it is no line of JSON") from None
    return found
