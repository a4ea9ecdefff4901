"""Recorded examples as one batched environment: all slots step in a handful of NumPy calls.

A step shows each slot a row, takes an action and pays what the action was worth; the next row is another one. The rows
come in a shuffled order, anew for each pass through them. With a discount of 0 nothing that follows matters, so an
episode is only what the log counts: `length` steps, the same for all slots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Rows


class RecordedEnv(VecEnv):
    """The environment.

    Parameters
    ----------
    rows
        Observations, what each action was worth, which are allowed.
    slots
        Decisions at once.
    length
        Steps of an episode.
    seed
        Of the order of the rows.
    """

    def __init__(self, rows: Rows, slots: int, length: int, seed: int) -> None:
        columns, actions = rows.observations.shape[1], rows.rewards.shape[1]
        space = spaces.Box(-np.inf, np.inf, (columns,), np.float32)
        super().__init__(slots, space, spaces.Discrete(actions))
        self.rows = rows
        self.length = length
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.order = np.empty(0, np.int64)
        self.place = 0
        self.step_number = 0
        self.total = np.zeros(slots)
        self.now = np.zeros(slots, np.int64)
        self._actions: NDArray[Any] = np.zeros(slots, np.int64)
        self._quiet: list[dict[str, Any]] = [{} for _ in range(slots)]

    def _draw(self) -> NDArray[np.float32]:
        """Take the next rows of the order, shuffling again where it ends; return their observations."""
        while len(self.order) - self.place < self.num_envs:
            rest = self.order[self.place :]
            self.order = np.concatenate([rest, self.rng.permutation(len(self.rows))])
            self.place = 0
        self.now = self.order[self.place : self.place + self.num_envs]
        self.place += self.num_envs
        return self.rows.observations[self.now]

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every slot."""
        self.step_number = 0
        self.total[:] = 0.0
        return self._draw()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions of all slots."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Pay for the actions and show the next rows."""
        rewards = self.rows.rewards[self.now, self._actions]
        self.total += rewards
        self.step_number += 1
        over = self.step_number % self.length == 0
        infos = self._quiet
        if over:
            infos = [{"episode": {"r": each, "l": self.length, "t": 0.0}} for each in self.total.tolist()]
            self.total[:] = 0.0
        return self._draw(), rewards.astype(np.float32), np.full(self.num_envs, over), infos

    def masks(self) -> NDArray[np.bool_]:
        """Return which actions are allowed now, (slots, A)."""
        if self.rows.allowed is None:
            return np.ones((self.num_envs, self.rows.rewards.shape[1]), np.bool_)
        return self.rows.allowed[self.now]

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute, once for each slot asked about."""
        return [getattr(self, attr_name, None)] * len(self._slots(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all slots together."""
        del indices
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *arguments: Any, indices: Any = None, **named: Any) -> list[Any]:
        """Answer sb3-contrib's question for masks; there is no other method."""
        if method_name != "action_masks":
            raise AttributeError(method_name)
        del arguments, named
        return list(self.masks()[self._slots(indices)])

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Nothing is wrapped."""
        del wrapper_class
        return [False] * len(self._slots(indices))

    def has_attr(self, attr_name: str) -> bool:
        """Whether there is such an attribute, or it is the masks' method."""
        return attr_name == "action_masks" or hasattr(self, attr_name)

    def _slots(self, indices: Any) -> Sequence[int]:
        slots: Sequence[int] = list(self._get_indices(indices))
        return slots
