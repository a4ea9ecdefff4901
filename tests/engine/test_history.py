from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from darwin_core import Proposal, engine
from darwin_core.assembly import NamedColumn
from darwin_core.engine import History
from darwin_core.evaluate import Evaluator, Kept
from darwin_core.plugins import Owner


class Mean:
    """The mean of the last five closes."""

    lookback = 4

    def __init__(self) -> None:
        self.calls = 0

    def compute(self, bars: Any) -> Any:
        self.calls += 1
        out = np.full(bars.close.shape, np.nan)
        if len(bars) >= 5:
            out[4:] = np.lib.stride_tricks.sliding_window_view(bars.close, 5, axis=0).mean(axis=-1)
        return out


@attrs.frozen
class Above:
    """Holds what is above its mean, unless a bar is missing."""

    share: float = 0.2
    lookback: int = 7
    requires: tuple[str, ...] = ("mean",)

    def propose(self, market: Any) -> Proposal:
        return Proposal((market.bars.close > market["mean"]).astype(np.int8), self.share)


def with_mean(made: Any) -> tuple[Any, Mean]:
    column = Mean()
    return attrs.evolve(made, columns=(NamedColumn("mean", column, Owner("features", "m", "a test")),)), column


def test_runs_that_share_a_history_decide_as_runs_that_do_not(line: Any) -> None:
    made, column = with_mean(line(strategy=Above(), text='[run]\nblock = "quarter"'))
    alone = [engine.run(_with(made, share), audit=False) for share in (0.1, 0.2)]
    history = History.of(made, room=1 << 30)
    calls = column.calls
    shared = [engine.run(_with(made, share), audit=False, history=history) for share in (0.1, 0.2)]
    assert [r.digest for r in shared] == [r.digest for r in alone]
    assert column.calls - calls == len(history.blocks)


def _with(made: Any, share: float) -> Any:
    part = attrs.evolve(made.strategy, strategy=Above(share))
    return attrs.evolve(made, strategy=part)


@pytest.mark.parametrize("room", [0, 10_000])
def test_what_has_no_room_is_forgotten_and_changes_nothing(line: Any, room: int) -> None:
    made, _ = with_mean(line(strategy=Above(), text='[run]\nblock = "month"'))
    history = History.of(made, room)
    first, second = (engine.run(made, audit=False, history=history) for _ in range(2))
    assert first.digest == second.digest == engine.run(made, audit=False).digest
    assert sum(values.nbytes for values in history.kept.columns.values()) < room + 3 * 31 * 4 * 8


def test_a_column_looked_back_on_is_what_its_own_block_said(line: Any) -> None:
    made, column = with_mean(line(strategy=Above(), text='[run]\nblock = "month"'))
    history = History.of(made)
    evaluator = Evaluator(made, history.blocks, Kept())
    parts = [evaluator.part(k).features["mean"] for k in range(len(history.blocks))]
    whole = np.concatenate(parts)
    assert whole.tobytes() == column.compute(made.feed.read(0, 800)).tobytes()
    for k in (2, 5):
        market = evaluator.market(k, 7)
        stop = history.blocks[k].stop
        assert market["mean"].tobytes() == whole[stop - len(market) : stop].tobytes()
        assert len(market) == len(history.blocks[k]) + 7


def test_how_often_the_buffers_are_emptied_changes_nothing(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = engine.run(line(bars=3000), audit=False)
    monkeypatch.setattr(engine, "_LEAST_ROWS", 1)
    tight = engine.run(line(bars=3000), audit=False)
    assert len(roomy.decisions) > 1000
    assert tight.digest == roomy.digest
    assert tight.fills.tobytes() == roomy.fills.tobytes()
    assert tight.orders.tobytes() == roomy.orders.tobytes()
    assert tight.decisions.tobytes() == roomy.decisions.tobytes()


@pytest.mark.parametrize("block", ["day", "month", "year", "decade", "whole"])
def test_blocks_change_nothing_where_the_look_back_suffices(line: Any, block: str) -> None:
    found = engine.run(line(text=f'[run]\nblock = "{block}"'), audit=False)
    assert found.digest == engine.run(line(text='[run]\nblock = "quarter"'), audit=False).digest


def test_each_stretch_of_bars_is_read_once_a_block(line: Any) -> None:
    made, _ = with_mean(line(strategy=Above(), text='[run]\nblock = "year"'))
    engine.run(made, audit=False)
    assert len(made.feed.reads) == len(set(made.feed.reads))
