"""The options of ``[feed] use = "quorum"``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

if TYPE_CHECKING:
    from attrs import Attribute

MOST = 9
_SHARE = and_(ge(0.0), le(1.0))


def _some(_cls: Any, _field: Attribute[Any], value: tuple[Any, ...]) -> None:
    if not 2 <= len(value) <= MOST:
        msg = f"2 to {MOST} providers can vote, not {len(value)}"
        raise ValueError(msg)


@frozen
class QuorumOptions:
    """Who votes, and what agreement is.

    Parameters
    ----------
    providers
        Two to nine tables, each as ``[feed]`` itself; of equally large camps the one with the first listed wins.
    quorum
        How many must agree; 0: more than half of those that are not put aside.
    tolerance
        Prices agree when they differ by no more than this share of the larger one.
    volume_tolerance
        The same for volumes; 1 lets any volumes agree.
    deadline_s
        Seconds after a bar's end for which a quorum is waited for, in live.
    strikes
        Bars in a row that a provider may miss, or be outvoted on, before it is put aside.
    """

    providers: tuple[dict[str, Any], ...] = field(validator=_some)
    quorum: int = field(default=0, validator=and_(ge(0), le(MOST)))
    tolerance: float = field(default=1e-4, validator=_SHARE)
    volume_tolerance: float = field(default=0.1, validator=_SHARE)
    deadline_s: float = field(default=2.0, validator=gt(0.0))
    strikes: int = field(default=3, validator=ge(1))
