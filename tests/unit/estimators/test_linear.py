"""The statistical rung, held to its formula row by row, and its file."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import StructureError
from app.estimators.linear import LINEAR_KEYS, Linear, read_linear, write_linear

MODEL = Linear(
    is_log=np.array([0.0, 1.0, 0.0, 0.0]),
    low=np.array([-2.0, -1.0, 0.0, 0.0]),
    high=np.array([5.0, 6.0, 0.0, 1.0]),
    center=np.array([1.0, 2.0, 0.0, 0.5]),
    scale=np.array([2.0, 0.5, 1.0, 0.1]),
    coefficient=np.array([0.7, -0.3, 0.0, 1.5]),
    missing=np.array([0.11, -0.22, 0.33, 0.0]),
    level_offsets=np.array([0, 0, 0, 3, 3]),
    levels=np.array([0.4, -0.5, 0.6]),
    intercept=-1.25,
)
"""Inputs: a number, a logged number, a category of three words, a flag."""

NAN = float("nan")
ROWS = st.lists(
    st.tuples(
        st.floats(-1e6, 1e6) | st.just(NAN),
        st.floats(-1e6, 1e6) | st.just(NAN),
        st.sampled_from([0.0, 1.0, 2.0, NAN]),
        st.sampled_from([0.0, 1.0, NAN]),
    ),
    max_size=6,
)


def expected(row: tuple[float, ...]) -> float:
    total = MODEL.intercept
    for j, value in enumerate(row):
        if math.isnan(value):
            total += MODEL.missing[j]
        elif j == 2:
            total += MODEL.levels[int(value)]
        else:
            known = math.copysign(math.log1p(abs(value)), value) if MODEL.is_log[j] else value
            known = min(max(known, MODEL.low[j]), MODEL.high[j])
            total += MODEL.coefficient[j] * (known - MODEL.center[j]) / MODEL.scale[j]
    return float(total)


@given(ROWS)
def test_margins_are_what_the_formula_says(rows: list[tuple[float, ...]]) -> None:
    X = np.array(rows).reshape(-1, 4)
    np.testing.assert_allclose(MODEL.margin(X), [expected(row) for row in rows], rtol=1e-12, atol=1e-12)


@given(ROWS)
def test_contributions_add_up_to_the_margin(rows: list[tuple[float, ...]]) -> None:
    X = np.array(rows).reshape(-1, 4)
    parts = MODEL.contributions(X)
    assert parts.values.shape == X.shape
    np.testing.assert_allclose(parts.base + parts.values.sum(axis=1), MODEL.margin(X), rtol=0, atol=1e-9)


@given(ROWS)
def test_one_row_is_the_same_bit_for_bit_as_in_a_batch(rows: list[tuple[float, ...]]) -> None:
    X = np.array(rows).reshape(-1, 4)
    assert MODEL.margin(X).tolist() == [float(MODEL.margin(X[k : k + 1])[0]) for k in range(len(X))]


def test_nothing_extrapolates_beyond_the_training_range() -> None:
    X = np.array([[5.0, 1.0, 0.0, 1.0], [500.0, 1.0, 0.0, 1.0]])
    assert len(set(MODEL.margin(X).tolist())) == 1


def test_a_category_of_which_no_word_is_known_adds_what_is_missing() -> None:
    model = replace(MODEL, level_offsets=np.zeros(5, np.int64), levels=np.empty(0))
    assert model.contributions(np.array([[NAN, NAN, NAN, NAN]])).values[0].tolist() == MODEL.missing.tolist()


def archive(**changes: Any) -> bytes:
    with np.load(io.BytesIO(write_linear(MODEL)), allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in {**arrays, **changes}.items() if value is not None})
    return buffer.getvalue()


def test_what_is_written_is_read_again() -> None:
    again = read_linear(write_linear(MODEL))
    for name in LINEAR_KEYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(MODEL, name))


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": np.array([1.0, 0.0, 1.0, 1.0])},
        {"center": np.zeros(3)},
        {"coefficient": np.array([1.0, np.nan, 0.0, 0.0])},
        {"coefficient": np.zeros((2, 2))},
        {"level_offsets": np.array([0, 0, 2, 1, 3])},
        {"level_offsets": np.array([1, 1, 1, 3, 3])},
        {"level_offsets": np.array([0.0, 0.0, 0.0, 3.0, 3.0])},
        {"levels": np.zeros(2)},
        {"intercept": np.zeros(2)},
        {"missing": None},
        {"more": np.zeros(1)},
        {"low": np.zeros(4, np.int64)},
    ],
    ids=lambda changes: next(iter(changes)) + str(np.ravel(next(iter(changes.values()))).tolist()),
)
def test_arrays_that_do_not_fit_together_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StructureError):
        read_linear(archive(**changes))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(StructureError):
        read_linear(content)


def test_objects_are_never_unpickled() -> None:
    with pytest.raises(StructureError):
        read_linear(archive(levels=np.array([print], dtype=object)))
