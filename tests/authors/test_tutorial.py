"""The tutorial's code runs, and its outputs are what comes out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from darwin_core import testing
from darwin_core.testing import fake_distribution

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "first-plugin.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)(?: (\S+))?(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BASES = {
    "PluginTests": "every kind",
    "ComponentTests": "all but reporters and brokers",
    "LawTests": "features, strategies, monitors",
}


@attrs.define
class Reader:
    """Somebody who does what the tutorial says."""

    folder: Path
    path: list[Path] = attrs.field(factory=list)

    def write(self, name, how, text):
        file = self.folder / name
        if how is None:
            file.write_text(text, encoding="utf-8")
        elif how == "added":
            file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
        else:
            old, new = text.split("---\n")
            before = file.read_text(encoding="utf-8")
            assert before.count(old) == 1, f"{name} does not hold once what the tutorial replaces:\n{old}"
            file.write_text(before.replace(old, new), encoding="utf-8")

    def type(self, text):
        for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = entry.partition("\n")
            actual = self.run(shlex.split(command))
            assert re.fullmatch(pattern(expected), normal(actual)), (
                f"$ {command}\n{actual}\n--- is not what the tutorial says:\n{expected}"
            )

    def run(self, words):
        if words[:3] == ["pip", "install", "-e"]:
            # An installation as far as darwin can see it: metadata, and the module on the path.
            with fake_distribution(self.folder / words[3], self.folder / ".site"):
                self.path += [self.folder / ".site", self.folder / words[3]]
            return ""
        command = {
            "darwin": ["-m", "darwin_core.cli"],
            "pytest": ["-m", "pytest", "-p", "no:cacheprovider", "--color=no"],
        }[words[0]]
        path = os.pathsep.join([*map(str, self.path), *filter(None, sys.path)])
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, *command, *words[1:]],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done.stdout or done.stderr


def normal(text):
    """Drop what only lays text out: runs of blanks, empty lines."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def pattern(expected):
    """Return the pattern of an expected output: ``...`` is any part of a line, or any lines when it stands alone."""
    lines = []
    for line in normal(expected).splitlines():
        inner = ".*".join(re.escape(part.strip(" ")) for part in line.split("..."))
        lines.append(r"(?:.*\n)*" if line == "..." else inner.replace(r"\ ", r"\s+") + r"\n")
    return "".join(lines)


def test_everything_in_it_works(tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    reader = Reader(tmp_path / "mine")
    reader.folder.mkdir()
    for language, name, how, text in FENCE.findall(TUTORIAL):
        if language == "console":
            reader.type(text)
        elif name:
            reader.write(name, how or None, text)


def test_its_finished_agent_is_the_example():
    """The file of the tutorial and the example differ in their type hints and docstrings only."""
    example = (ROOT / "examples" / "one-file-agent" / "my_agent.py").read_text(encoding="utf-8")
    code = next(text for language, name, _, text in FENCE.findall(TUTORIAL) if name == "my_agent.py")
    for line in code.splitlines():
        if "=" in line or line.lstrip().startswith("return"):
            bare = re.sub(r"^(\s*\w+): [^=]+ = ", r"\1 = ", line)
            assert bare in [re.sub(r"^(\s*\w+): [^=]+ = ", r"\1 = ", each) for each in example.splitlines()]


def cases():
    """Return the table of all cases as the tutorial shows it."""
    from darwin_core.testing import law, suite

    classes = [suite.PluginTests, suite.ComponentTests, law.LawTests]
    classes += [getattr(testing, name) for name in testing.__all__ if name.endswith("Tests")]
    order = (
        "Plugin",
        "Component",
        "Law",
        "Agent",
        "Strategy",
        "Features",
        "Monitor",
        "Feed",
        "Stream",
        "Backend",
        "Reporter",
        "Broker",
    )
    rows = ["| suite | case | what holds |", "| --- | --- | --- |"]
    for each in sorted(classes, key=lambda found: order.index(found.__name__.removesuffix("Tests"))):
        title = BASES.get(each.__name__, f"`{each.__name__}`")
        shared = {object, *classes[:3]} - {each}
        own = [case for base in each.__mro__ if base not in shared for name, case in vars(base).items()
               if name.startswith("test_")]  # fmt: skip
        found = [case.__doc__.splitlines()[0].partition(": ") for case in own]
        for number, _, sentence in sorted(found, key=lambda row: (row[0][0], int(row[0][1:]))):
            rows.append(f"| {title} | {number} | {sentence} |")
    return "\n".join(rows)


def test_it_lists_every_case_in_the_words_of_the_suites():
    shown = TUTORIAL.split("<!-- cases -->\n")[1].split("<!-- end of cases -->")[0].strip()
    assert shown == cases()


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("a ... c\n", "a  b  c\n", True),
        ("a\nc\n", "a\nb\nc\n", False),
        ("18 passed in ...\n", "17 passed in 0.3s\n", False),
        ("", "unexpected\n", False),
    ],
)
def test_the_comparison_of_outputs_can_fail(expected, actual, fits):
    assert bool(re.fullmatch(pattern(expected), normal(actual))) == fits
