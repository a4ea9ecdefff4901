"""What is killed: a session of the real runtime, begun or gone on with, to its end. Run by `killing.Killing`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from attrs import asdict

sys.path.insert(0, str(Path(__file__).parent.parent))

from campaigns.evidence import End
from campaigns.rehearsal import begun, rehearse

from darwin_core import compiled
from darwin_core.live import session as sessions
from darwin_core.live.running import open_runtime

compiled.warm()  # in the process that is forked from, once for all runs


def trade(folder: str, what: str = "all") -> None:
    """Run the deployment of a folder to the end of its bars; write down how it ended. `open`: stop before the first."""
    place = Path(folder)
    if what == "open":
        open_runtime(sessions.begin(place / "darwin.toml", {}, replay=":"), 0.0, lambda _status: None)
        return
    if begun(place / "darwin.toml") is None:
        shutil.rmtree(place / "runs", ignore_errors=True)  # killed before there was a session
    run = rehearse(place / "darwin.toml")
    told = {**asdict(End.of(run)), "closed": run.shut()}
    (place / "end.json").write_text(json.dumps(told), encoding="utf-8")
