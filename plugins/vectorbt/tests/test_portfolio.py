"""vectorbt's portfolio of a run has the run's equity, fees and fills."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from darwin_core import Bars, DataError
from darwin_core.testing import sample_run

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400 * 10**9
FILL = np.dtype([("bar", "i8"), ("symbol", "i8"), ("quantity", "f8"), ("price", "f8"), ("fee", "f8")])


@pytest.fixture(scope="module", autouse=True)
def vectorbt() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("vectorbt")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a real, stored run."""
    return sample_run(tmp_path_factory.mktemp("deployment"))


def result(fills: list[tuple[float, ...]], closes: list[list[float]], cash: float = 1000.0) -> Any:
    """Return what `to_vectorbt` reads of a result."""
    close = np.array(closes)
    time = np.arange(len(close)) * DAY
    bars = Bars(time, ("A", "B")[: close.shape[1]], {"close": close})
    line = SimpleNamespace(
        feed=SimpleNamespace(read=lambda a, b: bars[a:b], interval=DAY),
        settings=SimpleNamespace(execution=SimpleNamespace(cash=cash)),
    )
    return SimpleNamespace(line=line, time=time, symbols=bars.symbols, fills=np.array(fills, FILL))


def test_several_fills_of_a_bar_and_costs_of_any_kind_are_kept() -> None:
    from darwin_vectorbt import to_vectorbt

    fills = [(0, 0, 5.0, 100.0, 1.5), (1, 0, -5.0, 95.0, 0.25), (1, 0, 2.0, 97.0, 0.5), (1, 1, -3.0, 50.0, 0.0)]
    made = to_vectorbt(result(fills, [[100.0, 50.0], [98.0, 51.0], [99.0, np.nan], [101.0, 49.0]]))
    cash = [1000 - 501.5, 1000 - 501.5 + 474.75 - 194.5 + 150]
    value = [cash[0] + 500, cash[1] + 2 * 98 - 3 * 51, cash[1] + 2 * 99 - 3 * 51, cash[1] + 2 * 101 - 3 * 49]
    np.testing.assert_allclose(made.value().to_numpy(), value)
    np.testing.assert_allclose(made.orders.values["fees"].sum(), 2.25)
    assert made.cash().to_numpy()[-1] == pytest.approx(cash[1])


def test_a_stored_run_has_its_equity_at_every_bar(run: Any) -> None:
    from darwin_vectorbt.stored import of_run

    made, whole = of_run(run.folder)
    assert whole
    equity = run.table("equity")["equity"].to_numpy()
    np.testing.assert_allclose(made.value().to_numpy(), equity, rtol=1e-9)
    assert len(made.orders.values) == len(run.table("fills")) > 0


def test_statistics_say_what_the_run_says_of_itself(run: Any) -> None:
    from darwin_vectorbt.portfolio import statistics
    from darwin_vectorbt.stored import of_run

    found = statistics(of_run(run.folder)[0])
    summary = run.info["summary"]
    assert found["End Value"] == pytest.approx(summary["final_equity"], rel=1e-9)
    assert found["Total Return [%]"] == pytest.approx(100 * summary["total_return"], rel=1e-9)
    assert found["Max Drawdown [%]"] == pytest.approx(100 * summary["max_drawdown"], rel=1e-6)
    assert found["Total Fees Paid"] == pytest.approx(summary["fees"], rel=1e-9)
    assert found["Sharpe Ratio"] == pytest.approx(summary["sharpe"], rel=0.02)


def test_the_command_prints_for_people_and_returns_for_programs(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from darwin_vectorbt.commands import run_stats

    store = str(run.folder.parent)
    said = run_stats(SimpleNamespace(name="last", store=store, json=False))
    assert said["run"] == run.id
    assert f"run {run.id}\n" in capsys.readouterr().out
    said = run_stats(SimpleNamespace(name=run.id[:3], store=store, json=True))
    assert capsys.readouterr().out == ""
    assert json.loads(json.dumps(said))["stats"]["End Value"] > 0


def test_a_run_that_is_not_there_is_refused(run: Any, tmp_path: Path) -> None:
    from darwin_vectorbt.stored import find, of_run

    with pytest.raises(DataError, match="there are no runs in"):
        find(tmp_path, "last")
    with pytest.raises(DataError, match="there is no run 'nope'"):
        find(run.folder.parent, "nope")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text('{"created": "2026", "symbols": []}')
    with pytest.raises(DataError, match="run broken cannot be read"):
        of_run(tmp_path / "broken")
    (tmp_path / "broken" / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json cannot be read"):
        find(tmp_path, "last")
