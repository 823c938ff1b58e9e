"""What a user would pick instead: four models of well-known libraries, with the settings that people use.

Every contender gets the very inputs that ours gets, X of shape (N, F) with NaN where missing and codes where
categorical, learns from the same rows and answers for the same rows. None of them chooses anything.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.domain.history import Array
from app.features.schema import FeatureSet

Contender = Callable[[FeatureSet, Array, Array, Array], Array]
"""(features, X, y, X of the rows to answer for) -> probabilities of these rows."""

SEED: Final = 0


def logistic_regression(features: FeatureSet, X: Array, y: Array, asked: Array) -> Array:
    """Fit scikit-learn's usual pipeline: median and a sign where missing, scaled, words one-hot."""
    words = list(features.categorical)
    numbers = [j for j in range(X.shape[1]) if j not in set(words)]
    inputs = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
                numbers,
            ),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    model = make_pipeline(inputs, LogisticRegression(max_iter=2000))
    answer: Array = model.fit(X, y).predict_proba(asked)[:, 1]
    return answer


def small_lightgbm(features: FeatureSet, X: Array, y: Array, asked: Array) -> Array:
    """Fit LightGBM as people set it for small data: 7 leaves, 200 rounds, step 0.05."""
    return _lightgbm(features, X, y, asked, {"num_leaves": 7, "n_estimators": 200, "learning_rate": 0.05})


def default_lightgbm(features: FeatureSet, X: Array, y: Array, asked: Array) -> Array:
    """Fit LightGBM as it comes: 31 leaves, 100 rounds, step 0.1."""
    return _lightgbm(features, X, y, asked, {})


def _lightgbm(features: FeatureSet, X: Array, y: Array, asked: Array, settings: dict[str, Any]) -> Array:
    # One thread: the answers are the same, and on tables of this size threads wait more than they work.
    model = lgb.LGBMClassifier(random_state=SEED, n_jobs=1, verbosity=-1, **settings)
    with warnings.catch_warnings():
        # Whether scikit-learn sees column names has no bearing on what is fitted.
        warnings.simplefilter("ignore", UserWarning)
        model.fit(X, y, categorical_feature=list(features.categorical))
        answer: Array = np.asarray(model.predict_proba(asked))[:, 1]
    return answer


def catboost(features: FeatureSet, X: Array, y: Array, asked: Array) -> Array:
    """Fit CatBoost as it comes: 1,000 rounds, depth 6, words by ordered target statistics."""
    from catboost import CatBoostClassifier  # noqa: PLC0415  the one contender that `make setup` does not install

    model = CatBoostClassifier(
        verbose=False,
        thread_count=2,
        random_seed=SEED,
        allow_writing_files=False,
        cat_features=list(features.categorical),
    )
    model.fit(_with_words(features, X), y)
    answer: Array = np.asarray(model.predict_proba(_with_words(features, asked)))[:, 1]
    return answer


def _with_words(features: FeatureSet, X: Array) -> Array:
    """Return the rows with words for codes, as CatBoost wants its categories."""
    rows = X.astype(object)
    for j in features.categorical:
        words = features.vocabularies[features.names[j]]
        rows[:, j] = ["" if np.isnan(code) else words[int(code)] for code in X[:, j]]
    return rows


CONTENDERS: Final[Mapping[str, Contender]] = {
    "logistic regression": logistic_regression,
    "LightGBM, small": small_lightgbm,
    "LightGBM, default": default_lightgbm,
    "CatBoost, default": catboost,
}
