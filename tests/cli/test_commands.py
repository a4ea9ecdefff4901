"""The commands end to end, on the demo's own deployment and data."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo, its data and two finished runs."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(ROOT / "darwin.toml", folder)
    shutil.copytree(ROOT / "artifacts", folder / "artifacts")
    (folder / "data").symlink_to(ROOT / "data")
    for processes in ("1", "2"):
        done = darwin(folder, "backtest", "--processes", processes)
        assert done.returncode == 0, done.stderr
    return folder


def darwin(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darwin_core.cli", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=180, env={**os.environ, **environment},
    )  # fmt: skip


def answer(folder: Path, *words: str, status: int = 0) -> dict[str, Any]:
    done = darwin(folder, *words, "--json")
    assert done.returncode == status, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_same_inputs_give_the_same_digest_on_any_number_of_processes(place: Path) -> None:
    runs = answer(place, "runs")["runs"]
    assert len({run["digest"] for run in runs}) == 1
    assert len(runs[0]["digest"]) == 64
    found = answer(place, "runs", "diff", runs[0]["id"], runs[1]["id"])
    assert found["same_decisions"]
    assert found["summary"] == []
    assert [name for name, _, _ in found["settings"]] == ["run.processes"]


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_the_digest_does_not_depend_on_python_s_hash_seed(place: Path, tmp_path: Path, seed: str) -> None:
    store = str(tmp_path / "runs")
    done = darwin(place, "backtest", "--json", "--set", f"run.store={json.dumps(store)}", PYTHONHASHSEED=seed)
    assert json.loads(done.stdout)["digest"] == answer(place, "runs")["runs"][0]["digest"]


def test_a_changed_parameter_parts_the_runs_at_a_named_decision(place: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "runs")
    ids = []
    for cash in ("100000", "100000"):
        words = ["--set", f"run.store={json.dumps(store)}", "--set", f"execution.cash={cash}", "--set", "reporters=[]"]
        ids.append(answer(place, "backtest", *words)["id"])
    more = answer(place, "backtest", "--set", f"run.store={json.dumps(store)}", "--set", "strategy.window=100")
    found = answer(place, "runs", "diff", ids[0], more["id"], "--store", store, status=1)
    assert not found["same_decisions"]
    assert [name for name, _, _ in found["settings"] if name.startswith("strategy")] == ["strategy.window"]
    assert found["parting"]["a"] != found["parting"]["b"]
    assert answer(place, "runs", "diff", ids[0], ids[1], "--store", store)["same_decisions"]


def test_a_run_tells_its_convention_its_audit_and_its_figures(place: Path) -> None:
    run = answer(place, "runs", "show", "last")
    assert run["fill_convention"] == "decided at a close, filled at the next bar's close"
    assert sum(run["audit"]["prefixes"].values()) > 10
    assert run["summary"]["trades"] > 20
    assert run["summary"]["final_equity"] == pytest.approx(100_000 * (1 + run["summary"]["total_return"]))
    assert {agent["name"] for agent in run["agents"]} == {"volatility-gate", "drawdown-scaler", "gate", "portfolio"}
    shown = darwin(place, "runs", "show", "last", COLUMNS="100").stdout
    assert "filled at the next bar's close" in re.sub(r"\s+", " ", shown)
    assert run["digest"][:12] in shown


def test_stored_tables_open_in_pandas_polars_and_duckdb(place: Path) -> None:
    pd, pl, duckdb = (pytest.importorskip(name) for name in ("pandas", "polars", "duckdb"))
    folder = place / answer(place, "runs", "show", "last")["folder"]
    for name in ("equity", "decisions", "candidates", "orders", "fills", "trades"):
        path = str(folder / f"{name}.parquet")
        rows = len(pd.read_parquet(path))
        assert rows > 0
        assert rows == len(pl.read_parquet(path))
        assert rows == duckdb.sql(f"select count(*) from '{path}'").fetchall()[0][0]  # noqa: S608


def test_the_money_of_the_stored_tables_adds_up(place: Path) -> None:
    pd = pytest.importorskip("pandas")
    run = answer(place, "runs", "show", "last")
    folder = place / run["folder"]
    fills, equity = (pd.read_parquet(folder / f"{name}.parquet") for name in ("fills", "equity"))
    cash = 100_000 - (fills["quantity"] * fills["price"]).sum() - fills["fee"].sum()
    assert equity["cash"].iloc[-1] == pytest.approx(cash, abs=1e-4)
    assert (equity["equity"] - equity["cash"] - equity["net"]).abs().max() < 1e-6
    assert equity["cash"].min() >= -1e-9
    assert fills["fee"].sum() == pytest.approx(run["summary"]["fees"])


def test_json_is_the_only_thing_on_stdout(place: Path, tmp_path: Path) -> None:
    store = json.dumps(str(tmp_path))
    for words in (
        ["backtest", "--set", f"run.store={store}"], ["check"], ["runs"], ["runs", "show", "last"], ["plugins"], ["warmup"],
    ):  # fmt: skip
        done = darwin(place, *words, "--json")
        assert isinstance(json.loads(done.stdout), dict), words


MISTAKES = [
    (["backtest", "none.toml"], 1, "there is no deployment file"),
    (["backtest", "--set", "strategy.windw=3"], 1, "unknown key: did you mean 'window'?"),
    (["backtest", "--set", "strategy"], 2, "write KEY=VALUE"),
    (["backtest", "--audit", "some"], 2, "invalid choice"),
    (["backtest", "--processes", "0"], 1, "must be >= 1"),
    (["backtest", "--set", 'execution.fill="next_open"'], 1, "the feed has no opening prices"),
    (["backtest", "--set", "strategy.use=sma-corss"], 1, "no plugin is named 'sma-corss'"),
    (["backtest", "--set", "strategy.use=./none.py"], 1, "there is no file ./none.py"),
    (["backtest", "--set", "feed.path=nothing.csv"], 1, "nothing.csv"),
    (["check", "--set", "features=[]"], 1, 'add [[features]] use = "..."'),
    (["runs", "show", "zzz"], 1, "there is no run 'zzz'"),
    (["bactest"], 2, "did you mean 'backtest'?"),
    (["runs", "show"], 2, "RUN"),
    (["panel"], 1, "brings no commands"),
]


@pytest.mark.parametrize(("words", "status", "message"), MISTAKES)
def test_a_mistake_is_told_in_words(place: Path, words: list[str], status: int, message: str) -> None:
    done = darwin(place, *words, COLUMNS="200")
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_mistake_is_told_as_json_when_asked(place: Path) -> None:
    found = answer(place, "check", "none.toml", status=1)
    assert found["error"]["kind"] == "ConfigError"


def slow_deployment(folder: Path) -> None:
    """Write a deployment whose strategy takes its time, so that it can be interrupted."""
    (folder / "slow.py").write_text(
        "import time\nfrom darwin_core import Proposal, hookimpl\n"
        "class Slow:\n    requires = ()\n    lookback = 0\n"
        "    def propose(self, market):\n        open('started', 'w').close()\n        time.sleep(60)\n        return Proposal(1)\n"
        "@hookimpl\ndef make_strategy(options):\n    return Slow()\n"
    )
    text = (ROOT / "darwin.toml").read_text()
    text = re.sub(r'(\[strategy\]\nuse = )"[^"]+"', r'\1"./slow.py"', text)
    (folder / "darwin.toml").write_text(text)
    shutil.copytree(ROOT / "artifacts", folder / "artifacts")
    (folder / "data").symlink_to(ROOT / "data")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_run_leaves_nothing_that_looks_finished(tmp_path: Path, sent: int, status: int) -> None:
    slow_deployment(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "darwin_core.cli", "backtest"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(sent)
    _, told = process.communicate(timeout=30)
    assert process.returncode == status
    assert "Traceback" not in told
    assert answer(tmp_path, "runs")["runs"] == []


def test_a_look_ahead_fails_the_run_and_stores_nothing(tmp_path: Path) -> None:
    slow_deployment(tmp_path)
    (tmp_path / "slow.py").write_text(
        "import numpy as np\nfrom darwin_core import Proposal, hookimpl\n"
        "class Ahead:\n    requires = ()\n    lookback = 0\n"
        "    def propose(self, market):\n        close = market.bars.close\n"
        "        return Proposal(side=(np.roll(close, -1, axis=0) > close).astype(int), weight=0.05)\n"
        "@hookimpl\ndef make_strategy(options):\n    return Ahead()\n"
    )
    done = darwin(tmp_path, "backtest", COLUMNS="400")
    assert done.returncode == 1
    assert "slow.py" in done.stderr
    assert "side" in done.stderr
    assert answer(tmp_path, "runs")["runs"] == []


def test_a_report_that_fails_does_not_cost_the_run(tmp_path: Path) -> None:
    slow_deployment(tmp_path)
    shutil.copy(ROOT / "darwin.toml", tmp_path)
    (tmp_path / "bad.py").write_text(
        "from darwin_core import hookimpl\nclass Bad:\n    def report(self, run):\n        raise OSError('no paper')\n"
        "@hookimpl\ndef make_reporter(options):\n    return Bad()\n"
    )
    found = answer(tmp_path, "backtest", "--set", 'reporters=[{use="./bad.py"}]')
    assert "no paper" in found["reports"][0]
    assert (tmp_path / found["folder"] / "run.json").is_file()
