"""Tell the reporters. They hear what happened, and what they do or fail to do changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.plugins import why

if TYPE_CHECKING:
    from darwin_core.assembly import Line
    from darwin_core.store import Run


def report(line: Line, run: Run) -> list[str]:
    """Hand a stored run to every reporter; return one sentence each, of success or of failure."""
    told = []
    for reporter, owner in line.reporters:
        try:
            text = reporter.report(run)
        except Exception as error:  # noqa: BLE001 - a report must not cost the run that it is about
            text = f"{owner} failed: {why(error)}"
        if text:
            told.append(text)
    return told
