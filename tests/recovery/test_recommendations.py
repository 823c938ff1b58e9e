"""Lists of new products find the taste of who they are for, which no table tells.

At 1,500 customers the purchases themselves, read with the true tastes, give away four clusters in five; a
list of products that were not bought before gives away about every second one, and popularity's none but by
chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY
from app.estimators.blend import NEW_ITEMS
from benchmarks.recommendations.simulated import (
    KITH,
    OWN,
    POPULARITY,
    Found,
    Truth,
    record_of,
    recovered,
    truth_of,
)
from training.recommendations.blend import fit_weights, tuning_requests
from training.recommendations.contest import with_weights
from training.recommendations.judging import interval
from training.recommendations.learning import asked
from training.recommendations.recipe import Recipe, model_at
from training.recommendations.windows import When
from training.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("recovery")]

DAYS: Final = 30.0
CLUSTERS: Final = 6


@dataclass(frozen=True)
class Lists:
    """What lists hold with the weights that are shipped, and with weights fitted to the last window."""

    truth: Truth
    shipped: Found
    fitted: Found


@pytest.fixture(scope="module")
def lists(run: Run) -> Lists:
    record = record_of(run)
    now = model_at(record, Recipe(), run.as_of, DAYS)
    cut = run.as_of - round(DAYS * MICROSECONDS_PER_DAY)
    then = model_at(record, Recipe(), cut, DAYS)
    window = asked(record, then, When(cut, DAYS), 500, run.seed)
    fitted = with_weights(now, {NEW_ITEMS: fit_weights(tuning_requests(then, window))})
    truth = truth_of(Path(run.business.path).parent, now.items)
    shipped, learned = (
        recovered(model, record, run.as_of, run.history.customer_ids, truth) for model in (now, fitted)
    )
    return Lists(truth, shipped, learned)


def test_every_cluster_prefers_few_categories(lists: Lists) -> None:
    assert lists.truth.preferred.shape[0] == CLUSTERS
    assert lists.truth.preferred.any(axis=1).all()
    assert lists.truth.preferred.mean() < 0.2


@pytest.mark.parametrize("weights", ["shipped", "fitted"])
def test_new_products_are_of_the_cluster_s_categories(lists: Lists, weights: str) -> None:
    found: Found = getattr(lists, weights)
    assert len(found.products) > 1_000
    assert interval(found.share[KITH] - 1.5 * found.share[POPULARITY], 0).low > 0


@pytest.mark.parametrize("weights", ["shipped", "fitted"])
def test_lists_hold_more_of_the_true_taste_than_popularity_does(lists: Lists, weights: str) -> None:
    found: Found = getattr(lists, weights)
    assert interval(found.held[KITH] - found.held[POPULARITY], 0).low > 0


@pytest.mark.parametrize("weights", ["shipped", "fitted"])
def test_a_list_gives_away_the_cluster(lists: Lists, weights: str) -> None:
    found: Found = getattr(lists, weights)
    told = {name: float(np.mean(one)) for name, one in found.told.items()}
    assert told[POPULARITY] < 1.5 / CLUSTERS
    assert told[KITH] > 2.5 / CLUSTERS
    assert told[KITH] > 0.5 * told[OWN]
