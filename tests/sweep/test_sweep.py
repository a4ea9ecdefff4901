from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from darwin_core import engine
from darwin_core.assembly import assemble
from darwin_core.backtest import summary
from darwin_core.cli import main
from darwin_core.config import load
from darwin_core.errors import ConfigError, DarwinError
from darwin_core.store import to_json
from darwin_core.sweep import running as sweep
from darwin_core.sweep.remaking import Remaker, dear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

GRID = {"strategy.fast": (3, 8, 30), "strategy.slow": (20, 40)}


def alone(path: Path, point: Mapping[str, Any]) -> tuple[str | None, str, str | None]:
    """Run a point as ``darwin backtest --set`` does."""
    try:
        result = engine.run(assemble(load(path, point)))
    except DarwinError as error:
        return None, "{}", str(error)
    return result.digest, to_json(summary(result)), None


def swept(path: Path, grid: Mapping[str, Sequence[Any]], processes: int = 1, **more: Any) -> sweep.Swept:
    return sweep.sweep(path, {}, grid, processes=processes, **more)[1]


def said(trials: Sequence[sweep.Trial]) -> list[tuple[str | None, str, str | None]]:
    return [(trial.digest, to_json(dict(trial.figures)), trial.error) for trial in trials]


@pytest.mark.parametrize(
    "grid",
    [
        GRID,
        {"strategy.slow": (20, 40), "execution.fee": (0.0, 0.001), "exits.stop": (0.0, 0.03)},
        {"feed.bars": (700, 900), "strategy.fast": (3, 8)},
        {"run.block": ("month", "whole"), "safety.max_weight": (0.2, 1.0)},
    ],
)
def test_each_point_has_the_digest_the_figures_and_the_error_of_a_single_backtest(
    deployment: Path, grid: Mapping[str, Sequence[Any]]
) -> None:
    found = swept(deployment, grid)
    assert len(found.trials) == len(found.task.grid)
    assert said(found.trials) == [alone(deployment, found.task.grid.point(i)) for i in range(len(found.task.grid))]
    assert len({trial.digest for trial in found.trials}) > 1


def test_two_processes_say_the_same_as_one(deployment: Path) -> None:
    assert said(swept(deployment, GRID, 2).trials) == said(swept(deployment, GRID, 1).trials)


def test_a_point_that_the_plugin_refuses_is_reported_and_the_others_run(deployment: Path) -> None:
    found = swept(deployment, GRID)
    errors = {i: trial.error for i, trial in enumerate(found.trials) if trial.error}
    assert list(errors) == [4]
    assert found.task.grid.point(4) == {"strategy.fast": 30, "strategy.slow": 20}
    assert "fast (30) has to be less than slow (20)" in errors[4]
    assert found.info["failed"] == 1


def test_a_first_point_that_is_refused_does_not_spoil_those_after_it(deployment: Path) -> None:
    grid = {"strategy.fast": (30, 3), "strategy.slow": (20, 40)}
    assert [trial.error is None for trial in swept(deployment, grid).trials] == [False, True, True, True]


def test_a_column_that_cannot_be_made_is_the_fault_of_its_point(deployment: Path) -> None:
    text = deployment.with_name("strategy.py").read_text().replace("validator=ge(1)", "validator=ge(-1)")
    deployment.with_name("strategy.py").write_text(text)
    found = swept(deployment, {"strategy.fast": (0, 3)})
    assert "mean takes a number from 1 on" in str(found.trials[0].error)
    assert found.trials[1].error is None


@pytest.mark.parametrize("number", [0, 1])
def test_a_point_that_looks_ahead_is_found_whether_it_is_audited_or_spot_checked(deployment: Path, number: int) -> None:
    values = [False] * 5
    values[number] = True
    grid = {"strategy.peeks": tuple(dict.fromkeys(values)), "strategy.fast": (2, 3, 4, 5, 6)}
    found = swept(deployment, grid)
    assert found.broke_the_law
    for i, trial in enumerate(found.trials):
        assert (trial.kind == "CausalityError") == found.task.grid.point(i)["strategy.peeks"]
    kept = [trial.number for trial in found.ranked()]
    assert kept
    assert not any(found.task.grid.point(i)["strategy.peeks"] for i in kept)


def test_fills_at_an_open_that_the_feed_does_not_have_are_refused_at_their_points_only(deployment: Path) -> None:
    feed = deployment.with_name("feed.py")
    closes_only = feed.read_text().replace('("open", "high", "low", "close", "volume"), "UTC"', '("close",), "UTC"')
    feed.write_text(closes_only.replace("(opens, high, low, close, np.ones_like(close))", "(close,)"))
    deployment.write_text(deployment.read_text() + '[execution]\nfill = "next_close"\n')
    grid = {"execution.fill": ("next_close", "next_open", "same_close"), "strategy.fast": (3, 8)}
    errors = [trial.error for trial in swept(deployment, grid).trials]
    assert [error is None for error in errors] == [True, True, False, False, True, True]
    assert "no opening prices" in str(errors[2])


