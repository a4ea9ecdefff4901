"""Trainers for agents' policies: the plugin ``trainers``, which `darwin train` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darwin_core import Trainer

__version__ = "0.1.0"


def make_trainers() -> dict[str, Trainer]:
    """Return the trainers by name."""
    from darwin_trainers.ppo import Ppo
    from darwin_trainers.regression import Regression

    return {"ppo": Ppo(), "regression": Regression()}
