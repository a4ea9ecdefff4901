"""One training, as it was asked for: everything that can be refused is looked at before hours are spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Factory, asdict, field, frozen

from darwin_core import config
from darwin_core.clock import now
from darwin_core.errors import ConfigError
from darwin_core.plugins import Plugins
from darwin_core.registry import Signer
from darwin_core.registry.bundle import agent_name
from darwin_core.store import Store
from darwin_core.training import plugged
from darwin_core.training.examples import collect
from darwin_core.training.publishing import bundle, metrics
from darwin_core.training.teaching import Caps, Taught, Tell, teach, wanted
from darwin_core.training.trainer import TrainingPlan
from darwin_core.training.trials import past

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from darwin_core.protocols import Backend
    from darwin_core.registry import Registry
    from darwin_core.store import Run
    from darwin_core.training.examples import Collected
    from darwin_core.training.task import Task
    from darwin_core.training.trainer import Trainer


@frozen
class Wishes:
    """What was asked for; see ``darwin train --help``."""

    agent: str
    name: str
    runs: tuple[str, ...]
    deployment: Path
    trainer: str = "auto"
    steps: int = 100_000
    eval_every: int = 10_000
    seed: int = 0
    tensorboard: Path | None = None
    columns: tuple[str, ...] = ()
    caps: Caps = Factory(Caps)
    options: Mapping[str, Any] = field(factory=dict)
    resume: bool = False
    key: Path | None = None
    publish: bool = True
    trainers: str = "trainers"
    backend: str = "onnx"


@frozen(eq=False)
class Session:
    """A training that can begin."""

    wishes: Wishes
    task: Task
    trainers: Mapping[str, Trainer]
    backend: Backend
    registry: Registry
    signer: Signer | None
    runs: tuple[Run, ...]
    _collected: list[Collected] = field(factory=list, init=False)

    @classmethod
    def begin(cls, wishes: Wishes) -> Session:
        """Look at everything that a training needs.

        Raises
        ------
        DarwinError
            A run, a plugin or the key is missing. There is no training that ends without a place for its policy.
        """
        agent_name(wishes.name)  # a folder is made of it
        settings = config.load(wishes.deployment)
        folder = wishes.deployment.parent
        registry = settings.registry.open(folder)
        signer = _signer(wishes, settings, registry) if wishes.publish else None
        store = Store(folder / settings.run.store)
        runs = tuple({run.id: run for run in map(store.get, wishes.runs)}.values())
        if not runs:
            raise ConfigError("no run was named: --runs RUN,RUN (darwin runs lists them)")
        plugins = Plugins(folder)
        task = plugged.task_of(plugins, wishes.agent, wishes.options)
        trainers = plugged.trainers_of(plugins, wishes.trainers)
        wanted(trainers, wishes.trainer)
        backend = plugged.backend_of(plugins, wishes.backend)
        session = cls(wishes, task, trainers, backend, registry, signer, runs)
        past(session.record)
        return session

    @property
    def folder(self) -> Path:
        """Where the training keeps its checkpoints: beside the registry, not in it."""
        return self.registry.folder.parent / "training" / self.wishes.name

    @property
    def record(self) -> Path:
        """Where the openings of test windows are on record: by task, for another name is no fresh start."""
        return self.registry.folder.parent / "training" / self.task.name

    def plan(self, trainer: str) -> TrainingPlan:
        """Return the plan for one trainer."""
        wishes = self.wishes
        return TrainingPlan(
            wishes.steps, wishes.eval_every, wishes.seed, 1, self.folder / f"{trainer}.npz", wishes.resume,
            wishes.tensorboard,
        )  # fmt: skip

    def teach(self, tell: Tell) -> Taught:
        """Collect the examples, train and judge."""
        wishes, task = self.wishes, self.task
        collected = collect(
            self.runs, wishes.deployment, task, wishes.columns or task.columns, wishes.name,
            lambda done, total: tell("looking at the runs", done, total),
        )  # fmt: skip
        self._collected[:] = [collected]
        data = tuple(sorted({run.info["data"] for run in self.runs}))
        plans = {name: self.plan(name) for name in self.trainers}
        self.folder.mkdir(parents=True, exist_ok=True)
        return teach(
            task, collected, self.trainers, wishes.trainer, plans, self.backend, wishes.caps, self.record, data, tell
        )

    def publish(self, taught: Taught) -> str | None:
        """Sign and publish; return the version, or None when nothing is to be published."""
        if self.signer is None:
            return None
        made = bundle(
            self.wishes.name, self.task, taught, self.plan(taught.chosen.trainer), self.runs, self._collected[0],
            self.backend, created=int(now().timestamp()) * 10**9, folder=self.wishes.deployment.parent,
        )  # fmt: skip
        return self.registry.publish(made, self.signer)

    def facts(self, taught: Taught, version: str | None) -> dict[str, Any]:
        """Return what came of it, JSON-able."""
        return {
            "agent": self.wishes.name,
            "task": self.task.name,
            "version": version,
            "trainer": taught.chosen.trainer,
            "threshold": taught.chosen.threshold,
            "beats_baseline": taught.beats,
            "baseline": self.task.against,
            "observation": [asdict(column) for column in taught.schema.columns],
            "split": taught.facts,
            "left_out": dict(self._collected[0].left_out),
            "details": {each.trainer: dict(each.trained.details) for each in (taught.chosen, *taught.others)},
            **metrics(taught),
        }


def _signer(wishes: Wishes, settings: config.Settings, registry: Registry) -> Signer:
    """Return the key to sign with; refuse now what publishing would refuse later.

    No key is made here: one that lies beside what it signs, made by whoever happened to train, would be trusted by
    nobody for a reason.
    """
    if wishes.key is None and settings.registry.key is None:
        raise ConfigError(
            f"there is no key to sign the policy with, and an unsigned one is never loaded. Make a pair once, "
            f"`darwin models keygen --out keys`, and write what it prints into {wishes.deployment}, with "
            'key = { file = "keys/models.key" } or --key; --no-publish only shows what a policy would be worth'
        )
    signer = Signer.load(wishes.key) if wishes.key is not None else settings.registry.signer()
    registry.trusted.expect(signer)
    return signer
