"""Names, numbers, options, errors, and that the README tells the truth."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from darwin_indicators import make_features
from darwin_indicators.catalogue import ENTRIES, signature
from darwin_indicators.cross_section import Breadth, Rank
from darwin_indicators.library import ACROSS, NAMES, Indicators
from darwin_indicators.own_bars import OwnBars

from darwin_core import WHOLE_TAPE, Bars, ConfigError, DataError, Features
from darwin_core.testing import fake_options

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def inner(column: object) -> OwnBars:
    """Return the column over own bars that a cross-section is made of."""
    found = column.average if isinstance(column, Breadth) else column.momentum if isinstance(column, Rank) else column
    assert isinstance(found, OwnBars)
    return found


@pytest.mark.parametrize("name", [*ENTRIES, *ACROSS])
def test_the_readme_tells_signature_fields_and_bars_of_each_column(name: str) -> None:
    numbers = ENTRIES[name].numbers if name in ENTRIES else ACROSS[name]
    column = inner(Indicators().column(name, ()))
    row = rf"^\| `{re.escape(signature(name, numbers))}` \| .+ \| (.+) \| (\d+) \| (\d+) \| .*\|$"
    (told,) = re.findall(row, README, re.MULTILINE)
    assert told == (", ".join(column.fields), str(column.recipe.full), str(column.recipe.minimum))


def test_the_readme_lists_these_columns_and_no_others() -> None:
    tables = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    told = {name for cell in tables for name in re.findall(r"`([a-z_]+)", cell)}
    assert told - {"references", "span", "slack"} == set(NAMES)


@pytest.mark.parametrize("name", list(ENTRIES))
def test_the_first_value_stands_where_the_table_says(name: str, bars: Bars) -> None:
    column = inner(Indicators().column(name, ()))
    values = column.compute(bars)
    assert np.isnan(values[: column.recipe.minimum - 1]).all()
    assert np.isfinite(values[column.recipe.minimum - 1 :]).all()


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != "level"])
def test_values_depend_on_as_many_bars_as_the_table_says(name: str, bars: Bars) -> None:
    """The bars before the last `full` make no difference, and the first of these does."""
    column = inner(Indicators().column(name, ()))
    full = column.recipe.full
    fields = {key: values.copy() for key, values in bars.fields.items()}
    for values in fields.values():
        values[: len(bars) - full] *= 1.5
    expected = column.compute(bars)[-1]
    np.testing.assert_array_equal(column.compute(Bars(bars.time, bars.symbols, fields))[-1], expected)
    for values in fields.values():
        values[-full] *= 1e30
    assert (column.compute(Bars(bars.time, bars.symbols, fields))[-1] != expected).any()


def test_it_is_a_features_library_and_offers_each_name_once() -> None:
    library = Indicators(references={"vix": "VIX"})
    assert isinstance(library, Features)
    assert len(set(library.names)) == len(library.names)
    for name in library.names:
        assert library.column(name, ()).lookback >= 0


def test_the_lookback_follows_span_and_slack() -> None:
    assert Indicators().column("sma", (50,)).lookback == 2 * 50 + 10 - 1
    assert Indicators(span=1.0, slack=0).column("sma", (50,)).lookback == 49
    assert Indicators(span=1.0, slack=0).column("return", (1,)).lookback == 1
    assert Indicators(span=1.0, slack=0).column("level", ()).lookback == 0
    assert Indicators().column("drawdown", (0,)).lookback == WHOLE_TAPE
    assert Indicators().column("breadth", (50,)).lookback == 2 * 50 + 10 - 1
    assert Indicators().column("month", ()).lookback == 0


@pytest.mark.parametrize("name", list(NAMES))
def test_numbers_left_out_take_their_defaults(name: str, bars: Bars) -> None:
    numbers = ENTRIES[name].numbers if name in ENTRIES else ACROSS.get(name, ())
    defaults = tuple(float(number.default) for number in numbers)
    library = Indicators()
    for given in (defaults, defaults[:1]):
        np.testing.assert_array_equal(library.column(name, given).compute(bars), library.column(name, ()).compute(bars))


@pytest.mark.parametrize(
    ("name", "numbers", "sentence"),
    [
        ("sma", (2.5,), "n must be a whole number from 1 to 100000, not 2.5"),
        ("sma", (0,), "n must be a whole number from 1 to 100000, not 0"),
        ("sma", (1e9,), "n must be a whole number from 1 to 100000, not 1e+09"),
        ("ema", (math.nan,), "n must be a whole number from 1 to 100000, not nan"),
        ("ema", (math.inf,), "n must be a whole number from 1 to 100000, not inf"),
        ("rsi", (-1,), "n must be a whole number from 1 to 100000, not -1"),
        ("volatility", (1,), "n must be a whole number from 2 to 100000, not 1"),
        ("zscore", (1,), "n must be a whole number from 2 to 100000, not 1"),
        ("bollinger", (20, 0), "k must be above 0, not 0"),
        ("bollinger", (20, math.nan), "k must be above 0, not nan"),
        ("bollinger", (20, 2, 3), "bollinger takes 2 numbers, not 3: bollinger(n=20, k=2)"),
        ("sma", (5, 6), "sma takes 1 number, not 2: sma(n=20)"),
        ("level", (5,), "level takes no numbers, not 1: level"),
        ("month", (5,), "month takes no numbers, not 1: month"),
        ("macd", (26, 12), "fast must be less than slow, and 26 is not less than 12"),
        ("momentum", (10, 10), "skip must be less than n, and 10 is not less than 10"),
        ("momentum", (5,), "skip must be less than n, and 21 is not less than 5"),
        ("rank", (10, 12), "skip must be less than n, and 12 is not less than 10"),
        ("breadth", (0.5,), "n must be a whole number from 1 to 100000, not 0.5"),
        ("vix_sma", (0,), "n must be a whole number from 1 to 100000, not 0"),
        ("vix_sma", (1, 2), "vix_sma takes 1 number, not 2: vix_sma(n=20)"),
        ("smaa", (), "there is no column 'smaa': did you mean 'sma'?"),
        ("vix_atr", (), "there is no column 'vix_atr': did you mean"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(name: str, numbers: tuple[float, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Indicators(references={"vix": "VIX"}).column(name, numbers)


@pytest.mark.parametrize("name", ["atr", "channel", "atr_ratio"])
def test_a_close_only_panel_has_no_ranges(name: str, bars: Bars) -> None:
    closes = Bars(bars.time, bars.symbols, {"close": bars.close})
    with pytest.raises(DataError, match="the feed has no field 'high'"):
        Indicators().column(name, ()).compute(closes)


def test_columns_of_a_reference_are_those_of_its_series(bars: Bars) -> None:
    library = Indicators(references={"vix": "VIX"})
    series = bars.reference["VIX"]
    np.testing.assert_array_equal(library.column("vix_level", ()).compute(bars), series)
    alone = Bars(bars.time, ("VIX",), {"close": series[:, None]})
    for name, numbers in (("zscore", (30,)), ("return", (5,)), ("rsi", ())):
        expected = library.column(name, numbers).compute(alone)[:, 0]
        np.testing.assert_array_equal(library.column(f"vix_{name}", numbers).compute(bars), expected)


def test_a_reference_that_the_feed_lacks_is_named(bars: Bars) -> None:
    column = Indicators(references={"vix": "VIXX"}).column("vix_level", ())
    with pytest.raises(DataError, match=r"the feed has no reference 'VIXX': did you mean 'VIX'\?"):
        column.compute(bars)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"span": 0.5}, "span"),
        ({"slack": -1}, "slack"),
        ({"slack": 1.5}, "a whole number is expected"),
        ({"spam": 2.0}, "did you mean 'span'"),
        ({"references": ["VIX"]}, "a table is expected"),
        ({"references": {"VIX": "VIX"}}, "'VIX' cannot begin a column's name"),
        ({"references": {"log": "VIX"}}, "two columns would be named log_return"),
        ({"references": {"a": "A", "a_log": "B"}}, "two columns would be named a_log_return"),
    ],
)
def test_wrong_options_are_refused_with_file_and_line(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=r"darwin\.toml:2") as caught:
        make_features(fake_options(options))
    assert sentence in str(caught.value)


def test_the_readmes_example_is_valid() -> None:
    library = make_features(fake_options({"references": {"vix": "VIX"}, "span": 2.0, "slack": 10}))
    for name, numbers in (("sma", (50.0,)), ("macd", (12.0, 26.0, 9.0)), ("vix_zscore", (252.0,))):
        assert library.column(name, numbers).lookback > 0
