"""What a trainer is given and gives back. The same for every task: rows, and what each action was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from darwin_core.types import Bools, Floats, Floats32


@frozen(eq=False)
class Rows:
    """Examples as a trainer sees them.

    Parameters
    ----------
    observations
        (N, F) float32, normalised, in the order in which outcomes became known.
    rewards
        (N, A) float64, in R: what each action was worth. All are known, so nothing has to be tried out.
    allowed
        (N, A): which actions may be chosen; None: all.
    """

    observations: Floats32
    rewards: Floats
    allowed: Bools | None = None

    def __len__(self) -> int:
        """Return the number of rows N."""
        return len(self.observations)


@frozen(eq=False)
class Lesson:
    """What a trainer may learn from, and what it may stop by.

    Parameters
    ----------
    train
        What it learns from.
    validation
        Later rows, for stopping and for nothing else.
    baseline
        Number of the action that stands when there is nothing better.
    """

    train: Rows
    validation: Rows
    baseline: int


@frozen
class TrainingPlan:
    """How a training is carried out.

    Parameters
    ----------
    steps, eval_every
        Decisions to learn from in all, and after how many the validation rows are looked at.
    seed, threads
        Every random choice comes from the seed; the bits of a result depend on the number of threads.
    checkpoint
        A file that a trainer may write its state to, as plain arrays, and go on from if `resume` is set.
    tensorboard
        A folder for TensorBoard's event files.
    """

    steps: int
    eval_every: int
    seed: int
    threads: int = 1
    checkpoint: Path | None = None
    resume: bool = False
    tensorboard: Path | None = None


@frozen(eq=False)
class Trained:
    """What a trainer has made.

    Parameters
    ----------
    policy
        An ONNX model, float32 (N, F) to (N, A): the higher an action's score, the better. Differences of scores are
        compared with a threshold of 0 or more.
    details
        Hyper-parameters, steps and what else should be on record; JSON-able, no wall-clock times.
    libraries
        Distribution to version, of the libraries that made it.
    """

    policy: bytes = field(repr=False)
    details: Mapping[str, Any]
    libraries: Mapping[str, str]


@runtime_checkable
class Trainer(Protocol):
    """Learns a policy. `make_trainers` of a plugin returns them by name."""

    def train(self, lesson: Lesson, plan: TrainingPlan, tell: Callable[[int, int], None]) -> Trained:
        """Learn; `tell` is called with (steps done, steps in all)."""
