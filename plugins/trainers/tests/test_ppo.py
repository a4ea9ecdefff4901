"""PPO: the environment pays what was recorded, masks hold, and an interrupted training goes on as if it had not been."""

from __future__ import annotations

import numpy as np
import pytest
from darwin_onnx.backend import OnnxBackend
from darwin_trainers.checkpoint import load
from darwin_trainers.ppo import Ppo

from darwin_core import DataError, Rows, TrainingPlan

QUIET = lambda *_: None  # noqa: E731


def plan(folder, steps: int = 16384, **more) -> TrainingPlan:
    return TrainingPlan(steps, 8192, 5, checkpoint=folder / "ppo.npz", **more)


def environment(rows: Rows, slots: int = 8, length: int = 4):
    from darwin_trainers.environment import RecordedEnv

    return RecordedEnv(rows, slots, length, seed=0)


def test_a_step_pays_what_the_action_was_worth_and_shows_the_next_rows() -> None:
    rng = np.random.default_rng(0)
    rows = Rows(np.arange(40, dtype=np.float32).reshape(20, 2), rng.normal(size=(20, 3)))
    env = environment(rows)
    shown = env.reset()
    for step in range(1, 9):
        which = (shown[:, 0] / 2).astype(int)
        actions = rng.integers(0, 3, 8)
        shown, rewards, dones, infos = env.step(actions)
        assert np.allclose(rewards, rows.rewards[which, actions])
        assert dones.all() == dones.any() == (step % 4 == 0)
        assert ("episode" in infos[0]) == (step % 4 == 0)


def test_every_row_is_shown_once_before_any_is_shown_again() -> None:
    rows = Rows(np.arange(24, dtype=np.float32)[:, None], np.zeros((24, 2)))
    env = environment(rows)
    shown = [env.reset()[:, 0], *(env.step(np.zeros(8, int))[0][:, 0] for _ in range(5))]
    assert sorted(np.concatenate(shown[:3]).tolist()) == list(range(24))
    assert sorted(np.concatenate(shown[3:]).tolist()) == list(range(24))
    assert np.concatenate(shown[:3]).tolist() != np.concatenate(shown[3:]).tolist()


def test_masks_are_those_of_the_rows_that_are_shown(lesson) -> None:
    rows = lesson(masked=True).train
    env = environment(rows, slots=64)
    shown = env.reset()
    masks = np.stack(env.env_method("action_masks"))
    expected = [bool(rows.allowed[np.flatnonzero((rows.observations == each).all(axis=1))[0], 0]) for each in shown]
    assert masks[:, 0].tolist() == expected


def test_masked_actions_are_never_taken_in_training(lesson, tmp_path, monkeypatch) -> None:
    from darwin_trainers.environment import RecordedEnv

    step = RecordedEnv.step_async
    taken: list[bool] = []

    def watched(self, actions) -> None:
        taken.append(bool(self.masks()[np.arange(self.num_envs), actions].all()))
        step(self, actions)

    monkeypatch.setattr(RecordedEnv, "step_async", watched)
    made = Ppo().train(lesson(masked=True), plan(tmp_path), QUIET)
    assert made.details["algorithm"] == "MaskablePPO"
    assert len(taken) == 16384 // 256
    assert all(taken)


@pytest.mark.parametrize("masked", [False, True])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(masked, lesson, tmp_path) -> None:
    whole = Ppo().train(lesson(masked=masked), plan(tmp_path), QUIET)
    (tmp_path / "ppo.npz").unlink()
    Ppo().train(lesson(masked=masked), plan(tmp_path, steps=8192), QUIET)
    resumed = Ppo().train(lesson(masked=masked), plan(tmp_path, resume=True), QUIET)
    assert resumed.policy == whole.policy
    assert dict(resumed.details) == dict(whole.details)


def test_a_checkpoint_of_another_training_is_refused(lesson, tmp_path) -> None:
    Ppo().train(lesson(), plan(tmp_path, steps=8192), QUIET)
    for other in (lesson(seed=1), lesson(count=1000)):
        with pytest.raises(DataError, match="is of another training: other data, seed or settings"):
            Ppo().train(other, plan(tmp_path, resume=True), QUIET)
    with pytest.raises(DataError, match="is of another training"):
        Ppo(rate=1e-4).train(lesson(), plan(tmp_path, resume=True), QUIET)


def test_a_checkpoint_is_plain_arrays_and_a_pickle_in_its_place_is_not_loaded(lesson, tmp_path) -> None:
    place = tmp_path / "ppo.npz"
    with pytest.raises(DataError, match="there is no checkpoint"):
        load(place)
    Ppo().train(lesson(), plan(tmp_path, steps=8192), QUIET)
    about, arrays = load(place)
    assert about["steps"] == 8192
    assert all(array.dtype.kind in "biuf" for array in arrays.values())
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return ran.touch, ()

    np.savez(place, allow_pickle=True, about=np.array([Evil()], dtype=object))
    with pytest.raises(DataError, match="is no checkpoint"):
        load(place)
    place.write_bytes(place.read_bytes()[:50])
    with pytest.raises(DataError, match="is no checkpoint"):
        load(place)
    assert not ran.exists()


def test_the_exported_network_is_the_one_that_was_trained(lesson, tmp_path) -> None:
    import torch
    from darwin_trainers.learning import Learning
    from darwin_trainers.ppo import identity

    given, settings, how = lesson(), Ppo(), plan(tmp_path)
    learning = Learning.begin(settings, given, how, identity(settings, given, how))
    rows = given.validation.observations
    with torch.no_grad():
        policy = learning.model.policy
        latent = policy.mlp_extractor.forward_actor(torch.from_numpy(rows))
        logits = policy.action_net(latent).numpy()
    scores = OnnxBackend().load(learning.policy()).predict(rows)
    assert np.abs(scores - logits).max() < 1e-6


def test_tensorboard_gets_one_file_with_the_validation_s_reward(lesson, tmp_path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    Ppo().train(lesson(), plan(tmp_path, tensorboard=tmp_path / "tb"), QUIET)
    (file,) = (tmp_path / "tb").rglob("events*")
    events = EventAccumulator(str(file.parent))
    events.Reload()
    assert [event.step for event in events.Scalars("validation/reward")] == [0, 8192, 16384]
    assert "rollout/ep_rew_mean" in events.Tags()["scalars"]
