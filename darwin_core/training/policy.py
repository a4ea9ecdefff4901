"""A trained policy in service, and the agent around it: what the agent plugins load, each for its own task.

It is verified before anything of it is parsed, it runs on the backend that the deployment names, it shows on this
machine that it gives the answers that it gave where it was made, and it meets no other observation than the one that it
was trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, min_len, optional

from darwin_core.errors import ConfigError, PluginError
from darwin_core.training.choosing import best_other

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.options import Options
    from darwin_core.protocols import Backend, Model
    from darwin_core.registry import ObservationSchema, Verified
    from darwin_core.training.task import Task
    from darwin_core.types import Bools, Floats, Floats32, Observation

GOLDEN = ("golden_rows", "golden_outputs")


@frozen
class PolicyOptions:
    """The options of an agent that has learnt.

    Parameters
    ----------
    model
        The policy's name in the deployment's registry; empty: the task's own name.
    version
        ``v1``, ``v2``, ... or ``current``: the one that was promoted.
    threshold
        How much better than the baseline another action must look, in the policy's own scores (R for ``regression``);
        without it: as training set it, to keep to its caps.
    columns
        The observation that this deployment expects; a policy that was trained on another one is refused.
    in_sample
        Whether it also decides on the time that it was trained and chosen on. Without it the baseline stands there: a
        backtest over that time would say how well it remembers.
    """

    model: str = ""
    version: str = field(default="current", validator=min_len(1))
    threshold: float | None = field(default=None, validator=optional(ge(0.0)))
    columns: tuple[str, ...] = ()
    in_sample: bool = False


@frozen(eq=False)
class Policy:
    """A policy that may be asked.

    Parameters
    ----------
    name, version
        As the registry has it.
    schema
        The observation that it was trained on; an agent's `requires` is `schema.names`.
    actions, baseline
        What it chooses from, and the number of the action that it has to beat.
    threshold
        Lead over the baseline, in the policy's own scores, that another action needs.
    since
        It decides from this time on, ns.
    beats_baseline
        Whether it was better than its baseline on held-out time; one that was not cannot graduate.
    task
        The task's options in training.
    """

    name: str
    version: str
    schema: ObservationSchema = field(repr=False)
    actions: Floats = field(repr=False)
    baseline: int
    threshold: float
    since: int
    beats_baseline: bool
    task: Mapping[str, Any]
    _model: Model = field(repr=False)

    @classmethod
    def load(cls, options: Options, backend: Backend | None, task: str, wanted: PolicyOptions | None = None) -> Policy:
        """Return the policy that a deployment names.

        Parameters
        ----------
        options
            The agent's table: `PolicyOptions`, and the deployment whose ``[registry]`` counts.
        backend
            What runs it.
        task
            What it must have been trained for.
        wanted
            The options as somebody has read them who has more of them; None: they are read here.

        Raises
        ------
        ConfigError
            No backend, or the policy is for another task.
        RegistryError
            It is not there, not as it was signed, or was trained on another observation.
        PluginError
            The backend refuses it.
        """
        wanted = wanted or options.into(PolicyOptions)
        model = wanted.model or task
        if backend is None:
            where = options.source.at(options.key)
            raise ConfigError(f'{where}: a policy needs something to run on: backend = {{ use = "onnx" }}')
        found = _verified(options, model, wanted.version)
        training = found.metadata.training
        trained_for = training.get("task")
        if trained_for != task:
            raise options.error("model", f"{model} {found.version} was trained for {trained_for!r}, not for {task!r}")
        if wanted.columns:
            found.schema.expect(wanted.columns, f"{model} {found.version}")
        golden = (found.array(GOLDEN[0]), found.array(GOLDEN[1]))
        loaded = backend.load(found.policy, golden)
        actions = np.array(training["actions"], np.float64)
        if loaded.inputs != len(found.schema.names) or loaded.outputs != len(actions):
            raise PluginError(
                f"{model} {found.version} reads {loaded.inputs} columns and scores {loaded.outputs} actions; "
                f"its schema has {len(found.schema.names)} columns, and its metadata {len(actions)} actions"
            )
        least = training["threshold"] if wanted.threshold is None else wanted.threshold
        since = np.iinfo(np.int64).min if wanted.in_sample else training["learnt_until"]
        return cls(
            model, found.version, found.schema, actions, int(training["baseline"]), float(least), int(since),
            found.metadata.beats_baseline, training["options"], loaded,
        )  # fmt: skip

    def rows(self, observation: Observation) -> Floats32:
        """Return what the policy is shown, (N, F) float32, normalised as in training."""
        if observation.names != self.schema.names:
            self.schema.expect(observation.names, f"{self.name} {self.version}")
        return self.schema.apply(observation.values)

    def decide(self, observation: Observation, allowed: Bools | None = None) -> Floats:
        """Return the chosen actions, (N,): the baseline before `since`; NaN, which the core refuses, for no answer."""
        if len(observation) and np.max(observation.time) < self.since:  # whatever it answered, it would not count
            return np.full(len(observation), self.actions[self.baseline])
        scores = self._model.predict(self.rows(observation))
        best, lead = best_other(scores, self.baseline, allowed)
        with np.errstate(invalid="ignore"):
            chosen = np.where(lead > self.threshold, best, self.baseline)
        actions = np.where(np.isnan(lead), np.nan, self.actions[chosen])
        return np.where(observation.time < self.since, self.actions[self.baseline], actions)


def _verified(options: Options, model: str, version: str) -> Verified:
    from darwin_core.options import structure
    from darwin_core.registry import RegistryTable

    source = options.source
    table = source.tables.get("registry", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{source.at(('registry',))}: a table is expected, not {table!r}")
    registry = structure(RegistryTable, table, source, ("registry",)).open(options.folder)
    return registry.current(model) if version == "current" else registry.verify(model, version)


@frozen(eq=False)
class LearnedAgent:
    """An agent that scales the weight of each candidate as its policy says.

    Parameters
    ----------
    policy
        What it has learnt.
    task
        What it has learnt it for, with the options of the training.
    """

    policy: Policy
    task: Task

    when: ClassVar[Literal["candidate"]] = "candidate"
    effect: ClassVar[Literal["scale"]] = "scale"

    @classmethod
    def load(cls, options: Options, backend: Backend | None, task: type[Task]) -> LearnedAgent:
        """Return an agent with the policy that its table names, verified; see `Policy.load`."""
        policy = Policy.load(options, backend, task.name)  # type: ignore[arg-type]
        return cls(policy, task(**policy.task))

    @property
    def requires(self) -> tuple[str, ...]:
        """The observation that the policy was trained on."""
        return self.policy.schema.names

    @property
    def baseline(self) -> float:
        """The action that stands when the policy has no answer."""
        return self.task.baseline

    @property
    def version(self) -> str:
        """The policy's version in the registry."""
        return self.policy.version

    def decide(self, observation: Observation) -> Floats:
        """Return the chosen scale of each row, (N,)."""
        return self.policy.decide(observation, self.task.allowed(observation.names, observation.values))
