"""A deployment file is taken as a whole or refused with file, line, key and the nearest right word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from attrs.validators import ge
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import Options, Secret, config
from darwin_core.backtest import resolved
from darwin_core.errors import ConfigError, DarwinError
from darwin_core.source import Source

BASE = '[feed]\nuse = "panel"\n[strategy]\nuse = "sma-cross"\n'


def settings(text: str = "", **changes: Any) -> config.Settings:
    return config.settings(Source.parse(BASE + text, Path("darwin.toml")), changes)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return str(caught.value)


def test_defaults_stand_for_what_is_not_written() -> None:
    made = settings()
    assert made.execution.fill == "next_open"
    assert made.run.audit == "cheap"
    assert made.safety.limits.max_gross == 1.0
    assert made.agents == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nproceses = 2", "darwin.toml:6: run.proceses: unknown key: did you mean 'processes'?"),
        ("[runs]\n", "darwin.toml:5: runs: unknown table: did you mean 'run'?"),
        ('[run]\nprocesses = "2"', "darwin.toml:6: run.processes: a whole number is expected, not '2'"),
        ("[run]\nprocesses = true", "a whole number is expected, not True"),
        ("[run]\nprocesses = 0", "darwin.toml:6: run.processes: must be >= 1: 0"),
        ('[execution]\nfill = "next-open"', "did you mean 'next_open'?"),
        ("[execution]\nfee = nan", "nan is not a finite number"),
        ("[execution]\nfee = 1.5", "must be < 1.0: 1.5"),
        ("[execution]\ncash = -1", "must be > 0.0"),
        ('[[agents]]\nuse = "g"\nmode = "on"', "agents[0].mode"),
        ('[[agents]]\nuse = "g"\nshare = 2', "must be <= 1.0"),
        ("[[agents]]\nmode = 'off'", "the key 'use' is missing"),
        ('[[agents]]\nuse="g"\n[[agents]]\nuse="g"', "two agents are named 'g'"),
        ("[agents]\nuse = 'g'", "write [[agents]], with two brackets"),
        ("[sweep]\na = 3", "write a list of values"),
        ('[deployment]\nname = "../up"', "deployment.name"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str) -> None:
    assert message in refusal(text)


def test_a_deployment_without_feed_or_strategy_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the table \[strategy\] is missing"):
        config.settings(Source.parse('[feed]\nuse = "x"', Path("d.toml")), {})


def test_changes_set_dotted_keys_on_top() -> None:
    made = config.settings(
        Source.parse(BASE + "[[agents]]\nuse = 'g'\n", Path("d.toml")),
        {"agents.0.mode": "active", "strategy.fast": 7, "execution.fee": 0.001},
    )
    assert made.agents[0].trust.mode == "active"
    assert made.strategy.options.table["fast"] == 7
    assert made.execution.fee == 0.001


@pytest.mark.parametrize("key", ["agents.1.mode", "agents.x.mode", "agents.0"])
def test_a_change_that_reaches_nothing_is_refused(key: str) -> None:
    with pytest.raises(ConfigError):
        config.settings(Source.parse(BASE + "[[agents]]\nuse = 'g'\n", Path("d.toml")), {key: "active"})


@frozen
class Example:
    """Options of a plugin."""

    size: float = field(validator=ge(0.0))
    names: tuple[str, ...] = ()
    table: dict[str, int] = field(factory=dict)
    key: Secret | None = None
    path: Path | None = None


def options(text: str, folder: Path = Path("dep")) -> Options:
    source = Source.parse(text, folder / "d.toml")
    return Options(source.tables["p"], source, ("p",))


def test_options_become_a_frozen_class_and_paths_are_relative_to_the_file() -> None:
    given_options = options('[p]\nsize = 3\nnames = ["a"]\npath = "data"\ntable = { a = 1 }\n')
    made = given_options.into(Example)
    assert made == Example(3.0, ("a",), {"a": 1}, None, Path("dep/data"))
    assert given_options.resolved["path"] == "dep/data"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[p]\nsze = 1", "dep/d.toml:2: p.sze: unknown key: did you mean 'size'?"),
        ("[p]\n", "dep/d.toml:1: p: the key 'size' is missing"),
        ("[p]\nsize = -1", "dep/d.toml:2: p.size: must be >= 0.0: -1"),
        ("[p]\nsize = 1\nnames = [1]", "dep/d.toml:3: p.names[0]: a string is expected, not 1"),
        ("[p]\nsize = 1\ntable = { a = 'x' }", "p.table.a: a whole number is expected"),
        ('[p]\nsize = 1\nnames = ["${HOME}"]', "${...} is for secrets only"),
        ('[p]\nsize = 1\nkey = "abc123"', "a secret does not stand in this file"),
    ],
)
def test_wrong_options_are_refused_with_line_and_key(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options(text).into(Example)
    assert message in str(caught.value)
    assert "abc123" not in str(caught.value)


def test_a_secret_is_read_when_it_is_needed_and_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given_options = options('[p]\nsize = 1\nkey = "${DARWIN_TEST_KEY}"')
    secret = given_options.into(Example).key
    assert secret is not None
    with pytest.raises(ConfigError, match="DARWIN_TEST_KEY is not set"):
        secret.reveal()
    monkeypatch.setenv("DARWIN_TEST_KEY", "hush")
    assert secret.reveal() == "hush"
    assert "hush" not in repr(secret) + str(given_options.resolved)
    (tmp_path / "key").write_text("from-file\n")
    filed = options('[p]\nsize = 1\nkey = { file = "key" }', tmp_path).into(Example).key
    assert filed is not None
    assert filed.reveal() == "from-file"


def test_the_resolved_deployment_holds_every_default_and_no_secret() -> None:
    made = settings('[[agents]]\nuse = "g"\nkey = "${NAME}"\n')
    whole = resolved(made)
    assert whole["execution"]["fill"] == "next_open"
    assert whole["agents"][0]["mode"] == "observe"


SCALARS = st.one_of(
    st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)
TABLES = st.dictionaries(
    st.sampled_from([*config._KNOWN, "other"]),
    st.one_of(
        SCALARS,
        st.dictionaries(
            st.sampled_from(["use", "fill", "fee", "mode", "share", "stop", "x", "seed", "name"]), SCALARS, max_size=4
        ),
        st.lists(st.dictionaries(st.sampled_from(["use", "mode", "name"]), SCALARS, max_size=3), max_size=2),
    ),
)


@given(TABLES)
def test_any_tables_are_taken_or_refused_in_words(tables: dict[str, Any]) -> None:
    source = Source(Path("d.toml"), "", {"feed": {"use": "f"}, "strategy": {"use": "s"}, **tables}, {})
    try:
        config.settings(source, {})
    except DarwinError as error:
        assert "d.toml" in str(error)


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_in_words(text: str) -> None:
    try:
        config.settings(Source.parse(text, Path("d.toml")), {})
    except DarwinError as error:
        assert "d.toml" in str(error)
