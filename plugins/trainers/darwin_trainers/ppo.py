"""Proximal policy optimisation (Schulman et al. 2017) by stable-baselines3, MaskablePPO where actions are masked.

The settings are those that learnt best per CPU second on problems of this size: many slots, few steps of each, large
minibatches, a Tanh network of 64 and 64, a learning rate of 1e-3. The discount is 0: every decision stands alone.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, field, frozen
from attrs.validators import ge, gt

from darwin_core import DataError, PluginError, Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from darwin_core import Lesson, Rows, TrainingPlan

_NEEDS = (
    "the trainer ppo needs PyTorch and stable-baselines3: pip install 'darwin-trainers[ppo]', or --trainer regression"
)


@frozen
class Ppo:
    """The trainer.

    Parameters
    ----------
    slots, steps
        Rows that are decided on at once, and how many times before the network is changed.
    minibatch, epochs
        Rows of a gradient step, and passes over what was collected.
    rate, entropy
        Learning rate, and weight of the entropy bonus.
    hidden
        Width of the two hidden layers.
    """

    slots: int = field(default=256, validator=ge(1))
    steps: int = field(default=16, validator=ge(1))
    minibatch: int = field(default=1024, validator=ge(2))
    epochs: int = field(default=4, validator=ge(1))
    rate: float = field(default=1e-3, validator=gt(0.0))
    entropy: float = field(default=0.0, validator=ge(0.0))
    hidden: int = field(default=64, validator=ge(1))

    def train(self, lesson: Lesson, plan: TrainingPlan, tell: Callable[[int, int], None]) -> Trained:
        """Learn, look at the validation rows every `eval_every` decisions, and keep the best network seen.

        Raises
        ------
        PluginError
            The libraries are not installed.
        DataError
            `resume` is set and there is no checkpoint of this very training.
        """
        try:
            import stable_baselines3  # noqa: F401
        except ImportError:
            raise PluginError(_NEEDS) from None
        from darwin_trainers.learning import Learning

        with _alone(plan.seed, plan.threads):
            learning = Learning.begin(self, lesson, plan, identity(self, lesson, plan))
            while learning.done < plan.steps:
                learning.go_on(min(learning.done + plan.eval_every, plan.steps))
                tell(min(learning.done, plan.steps), plan.steps)
            return Trained(learning.policy(), {**asdict(self), **learning.details()}, _libraries())


def identity(settings: Ppo, lesson: Lesson, plan: TrainingPlan) -> str:
    """Return a digest of everything that a checkpoint must agree with; how long it runs is not part of it."""
    total = hashlib.sha256(repr((settings, plan.seed, plan.threads, plan.eval_every, lesson.baseline)).encode())
    for rows in (lesson.train, lesson.validation):
        for array in _arrays(rows):
            total.update(repr((array.shape, array.dtype.str)).encode() + np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _arrays(rows: Rows) -> tuple[NDArray[Any], ...]:
    allowed = np.empty(0, np.bool_) if rows.allowed is None else rows.allowed
    return rows.observations, rows.rewards, allowed


@contextmanager
def _alone(seed: int, threads: int) -> Iterator[None]:
    """Seed the generators that the libraries share, on so many threads; leave all as it was.

    stable-baselines3 shuffles its minibatches by NumPy's global generator, and PyTorch samples by its own.
    """
    import random

    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state(), torch.get_num_threads()  # noqa: NPY002
    torch.set_num_threads(threads)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
        torch.set_num_threads(before[3])


def _libraries() -> dict[str, str]:
    from importlib.metadata import version

    names = ("darwin-trainers", "gymnasium", "numpy", "onnx", "sb3-contrib", "stable-baselines3", "torch")
    return {name: version(name) for name in names}


def refuse_other(found: object, wanted: str, where: object) -> None:
    """Refuse a checkpoint of another training."""
    if found != wanted:
        raise DataError(f"{where} is of another training: other data, seed or settings; train without --resume")
