from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from darwin_core.screen.drawing import BLOCKS, chart
from darwin_core.screen.words import count, fixed, money, percent, ratio

VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=80)


def levels(rows):
    return [sum(BLOCKS.index(row[column]) for row in rows) for column in range(len(rows[0]))]


@given(VALUES, st.integers(1, 6))
def test_a_chart_keeps_the_order_of_its_values(values, rows):
    drawn = levels(chart(values, rows))
    assert len(drawn) == len(values)
    for a, x in zip(values, drawn, strict=True):
        for b, y in zip(values, drawn, strict=True):
            assert a >= b or x <= y


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=80, unique=True), st.integers(1, 6))
def test_a_chart_goes_from_the_lowest_block_to_the_full_height(values, rows):
    drawn = levels(chart(values, rows))
    assert (min(drawn), max(drawn)) == (1, 8 * rows)


@given(st.floats(allow_nan=True, allow_infinity=True) | st.none() | st.integers())
def test_every_figure_has_a_text_without_nan(value):
    for write in (money, percent, ratio, count):
        text = write(value)
        assert text
        assert "nan" not in text
        assert "inf" not in text


def test_numbers_have_thousands_and_no_negative_zero():
    assert fixed(-0.004, 2) == "0.00"
    assert fixed(-0.004, 2, sign=True) == "0.00"
    assert fixed(1234567.891, 2) == "1,234,567.89"
    assert money(-12.346) == "-12.35"
    assert money(0.000123456) == "0.0001235"
    assert money(-1e300) == "-1e+300"
    assert percent(-0.5) == "-50.00 %"
