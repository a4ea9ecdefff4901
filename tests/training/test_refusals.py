"""What is refused, and in which words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from darwin_core import ConfigError, assembly, config
from darwin_core.errors import DarwinError, RunError
from darwin_core.training.probing import look_again

WORLD = Path(__file__).with_name("world.py").as_posix()
AGENT = '[[agents]]\nuse = "gate"\nbackend = { use = "onnx" }\n'


def refused(train, *words, agent="gate", columns="signal") -> str:
    status, said = train(agent, *words, columns=columns)
    assert status in (1, 2), said
    return said["error"]["message"]


def test_too_few_candidates_are_refused_with_their_number_and_where_the_others_went(home, train) -> None:
    home.write(bars=600)
    home.record()
    said = refused(train)
    assert "gate is trained on 1,000 candidates with outcomes or more, and these runs have 59" in said
    assert "still open at the run's end" in said
    assert not (home.folder / "artifacts").exists() or not list(home.folder.glob("artifacts/training/*/trials.jsonl"))


def test_candidates_before_a_column_s_first_value_are_left_out_and_counted(home, train) -> None:
    home.write()
    home.record()
    said = refused(train, columns="signal;late(1)")
    assert "seen before all columns had a value" in said


def test_a_meta_learner_without_an_expert_s_decisions_is_refused_with_the_count(home, train) -> None:
    home.write(bars=600)
    home.record()
    said = refused(train, agent="meta-learner", columns="signal;proposal.weight")
    assert "2,000 candidates with decisions of the expert and outcomes or more, and these runs have 0" in said
    assert "without a decision of 'llm-expert'" in said


def test_a_portfolio_agent_needs_trades(home, train) -> None:
    home.write(bars=400)
    home.record()
    assert "500 trades with outcomes or more" in refused(train, agent="portfolio")


def test_without_a_key_nothing_is_trained(home, train) -> None:
    home.write()
    home.record()
    home.deployment.write_text(home.deployment.read_text().replace("key = ", "# key = "))
    assert "darwin models keygen" in refused(train)
    status, said = train("gate", "--trainer", "regression", "--no-publish", columns="signal")
    assert status == 0
    assert said["version"] is None
    assert not (home.folder / "artifacts" / "models").exists()


def test_a_key_that_is_not_trusted_is_refused_before_the_training(home, train) -> None:
    home.write()
    home.record()
    home.deployment.write_text(home.deployment.read_text().replace('trusted = ["keys/models.pub"]', "trusted = []"))
    assert "is not trusted here" in refused(train)


def test_the_same_run_twice_and_twin_runs_count_once(home, train) -> None:
    home.write()
    first, second = home.record(), home.record()
    _, once = train("gate", "--runs", first.id, "--trainer", "regression")
    _, twice = train("gate", "--runs", f"{first.id},{first.id}", "--trainer", "regression")
    _, both = train("gate", "--runs", f"{first.id},{second.id}", "--trainer", "regression")
    assert once["left_out"]["twins"] == twice["left_out"]["twins"] == 0
    assert both["left_out"]["twins"] > 1000
    assert once["split"] == twice["split"] == both["split"]
    assert [once["look"], twice["look"], both["look"]] == [1, 2, 3]


def test_a_candidate_without_a_stop_has_no_r(home, train) -> None:
    home.write()
    home.deployment.write_text(home.deployment.read_text().replace("[exits]\nstop = 0.05\n", ""))
    home.record()
    assert "have no stop, so nothing was at risk: set [exits] stop" in refused(train)


def test_unknown_trainers_runs_options_and_agents_are_named(home, train) -> None:
    home.write()
    home.record()
    assert "there is no trainer 'pp0'" in refused(train, "--trainer", "pp0")
    assert "there is no run 'none'" in refused(train, "--runs", "none")
    assert "unknown key: did you mean 'cost'" in refused(train, "--set", "cots=1")
    assert "cannot be trained" in refused(train, agent="volatility-gate")
    assert "offers 'nothing'" in refused(train, columns="nothing(3)")
    assert "write a whole number" in refused(train, "--total-timesteps", "-1")


def test_what_publishing_would_refuse_is_refused_before_a_folder_is_made_or_a_window_opened(home, train) -> None:
    home.write()
    home.record()
    assert "'../x' is no agent's name" in refused(train, "--name", "../x", "--trainer", "regression")
    assert not (home.folder / "artifacts").exists()


def test_an_expert_that_the_run_does_not_have_is_named_with_those_that_it_has(home, train) -> None:
    home.write('[[agents]]\nuse = "rules-expert"\nrules = ["signal > 0"]\n')
    home.record()
    said = refused(train, "--expert", "rules-expart", agent="meta-learner", columns="signal;agent.rules-expart")
    assert "has no agent 'rules-expart' to learn from (--expert): did you mean 'rules-expert'?" in said


def test_a_mistake_in_the_run_s_own_copy_of_its_deployment_is_told_as_one_there(home, train) -> None:
    home.write()
    old, new = home.folder / "old.py", home.folder / "new.py"
    shutil.copy(WORLD, old)
    text = home.deployment.read_text()
    home.deployment.write_text(text.replace(f'[strategy]\nuse = "{WORLD}"', '[strategy]\nuse = "./old.py"'))
    run = home.record()
    old.rename(new)
    home.deployment.write_text(home.deployment.read_text().replace("./old.py", "./new.py"))
    said = refused(train)
    assert "there is no file ./old.py" in said
    assert f"in the copy of it that run {run.id} was made from" in said
    assert "run `darwin backtest` again" in said


def test_other_data_under_the_same_name_are_refused(home, train) -> None:
    home.write()
    home.record()
    home.write(seed=1)
    with_seed = home.record()
    text = (with_seed.folder / "deployment.toml").read_text()
    assert "seed = 1" in text
    run = json.loads((with_seed.folder / "run.json").read_text())
    run["data"] = "0" * 64
    (with_seed.folder / "run.json").write_text(json.dumps(run))
    assert "was made on other data" in refused(train)


def test_a_run_that_was_made_with_other_settings_than_its_file_says_is_refused(home) -> None:
    home.write()
    run = home.record({"execution.fee": 0.01})
    if "changes" not in run.info:
        with pytest.raises(RunError, match=r"made with other \[execution\] than its deployment.toml says"):
            look_again(run, home.deployment, ("signal",), "gate")


@pytest.fixture
def trained(home, train):
    home.write()
    home.record()
    assert train("gate", "--trainer", "regression")[0] == 0
    home.promote("gate")
    return home


def assembled(home, text: str):
    home.write(text)
    return assembly.assemble(config.load(home.deployment))


def test_a_policy_without_a_backend_is_refused(trained) -> None:
    with pytest.raises(ConfigError, match=r'backend = \{ use = "onnx" \}'):
        assembled(trained, '[[agents]]\nuse = "gate"\n')


def test_a_policy_is_for_the_task_that_it_was_trained_for(trained) -> None:
    text = AGENT.replace('"gate"', '"portfolio"') + 'model = "gate"\n'
    with pytest.raises(ConfigError, match=r"gate v1 was trained for 'gate', not for 'portfolio'"):
        assembled(trained, text)


def test_a_policy_meets_only_the_observation_that_it_was_trained_on(trained) -> None:
    with pytest.raises(DarwinError, match=r"(?s)another observation.*column 1, 'change\(1\)', is missing"):
        assembled(trained, AGENT + 'columns = ["signal", "change(2)", "strategy.confidence"]\n')
    line = assembled(trained, AGENT + 'columns = ["signal", "change(1)", "strategy.confidence"]\n')
    assert line.agents[0].agent.requires == ("signal", "change(1)", "strategy.confidence")


def test_a_policy_that_was_tampered_with_is_not_loaded(trained) -> None:
    place = trained.folder / "artifacts" / "models" / "gate" / "v1" / "policy.onnx"
    content = bytearray(place.read_bytes())
    content[-5] ^= 1
    place.write_bytes(bytes(content))
    with pytest.raises(DarwinError, match=r"policy.onnx is not as it was published"):
        assembled(trained, AGENT)


def test_another_registry_may_be_named_for_one_run(trained) -> None:
    trained.write(AGENT)
    with pytest.raises(DarwinError, match="there is no policy"):
        assembly.assemble(config.load(trained.deployment, {"registry.path": "nowhere"}))
    with pytest.raises(DarwinError, match="trusted"):
        assembly.assemble(config.load(trained.deployment, {"registry.trusted": []}))


def test_a_missing_policy_is_named(trained) -> None:
    with pytest.raises(DarwinError, match=r"there is no policy of 'gates'.*did you mean 'gate'"):
        assembled(trained, AGENT + 'model = "gates"\n')
    with pytest.raises(DarwinError, match=r"there is no version v9 of gate"):
        assembled(trained, AGENT + 'version = "v9"\n')
    shutil.rmtree(trained.folder / "artifacts")
    with pytest.raises(DarwinError, match="there is no policy"):
        assembled(trained, AGENT)


def test_a_higher_threshold_leaves_the_baseline_less_often(trained) -> None:
    counts = []
    for threshold in (0.0, 0.1, 10.0):
        trained.write(AGENT + f"threshold = {threshold}\n")
        counts.append(trained.record().info["agents"][0]["differs_from_baseline"])
    assert counts[0] > counts[1] > counts[2] == 0
