"""Boosted trees: alone and on a forecast, of a probability and of an amount."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from app.estimators.base import sigmoid
from app.estimators.trees import read_trees
from tests.unit.training.rows import SEED, draw, mixed, mixed_rows, numbers
from training.boosting import CAPACITIES, Capacity, Rows, fit_trees, validate_trees
from training.evaluation import auc, log_loss
from training.rungs import fit_linear


def checkered(seed: int, rows: int) -> tuple[Array, Array]:
    """Return numbers of which two tell the label together by their signs, alone nothing: no line can."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    return X, draw(rng, np.where(X[:, 0] * X[:, 1] > 0, 0.85, 0.15))


def test_trees_tell_what_no_line_can() -> None:
    X, y = checkered(0, 1200)
    new, truth = checkered(1, 1200)
    trees, rounds = validate_trees(numbers(4), Rows(X, y), Rows(new[:600], truth[:600]), CAPACITIES[1], SEED)
    assert 1 <= rounds <= 1500
    assert trees.booster.num_trees() == rounds
    assert auc(truth[600:], trees.margin(new[600:])) > 0.78
    line = fit_linear(numbers(4), X, y, 1.0, SEED)
    assert auc(truth, line.margin(new)) < 0.6


def test_trees_repeat_with_the_seed() -> None:
    X, y, _ = mixed_rows(5, 400)
    texts = [
        fit_trees(mixed(), Rows(X, y), CAPACITIES[0], 8, seed).booster.model_to_string() for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_trees_stop_where_held_out_rows_say_so() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 3)), draw(rng, np.full(400, 0.4))
    _, rounds = validate_trees(
        numbers(3), Rows(X[:200], y[:200]), Rows(X[200:], y[200:]), Capacity(7, 10, 0.1), SEED
    )
    assert rounds < 30


def test_what_is_written_answers_the_same_after_it_is_read() -> None:
    X, y, _ = mixed_rows(6, 400)
    for loss in ("binary", "tweedie"):
        trees = fit_trees(mixed(), Rows(X, y), CAPACITIES[1], 12, SEED, loss)
        again = read_trees(trees.booster.model_to_string().encode())
        assert np.array_equal(again.margin(X), trees.margin(X))


def test_contributions_sum_to_the_margin() -> None:
    X, y, _ = mixed_rows(7, 300)
    for loss in ("binary", "tweedie"):
        trees = fit_trees(mixed(), Rows(X, y), CAPACITIES[2], 12, SEED, loss)
        parts = trees.contributions(X)
        np.testing.assert_allclose(parts.base + parts.values.sum(axis=1), trees.margin(X), atol=1e-9)


def on_a_base(seed: int) -> tuple[Rows, Array]:
    """Return rows whose base is half of the truth: x0 is known of, x1 is not."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1500, 2))
    truth = 2.0 * X[:, 0] + 1.5 * np.sign(X[:, 1])
    return Rows(X, draw(rng, sigmoid(truth)), 2.0 * X[:, 0]), truth


def test_trees_on_a_base_learn_what_it_does_not_say() -> None:
    (rows, _), (new, truth) = on_a_base(0), on_a_base(1)
    assert new.base is not None
    trees, _ = validate_trees(numbers(2), rows, new, Capacity(7, 30, 0.08), SEED)
    told = trees.margin(new.X)
    # What the trees add moves with x1 alone; with the base it is better than either.
    assert abs(np.corrcoef(told, new.X[:, 0])[0, 1]) < 0.3
    assert np.corrcoef(told, np.sign(new.X[:, 1]))[0, 1] > 0.9
    assert log_loss(new.y, sigmoid(new.base + told)) < log_loss(new.y, sigmoid(new.base)) - 0.1
    assert log_loss(new.y, sigmoid(new.base + told)) < log_loss(new.y, sigmoid(truth)) + 0.05


def test_trees_of_an_amount_tell_its_logarithm() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 2))
    mean = np.exp(1.0 + (X[:, 0] > 0))
    y = np.where(rng.random(3000) < 0.5, 0.0, rng.gamma(2.0, mean))
    trees = fit_trees(numbers(2), Rows(X, y), Capacity(3, 40, 0.08), 150, SEED, "tweedie")
    told = np.exp(trees.margin(X))
    for side in (X[:, 0] > 0, X[:, 0] <= 0):
        assert 0.9 < told[side].mean() / y[side].mean() < 1.1
    assert told.min() > 0
