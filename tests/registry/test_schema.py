"""The observation that a policy was trained on."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from darwin_core.registry import Column, ObservationSchema, RegistryError, row_digests

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(1e-300, 1e30)
COLUMNS = st.builds(Column, st.text(max_size=8), NUMBERS, POSITIVE, POSITIVE)
SCHEMAS = st.lists(COLUMNS, min_size=1, max_size=5, unique_by=lambda c: c.name).map(ObservationSchema)


@st.composite
def schemas_with_rows(draw: st.DrawFn) -> tuple[ObservationSchema, np.ndarray]:
    schema = draw(SCHEMAS)
    shape = (draw(st.integers(0, 40)), len(schema.columns))
    return schema, draw(arrays(np.float64, shape, elements=NUMBERS))


def bits(rows: np.ndarray) -> bytes:
    return np.ascontiguousarray(rows).tobytes()


@given(schemas_with_rows(), st.integers(1, 7))
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(case: tuple[ObservationSchema, np.ndarray], size: int) -> None:
    schema, values = case
    whole = schema.apply(values)
    assert whole.dtype == np.float32
    assert whole.shape == values.shape
    for start in range(0, len(values), size):
        assert bits(schema.apply(values[start : start + size])) == bits(whole[start : start + size])
    assert bits(schema.apply(np.asfortranarray(values))) == bits(whole)


@given(schemas_with_rows())
def test_a_row_is_what_the_formula_says_for_each_number_by_itself(case: tuple[ObservationSchema, np.ndarray]) -> None:
    schema, values = case
    found = schema.apply(values)
    for row, made in zip(values, found, strict=True):
        for value, number, column in zip(row, made, schema.columns, strict=True):
            with np.errstate(over="ignore", under="ignore"):
                z = (value - np.float64(column.mean)) / np.float64(column.scale)
                wanted = np.float32(min(max(z, -column.clip), column.clip))
            assert number == wanted
            assert np.isfinite(number)


def test_normalising_by_hand() -> None:
    schema = ObservationSchema([Column("a", 10.0, 2.0, 3.0), Column("b")])
    rows = schema.apply(np.array([[12.0, 0.5], [100.0, -99.0], [-100.0, 2.0]]))
    assert rows.tolist() == [[1.0, 0.5], [3.0, -10.0], [-3.0, 2.0]]


def test_rows_are_normalised_without_writing_to_them() -> None:
    values = np.ones((2, 1))
    values.flags.writeable = False
    ObservationSchema([Column("a", 1.0)]).apply(values)
    assert values.tolist() == [[1.0], [1.0]]


@given(SCHEMAS)
@example(ObservationSchema([Column("a", -0.0)]))
def test_json_gives_the_same_schema_back_and_the_same_bits(schema: ObservationSchema) -> None:
    again = ObservationSchema.from_json(schema.to_json())
    assert again == schema
    assert again.digest == schema.digest
    assert again.to_json() == schema.to_json()
    for zero in (0.0, -0.0):
        row = np.full((1, len(schema.columns)), zero)
        assert bits(again.apply(row)) == bits(schema.apply(row))


@given(SCHEMAS, SCHEMAS)
def test_schemas_differ_in_words_exactly_when_their_hashes_differ(a: ObservationSchema, b: ObservationSchema) -> None:
    assert bool(a.difference(b)) == (a.digest != b.digest) == (a != b)
    assert a.difference(a) == ()
    assert not a.difference(a.names)


def test_the_file_and_its_hash_are_what_they_always_were() -> None:
    schema = ObservationSchema([Column("sma(10)", 1.5, 0.25, 8.0), Column("é", -0.0)])
    text = (
        b'{"columns":[{"clip":8.0,"mean":1.5,"name":"sma(10)","scale":0.25},'
        b'{"clip":10.0,"mean":0.0,"name":"\\u00e9","scale":1.0}],'
        b'"dtype":"float32","format":"darwin observation 1","input":"float64"}'
    )
    assert schema.to_json() == text
    assert schema.digest == hashlib.sha256(text).hexdigest()


def test_every_difference_is_spelled_out() -> None:
    trained = ObservationSchema([Column("a", 1.0), Column("b", 0.0, 2.0), Column("c")])
    offered = ObservationSchema([Column("b", 0.0, 3.0), Column("a", 1.5, 1.0, 5.0), Column("d")])
    assert trained.difference(offered) == (
        "column 2, 'c', is missing",
        "column 2, 'd', is one that it was not trained on",
        "column 'a': mean 1.5 is offered; it was 1.0",
        "column 'a': clip 5.0 is offered; it was 10.0",
        "column 'b': scale 3.0 is offered; it was 2.0",
    )
    assert trained.difference(["a", "c", "b"]) == (
        "column 'b' is offered as column 2; it was column 1",
        "column 'c' is offered as column 1; it was column 2",
    )
    assert trained.difference(["a", "b", "c", "a"]) == ("column 'a' is offered 2 times",)


def test_a_policy_refuses_another_observation_with_all_of_the_difference() -> None:
    trained = ObservationSchema([Column("a"), Column("b")])
    trained.expect(["a", "b"])
    with pytest.raises(RegistryError, match=r"gate v3 was trained on another .*\n  column 0, 'a', is missing\n.*'c'"):
        trained.expect(["c", "b"], "gate v3")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((2, 3)), r"shape \(N, 2\) is needed, not one of \(2, 3\)"),
        (np.zeros(2), r"not one of \(2,\)"),
        (np.zeros((2, 2), np.float32), "float64, not float32"),
        (np.array([[0.0, 1.0], [2.0, np.nan]]), "row 1, column 'b' is nan"),
        (np.array([[np.inf, 1.0]]), "row 0, column 'a' is inf"),
    ],
)
def test_rows_that_are_no_observation_are_refused(values: np.ndarray, said: str) -> None:
    with pytest.raises(RegistryError, match=said):
        ObservationSchema([Column("a"), Column("b")]).apply(values)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ObservationSchema([]), "at least one column"),
        (lambda: ObservationSchema([Column("a"), Column("a")]), "'a' is in it 2 times"),
        (lambda: Column("a", float("nan")), "column 'a': mean is nan"),
        (lambda: Column("a", 0.0, 0.0), "column 'a': scale is 0.0"),
        (lambda: Column("a", 0.0, float("nan")), "scale is nan"),
        (lambda: Column("a", 0.0, 1.0, float("inf")), "clip is inf"),
        (lambda: ObservationSchema.fit(["a"], np.zeros((0, 1))), "there is none"),
        (lambda: ObservationSchema.fit(["a", "b"], np.zeros((4, 1))), "is needed"),
    ],
)
def test_a_schema_that_cannot_be_is_refused(make: object, said: str) -> None:
    with pytest.raises(RegistryError, match=said):
        make()  # type: ignore[operator]


def test_statistics_are_those_of_the_training_rows_and_a_constant_column_keeps_its_scale() -> None:
    values = np.random.default_rng(1).normal(5.0, 3.0, size=(1000, 3))
    values[:, 1] = 0.1
    schema = ObservationSchema.fit(["a", "b", "c"], values, clip=50.0)
    rows = schema.apply(values)
    assert np.allclose(rows.mean(axis=0), 0.0, atol=1e-6)
    assert np.allclose(rows[:, [0, 2]].std(axis=0), 1.0, atol=1e-6)
    assert schema.columns[1].scale == 1.0
    assert ObservationSchema.fit(["a", "b", "c"], np.asfortranarray(values), clip=50.0) == schema


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"columns":[],"dtype":"float32","format":"x","input":"float64"}']
)
def test_what_is_no_schema_file_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(RegistryError, match=r"^place/schema.json: "):
        ObservationSchema.from_json(content, "place/schema.json")


def test_a_schema_file_that_is_not_canonical_is_refused() -> None:
    content = ObservationSchema([Column("a")]).to_json()
    with pytest.raises(RegistryError, match="not the canonical JSON"):
        ObservationSchema.from_json(content.replace(b"1.0", b"1.00"))


@given(schemas_with_rows())
def test_row_digests_are_of_each_row_by_itself(case: tuple[ObservationSchema, np.ndarray]) -> None:
    schema, values = case
    rows = schema.apply(values)
    whole = row_digests(schema, rows)
    assert whole == [row_digests(schema, rows[i : i + 1])[0] for i in range(len(rows))]
    assert whole == row_digests(schema, np.asfortranarray(rows))
    for i, digest in enumerate(whole):
        same = [j for j in range(len(rows)) if bits(rows[j]) == bits(rows[i])]
        assert [j for j, other in enumerate(whole) if other == digest] == same


def test_a_row_digest_tells_any_bit_and_any_schema_apart() -> None:
    one, other = ObservationSchema([Column("a")]), ObservationSchema([Column("b")])
    row = np.array([[1.0]], np.float32)
    near = np.nextafter(row, np.float32(2))
    found = [row_digests(one, row)[0], row_digests(one, near)[0], row_digests(other, row)[0]]
    assert len(set(found)) == 3
    assert all(len(each) == 32 for each in found)
    with pytest.raises(RegistryError, match=r"\(N, 1\) float32; these are \(1, 1\) float64"):
        row_digests(one, row.astype(np.float64))  # type: ignore[arg-type]
