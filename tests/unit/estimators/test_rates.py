"""The rules rung, held to its definition, and its file."""

from __future__ import annotations

import bisect
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.errors import StructureError
from app.estimators.rates import Rates, read_rates, write_rates

BY_NUMBER = Rates("days", 1, 3, np.array([10.0, 20.0]), np.array([-1.0, 0.5, 2.0]), -3.0, 0.25)
BY_WORD = Rates("plan", 0, 1, np.empty(0), np.array([0.1, 0.2, 0.3]), 0.9, 0.0)
OF_ALL = Rates("days", 0, 1, np.empty(0), np.array([0.7]), 0.9, 0.7)


def rows(*values: float, columns: int = 3, column: int = 1) -> np.ndarray:
    X = np.full((len(values), columns), 99.0)
    X[:, column] = values
    return X


@given(st.floats(-50, 50) | st.sampled_from([10.0, 20.0, float("nan")]))
@example(10.0)
@example(20.0)
def test_a_number_gets_the_margin_of_its_bin(value: float) -> None:
    expected = -3.0 if np.isnan(value) else [-1.0, 0.5, 2.0][bisect.bisect_right([10.0, 20.0], value)]
    assert BY_NUMBER.margin(rows(value)).tolist() == [expected]


def test_a_word_gets_the_margin_of_its_code() -> None:
    assert BY_WORD.margin(rows(0, 2, np.nan, columns=1, column=0)).tolist() == [0.1, 0.3, 0.9]


def test_one_margin_is_that_of_every_known_number() -> None:
    assert OF_ALL.margin(rows(-5, 1e9, np.nan, columns=1, column=0)).tolist() == [0.7, 0.7, 0.9]


@pytest.mark.parametrize("rates", [BY_NUMBER, BY_WORD, OF_ALL])
def test_contributions_add_up_and_come_from_one_feature(rates: Rates) -> None:
    X = rows(0, 2, np.nan, columns=rates.columns, column=rates.column)
    parts = rates.contributions(X)
    np.testing.assert_allclose(parts.base + parts.values.sum(axis=1), rates.margin(X), rtol=0, atol=1e-12)
    assert not np.delete(parts.values, rates.column, axis=1).any()


def test_nobody_gets_nothing() -> None:
    assert BY_NUMBER.margin(np.empty((0, 3))).shape == (0,)
    assert BY_NUMBER.contributions(np.empty((0, 3))).values.shape == (0, 3)


@pytest.mark.parametrize("rates", [BY_NUMBER, BY_WORD, OF_ALL])
def test_what_is_written_is_read_again(rates: Rates) -> None:
    again = read_rates(write_rates(rates))
    X = rows(0, 2, np.nan, columns=rates.columns, column=rates.column)
    np.testing.assert_array_equal(again.margin(X), rates.margin(X))
    assert (again.feature, again.base) == (rates.feature, rates.base)


@pytest.mark.parametrize(
    "change",
    [
        {"edges": [20.0, 10.0]},
        {"edges": [10.0, 10.0]},
        {"margins": [1.0]},
        {"margins": []},
        {"margins": [1.0, float("inf"), 2.0]},
        {"missing": float("nan")},
        {"base": None},
        {"column": 3},
        {"column": -1},
        {"edges": "ten"},
    ],
    ids=str,
)
def test_a_table_that_does_not_fit_together_is_refused(change: dict[str, Any]) -> None:
    document = {**json.loads(write_rates(BY_NUMBER)), **change}
    with pytest.raises(StructureError):
        read_rates(json.dumps(document).encode())


def test_a_lacking_field_and_what_is_no_json_are_refused() -> None:
    document = json.loads(write_rates(BY_NUMBER))
    del document["base"]
    for content in (json.dumps(document).encode(), b"{", b"\xff\xfe"):
        with pytest.raises(StructureError):
            read_rates(content)
