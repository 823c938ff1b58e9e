"""Fitting the machine-learning rung: boosted trees, alone or on top of a forecast.

Deterministic by the seed; returns the very estimator that the service loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import lightgbm as lgb

from app.domain.history import Array
from app.estimators.trees import Trees
from app.features.schema import FeatureSet
from training.value_metrics import POWER


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much a tree model may learn: leaves, rows a leaf must have, the step."""

    leaves: int
    leaf_rows: int
    learning_rate: float


CAPACITIES: Final = (
    Capacity(3, 40, 0.08),
    Capacity(7, 30, 0.06),
    Capacity(15, 20, 0.05),
    Capacity(31, 10, 0.05),
    Capacity(63, 5, 0.08),
    Capacity(127, 2, 0.1),
)
"""Small data want few leaves, some sets many: the ladder of capacities that validation climbs."""

THREADED_ROWS: Final = 100_000
"""Below this, threads wait for each other longer than they work. A fixed number keeps fits reproducible."""
MAX_ROUNDS: Final = 1500
PATIENCE: Final = 50


Loss = Literal["binary", "tweedie"]
"""Of a probability, on log-odds; of an amount that is often zero, on its logarithm."""


def _parameters(capacity: Capacity, rows: int, seed: int, loss: Loss = "binary") -> dict[str, Any]:
    return {
        "objective": loss,
        "tweedie_variance_power": POWER,
        "num_leaves": capacity.leaves,
        "min_data_in_leaf": capacity.leaf_rows,
        "learning_rate": capacity.learning_rate,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 2.0,
        "max_cat_to_onehot": 8,
        "cat_smooth": 20.0,
        "min_data_per_group": 20,
        "max_bin": 255,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < THREADED_ROWS else 2,
        "verbosity": -1,
    }


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled rows for trees.

    ``base`` is the margin that they start from, None for a common start; ``weight`` how much each counts,
    None where all count alike.
    """

    X: Array
    y: Array
    base: Array | None = None
    weight: Array | None = None


def _dataset(features: FeatureSet, rows: Rows, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    X = rows.X
    return lgb.Dataset(
        X,
        rows.y,
        weight=rows.weight,
        init_score=rows.base,
        feature_name=[f"f{j}" for j in range(X.shape[1])],
        categorical_feature=list(features.categorical),
        reference=reference,
        free_raw_data=False,
    )


def validate_trees(
    features: FeatureSet, train: Rows, held: Rows, capacity: Capacity, seed: int, loss: Loss = "binary"
) -> tuple[Trees, int]:
    """Fit with early stopping on held-out rows; return the model and its number of rounds."""
    data = _dataset(features, train)
    booster = lgb.train(
        _parameters(capacity, len(train.y), seed, loss),
        data,
        num_boost_round=MAX_ROUNDS,
        valid_sets=[_dataset(features, held, reference=data)],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    rounds = booster.best_iteration
    return Trees(lgb.Booster(model_str=booster.model_to_string(num_iteration=rounds))), rounds


def fit_trees(
    features: FeatureSet, rows: Rows, capacity: Capacity, rounds: int, seed: int, loss: Loss = "binary"
) -> Trees:
    """Fit a stated number of rounds."""
    booster = lgb.train(
        _parameters(capacity, len(rows.y), seed, loss),
        _dataset(features, rows),
        num_boost_round=max(rounds, 1),
    )
    return Trees(lgb.Booster(model_str=booster.model_to_string()))
