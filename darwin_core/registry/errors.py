"""What can go wrong with policies, said for people."""

from __future__ import annotations

from darwin_core.errors import DarwinError


class RegistryError(DarwinError):
    """A policy, a pointer, a key or an observation that is refused: names the file and says why."""
