"""The kill latch of a session whose process is gone: closed and released on the file, by the same rights."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from darwin_core.errors import ConfigError
from darwin_core.live.control import callers, places
from darwin_core.live.control.actions import Name, needed
from darwin_core.live.control.private import now_ns

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.live.control.callers import Caller


def close(folder: Path, secret: str, person: str, why: str) -> str:
    """Close the latch; return what was done, in words; ConfigError when it may or can not be."""
    caller = permitted(folder, secret, "flatten")
    latch = places.latch(folder)
    written = latch.close(caller.named(person), why, now_ns())
    if not places.latch(folder).state().closed:  # the file, not what this process believes
        raise ConfigError(f"the latch {latch.path} could not be closed on the disk")
    return "the kill latch is closed" if written else "the kill latch is closed by its emergency mark, without a record"


def release(folder: Path, secret: str, person: str, why: str) -> str:
    """Release the latch; return what was done, in words; ConfigError when it may or can not be."""
    caller = permitted(folder, secret, "release")
    places.latch(folder).release(caller.named(person), why, now_ns())
    return "the kill latch is released"


def permitted(folder: Path, secret: str, name: Name) -> Caller:
    """Return who acts on a session's files; raise ConfigError when they may not do this."""
    owner = os.name == "nt" or folder.stat().st_uid == os.geteuid()
    caller = callers.identify(folder, secret, now_ns(), local=callers.login() if owner else "")
    if problem := caller.refusal(name, needed(name, {})):
        raise ConfigError(problem)
    return caller
