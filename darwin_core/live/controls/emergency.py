"""The one way past the controls: what the kill switch sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.live.orders import Approved

if TYPE_CHECKING:
    from darwin_core.live.orders import Intent


def emergency(intent: Intent) -> Approved:
    """Approve of an order of the kill switch, whatever the line's own book says, which may be wrong just then.

    It closes what the venue says is held, after everything that could trade besides has been cancelled.

    Raises
    ------
    ValueError
        It is anything else.
    """
    if intent.leg != "flatten" or not intent.reduce_only:
        raise ValueError(f"{intent.client_id} is no order of the kill switch")
    return Approved(intent)
