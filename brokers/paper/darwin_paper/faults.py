"""What goes wrong on purpose: the broker's options, and draws that depend on what an order is, never on the clock."""

from __future__ import annotations

from hashlib import blake2b

from attrs import field, frozen, validators

_SHARE = [validators.ge(0.0), validators.le(1.0)]


def _share() -> float:
    """Make an option that is a share; 0 is off."""
    share: float = field(default=0.0, validator=_SHARE)
    return share


@frozen
class Faults:
    """Faults for rehearsal; all are off until they are asked for.

    Parameters
    ----------
    seed
        Another seed, other orders that meet a fault.
    latency_ms
        Real milliseconds after which a submit or a cancel is answered; the venue has acted at once.
    reject
        Share of orders that are refused.
    partial
        Share of market orders of which a part is filled at one bar and the rest at the next.
    unknown_before, unknown_after
        Share of submits that are answered Unknown, before the venue has the order and after.
    hang
        Share of submits that are never answered; half of their orders the venue has.
    duplicate, reorder
        Share of events that come twice, and that change places with the next one.
    mute, drop
        Share of event streams that fall silent, and that end.
    late_fill
        Share of fills whose event comes after those of the next bar.
    lag_positions
        Positions are told as they were before the last bar.
    """

    seed: int = 0
    latency_ms: float = field(default=0.0, validator=validators.ge(0.0))
    reject: float = _share()
    partial: float = _share()
    unknown_before: float = _share()
    unknown_after: float = _share()
    hang: float = _share()
    duplicate: float = _share()
    reorder: float = _share()
    mute: float = _share()
    drop: float = _share()
    late_fill: float = _share()
    lag_positions: bool = False


@frozen
class Dice:
    """Draws for a deployment: the same fault for the same order, in every run.

    Parameters
    ----------
    seed
        The deployment's.
    """

    faults: Faults
    seed: int

    def draw(self, kind: str, key: object) -> float:
        """Return a number in [0, 1), a pure function of the seeds and of what it is for."""
        text = f"{self.seed}\0{self.faults.seed}\0{kind}\0{key}"
        return int.from_bytes(blake2b(text.encode(), digest_size=6).digest()) / 2**48

    def falls(self, kind: str, key: object) -> bool:
        """Say whether the fault `kind` happens to what is called `key`."""
        share: float = getattr(self.faults, kind)
        return share > 0.0 and self.draw(kind, key) < share
