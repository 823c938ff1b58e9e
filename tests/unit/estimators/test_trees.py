"""The machine-learning rung: answers of one and of many, and exact contributions."""

from __future__ import annotations

from functools import lru_cache

import lightgbm as lgb
import numpy as np
import pytest

from app.domain.errors import StructureError
from app.estimators.trees import Trees, read_trees

NAN = float("nan")


def inputs(rows: int, seed: int = 0) -> np.ndarray:
    """Return a number, a number with gaps, and the code of a word with gaps."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.gamma(2, 30, rows), rng.normal(size=rows), rng.integers(0, 5, rows)])
    X[rng.random(rows) < 0.2, 1] = NAN
    X[rng.random(rows) < 0.1, 2] = NAN
    return X


@lru_cache(maxsize=1)
def text() -> str:
    X = inputs(600)
    y = ((X[:, 0] > 60) ^ (X[:, 2] == 1)).astype(float)
    data = lgb.Dataset(X, y, categorical_feature=[2], params={"verbosity": -1, "min_data_per_group": 5})
    settings = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1, "seed": 1}
    return lgb.train(settings, data, num_boost_round=25).model_to_string()


@pytest.fixture(scope="module")
def trees() -> Trees:
    return read_trees(text().encode())


def test_margins_are_those_of_the_library(trees: Trees) -> None:
    X = inputs(50, seed=1)
    expected = lgb.Booster(model_str=text()).predict(X, raw_score=True)
    assert trees.margin(X).tolist() == np.asarray(expected).tolist()


def test_one_row_is_the_same_bit_for_bit_as_in_a_batch(trees: Trees) -> None:
    X = inputs(40, seed=2)
    assert trees.margin(X).tolist() == [float(trees.margin(X[k : k + 1])[0]) for k in range(len(X))]
    parts = trees.contributions(X)
    for k in range(len(X)):
        alone = trees.contributions(X[k : k + 1])
        assert (alone.base[0], alone.values[0].tolist()) == (parts.base[k], parts.values[k].tolist())


def test_contributions_add_up_to_the_margin(trees: Trees) -> None:
    X = inputs(80, seed=3)
    X[0], X[1] = NAN, [1e12, -1e12, 4]
    parts = trees.contributions(X)
    assert parts.values.shape == X.shape
    np.testing.assert_allclose(parts.base + parts.values.sum(axis=1), trees.margin(X), rtol=0, atol=1e-9)


def test_the_base_is_the_same_for_everybody_and_the_parts_are_not(trees: Trees) -> None:
    parts = trees.contributions(inputs(40, seed=4))
    assert len(set(parts.base.tolist())) == 1
    assert all(len(set(column)) > 1 for column in parts.values.T.tolist())


def test_nobody_gets_nothing(trees: Trees) -> None:
    assert trees.margin(np.empty((0, 3))).shape == (0,)
    parts = trees.contributions(np.empty((0, 3)))
    assert (parts.base.shape, parts.values.shape) == ((0,), (0, 3))


@pytest.mark.parametrize("content", [b"", b"tree\nversion=v4\n", b"\xff\xfe"])
def test_what_lightgbm_refuses_is_a_structure_error(content: bytes) -> None:
    with pytest.raises(StructureError, match="LightGBM"):
        read_trees(content)
