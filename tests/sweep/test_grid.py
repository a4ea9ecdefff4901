from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darwin_core.errors import ConfigError
from darwin_core.sweep.grid import Grid, parse


@given(
    st.dictionaries(st.sampled_from(["a.x", "b.y", "c.z"]), st.sets(st.integers(), min_size=1, max_size=4), min_size=1)
)
def test_the_points_of_a_grid_are_all_combinations_once(table: dict[str, set[int]]) -> None:
    grid = Grid.of(table)
    points = [tuple(grid.point(i).items()) for i in range(len(grid))]
    assert len(set(points)) == len(points)
    assert {value for point in points for _, value in point} == {value for values in table.values() for value in values}
    for i, point in enumerate(points):
        assert tuple(values[at] for values, at in zip(grid.values, grid.places(i), strict=True)) == tuple(
            value for _, value in point
        )


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("k.v=1,2", (1, 2)),
        ("k.v=0.5", (0.5,)),
        ('k.v="a","b"', ("a", "b")),
        ("k.v=next_open,same_close", ("next_open", "same_close")),
        ("k.v=true,false", (True, False)),
        ("k.v=[1,2],[3]", ([1, 2], [3])),
        ("k.v=10:30:10", (10, 20, 30)),
        ("k.v=10:35:10", (10, 20, 30)),
        ("k.v=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("k.v=1:2:0.5", (1.0, 1.5, 2.0)),
        ("k.v=2:5", (2, 3, 4, 5)),
        ("k.v=a:b", ("a:b",)),
    ],
)
def test_values_are_read_as_toml_words_or_ranges(text: str, values: tuple[object, ...]) -> None:
    key, found = parse(text)
    assert key == "k.v"
    assert repr(found) == repr(values)


@pytest.mark.parametrize(
    "text", ["", "k.v", "k.v=", "=1,2", "k.v=9:1:1", "k.v=1:9:0", "k.v=1:9:-1", "k.v=0:1:1e-9", "k.v=nan:1:1"]
)
def test_what_is_no_grid_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ConfigError, match="--grid"):
        parse(text)


def test_a_value_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        Grid.of({"k.v": (1, 2, 1)})


def test_a_grid_too_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(ConfigError, match="are the most"):
        Grid.of({name: range(10_000) for name in ("a.x", "b.y", "c.z")})
