"""It takes over when the agent before whose failure it stands fails, and hands back: by exception, and by circuit."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import attrs
import numpy as np
import pytest
from darwin_onnx.backend import OnnxBackend
from darwin_sl_fallback.task import FallbackTask
from darwin_trainers.graph import perceptron

from darwin_core import cli
from darwin_core.config import Trust
from darwin_core.live import session as sessions
from darwin_core.live.deciding import given_of, log_of
from darwin_core.live.replaying import opened
from darwin_core.lockstep import FALLBACK
from darwin_core.training.sample import publish

HERE = Path(__file__)
DATA = HERE.parents[3] / "data" / "us20" / "prices.csv.gz"
COLUMNS = {"return(5)": (0.0, 0.03), "rsi(14)": (50.0, 12.0)}

pytestmark = pytest.mark.skipif(
    "fallback" not in attrs.fields_dict(Trust), reason="this core knows no [[agents]] fallback yet"
)


def deployment(folder: Path) -> Path:
    rng = np.random.default_rng(5)
    sizes = (len(COLUMNS), 8, 2)
    layers = [(rng.normal(size=(a, b)), rng.normal(size=b) * 0.1) for a, b in pairwise(sizes)]
    registry = publish(folder, FallbackTask(), perceptron(layers), COLUMNS, OnnxBackend())
    path = folder / "darwin.toml"
    path.write_text(
        f'[feed]\nuse = "panel"\npath = "{DATA.as_posix()}"\ntimezone = "America/New_York"\nstamp = "date"\n'
        '[[features]]\nuse = "indicators"\n[strategy]\nuse = "sma-cross"\n[execution]\nfill = "next_close"\n'
        '[[agents]]\nuse = "sl-fallback"\nthreshold = 0.0\nweight = 0.02\nbackend = { use = "onnx" }\n'
        f'[[agents]]\nuse = "{HERE.with_name("symbol_agent.py").as_posix()}"\nname = "symbols"\nmode = "active"\n'
        'fallback = "sl-fallback"\ndeadline_ms = 5000\n'
        "[circuit]\nfailures = 3\nlatency_ms = 5000\ncooldown_s = 1209600\n"
        f'[broker]\nuse = "paper"\n{registry}'
    )
    return path


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """The bars of a replay: (date, what the two agents were held to, whether each was silent, its flags)."""
    path = deployment(tmp_path_factory.mktemp("takeover"))
    assert cli.main(["live", str(path), "--replay", "2021-01-04:2021-03-20", "--speed", "max", "--json"]) == 0
    found, held = [], [{}, {}]
    with opened(sessions.find("last", path)) as recorded:
        for body in recorded.decisions:
            log, flags = log_of(body), []
            for stage, standing in enumerate(held, 1):
                rows = log[log["stage"] == stage]
                standing.update(zip(rows["symbol"].tolist(), rows["value"].tolist(), strict=True))
                flags.append(rows["flags"])
            date = np.datetime64(body.bar, "ns").astype("datetime64[D]")
            found.append((date, dict(held[0]), dict(held[1]), given_of(body).silent, flags[1]))
    return path, found


def test_the_forecast_stands_in_while_the_agent_raises_and_while_its_circuit_is_open(bars) -> None:
    _, found = bars
    down = [each for each in found if "symbols" in each[3]]
    assert down[0][0] == np.datetime64("2021-02-01")
    assert down[-1][0] > np.datetime64("2021-02-15")  # it is well again, and its circuit is open still
    assert len(down) > 10
    for _, forecast, standing, _, flags in down:
        assert standing == forecast
        assert (flags & FALLBACK != 0).all()
    assert {value for _, forecast, *_ in down for value in forecast.values()} == {0.0, 0.02}


def test_it_hands_back(bars) -> None:
    _, found = bars
    last_down = max(i for i, each in enumerate(found) if "symbols" in each[3])
    after = found[last_down + 1 :]
    assert len(after) > 10
    for _, forecast, standing, _, flags in [*found[:15], *after]:
        assert set(standing.values()) <= {0.0, 0.05}
        assert standing != forecast
        assert (flags & FALLBACK == 0).all()


def test_the_session_is_decided_again_to_the_byte(bars, capsys) -> None:
    path, _ = bars
    assert cli.main(["replay", "last", "--deployment", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differing"] == 0
    assert cli.main(["parity", "last", "--deployment", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unexplained"] == 0
