"""The end of a training: a signed version in the registry, with all that a reader needs to doubt it."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from darwin_core.registry import Bundle, Metadata
from darwin_core.training.policy import GOLDEN
from darwin_core.training.teaching import training_facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from darwin_core.protocols import Backend
    from darwin_core.store import Run
    from darwin_core.training.examples import Collected
    from darwin_core.training.task import Task
    from darwin_core.training.teaching import Taught
    from darwin_core.training.trainer import TrainingPlan


def bundle(
    name: str, task: Task, taught: Taught, plan: TrainingPlan, runs: Sequence[Run], collected: Collected,
    backend: Backend, *, created: int, folder: Path,
) -> Bundle:  # fmt: skip
    """Return what is published.

    Parameters
    ----------
    name
        The agent's name in the registry.
    created
        When, ns UTC.
    folder
        Of the deployment; its git commit is recorded.
    """
    policy = taught.chosen.trained.policy
    facts = training_facts(taught, task, plan)
    facts["examples"] = {
        "used": len(taught.examples), "candidates": collected.candidates, "left_out": dict(collected.left_out),
    }  # fmt: skip
    facts["columns"] = dict(collected.origins)
    metadata = Metadata(
        created=created,
        git_commit=git_commit(folder),
        data=tuple(sorted({run.info["data"] for run in runs})),
        runs=tuple(run.id for run in runs),
        metrics=metrics(taught),
        libraries=libraries(taught.chosen.trained.libraries),
        training=facts,
        baseline=task.against,
        beats_baseline=taught.beats,
    )
    outputs = backend.load(policy).predict(taught.golden)
    arrays = dict(zip(GOLDEN, (taught.golden, outputs), strict=True))
    return Bundle(name, policy, taught.schema, metadata, arrays)


def metrics(taught: Taught) -> dict[str, Any]:
    """Return the figures that go on record."""
    candidates = (taught.chosen, *taught.others)
    return {
        "validation": {each.trainer: dict(each.validation) for each in candidates},
        "test": dict(taught.test),
        "curve": taught.curve,
        "look": taught.look,
        "trials": taught.trials,
    }


def libraries(more: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of what made a policy."""
    own = {"python": platform.python_version(), "machine": platform.machine()}
    return {**own, **{name: version(name) for name in ("darwin-core", "numpy")}, **more}


def git_commit(folder: Path) -> str:
    """Return the commit of a folder's repository, with ``-dirty`` when files differ from it; ``unknown`` without."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        return head + ("-dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
