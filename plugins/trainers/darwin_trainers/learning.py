"""One PPO training under way: it can stop anywhere, be written down, and go on as if it had not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from attrs import define, field
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

from darwin_trainers import checkpoint
from darwin_trainers.environment import RecordedEnv
from darwin_trainers.graph import perceptron
from darwin_trainers.ppo import Ppo, refuse_other

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from darwin_core import Lesson, Rows, TrainingPlan

_LAYERS = ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net")


@define(eq=False)
class Learning:
    """The state of a training.

    Parameters
    ----------
    best
        The actor's weights that were best on the validation rows, and how good.
    history
        (steps, mean reward a decision on the validation rows).
    """

    lesson: Lesson
    plan: TrainingPlan
    identity: str
    env: RecordedEnv
    model: Any
    best: list[NDArray[Any]] = field(factory=list)
    best_at: int = 0
    history: list[tuple[int, float]] = field(factory=list)

    @classmethod
    def begin(cls, settings: Ppo, lesson: Lesson, plan: TrainingPlan, identity: str) -> Learning:
        """Return a training at its start, or where its checkpoint left it."""
        env = RecordedEnv(lesson.train, settings.slots, settings.steps, plan.seed)
        kind = PPO if lesson.train.allowed is None else MaskablePPO
        model: Any = kind(
            "MlpPolicy", env, n_steps=settings.steps, batch_size=settings.minibatch, n_epochs=settings.epochs,
            learning_rate=settings.rate, ent_coef=settings.entropy, gamma=0.0, gae_lambda=1.0, seed=plan.seed,
            device="cpu", policy_kwargs={"net_arch": [settings.hidden] * 2, "activation_fn": torch.nn.Tanh},
            tensorboard_log=str(plan.tensorboard) if plan.tensorboard else None,
        )  # fmt: skip
        model._update_info_buffer = _at_ends(model._update_info_buffer)  # noqa: SLF001
        learning = cls(lesson, plan, identity, env, model)
        model._setup_learn(plan.steps, None, reset_num_timesteps=True, tb_log_name="ppo")  # noqa: SLF001
        model.set_logger(model.logger)  # otherwise each stretch of a training begins a new file
        if plan.resume and plan.checkpoint is not None:
            learning._restore()
        else:
            learning._look()
        return learning

    @property
    def done(self) -> int:
        """Decisions learnt from so far."""
        return int(self.model.num_timesteps)

    def go_on(self, until: int) -> None:
        """Learn up to a number of decisions (whole rollouts: it may be some more), look, and write it down."""
        self.model.learn(until - self.done, reset_num_timesteps=False, tb_log_name="ppo", log_interval=1)
        self._look()
        if self.plan.checkpoint is not None:
            self._save()

    def _look(self) -> None:
        reward = _mean_reward(self._actor(), self.lesson.validation)
        self.history.append((self.done, reward))
        if not self.best or reward > max(each for _, each in self.history[:-1]):
            self.best, self.best_at = self._actor(), self.done
        self.model.logger.record("validation/reward", reward)
        self.model.logger.dump(self.done)

    def _actor(self) -> list[NDArray[Any]]:
        """Return copies of the actor's weights, (in, out), and biases, layer by layer."""
        parameters = dict(self.model.policy.named_parameters())
        found = []
        for layer in _LAYERS:
            found.append(parameters[f"{layer}.weight"].detach().numpy().T.copy())
            found.append(parameters[f"{layer}.bias"].detach().numpy().copy())
        return found

    def policy(self) -> bytes:
        """Return the best network as ONNX."""
        return perceptron(list(zip(self.best[::2], self.best[1::2], strict=True)))

    def details(self) -> dict[str, Any]:
        """Return what goes on record."""
        history = [{"steps": steps, "validation_reward_r": reward} for steps, reward in self.history]
        return {
            "algorithm": type(self.model).__name__, "steps_done": self.done, "best_at": self.best_at,
            "history": history,
        }  # fmt: skip

    def _save(self) -> None:
        if self.plan.checkpoint is None:
            return
        legacy: Any = np.random.get_state(legacy=True)  # noqa: NPY002 - it is what shuffles the minibatches
        about = {
            "identity": self.identity,
            "steps": self.done,
            "updates": int(self.model._n_updates),  # noqa: SLF001
            "best_at": self.best_at,
            "history": self.history,
            "shuffling": [int(legacy[2]), int(legacy[3]), float(legacy[4])],
            "order": json.dumps(self.env.rng.bit_generator.state),
            "step_number": self.env.step_number,
        }
        arrays: dict[str, NDArray[Any]] = {
            "torch": torch.get_rng_state().numpy(),
            "shuffling": np.asarray(legacy[1]),
            "env_order": self.env.order[self.env.place :],
            "env_now": self.env.now,
            "env_total": self.env.total,
            "last_obs": self.model._last_obs,  # noqa: SLF001
            "last_starts": self.model._last_episode_starts,  # noqa: SLF001
            **{f"best_{i}": each for i, each in enumerate(self.best)},
            **{f"policy_{name}": each.numpy() for name, each in self.model.policy.state_dict().items()},
        }
        optimizer: Any = self.model.policy.optimizer.state_dict()["state"]
        for i, state in optimizer.items():
            arrays |= {f"adam_{i}_{name}": each.numpy() for name, each in state.items()}
        checkpoint.save(self.plan.checkpoint, about, arrays)

    def _restore(self) -> None:
        assert self.plan.checkpoint is not None  # noqa: S101
        about, arrays = checkpoint.load(self.plan.checkpoint)
        refuse_other(about.get("identity"), self.identity, self.plan.checkpoint)
        model, env = self.model, self.env
        model.policy.load_state_dict({n: torch.from_numpy(a) for n, a in _named(arrays, "policy_").items()})
        optimizer: dict[str, Any] = model.policy.optimizer.state_dict()
        states: dict[int, dict[str, Any]] = {}
        for name, array in _named(arrays, "adam_").items():
            number, _, what = name.partition("_")
            states.setdefault(int(number), {})[what] = torch.from_numpy(array)
        model.policy.optimizer.load_state_dict({**optimizer, "state": states})
        model.num_timesteps, model._n_updates = about["steps"], about["updates"]  # noqa: SLF001
        model._last_obs, model._last_episode_starts = arrays["last_obs"], arrays["last_starts"]  # noqa: SLF001
        env.rng.bit_generator.state = json.loads(about["order"])
        env.order, env.place, env.now = arrays["env_order"], 0, arrays["env_now"]
        env.total, env.step_number = arrays["env_total"].copy(), about["step_number"]
        torch.set_rng_state(torch.from_numpy(arrays["torch"]))
        place, has, cached = about["shuffling"]
        np.random.set_state(("MT19937", arrays["shuffling"], place, has, cached))  # noqa: NPY002
        self.best = [arrays[f"best_{i}"] for i in range(2 * len(_LAYERS))]
        self.best_at, self.history = about["best_at"], [(int(a), float(b)) for a, b in about["history"]]


def _named(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _at_ends(update: Callable[..., None]) -> Callable[..., None]:
    """Return what notes the episodes that end, called when they do: all slots' end together, most steps end none."""

    def called(infos: list[dict[str, Any]], dones: Any = None) -> None:
        if infos[0]:
            update(infos, dones)

    return called


def _mean_reward(actor: list[NDArray[Any]], rows: Rows) -> float:
    """Return what the greedy actions of a network were worth a decision."""
    x: NDArray[Any] = rows.observations
    for i in range(0, len(actor), 2):
        x = x @ actor[i] + actor[i + 1]
        if i < len(actor) - 2:
            x = np.tanh(x)
    if rows.allowed is not None:
        x = np.where(rows.allowed, x, -np.inf)
    return float(rows.rewards[np.arange(len(x)), np.argmax(x, axis=1)].mean())
