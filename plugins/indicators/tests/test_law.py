"""The law, for each column: its past does not change when its future becomes known."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from darwin_indicators.calendar import CALENDAR
from darwin_indicators.catalogue import ENTRIES
from darwin_indicators.library import Indicators
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core import WHOLE_TAPE, Bars

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SHORT: dict[str, tuple[float, ...]] = {
    "level": (),
    "momentum": (9, 2),
    "macd": (3, 6, 4),
    "macd_signal": (3, 6, 4),
    "macd_hist": (3, 6, 4),
    "bollinger": (7, 1.5),
    "rank": (9, 2),
    **dict.fromkeys(CALENDAR, ()),
}
NAMES = (*ENTRIES, "breadth", "rank", *CALENDAR, "vix_zscore", "vix_ema")
LIBRARY = Indicators(references={"vix": "VIX"}, span=1.5, slack=3)
CASES = [(name, SHORT.get(name, (7,))) for name in NAMES] + [("drawdown", (0,)), ("ema", (1,)), ("rsi", (1,))]
every_column = pytest.mark.parametrize(("name", "numbers"), CASES)


def bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bits, one pattern for every NaN."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


@every_column
def test_a_prefix_gives_the_same_bits(name: str, numbers: tuple[float, ...], gappy: Bars, bars: Bars) -> None:
    column, random = LIBRARY.column(name, numbers), np.random.default_rng(7)
    for each in (bars, gappy):
        whole = column.compute(each)
        assert np.isfinite(whole).any()
        for t in {1, 2, 3, *random.integers(4, len(each) + 1, 25).tolist()}:
            part = column.compute(each[:t])
            assert (bits(part) == bits(whole[:t])).all(), t


@every_column
def test_the_lookback_is_enough_for_the_same_bits(name: str, numbers: tuple[float, ...], gappy: Bars) -> None:
    column, random = LIBRARY.column(name, numbers), np.random.default_rng(8)
    if column.lookback == WHOLE_TAPE:
        return
    whole = column.compute(gappy)
    for start in random.integers(0, len(gappy) - 40, 25).tolist():
        first = max(0, start - column.lookback)
        block = column.compute(gappy[first : start + 40])[start - first :]
        assert (bits(block) == bits(whole[start : start + 40])).all(), start


@every_column
def test_the_shape_and_type_are_as_promised_even_without_bars(
    name: str, numbers: tuple[float, ...], bars: Bars
) -> None:
    column = LIBRARY.column(name, numbers)
    for rows in (0, 1, 50):
        values = column.compute(bars[:rows])
        assert values.dtype == np.float64
        assert values.shape in ((rows,), (rows, len(bars.symbols)))


@every_column
def test_it_can_be_sent_to_another_process(name: str, numbers: tuple[float, ...], bars: Bars) -> None:
    column = LIBRARY.column(name, numbers)
    again = pickle.loads(pickle.dumps(column))  # noqa: S301
    assert (bits(again.compute(bars)) == bits(column.compute(bars))).all()


@every_column
def test_infinite_and_huge_values_are_gone_when_they_leave_the_lookback(
    name: str, numbers: tuple[float, ...], bars: Bars
) -> None:
    column = LIBRARY.column(name, numbers)
    if column.lookback == WHOLE_TAPE or name in CALENDAR or name.startswith("vix"):
        return
    fields = {key: values.copy() for key, values in bars.fields.items()}
    for row, bad in enumerate((1e300, np.inf, -np.inf, 1e-300, np.nan, 0.0)):
        for values in fields.values():
            values[100 + 3 * row, :2] = bad
    values = column.compute(Bars(bars.time, bars.symbols, fields, bars.reference, bars.timezone))
    assert not np.isinf(values).any()
    clean = column.compute(bars)
    first = 116 + column.lookback
    assert (bits(values[first:]) == bits(clean[first:])).all()


@pytest.mark.parametrize(("name", "numbers"), [("sma", (50,)), ("rsi", (14,)), ("atr", (14,)), ("volatility", (30,))])
@pytest.mark.parametrize("missing", [0.0, 0.01])
def test_large_panels_cut_into_pieces_have_the_bits_of_small_ones(
    name: str, numbers: tuple[float, ...], missing: float, panel: Callable[..., Bars]
) -> None:
    bars = panel(5000, 70, seed=3, missing=missing)
    column = LIBRARY.column(name, numbers)
    whole = column.compute(bars)
    for s in (0, 31, 32, 69):
        fields = {key: values[:, s : s + 1] for key, values in bars.fields.items()}
        alone = column.compute(Bars(bars.time, bars.symbols[s : s + 1], fields))
        assert (bits(alone[:, 0]) == bits(whole[:, s])).all()


@settings(max_examples=40, deadline=None)
@given(data=st.data(), case=st.sampled_from([case for case in CASES if case[0] not in CALENDAR]))
def test_any_pattern_of_missing_bars_keeps_the_law(
    panel: Callable[..., Bars], data: st.DataObject, case: tuple[str, tuple[float, ...]]
) -> None:
    whole = panel(120, 3, seed=5)
    gone = np.zeros((120, 3), np.bool_)
    for _ in range(data.draw(st.integers(0, 5))):
        start, stop = sorted(data.draw(st.tuples(st.integers(0, 120), st.integers(0, 120))))
        gone[start:stop, data.draw(st.integers(0, 2))] = True
    noise = np.random.default_rng(data.draw(st.integers(0, 99))).random(gone.shape)
    gone |= noise < data.draw(st.sampled_from([0.0, 0.1, 0.5, 0.9]))
    fields = {key: np.where(gone, np.nan, values) for key, values in whole.fields.items()}
    bars = Bars(whole.time, whole.symbols, fields, whole.reference, whole.timezone)
    column = LIBRARY.column(*case)
    values = column.compute(bars)
    if values.ndim == 2:
        assert np.isnan(values[gone]).all()
    t = data.draw(st.integers(1, 120))
    first = 0 if column.lookback == WHOLE_TAPE else max(0, t - 1 - column.lookback)
    assert (bits(column.compute(bars[:t])) == bits(values[:t])).all()
    assert (bits(column.compute(bars[first:t])[-1:]) == bits(values[t - 1 : t])).all()
