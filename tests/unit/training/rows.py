"""Labelled rows with known truth, and runs over small businesses that are written out in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from app.domain.history import Array
from app.estimators.base import sigmoid
from app.features.schema import Feature, FeatureSet
from tests.unit.training.tables.small import NOW, business_of
from training.churn_rows import Question
from training.ladder import Data
from training.run import Run
from training.snapshots import Splits, at_random
from training.tables import read_tables
from training.tables.objectives import ChurnObjective
from training.train import known_at

SEED = 7
WORDS = ("blue", "green", "red")


def numbers(count: int) -> FeatureSet:
    """Return ``count`` declared numbers: attribute.x0, attribute.x1, …"""
    return FeatureSet(
        tuple(Feature(f"attribute.x{j}", "value", low=-np.inf, table="customers") for j in range(count))
    )


def mixed() -> FeatureSet:
    """Return two numbers, a word and a flag."""
    colour = Feature("attribute.colour", "word", kind="category", table="customers")
    flag = Feature("attribute.flag", "flag", high=1.0, kind="flag", table="customers")
    return FeatureSet((*numbers(2).features, colour, flag), {"attribute.colour": WORDS})


def draw(rng: np.random.Generator, p: Array) -> Array:
    """Return labels that are 1 with probability ``p``."""
    return (rng.random(len(p)) < p).astype(np.float64)


def mixed_rows(seed: int, rows: int) -> tuple[Array, Array, Array]:
    """Return X over :func:`mixed` with gaps, labels, and the true log-odds.

    x0 counts 1.2, its absence 0.8; x1 has a long tail and counts by its logarithm; green counts 1, red -1.
    """
    rng = np.random.default_rng(seed)
    x0, x1 = rng.normal(size=rows), np.exp(rng.normal(1.0, 1.5, rows))
    colour, flag = rng.integers(0, 3, rows).astype(np.float64), (rng.random(rows) < 0.3).astype(np.float64)
    x0[rng.random(rows) < 0.2] = np.nan
    colour[rng.random(rows) < 0.1] = np.nan
    word = np.where(np.isnan(colour), 0.0, np.array([0.0, 1.0, -1.0])[np.nan_to_num(colour).astype(int)])
    truth = np.where(np.isnan(x0), 0.8, 1.2 * x0) - 0.6 * (np.log1p(x1) - 1.4) + word - 0.4
    return np.column_stack([x0, x1, colour, flag]), draw(rng, sigmoid(truth)), truth


def data_of(
    X: Array,
    y: Array,
    *,
    population: Array | None = None,
    customer: Array | None = None,
    features: FeatureSet | None = None,
    populations: tuple[str, ...] = ("all",),
) -> Data:
    """Return labelled rows; every row is a customer of its own unless it is said otherwise."""
    features = numbers(X.shape[1]) if features is None else features
    return Data(
        features,
        populations,
        tuple(features.names for _ in populations),
        X,
        y,
        np.zeros(len(y), dtype=np.int64) if population is None else population,
        np.arange(len(y)) if customer is None else customer,
    )


def random_splits(y: Array) -> Splits:
    """Return the random split of rows that are all different."""
    return at_random(y, np.arange(len(y)), SEED, np.arange(len(y)), "a test")


@contextmanager
def run_over(tables: dict[str, str], *, as_of: int | None = None, **said: Any) -> Iterator[Run]:
    """Give a run over tables that are written out in SQL."""
    business = business_of(tables, **said)
    with read_tables(business, now=NOW, as_of=as_of) as read:
        read.refuse_errors()
        yield Run(business, read, read.history(), known_at(read), SEED, "", {}, lambda _: None)


def question_over(run: Run) -> Question:
    """Return what churn means in the business of a run."""
    objective = run.business.objectives.churn or ChurnObjective()
    populations = ("repeat", "first_order") if objective.definition == "inactivity" else ("all",)
    return Question(run, objective, populations)


def orders_sql(customers: int, orders: int, days: int, salt: int = 0) -> str:
    """Return SQL for orders at random times of ``days`` days, by customers who buy more or less often."""
    return f"""
        SELECT 'o' || i AS order_id,
               'c' || CAST(floor({customers} * pow((hash(i * 3 + {salt}) % 1000) / 1000.0, 2)) AS INTEGER)
                   AS customer_id,
               TIMESTAMPTZ '2026-06-01 00:00+00'
                   - to_seconds(CAST({days} * 86400.0 * (hash(i * 7 + {salt}) % 100000) / 100000 AS BIGINT))
                   AS ordered_at,
               10.0 + hash(i + {salt}) % 50 AS revenue
        FROM range({orders}) t(i)"""  # noqa: S608 - numbers of the test


def attributes(*names: str, kind: str = "numeric", static: bool = False) -> dict[str, Any]:
    """Return declarations of attributes of one kind."""
    return {name: {"kind": kind, "static": static} for name in names}


def labelled_sql(rows: int, label: str, columns: Sequence[str]) -> dict[str, str]:
    """Return customers and labels in SQL over ``i``; ``columns`` are expressions with their names."""
    source, what = f"FROM range({rows}) t(i)", ", ".join(columns)
    return {
        "customers": f"SELECT 'c' || i AS customer_id, {what} {source}",
        "labels": f"SELECT 'c' || i AS customer_id, 'churn' AS capability, {label} AS label {source}",
    }
