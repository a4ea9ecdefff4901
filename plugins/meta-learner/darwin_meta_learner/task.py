"""What a meta-learner learns: when an expert that takes a candidate is better overruled.

The expert is an earlier agent that acts, a language model for example; its decision is seen in ``proposal.weight``, the
weight that it left. What it refused has no weight left that could be scaled, so a refusal is always followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from attrs import frozen

from darwin_core import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Examples

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

OVERRIDE, FOLLOW = 0.0, 1.0
LEFT, PROPOSED = "proposal.weight", "strategy.weight"


@frozen
class MetaTask:
    """The task. It has no options."""

    name: ClassVar[str] = "meta-learner"
    actions: ClassVar[tuple[float, ...]] = (OVERRIDE, FOLLOW)
    baseline: ClassVar[float] = FOLLOW
    against: ClassVar[str] = "always follow the expert"
    columns: ClassVar[tuple[str, ...]] = (
        LEFT, PROPOSED, "strategy.side", "strategy.confidence", "return(5)", "return(20)", "rsi(14)",
        "volatility(20)", "zscore(20)", "drawdown(252)",
    )  # fmt: skip
    least: ClassVar[tuple[int, str]] = (2000, "candidates with decisions of the expert and outcomes")
    trades_only: ClassVar[bool] = False
    expert: ClassVar[bool] = True
    criterion: ClassVar[Literal["uplift"]] = "uplift"
    most_changed: ClassVar[float] = 0.15

    def rewards(self, examples: Examples) -> Floats:
        """Return what overruling and following were worth, (N, 2) in R.

        Raises
        ------
        DataError
            What the expert decided is not what the agents behind it saw: it did not act in the runs.
        """
        taken = self._taken(examples.names, examples.values)
        if not np.array_equal(taken, examples.expert > 0.0):
            count = int((taken != (examples.expert > 0.0)).sum())
            raise DataError(
                f"{count:,} decisions of the expert did not reach the agents behind it: it has to act in the runs "
                '(mode = "active") and stand before the meta-learner'
            )
        followed = examples.expert * examples.outcome
        return np.column_stack([np.zeros(len(examples)), followed])

    def allowed(self, names: Sequence[str], values: Floats) -> Bools:
        """Allow an override where there is something to overrule, (N, 2)."""
        allowed = np.ones((len(values), 2), np.bool_)
        allowed[:, 0] = self._taken(names, values)
        return allowed

    @staticmethod
    def _taken(names: Sequence[str], values: Floats) -> Bools:
        if LEFT not in names:
            raise DataError(f"a meta-learner has to see {LEFT}, where the expert's decision stands")
        taken: Bools = values[:, list(names).index(LEFT)] > 0.0
        return taken
