"""Record, train, publish, serve. The edge is planted: see world.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from darwin_core import assembly, config, engine
from darwin_core.registry import row_digests
from darwin_core.training.probing import look_again

WORLD = Path(__file__).with_name("world.py").as_posix()
AGENT = '[[agents]]\nuse = "{0}"\nbackend = {{ use = "onnx" }}\nmode = "observe"\n'
SHORT = ("--total-timesteps", "12000", "--eval-freq", "4000")


def test_both_trainers_find_a_planted_edge_and_the_gate_then_improves_the_backtest(home, train) -> None:
    home.write()
    home.record()
    status, said = train("gate", *SHORT)
    assert status == 0
    assert said["version"] == "v1"
    assert set(said["validation"]) == {"ppo", "regression"}
    assert all(each["uplift_r"] > 0.04 for each in said["validation"].values())
    assert said["beats_baseline"]
    assert said["test"]["uplift_low"] > 0.0
    home.promote("gate")

    home.write(AGENT.format("gate"))
    run = home.record()
    (agent,) = run.info["agents"]
    assert agent["applied"] == 0
    assert agent["differs_from_baseline"] > 20
    assert agent["added_money"] > 0.0
    acting = home.record({"agents.0.mode": "active"})
    assert acting.info["summary"]["final_equity"] > run.info["summary"]["final_equity"]
    assert acting.info["incidents"] == []


def test_a_policy_stays_with_its_baseline_on_the_time_that_it_has_learnt_from(home, train) -> None:
    home.write()
    home.record()
    _, said = train("gate", "--trainer", "regression")
    home.promote("gate")
    home.write(AGENT.format("gate"))
    until = said["split"]["validation"]["last_known"]
    log = home.record().table("decisions")
    time = log["time"].cast("int64").to_numpy()
    value = log["value"].to_numpy()
    mine = log["stage"].cast("string").to_numpy(zero_copy_only=False) == "gate"
    learnt = time <= np.datetime64(until, "ns").astype(np.int64)
    assert (value[mine & learnt] == 1.0).all()
    assert (value[mine & ~learnt] == 0.0).any()
    home.write(AGENT.format("gate") + "in_sample = true\n")
    again = home.record().table("decisions")
    assert (again["value"].to_numpy()[mine & learnt] == 0.0).any()


def test_without_an_edge_nothing_beats_the_baseline_and_the_policy_is_marked_so(home, train) -> None:
    home.write(edge=0.0, drift=0.0005)
    home.record()
    status, said = train("gate", *SHORT)
    assert status == 0
    assert not said["beats_baseline"]
    assert not home.registry.verify("gate", "v1").metadata.beats_baseline


def test_serving_sees_what_training_saw_row_for_row(home, train) -> None:
    home.write()
    run = home.record()
    train("gate", "--trainer", "regression")
    home.promote("gate")
    home.write(AGENT.format("gate"))
    line = assembly.assemble(config.load(home.deployment))
    gate = line.agents[0].agent
    served: list[str] = []
    policy, model = gate.policy, gate.policy._model

    class Listening:
        inputs, outputs = model.inputs, model.outputs

        def predict(self, rows):
            served.extend(row_digests(policy.schema, rows))
            return model.predict(rows)

    object.__setattr__(policy, "_model", Listening())
    engine.run(line, audit=False)
    seen = look_again(run, home.deployment, policy.schema.names, "gate")
    assert served == row_digests(policy.schema, policy.schema.apply(seen.values))
    assert len(served) > 1000


def test_the_same_seed_gives_the_same_policy_to_the_byte(home, train) -> None:
    home.write()
    home.record()
    for _ in range(2):
        assert train("gate", "--trainer", "ppo", *SHORT, "--seed", "3")[0] == 0
        assert train("gate", "--trainer", "regression", "--seed", "3")[0] == 0
    policies = [home.registry.verify("gate", f"v{n}").policy for n in (1, 2, 3, 4)]
    assert policies[0] == policies[2]
    assert policies[1] == policies[3]
    train("gate", "--trainer", "regression", "--seed", "4")
    assert home.registry.verify("gate", "v5").policy != policies[1]


def test_a_portfolio_agent_learns_sizes_and_keeps_within_the_account_s_room(home, train) -> None:
    home.write()
    home.record()
    columns = "signal;proposal.weight;account.gross"
    status, said = train("portfolio", "--set", "max_gross=0.45", *SHORT, columns=columns)
    assert status == 0
    assert said["details"]["ppo"]["algorithm"] == "MaskablePPO"
    assert said["beats_baseline"]
    assert said["test"]["sharpe_uplift_low"] > 0.0
    home.promote("portfolio")
    home.write(AGENT.format("portfolio") + "in_sample = true\n")
    run = home.record({"agents.0.mode": "active"})
    log = run.table("decisions")
    mine = log["stage"].cast("string").to_numpy(zero_copy_only=False) == "portfolio"
    sizes = set(log["value"].to_numpy()[mine].tolist())
    assert sizes <= {0.0, 0.5, 1.0, 1.5, 2.0}
    assert len(sizes) > 1
    assert max(pq.read_table(run.folder / "equity.parquet")["gross"].to_numpy()) > 0.0
    assert run.info["incidents"] == []


def test_a_meta_learner_overrules_an_expert_that_observes_in_both_directions(home, train) -> None:
    expert = f'[[agents]]\nuse = "{WORLD}"\nname = "llm"\nmode = "observe"\n'
    home.write(expert, bars=3000, edge=1.5)
    home.record()
    columns = "signal;agent.llm;strategy.weight"
    status, said = train("meta-learner", "--trainer", "regression", "--expert", "llm", columns=columns)
    assert status == 0, said
    assert said["beats_baseline"]
    assert 0.80 <= 1.0 - said["test"]["changed"] < 1.0
    assert said["test"]["right_when_changed"] > 0.6
    home.promote("meta-learner")
    home.write(expert + AGENT.format("meta-learner") + "max_overrides = 1.0\n", bars=3000, edge=1.5)
    run = home.record({"agents.1.mode": "active"})
    log = run.table("decisions")
    stage = log["stage"].cast("string").to_numpy(zero_copy_only=False)
    value = log["value"].to_numpy()
    word, action = value[stage == "llm"], value[stage == "meta-learner"]
    assert ((word == 1.0) & (action == 0.0)).sum() > 20
    assert ((word == 0.0) & (action == 1.0)).sum() > 20
    follows = home.record({"agents.1.mode": "active", "agents.1.threshold": 1e9})
    assert run.info["summary"]["final_equity"] > follows.info["summary"]["final_equity"]


def test_a_run_is_repeated_with_the_observers_that_its_acting_agents_are_told_of(home, train) -> None:
    expert = f'[[agents]]\nuse = "{WORLD}"\nname = "llm"\nmode = "observe"\n'
    home.write(expert, bars=3000)
    home.record()
    train("meta-learner", "--trainer", "regression", "--expert", "llm", columns="signal;agent.llm")
    home.promote("meta-learner")
    acting = AGENT.format("meta-learner").replace("observe", "active")
    home.write(
        expert + acting + AGENT.format("volatility-gate").replace('backend = { use = "onnx" }', "quantile = 0.8"),
        bars=3000,
    )
    text = home.deployment.read_text()
    home.deployment.write_text(text + '[[features]]\nuse = "volatility-gate"\n')
    run = home.record()
    seen = look_again(run, home.deployment, ("signal",), "gate")
    assert [part.name for part in seen.line.agents] == ["llm", "meta-learner", "training"]
    assert train("gate", "--trainer", "regression", "--no-publish", columns="signal")[0] == 0


def test_an_expert_that_stands_behind_cannot_be_learnt_from(home, train) -> None:
    home.write(AGENT.format("meta-learner") + f'[[agents]]\nuse = "{WORLD}"\nname = "llm"\nmode = "observe"\n')
    home.deployment.write_text(home.deployment.read_text().replace('mode = "observe"', 'mode = "off"', 1))
    home.record()
    status, said = train("meta-learner", "--expert", "llm", columns="signal;agent.llm")
    assert status == 1
    assert "no agent stands before it" in said["error"]["message"]


def test_a_forecast_at_every_bar_finds_a_planted_edge_and_pays_for_leaving_the_market(home, train) -> None:
    home.write(edge=3.0, bars=3000)
    text = home.deployment.read_text()
    home.deployment.write_text(text + "[execution]\nfee = 0.0002\n")
    run = home.record()
    status, said = train("sl-fallback", "--trainer", "regression", "--set", "horizon=5", columns="signal;change(1)")
    assert status == 0, said
    assert said["beats_baseline"]
    assert said["baseline"] == "hold every symbol at every bar"
    rows = sum(said["split"][window]["rows"] for window in ("train", "validation", "test"))
    assert rows + said["split"]["left_out"] + said["left_out"]["open"] == 2999 * 6  # one bar without a change
    assert said["left_out"]["open"] == 6 * 6  # the next open, and five bars
    _, free = train("sl-fallback", "--trainer", "regression", "--set", "short=true", columns="signal;change(1)")
    assert free["test"]["uplift_r"] > said["test"]["uplift_r"]
    home.promote("sl-fallback", "v1")
    home.deployment.write_text(home.deployment.read_text() + AGENT.format("sl-fallback"))
    (agent,) = home.record({"agents.0.mode": "active"}).info["agents"]
    assert agent["when"] == "bar"
    assert agent["effect"] == "target"
    assert agent["applied"] > 100
    assert run.info["digest"]


def test_what_holding_on_was_worth_is_the_quotient_of_the_prices_at_which_orders_fill(home, train) -> None:
    from darwin_core.training.horizon import look_ahead

    for fill, field, wait in (("next_open", "open", 1), ("next_close", "close", 1), ("same_close", "close", 0)):
        home.write(bars=300)
        home.deployment.write_text(
            home.deployment.read_text() + f'[execution]\nfill = "{fill}"\nfee = 0.0005\nspread = 0.001\n'
        )
        run = home.record()
        seen, outcome, resolved, cost = look_ahead(run, home.deployment, ("change(1)",), "sl-fallback", 4)
        bars = seen.line.feed.read(0, 300)
        assert cost == (0.0005 + 0.0005) * 2 / 0.05
        for i in range(0, len(outcome), 97):
            at = bars.time.tolist().index(int(seen.time[i]))
            if at + wait + 4 > 299:
                assert resolved[i] == -1
                assert np.isnan(outcome[i])
                continue
            price = bars.fields[field][:, seen.symbol[i]]
            assert outcome[i] == (price[at + wait + 4] / price[at + wait] - 1.0) / 0.05
            assert resolved[i] == bars.time[at + wait + 4]


SMA = """
[deployment]
name = "sma"
[feed]
use = "panel"
path = "{data}"
timezone = "America/New_York"
stamp = "date"
[[features]]
use = "indicators"
[strategy]
use = "sma-cross"
fast = 5
slow = 20
[exits]
stop = 0.05
horizon = 40
[execution]
fill = "next_close"
fee = 0.0005
slippage = 0.0005
[safety]
max_weight = 0.10
[registry]
trusted = ["keys/models.pub"]
key = {{ file = "keys/models.key" }}
"""


def test_on_real_prices_an_agent_goes_all_the_way_and_its_verdict_is_what_the_interval_says(home, train) -> None:
    data = Path(__file__).parents[2] / "data" / "us20" / "prices.csv.gz"
    text = SMA.format(data=data.as_posix())
    home.deployment.write_text(text)
    home.record()
    columns = "strategy.confidence;return(5);rsi(14);volatility(20);drawdown(252)"
    for agent, seen in (("gate", columns), ("portfolio", f"{columns};proposal.weight;account.gross")):
        status, said = train(agent, *SHORT, columns=seen)
        assert status == 0, said
        figure = "uplift_low" if agent == "gate" else "sharpe_uplift_low"
        assert said["beats_baseline"] == (said["test"][figure] > 0.0)
        assert said["test"]["block"] == "quarter"
        home.promote(agent)
    agents = AGENT.format("gate") + AGENT.format("portfolio")
    home.deployment.write_text(text + agents)
    plain, observing = home.record({"agents": []}), home.record()
    assert observing.info["summary"] == plain.info["summary"]
    assert [agent["applied"] for agent in observing.info["agents"]] == [0, 0]
    acting = home.record({"agents.0.mode": "active", "agents.1.mode": "active"})
    assert [agent["applied"] > 1000 for agent in acting.info["agents"]] == [True, True]
    assert acting.info["incidents"] == []
    changed = [agent["differs_from_baseline"] for agent in acting.info["agents"]]
    assert acting.info["digest"] != observing.info["digest"] or changed == [0, 0]


def test_an_agent_a_task_and_a_trainer_of_one_s_own_need_nothing_but_a_file(home, train) -> None:
    own = Path(__file__).with_name("own.py").as_posix()
    home.write(drift=-0.002)  # half of a loss is better than the whole
    home.record()
    status, said = train(own, "--trainers", own, "--trainer", "mean", "--set", "share=0.25", columns="signal")
    assert status == 0, said
    assert said["agent"] == said["task"] == "own"
    assert said["beats_baseline"]
    home.promote("own")
    home.write(AGENT.format(own) + 'name = "own"\n', drift=-0.002)
    log = home.record().table("decisions")
    mine = log["stage"].cast("string").to_numpy(zero_copy_only=False) == "own"
    assert set(log["value"].to_numpy()[mine].tolist()) == {0.25, 1.0}


def test_another_name_is_no_fresh_look_at_the_test_window(home, train) -> None:
    home.write()
    home.record()
    first = train("gate", "--trainer", "regression", "--no-publish")[1]
    second = train("gate", "--trainer", "regression", "--name", "other", "--no-publish")[1]
    assert [first["look"], second["look"]] == [1, 2]
    assert second["test"]["level"] > first["test"]["level"]


def test_an_interrupted_training_can_be_resumed_from_the_command_line(home, train) -> None:
    home.write()
    home.record()
    words = ("--trainer", "ppo", "--eval-freq", "4096", "--no-publish")
    train("gate", *words, "--total-timesteps", "8192")
    resumed = train("gate", *words, "--total-timesteps", "12288", "--resume")[1]
    whole = train("gate", *words, "--total-timesteps", "12288")[1]
    assert resumed["details"] == whole["details"]


def test_what_a_person_sees_says_the_verdict_in_words(home, monkeypatch, capsys) -> None:
    from darwin_core import cli

    monkeypatch.setitem(cli.COMMANDS, "train", "train an agent on recorded runs")
    home.write(edge=0.0)
    home.record()
    call = ["train", "gate", "--runs", "last", "--deployment", str(home.deployment), "--columns", "signal"]
    assert cli.main([*call, "--trainer", "regression"]) == 0
    said = capsys.readouterr().out
    assert "does NOT beat its baseline (pass every candidate)" in said
    assert "look 1 at this test window" in said
    assert "winners reduced" in said
    assert "darwin models promote gate --version v1" in said
