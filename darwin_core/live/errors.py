"""What can go wrong with the live record, said for people."""

from __future__ import annotations

from darwin_core.errors import DarwinError


class JournalError(DarwinError):
    """A journal that cannot be trusted, read or written: names the file and the record."""


class IllegalTransition(DarwinError):  # noqa: N818 - it is what happened, not a mistake of the program
    """An event that an order in its status cannot have. The order stays as it was."""