def test_what_differs_in_the_strategy_only_shares_the_feed_and_the_columns(deployment: Path) -> None:
    remaker = Remaker(load(deployment).source, {})
    first, past = remaker.line({"strategy.fast": 3, "strategy.slow": 40})
    second, same = remaker.line({"strategy.fast": 8, "strategy.slow": 40})
    assert past is same
    assert first.feed is second.feed
    slow = [next(c for c in line.columns if c.name == "mean(40)") for line in (first, second)]
    assert slow[0] is slow[1]
    assert first.settings.strategy.options.table["fast"] == 3


def test_points_that_share_a_feed_run_one_after_another(deployment: Path) -> None:
    found = swept(deployment, {"strategy.fast": (3, 8), "feed.bars": (700, 900)})
    grid = found.task.grid
    ordered = sorted(range(len(grid)), key=lambda i: dear(grid, i))
    assert [grid.point(i)["feed.bars"] for i in ordered] == [700, 700, 900, 900]


def test_the_best_point_comes_first_and_less_is_better_for_a_drawdown(deployment: Path) -> None:
    by_sharpe = [t.figures["sharpe"] for t in swept(deployment, GRID).ranked()]
    by_drawdown = [t.figures["max_drawdown"] for t in swept(deployment, GRID, metric="max_drawdown").ranked()]
    assert by_sharpe == sorted(by_sharpe, reverse=True)
    assert by_drawdown == sorted(by_drawdown)


def test_the_figures_that_rank_are_those_of_a_backtest(deployment: Path) -> None:
    assert tuple(summary(engine.run(assemble(load(deployment))))) == sweep.FIGURES


def test_the_table_is_stored_with_every_point_and_passes_its_own_check(deployment: Path) -> None:
    import pyarrow.parquet as pq

    run, found = sweep.sweep(deployment, {}, GRID)
    run.verify()
    rows = pq.read_table(run.folder / "trials.parquet").to_pylist()
    assert [row["digest"] for row in rows] == [trial.digest for trial in found.trials]
    assert [(row["strategy.fast"], row["strategy.slow"]) for row in rows] == [
        tuple(found.task.grid.point(i).values()) for i in range(6)
    ]
    assert sweep.store(load(deployment)).get("last").info["best"]["digest"] == found.ranked()[0].digest


@pytest.mark.parametrize("after", [1, 4])
def test_an_interrupted_sweep_keeps_the_points_that_are_done(deployment: Path, after: int) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    run, found = sweep.sweep(deployment, {}, GRID, tell=interrupt)
    assert found.info["interrupted"]
    assert found.info["done"] == len(found.trials) == after
    assert said(found.trials) == said(swept(deployment, GRID).trials)[:after]
    run.verify()


def test_the_deployment_can_hold_the_grid_and_the_command_line_overrides_it(deployment: Path) -> None:
    deployment.write_text(deployment.read_text() + '[sweep]\n"strategy.fast" = [3, 8]\n"strategy.slow" = [20, 40]\n')
    assert dict(zip(*swept(deployment, {}).info["grid"].items(), strict=True))
    grid = swept(deployment, {"strategy.fast": (4,)}).task.grid
    assert (grid.keys, grid.values) == (("strategy.fast", "strategy.slow"), ((4,), (20, 40)))


def test_an_empty_grid_and_an_unknown_metric_are_refused(deployment: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to sweep"):
        swept(deployment, {})
    with pytest.raises(ConfigError, match="did you mean 'sharpe'"):
        swept(deployment, GRID, metric="sharp")


def test_a_key_of_no_table_is_refused_before_anything_runs(deployment: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'strategy'"):
        swept(deployment, {"strategyy.fast": (1, 2)})
    assert not (deployment.parent / "runs").exists()


def test_the_command_prints_one_json_object_and_ends_with_0(
    deployment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", str(deployment), "--grid", "strategy.fast=3,8", "--grid", "strategy.slow=20:40:10"]
    assert main([*words, "--processes", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(t["strategy.fast"], t["strategy.slow"]) for t in told["trials"]] == [
        (3, 20), (3, 30), (3, 40), (8, 20), (8, 30), (8, 40),
    ]  # fmt: skip
    assert told["deflated_sharpe"]["trials"] == 6


def test_the_command_shows_table_heat_map_and_warning(deployment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sweep", str(deployment), "--grid", "strategy.fast=3,8,30", "--grid", "strategy.slow=20,40"]
    assert main([*words, "--processes", "1"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "6 points, ranked by sharpe",
        "strategy.fast (down)",
        "best of 5 trials",
        "Deflated Sharpe ratio",
        "next open",
    ):
        assert text in shown
    assert "1 points could not be run: strategy.fast=30, strategy.slow=20: " in shown


def test_the_command_ends_with_1_when_every_point_is_refused(
    deployment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", str(deployment), "--grid", "strategy.fats=1,2", "--processes", "1"]) == 1
    assert "did you mean 'fast'?" in " ".join(capsys.readouterr().out.split())


def test_columns_of_the_table_keep_words_and_numbers_apart(deployment: Path) -> None:
    import pyarrow.parquet as pq

    run, _ = sweep.sweep(deployment, {}, {"run.block": ("month", "whole"), "execution.fee": (0, 0.5)})
    rows = pq.read_table(run.folder / "trials.parquet")
    assert rows["run.block"].to_pylist() == ["month", "month", "whole", "whole"]
    assert np.array_equal(rows["execution.fee"].to_numpy(), [0.0, 0.5, 0.0, 0.5])
