"""The matrix, the vocabularies and the schema hash."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.features.schema import Feature, FeatureSet

NUMBER, WORD = Feature("days", "days"), Feature("plan", "word", kind="category")
SET = FeatureSet((NUMBER, WORD), {"plan": ("gold", "silver")})


def words(*values: str | None) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def test_an_unseen_word_and_a_missing_one_read_as_missing() -> None:
    X = SET.matrix({"days": np.arange(4.0), "plan": words("silver", None, "new", "gold")}, 4)
    np.testing.assert_array_equal(X, [[0, 1], [1, np.nan], [2, np.nan], [3, 0]])
    assert X.dtype == np.float64


def test_one_row_is_the_same_as_in_a_batch() -> None:
    columns = {"days": np.array([3.5, np.nan]), "plan": words("gold", "new")}
    X = SET.matrix(columns, 2)
    for i in range(2):
        alone = SET.matrix({name: column[i : i + 1] for name, column in columns.items()}, 1)
        np.testing.assert_array_equal(alone, X[i : i + 1])


def test_nobody_gives_an_empty_matrix() -> None:
    assert SET.matrix({"days": np.empty(0), "plan": words()}, 0).shape == (0, 2)


def test_a_feature_that_was_not_computed_is_an_error() -> None:
    with pytest.raises(KeyError, match="plan"):
        SET.matrix({"days": np.zeros(1)}, 1)


def test_positions_and_categories_follow_the_order_of_the_set() -> None:
    assert SET.names == ("days", "plan")
    assert SET.positions == {"days": 0, "plan": 1}
    assert SET.categorical == (1,)


@pytest.mark.parametrize(
    "other",
    [
        FeatureSet((WORD, NUMBER), SET.vocabularies),
        FeatureSet((NUMBER, WORD), {"plan": ("silver", "gold")}),
        FeatureSet((NUMBER, WORD), {"plan": ("gold",)}),
        FeatureSet((replace(NUMBER, version=2), WORD), SET.vocabularies),
        FeatureSet((replace(NUMBER, name="day"), WORD), SET.vocabularies),
        FeatureSet((replace(NUMBER, kind="flag"), WORD), SET.vocabularies),
    ],
)
def test_the_schema_hash_tells_every_difference_that_matters(other: FeatureSet) -> None:
    assert other.schema_hash != SET.schema_hash


def test_the_schema_hash_is_stable() -> None:
    assert SET.schema_hash == FeatureSet(SET.features, dict(SET.vocabularies)).schema_hash
    assert len(SET.schema_hash) == 64
