"""Every key of a TOML file is found on its line, whatever stands around it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core.errors import ConfigError
from darwin_core.source import Source, dotted, key_lines

TEXT = '''\
# a comment with [brackets] and "quotes"
title = "x = 1 # no comment"
[run]
store = """
[not.a.table]
key = 3
"""
list = [
  1, # one ]
  2,
]
processes = 2
[[agents]]
use = "gate"
[agents.options]
deep.key = true
[[agents]]
"quoted key" = 'it''s'
inline = { a = 1, b = [2] }
'''.replace("'it''s'", "'its'")


def test_lines_of_tables_arrays_and_multiline_values() -> None:
    lines = key_lines(TEXT)
    assert lines[("title",)] == 2
    assert lines[("run",)] == 3
    assert lines[("run", "store")] == 4
    assert lines[("run", "list")] == 8
    assert lines[("run", "processes")] == 12
    assert lines[("agents", 0)] == 13
    assert lines[("agents", 0, "use")] == 14
    assert lines[("agents", 0, "options", "deep", "key")] == 16
    assert lines[("agents", 1, "quoted key")] == 18
    assert ("not", "a", "table") not in lines
    assert ("run", "key") not in lines


def test_at_names_the_nearest_known_line() -> None:
    source = Source.parse(TEXT, Path("d.toml"))
    assert source.at(("agents", 1, "inline", "a")) == "d.toml:19: agents[1].inline.a"
    assert source.at(("agents", 1, "missing")) == "d.toml:17: agents[1].missing"
    assert source.at(("nothing",)) == "d.toml: nothing"


def test_dotted_writes_indices_in_brackets() -> None:
    assert dotted(("agents", 0, "mode")) == "agents[0].mode"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = ", b"[[a]]\n[a]\n", b"[" * 5000])
def test_a_file_that_is_no_toml_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="d.toml"):
        Source.load(path)


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no deployment file"):
        Source.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is a folder"):
        Source.load(tmp_path)


KEYS = st.text("abcdefgh_-", min_size=1, max_size=6)
VALUES = st.sampled_from(
    ["1", '"[x]"', "'{'", "[1, 2]", "{ q = 1 }", '"""\n[t]\nz = 1\n"""', "[\n 1,\n 2,\n]", '"a#b"']
)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=6), st.lists(KEYS, max_size=4, unique=True))
def test_each_key_that_the_parser_knows_has_the_line_that_holds_it(
    pairs: list[tuple[str, str]], tables: list[str]
) -> None:
    body = "\n".join(f"{key} = {value}" for key, value in dict(pairs).items())
    text = "\n".join(f"[t-{name}]\n{body}" for name in tables)
    lines = key_lines(text)
    rows = text.split("\n")
    for table, content in tomllib.loads(text).items():
        for key in content:
            assert rows[lines[(table, key)] - 1].startswith(f"{key} = ")
