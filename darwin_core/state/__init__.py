"""What every agent decided and what became of it: one SQLite file a deployment, from backtests and live alike.

`schema` is what the file holds, `database` how it is opened, `rows` what is written, `rewards` what a decision was
worth, `writer` the way in for live, `recording` the way in for a stored run, `health` what is read out again.
"""

from __future__ import annotations

from darwin_core.state.database import StateError, connect
from darwin_core.state.health import Health, Shown, health, listing, shown
from darwin_core.state.recording import record_run
from darwin_core.state.rows import Candidate, Decision, Outcome, Session
from darwin_core.state.writer import StateWriter

FILE = "state.sqlite"
"""The database's name in the store of a deployment's runs."""

__all__ = [
    "FILE",
    "Candidate",
    "Decision",
    "Health",
    "Outcome",
    "Session",
    "Shown",
    "StateError",
    "StateWriter",
    "connect",
    "health",
    "listing",
    "record_run",
    "shown",
]
