"""What is wrong with the data: collected kind by kind, refused or let through as the policy says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, get_args, get_type_hints

from attrs import define, field

from darwin_core import DataError
from darwin_panel_feed.options import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]
    Label: TypeAlias = Callable[[int], str]

SHOWN = 3
KINDS = {
    "unparsable": "cells that cannot be read",
    "missing": "bars with an empty or NaN cell",
    "infinite": "bars with an infinite value",
    "nonpositive": "bars with a price that is not above zero",
    "negative_volume": "bars with a negative volume",
    "range": "bars whose high is not the highest or whose low is not the lowest price",
    "nonexistent": "local times that the clock skipped (daylight saving)",
    "ambiguous": "local times that happened twice (daylight saving)",
    "unordered": "bars that stand after a later bar of their symbol",
    "duplicate": "bars with the symbol and time of an earlier row",
    "interval": "bars that are not one interval apart",
}
_MEANING = {"drop": "leave these rows out", "flag": "keep and report them", "later": "take the second time"}
_DONE = {"drop": "left out", "flag": "kept", "later": "taken as the second time"}


@define(eq=False)
class Report:
    """Collects defects; `settle` raises one error for all that are refused.

    Parameters
    ----------
    policy
        What to do about each kind.
    table
        Name of the policy's table in the deployment, for errors.
    """

    policy: Policy
    table: str
    findings: list[str] = field(factory=list, init=False)
    _refused: list[str] = field(factory=list, init=False)

    def judge(self, kind: str, where: object, rows: Ints, label: Label, hint: str = "") -> str:
        """Take note of defective rows; return the policy for their kind: refuse, drop, flag or later."""
        action: str = getattr(self.policy, kind)
        what = f"{where}: {KINDS[kind]}: {_count(len(rows))}"
        if action == "refuse":
            accept = f"to accept: {self.table} {kind} = {_choices(kind)}"
            self.refuse(what, rows, label, *([hint] if hint else []), accept)
        else:
            self.findings.append(f"{what} {_DONE[action]}; first: {label(int(rows[0]))}")
        return action

    def refuse(self, what: str, rows: Ints, label: Label, *advice: str) -> None:
        """Take note of rows that stop the run."""
        lines = [label(int(row)) for row in rows[:SHOWN]]
        if len(rows) > len(lines):
            lines.append(f"and {len(rows) - len(lines):,} more")
        self._refused.append("\n  ".join([what, *lines, *advice]))

    def settle(self) -> None:
        """Raise DataError when anything was refused."""
        if not self._refused:
            return
        shown = self._refused[:10]
        more = len(self._refused) - len(shown)
        raise DataError("\n".join([*shown, *([f"and {more} more such reports"] if more else [])]))


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _choices(kind: str) -> str:
    """Offer what the policy's type allows besides refusing."""
    allowed = get_args(get_type_hints(Policy)[kind])
    return " or ".join(f'"{word}" ({_MEANING[word]})' for word in allowed if word != "refuse")
