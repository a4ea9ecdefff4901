"""``darwin parity``: a live session against the backtest of the same tape, decision by decision, byte for byte.

The tape is run through the unchanged plugins block by block, at array speed, with the ledger's own fills. When digest
and account are the session's, that is the proof. When they are not, both sides are walked through bar by bar, each bar
from the session's own account of the bar before: so whatever differs on a bar was made on that bar. The inputs that
differ there (what the venue did, what the bar was decided without) are given to the backtest one after the other, until
it has all that the session had. What each of them changes is its doing; when all of them together do not give
the session's bytes, the rest is unexplained, and there is a fault in darwin or in a plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from darwin_core.live.attributing import UNEXPLAINED
from darwin_core.live.corrected import Corrected
from darwin_core.live.deciding import log_of
from darwin_core.live.explaining import Attribution, Difference, unexplained
from darwin_core.live.reference import ArrayRun
from darwin_core.live.replaying import CURVE, differing_rows, opened

if TYPE_CHECKING:
    from darwin_core.live.session import Session


@frozen
class Parity:
    """What the comparison came to.

    Parameters
    ----------
    bars, rows
        Bars decided on, and rows of the session's decision log.
    backtest, live
        Digests of the two decision logs, hex.
    equal
        The digests are equal, and so is the account on every close.
    differing
        In how many rows the two logs differ: what a cause changes on its bar, and what follows from it.
    equity
        At the last close: the backtest's and the session's.
    """

    session: str
    bars: int
    rows: int
    backtest: str
    live: str
    equal: bool
    as_corrected: bool
    differing: int
    equity: tuple[float, float]
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences without a cause."""
        return tuple(each for each in self.differences if each.cause == UNEXPLAINED)


def parity(session: Session, *, as_corrected: bool = False) -> Parity:
    """Compare a session with the backtest of its tape.

    Parameters
    ----------
    as_corrected
        Compare with the backtest of the corrected bars: what would have been otherwise, had they been known.

    Raises
    ------
    RunError
        The session has nothing to be compared.
    """
    with opened(session) as recorded:
        decisions = recorded.decisions
        line, first = recorded.line_on_tape, recorded.tape.known
        if as_corrected:
            line = evolve(line, feed=Corrected(recorded.tape))
        backtest = ArrayRun(line, first, first + len(decisions))
        digest = backtest.run()
        curve = np.array([[each.content[name] for name in CURVE] for each in decisions])
        equal = digest == recorded.digest and bool((curve == backtest.curve).all())
        found: tuple[Difference, ...] = ()
        if not equal:
            found = Attribution(recorded, line).differences()
            found = found or (unexplained(decisions[0].bar, "no bar differs, and the whole does"),)
        log = np.concatenate([log_of(each) for each in decisions])
        equity = float(backtest.curve[-1, 0]), float(curve[-1, 0])
        return Parity(
            session.id, len(decisions), len(log), digest, recorded.digest, equal, as_corrected,
            differing_rows(backtest.log, log), equity, found,
        )  # fmt: skip
