"""The whole way from recorded runs to a judged policy.

What is learnt comes from the training window alone; thresholds, stopping and the choice between trainers from the
validation window; the test window is opened once, for the policy that was chosen, and the opening is on record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import field, frozen

from darwin_core.errors import DataError, did_you_mean
from darwin_core.training.measuring import Judged, curve, table, threshold_for
from darwin_core.training.splitting import split
from darwin_core.training.task import options_of
from darwin_core.training.trainer import Lesson, Rows, TrainingPlan
from darwin_core.training.trials import Opening, level, open_window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from darwin_core.protocols import Backend
    from darwin_core.registry import ObservationSchema
    from darwin_core.training.examples import Collected
    from darwin_core.training.splitting import Split
    from darwin_core.training.task import Examples, Task
    from darwin_core.training.trainer import Trained, Trainer
    from darwin_core.types import Bools, Floats, Floats32

GOLDEN_ROWS = 256
_GAIN = {"uplift": ("uplift_r", "uplift_low"), "sharpe": ("sharpe_uplift", "sharpe_uplift_low")}
"""A criterion's figure, and the lower end of its interval."""


class Tell(Protocol):
    """Is told how far a training is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note."""


@frozen
class Caps:
    """How far a policy may go, kept to on the validation window; None: as the task says, or no cap.

    Parameters
    ----------
    most_changed
        Largest share of decisions that differ from the baseline.
    most_winners
        Largest share of winners that are skipped or reduced.
    """

    most_changed: float | None = None
    most_winners: float | None = None


@frozen(eq=False)
class Window:
    """One window's examples, what each action was worth, and the rows that a policy is shown."""

    examples: Examples
    rewards: Floats
    allowed: Bools | None
    rows: Floats32

    def judged(self, policy: bytes, backend: Backend, baseline: int) -> Judged:
        """Let a policy score the rows, on the backend that serves."""
        scores = backend.load(policy).predict(self.rows)
        if scores.shape != self.rewards.shape or not np.isfinite(scores).all():
            raise DataError(f"the policy's scores are {scores.shape}, for {self.rewards.shape} rewards, or not finite")
        return Judged(self.examples, self.rewards, scores, self.allowed, baseline)


@frozen(eq=False)
class Candidate:
    """One trainer's policy, judged on the validation window."""

    trainer: str
    trained: Trained
    threshold: float
    validation: Mapping[str, Any]


@frozen(eq=False)
class Taught:
    """What came of a training.

    Parameters
    ----------
    chosen, others
        The policy that won on the validation window, and the rest.
    test, curve
        Its figures on held-out time, and the trade-off there.
    look, trials
        How many-th look at this test window it was, and how many policies have been tried on it in all.
    beats
        Whether the lower end of the interval of what the task is judged by, at the level of this look, is above 0.
    """

    chosen: Candidate
    others: tuple[Candidate, ...]
    schema: ObservationSchema
    split: Split
    examples: Examples
    golden: Floats32
    test: Mapping[str, Any]
    curve: list[dict[str, Any]]
    look: int
    trials: int
    beats: bool
    facts: Mapping[str, Any] = field(factory=dict)


def teach(
    task: Task, collected: Collected, trainers: Mapping[str, Trainer], trainer: str, plans: Mapping[str, TrainingPlan],
    backend: Backend, caps: Caps, record: Path, data: tuple[str, ...], tell: Tell,
) -> Taught:  # fmt: skip
    """Train, choose, and judge.

    Parameters
    ----------
    trainer
        A trainer's name, or ``auto``: all of them, and the one that wins on the validation window.
    plans
        For each trainer that may be used.
    record
        The folder of the record of openings.
    data
        Fingerprints of the data sets.
    """
    examples = collected.examples
    names = wanted(trainers, trainer)
    found = split(examples.time, examples.resolved)
    schema, windows = _windows(task, examples, found)
    baseline = task.actions.index(task.baseline)
    train, validation, test = windows
    lesson = Lesson(_rows(train), _rows(validation), baseline)
    tried = [_try(task, name, trainers[name], plans[name], lesson, validation, backend, caps, tell) for name in names]
    best = max(tried, key=lambda each: each.validation[_GAIN[task.criterion][0]])
    opening = Opening(data, int(test.examples.time.min()), int(test.examples.resolved.max()), len(tried))
    about = {"task": task.name, "trainer": best.trainer, "seed": plans[best.trainer].seed}
    look, trials = open_window(record, opening, about)
    judged = test.judged(best.trained.policy, backend, baseline)
    figures = table(judged, task, best.threshold, level(look))
    low = figures[_GAIN[task.criterion][1]]
    beats = low is not None and low > 0.0
    others = tuple(each for each in tried if each is not best)
    return Taught(
        best, others, schema, found, examples, validation.rows[:GOLDEN_ROWS], figures, curve(judged, task), look,
        trials, beats, found.facts(examples.time, examples.resolved),
    )  # fmt: skip


def wanted(trainers: Mapping[str, Trainer], name: str) -> list[str]:
    """Return the trainers that a name means; refuse one that is none."""
    if name == "auto":
        return sorted(trainers)
    if name not in trainers:
        raise DataError(f"there is no trainer {name!r}: {did_you_mean(name, ['auto', *trainers])}")
    return [name]


def _windows(task: Task, examples: Examples, found: Split) -> tuple[ObservationSchema, list[Window]]:
    """Return the schema, fitted to the training rows alone, and the three windows."""
    from darwin_core.registry import ObservationSchema

    schema = ObservationSchema.fit(examples.names, np.ascontiguousarray(examples.values[found.train]))
    windows = []
    for mask in (found.train, found.validation, found.test):
        part = examples[mask]
        values = np.ascontiguousarray(part.values)
        rewards = np.asarray(task.rewards(part), np.float64)
        if rewards.shape != (len(part), len(task.actions)) or not np.isfinite(rewards).all():
            raise DataError(f"the task {task.name} gave rewards of shape {rewards.shape}, or some that are not finite")
        windows.append(Window(part, rewards, task.allowed(examples.names, values), schema.apply(values)))
    return schema, windows


def _rows(window: Window) -> Rows:
    return Rows(window.rows, window.rewards, window.allowed)


def _try(
    task: Task, name: str, trainer: Trainer, plan: TrainingPlan, lesson: Lesson, validation: Window, backend: Backend,
    caps: Caps, tell: Tell,
) -> Candidate:  # fmt: skip
    trained = trainer.train(lesson, plan, lambda done, total: tell(name, done, total))
    judged = validation.judged(trained.policy, backend, lesson.baseline)
    most = caps.most_changed if caps.most_changed is not None else task.most_changed
    threshold = threshold_for(judged, task, most, 1.0 if caps.most_winners is None else caps.most_winners)
    return Candidate(name, trained, threshold, table(judged, task, threshold))


def training_facts(taught: Taught, task: Task, plan: TrainingPlan) -> dict[str, Any]:
    """Return what a policy's metadata say of its training; an agent reads its actions and threshold from here."""
    return {
        "task": task.name,
        "options": dict(options_of(task)),
        "actions": list(task.actions),
        "baseline": task.actions.index(task.baseline),
        "threshold": taught.chosen.threshold,
        "trainer": taught.chosen.trainer,
        "details": dict(taught.chosen.trained.details),
        "seed": plan.seed,
        "threads": plan.threads,
        "steps": plan.steps,
        "learnt_until": taught.split.boundaries[1],
        "split": dict(taught.facts),
    }
