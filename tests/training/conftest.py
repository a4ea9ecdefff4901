"""Deployments over a market with a planted edge, keys, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from darwin_core import cli
from darwin_core.backtest import backtest
from darwin_core.registry import Signer
from darwin_core.registry.keys import keygen

WORLD = Path(__file__).with_name("world.py").as_posix()
COLUMNS = "signal;change(1);strategy.confidence"


class Home:
    """A folder with a deployment in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deployment = folder / "darwin.toml"
        keygen(folder / "keys")

    def write(self, more: str = "", **world: float) -> None:
        options = "".join(f"{name} = {value}\n" for name, value in world.items())
        self.deployment.write_text(
            f'[feed]\nuse = "{WORLD}"\n{options}[[features]]\nuse = "{WORLD}"\n[strategy]\nuse = "{WORLD}"\n'
            "[exits]\nstop = 0.05\n[safety]\nmax_weight = 0.25\nmax_gross = 2.0\n"
            '[registry]\ntrusted = ["keys/models.pub"]\nkey = { file = "keys/models.key" }\n' + more
        )

    def record(self, changes: dict | None = None):
        return backtest(self.deployment, changes)[0]

    @property
    def signer(self) -> Signer:
        return Signer.load(self.folder / "keys" / "models.key")

    @property
    def registry(self):
        from darwin_core import config

        return config.load(self.deployment).registry.open(self.folder)

    def promote(self, name: str, version: str = "v1") -> None:
        self.registry.promote(name, version, "a test", "to see it at work", self.signer, at=1)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def train(home, monkeypatch, capsys):
    """Return a function that calls `darwin train`, and gives its status and what it said."""
    monkeypatch.setitem(cli.COMMANDS, "train", "train an agent on recorded runs")

    def train(agent, *words, columns=COLUMNS):
        call = ["train", agent, "--deployment", str(home.deployment), "--columns", columns, *words, "--json"]
        if "--runs" not in words:
            call += ["--runs", "last"]
        capsys.readouterr()
        status = cli.main(call)
        return status, json.loads(capsys.readouterr().out)

    return train
