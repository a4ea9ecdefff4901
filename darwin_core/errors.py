"""What can go wrong, said for people: what was wrong, where, and what would be right."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class DarwinError(Exception):
    """A mistake that a person can mend. The command line prints its text and no traceback."""


class ConfigError(DarwinError):
    """A deployment file says something that cannot be: names file, line and key."""


class DataError(DarwinError):
    """Market data that cannot be trusted: names file, rows and the policy that would accept them."""


class PluginError(DarwinError):
    """A plugin that is missing, does not load, or breaks its contract: names it and its version."""


class CausalityError(DarwinError):
    """A component's past changed when its future became known. The run's numbers are worthless."""


class RunError(DarwinError):
    """A stored run that is missing, unfinished or damaged."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the nearest known word, or lists what there is.

    Examples
    --------
    >>> did_you_mean("gatee", ["gate", "master"])
    "did you mean 'gate'?"
    >>> did_you_mean("zzz", ["gate", "master"])
    'known: gate, master'
    """
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "there is none"
