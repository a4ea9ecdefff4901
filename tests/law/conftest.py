"""Runs one plugin of the zoo or the herd through a real backtest."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from attrs import frozen

from darwin_core import config
from darwin_core.assembly import assemble
from darwin_core.engine import Result, run

HERE = Path(__file__).parent
_MADE = {"features": "column", "strategy": "strategy", "agent": "agent", "monitor": "monitor"}


@frozen
class Specimen:
    """A plugin of one file, and what its docstring says of it."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def kind(self) -> str:
        return _MADE[re.search(r"def make_(\w+)\(", self.text)[1]]

    @property
    def does(self) -> str:
        return re.search(r'^"""(.*?)\n', self.text)[1]

    @property
    def feed(self) -> str:
        return re.search(r"^Feed: (\w+)", self.text, re.MULTILINE)[1]

    @property
    def counts(self) -> tuple[int, ...]:
        return (3,) if ", of several symbols." in self.text else (3, 1)

    @property
    def verdicts(self) -> list[str]:
        return re.search(r"Verdict: (.*)\.", self.text)[1].split(" or ")

    @property
    def column(self) -> str:
        return re.search(r'names = \("(\w+)",\)', self.text)[1]

    def deployment(self, *, seed: int, count: int, audit: str, feed: str | None = None) -> str:
        use = f'use = "./{self.path.relative_to(HERE)}"'
        tables = [
            f"[deployment]\nseed = {seed}",
            feed or f'[feed]\nuse = "./feeds/{self.feed}.py"\nseed = {seed}\ncount = {count}',
            '[[features]]\nuse = "./feeds/changes.py"',
            f'[run]\naudit = "{audit}"',
        ]
        if self.kind == "column":
            tables.append(f"[[features]]\n{use}")
        if self.kind == "strategy":
            tables.append(f"[strategy]\n{use}")
        else:
            column = self.column if self.kind == "column" else "change(5)"
            tables.append(f'[strategy]\nuse = "./feeds/follow.py"\ncolumn = "{column}"')
        if self.kind == "agent":
            tables.append(f'[[agents]]\n{use}\nmode = "active"')
        if self.kind == "monitor":
            tables.append(f"[[monitors]]\n{use}")
        return "\n\n".join(tables)

    def backtest(self, *, seed: int = 0, count: int = 3, audit: str = "cheap", feed: str | None = None) -> Result:
        """Backtest the plugin as a deployment that stands beside it would."""
        source = config.Source.parse(
            self.deployment(seed=seed, count=count, audit=audit, feed=feed), HERE / "darwin.toml"
        )
        return run(assemble(config.settings(source, {})))


def specimens(folder: str) -> list[Specimen]:
    return [Specimen(path) for path in sorted((HERE / folder).glob("*.py"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for folder in ("zoo", "herd"):
        if folder in metafunc.fixturenames:
            found = specimens(folder)
            metafunc.parametrize(folder, found, ids=[each.name for each in found])


@pytest.fixture
def backtest(tmp_path):
    """Return a function that backtests plugins given as text on made-up daily bars."""

    def go(*, strategy=None, column=None, agent=None, monitors=(), audit="cheap", seed=0, feed="", run_="") -> Result:
        follow = f'[strategy]\nuse = "{HERE}/feeds/follow.py"\ncolumn = "{"mine" if column else "change(5)"}"'
        own = {"strategy": strategy, "features": column, "agents": agent}
        tables = [
            f"[deployment]\nseed = {seed}",
            f'[feed]\nuse = "{HERE}/feeds/daily.py"\n{feed}',
            f'[[features]]\nuse = "{HERE}/feeds/changes.py"',
            f'[run]\naudit = "{audit}"\n{run_}',
            *([follow] if strategy is None else []),
        ]
        own |= {f"monitors{i}": text for i, text in enumerate(monitors)}
        for name, text in own.items():
            if text is not None:
                table = name.rstrip("0123456789")
                (tmp_path / f"my_{name}.py").write_text(_IMPORTS + textwrap.dedent(text), encoding="utf-8")
                head = f"[{table}]" if table == "strategy" else f"[[{table}]]"
                mode = '\nmode = "active"' if table == "agents" else ""
                tables.append(f'{head}\nuse = "./my_{name}.py"{mode}')
        source = config.Source.parse("\n\n".join(tables), tmp_path / "darwin.toml")
        return run(assemble(config.settings(source, {})))

    return go


_IMPORTS = """
import numpy as np
from darwin_core import WHOLE_TAPE, Limits, Proposal, hookimpl
"""
