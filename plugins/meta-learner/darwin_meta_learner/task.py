"""What a meta-learner learns: when an expert's word is better turned into its opposite.

The expert is an earlier agent, a language model for example, which only observes: its decision, from 0 (decline) to 1
(take), is seen in the column ``agent.NAME``, and it is the meta-learner that acts on it. So both directions are open:
what the expert took can be declined, and what it declined can be taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import min_len

from darwin_core import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Examples

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

OVERRIDE, FOLLOW = 0.0, 1.0


def opposite(word: Floats) -> Floats:
    """Return the opposite of an expert's word, (N,): 1 - word, and never less than 0."""
    return np.maximum(1.0 - word, 0.0)


@frozen
class MetaTask:
    """The task.

    Parameters
    ----------
    expert
        Name of the earlier agent that it follows or overrules.
    """

    expert: str = field(default="llm-expert", validator=min_len(1))

    name: ClassVar[str] = "meta-learner"
    actions: ClassVar[tuple[float, ...]] = (OVERRIDE, FOLLOW)
    baseline: ClassVar[float] = FOLLOW
    against: ClassVar[str] = "always follow the expert"
    least: ClassVar[tuple[int, str]] = (2000, "candidates with decisions of the expert and outcomes")
    trades_only: ClassVar[bool] = False
    criterion: ClassVar[Literal["uplift"]] = "uplift"
    most_changed: ClassVar[float] = 0.15

    @property
    def word(self) -> str:
        """The column with the expert's decision."""
        return f"agent.{self.expert}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The observation that is taken when none is asked for."""
        return (
            self.word, "strategy.side", "strategy.weight", "strategy.confidence", "return(5)", "return(20)", "rsi(14)",
            "volatility(20)", "zscore(20)", "drawdown(252)",
        )  # fmt: skip

    def rewards(self, examples: Examples) -> Floats:
        """Return what overruling and following were worth, (N, 2) in R.

        Raises
        ------
        DataError
            The expert did not stand where it was seen from: what it decided is not what the column holds.
        """
        word = self._word(examples.names, examples.values)
        other = int((word != examples.expert).sum())
        if other:
            raise DataError(
                f"{other:,} decisions of {self.expert!r} are not what {self.word} holds: something limited it in the "
                "runs (max_overrides)"
            )
        return self.sizes(examples) * examples.outcome[:, None]

    def sizes(self, examples: Examples) -> Floats:
        """Return how much of the candidate is taken: the opposite of the expert's word, or its word, (N, 2)."""
        word = self._word(examples.names, examples.values)
        return np.column_stack([opposite(word), word])

    def allowed(self, names: Sequence[str], values: Floats) -> Bools:
        """Allow an override where the opposite is something else, (N, 2)."""
        word = self._word(names, values)
        return np.column_stack([opposite(word) != word, np.ones(len(word), np.bool_)])

    def _word(self, names: Sequence[str], values: Floats) -> Floats:
        if self.word not in names:
            raise DataError(f"a meta-learner has to see {self.word}, where the expert's decision stands")
        return values[:, list(names).index(self.word)]
