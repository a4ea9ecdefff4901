"""The key goes into one header of a request and nowhere else."""

from __future__ import annotations

import logging
import os
import traceback
from contextlib import nullcontext

import attrs
import numpy as np
import pytest
from darwin_llm_expert.expert import NoOpinion, expert_of

from darwin_core import ConfigError
from darwin_core.options import plain

KEY = "sk-very-secret-4711"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("EXPERT_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")


def echoes(faults):
    """Return everything that an endpoint can do to tell the key on."""
    told = f"your key is {KEY}"
    return {
        "answer": faults.completion(faults.opinion(reason=told)),
        "garbage": faults.completion(told),
        "wrong decision": faults.completion(faults.opinion(decision=KEY)),
        "unknown name": faults.completion(faults.opinion()[:-1] + f', "{KEY}": 1}}'),
        "refusal": faults.completion(None, refusal=told),
        "finish": faults.completion(told, finish="length"),
        "model": {**faults.completion(faults.opinion()), "model": told},
        "unauthorized": faults.refuses(401, told),
        "forbidden": faults.refuses(403, told),
        "bad request": faults.refuses(400, told),
        "busy": faults.refuses(429, told, Retry_After=KEY),
        "elsewhere": faults.refuses(307, told, Location=f"http://127.0.0.1:1/{KEY}"),
        "no completion": faults.says(told.encode()),
        "reset": faults.resets,
    }


NAMES = ["answer", "garbage", "wrong decision", "unknown name", "refusal", "finish", "model", "unauthorized",
         "forbidden", "bad request", "busy", "elsewhere", "no completion", "reset"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("in_file", [False, True])
def test_no_log_file_text_or_error_holds_the_key(expert, endpoint, rows, faults, caplog, tmp_path, name, in_file):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "key").write_text(KEY + "\n")
    endpoint.plan = {"*": [echoes(faults)[name]] * 9}
    agent = expert(key={"file": "key"} if in_file else "${EXPERT_KEY}", retries=0)
    shown = [
        repr(agent),
        repr(agent.settings),
        str(plain(agent.settings)),
        str(attrs.asdict(agent.settings, recurse=False)),
    ]
    try:
        agent.decide(rows(1, 2))
    except NoOpinion as error:
        shown += ["".join(traceback.format_exception(error)), repr(error.__cause__), repr(error.__context__)]
    shown += [str(agent.explain(rows(1, 2))), caplog.text, *(str(vars(record)) for record in caplog.records)]
    (tmp_path / "key").unlink()
    shown += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    assert endpoint.requests[0][1]["authorization"] == f"Bearer {KEY}"
    assert not [text for text in shown if KEY in text]


def test_no_redirect_is_followed(expert, endpoint, rows, faults):
    with faults.serving() as other:
        endpoint.plan = {"*": [faults.refuses(307, Location=other.url + "/chat/completions")] * 9}
        with pytest.raises(NoOpinion, match="status 307"):
            expert(key="${EXPERT_KEY}").decide(rows(1))
        assert other.requests == []


@pytest.mark.parametrize("bad", ["", "two words", "broken\nline", "ümlaut"])
def test_a_key_that_cannot_be_sent_is_refused_by_the_name_of_its_place(options, bad, monkeypatch):
    monkeypatch.setenv("EXPERT_KEY", bad)
    with pytest.raises(
        ConfigError, match=r"plugin.key: what Secret\('\$\{EXPERT_KEY\}'\) stands for is empty, or"
    ) as error:
        expert_of(options(calls="live", key="${EXPERT_KEY}"))
    assert not bad or bad not in str(error.value)


def test_a_missing_key_matters_only_when_somebody_is_asked(options, expert, rows, monkeypatch):
    expert().decide(rows(1))
    monkeypatch.delenv("EXPERT_KEY")
    assert np.isfinite(expert_of(options(key="${EXPERT_KEY}")).decide(rows(1))).all()
    with pytest.raises(ConfigError, match="plugin.key: the environment variable EXPERT_KEY is not set"):
        expert_of(options(calls="live", key="${EXPERT_KEY}"))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("http://models.example/v1", False),
        ("http://127.0.0.1.example/v1", False),
        ("https://models.example/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://[::1]:8080/v1", True),
    ],
)
def test_a_key_does_not_travel_in_the_clear(options, expert, rows, address, allowed):
    expert().decide(rows(1))
    refused = pytest.raises(ConfigError, match="a key is sent over https only, or to this machine")
    with nullcontext() if allowed else refused:
        expert_of(options(base_url=address, key="${EXPERT_KEY}"))


@pytest.mark.parametrize("address", ["https://me:hunter2@models.example/v1", "https://models.example/v1?key=hunter2"])
def test_a_password_in_the_address_is_refused_and_not_repeated(options, address):
    with pytest.raises(ConfigError, match="plugin.base_url: write the address alone") as error:
        expert_of(options(base_url=address))
    assert "hunter2" not in str(error.value)


def test_the_key_itself_does_not_stand_in_the_deployment(options):
    with pytest.raises(ConfigError, match="a secret does not stand in this file"):
        expert_of(options(key=KEY))
    assert os.environ["EXPERT_KEY"] == KEY
