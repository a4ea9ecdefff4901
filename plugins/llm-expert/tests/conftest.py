"""An expert, and a fake endpoint for it to ask."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from darwin_core import Observation
from darwin_core.testing import fake_options

DAY = 86_400 * 10**9
NOON = 19_000 * DAY + DAY // 2
PROMPT = "RSI {rsi(14):.1f}, side {strategy.side:+.0f}"


def fake():
    name = "llm_expert_fake_endpoint"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("fake_endpoint.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def faults():
    """The module of the fake endpoint: what it can say and how it can fail."""
    return fake()


@pytest.fixture
def endpoint(faults):
    with faults.serving() as made:
        yield made


@pytest.fixture
def options(tmp_path):
    """Return the options of an expert whose files are in the test's own folder."""
    (tmp_path / "expert.txt").write_text(PROMPT)

    def make(**more):
        table = {
            "prompt": "expert.txt",
            "requires": ["rsi(14)", "strategy.side"],
            "model": "model-1",
            "base_url": "http://127.0.0.1:9/v1",
            "recording": "expert.sqlite",
        }
        return fake_options({**table, **more}, tmp_path)

    return make


@pytest.fixture
def expert(options, endpoint):
    """Return a function that makes an expert which asks the fake endpoint."""
    from darwin_llm_expert.expert import expert_of

    def make(**more):
        return expert_of(options(**{"base_url": endpoint.url, "calls": "live", **more}))

    return make


@pytest.fixture
def rows():
    """Return a function that makes rows of one bar, or of one bar each, from values of the RSI; all are long."""

    def make(*values, time=NOON, left=0.1):
        ones = np.ones(len(values))
        table = np.column_stack([np.array(values, float), ones, ones * left])
        times = np.array([time] if np.ndim(time) == 0 else time, np.int64)
        names = ("rsi(14)", "strategy.side", "proposal.weight")
        return Observation(names, table, times, np.arange(len(values)) % 3, ("A", "B", "C"))

    return make


@pytest.fixture
def question():
    """Return what the endpoint is asked about an RSI."""
    return lambda rsi: f"RSI {rsi:.1f}, side +1"
