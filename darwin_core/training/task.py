"""What an agent is trained for: its actions, what each was worth, and what it is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.types import Bools, Floats, Ints


@frozen(eq=False)
class Examples:
    """Candidates, or bars, with what an agent would have seen and what became of them, ordered by when that was known.

    Parameters
    ----------
    names, values
        F columns and (N, F) float64, all finite: the observation at the candidate.
    time, resolved
        (N,) ns: when the agent decides, and since when the outcome is known.
    symbol
        (N,) text.
    outcome
        (N,) float64, in R: return over the stop's distance, costs paid, of the candidate as it was proposed. At bars:
        the return of holding the symbol over the task's horizon, over the stop's distance, before costs.
    expert
        (N,) float64: the action of an earlier agent (1 takes the candidate, 0 refuses it), NaN where there is none.
    timezone
        In which days are meant.
    cost
        What opening a position and closing it costs, in R, where it is not in the outcomes yet.
    """

    names: tuple[str, ...]
    values: Floats
    time: Ints
    resolved: Ints
    symbol: NDArray[Any] = field(repr=False)
    outcome: Floats = field(repr=False)
    expert: Floats = field(repr=False)
    timezone: str = "UTC"
    cost: float = 0.0

    def __len__(self) -> int:
        """Return the number of examples N."""
        return len(self.time)

    def __getitem__(self, rows: NDArray[Any]) -> Examples:
        """Return some examples, by mask or by number."""
        return Examples(
            self.names, self.values[rows], self.time[rows], self.resolved[rows], self.symbol[rows],
            self.outcome[rows], self.expert[rows], self.timezone, self.cost,
        )  # fmt: skip


@runtime_checkable
class Task(Protocol):
    """What an agent plugin's `make_task` returns: a frozen attrs class whose fields are the task's own options.

    A task may also have ``horizon``, a number of bars: its examples are then all bars instead of the candidates, and
    an outcome is what holding the symbol over so many bars was worth; see `darwin_core.training.horizon`.

    And ``sizes(examples)``, (N, A): how much of the proposed position each action takes, where that is not the action
    itself.
    """

    @property
    def name(self) -> str:
        """The task's name; a policy is loaded by an agent of the same task only."""

    @property
    def actions(self) -> tuple[float, ...]:
        """What can be decided, A numbers; `baseline` is one of them."""

    @property
    def baseline(self) -> float:
        """The action that a policy has to beat, and that stands when it cannot decide."""

    @property
    def against(self) -> str:
        """The baseline in words: ``pass every candidate``."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The observation that is taken when none is asked for."""

    @property
    def least(self) -> tuple[int, str]:
        """The fewest examples that it can be trained on, and what they are called: (1000, ``candidates``)."""

    @property
    def trades_only(self) -> bool:
        """Whether only candidates for which an order was sent are examples."""

    @property
    def expert(self) -> str:
        """The earlier agent that it is about, "" for none: examples are candidates on which that one decided."""

    @property
    def criterion(self) -> Literal["uplift", "sharpe"]:
        """What has to be better than the baseline's: the mean reward a decision, or the Sharpe ratio per trade.

        A policy of sizes is judged by the Sharpe ratio, which is the same at any mean exposure: it could gain in
        utility by trading less of everything.
        """

    @property
    def most_changed(self) -> float:
        """The largest share of decisions that may differ from the baseline, unless another is asked for."""

    def rewards(self, examples: Examples) -> Floats:
        """Return what each action would have been worth, (N, A) in R."""

    def allowed(self, names: Sequence[str], values: Floats) -> Bools | None:
        """Return which actions may be chosen, (N, A), from the observation alone; None: all."""


def sizes_of(task: Task, examples: Examples) -> Floats:
    """Return how much of the proposed position each action takes, (N, A)."""
    if hasattr(task, "sizes"):
        found: Floats = task.sizes(examples)
        return found
    return np.broadcast_to(np.asarray(task.actions, np.float64), (len(examples), len(task.actions)))


def options_of(task: Task) -> Mapping[str, Any]:
    """Return a task's own options, as they are written into a policy's metadata."""
    import attrs

    return attrs.asdict(task)  # type: ignore[arg-type]
