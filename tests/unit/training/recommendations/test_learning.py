"""What a window is, what is known at the end, and what is published where nothing can be judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY
from app.estimators.blend import ALL_ITEMS, SIMILAR_ITEMS, TASKS
from training.recommendations.contest import OWN_FREQUENCY
from training.recommendations.judging import FEWEST
from training.recommendations.learning import TUNING_WINDOWS, learn, whens
from training.recommendations.purchases import Purchases, plain_catalogue, purchases_of
from training.recommendations.recipe import Recipe, Record, model_at
from training.recommendations.report import NOT_JUDGED, populations_of

DAY = MICROSECONDS_PER_DAY
PRODUCTS = 12
NOW = 400 * DAY


def record_of(purchases: Purchases) -> Record:
    catalogue = plain_catalogue(tuple(f"p{k}" for k in range(PRODUCTS)))
    return Record(catalogue, purchases, None, "UTC")


def daily(customers: int, days: int) -> Purchases:
    """Return customers who order two products every five days, at midnight, up to and including ``NOW``."""
    rng = np.random.default_rng(0)
    rows = [
        (customer, int(product), NOW - day * DAY, customer * 10_000 + day)
        for customer in range(customers)
        for day in range(customer % 5, days, 5)
        for product in rng.choice(PRODUCTS, 2, replace=False)
    ]
    customer, product, at, order = (np.array(column) for column in zip(*rows, strict=True))
    return purchases_of(product, order, PRODUCTS, customer, at)


def test_windows_lie_end_to_end_before_the_end_and_need_customers_on_both_sides() -> None:
    record = record_of(daily(FEWEST, 120))
    found = whens(record, NOW + 1, 20)
    assert [when.end for when in found] == [*(when.cut for when in found[1:]), NOW + 1]
    assert len(found) == TUNING_WINDOWS + 1
    assert len(whens(record, NOW + 1, 50)) == 2
    assert not whens(record_of(daily(FEWEST - 1, 120)), NOW + 1, 20)


def test_nothing_from_a_cut_off_on_is_known_at_it() -> None:
    record = record_of(daily(FEWEST, 60))
    cut = NOW - 20 * DAY
    early = record.purchases.at < cut
    only = replace(
        record.purchases,
        **{name: getattr(record.purchases, name)[early] for name in ("customer", "product", "at", "order")},
    )
    one, other = (model_at(each, Recipe(), cut, 20.0) for each in (record, record_of(only)))
    for name in ("orders", "customers", "popularity", "trend", "interval_days", "interval_gaps"):
        np.testing.assert_array_equal(getattr(one.items, name), getattr(other.items, name))
    np.testing.assert_array_equal(one.items.links.weight, other.items.links.weight)
    np.testing.assert_array_equal(one.blend.rebuy, other.blend.rebuy)


def test_the_last_moment_is_known_and_without_a_window_the_rules_answer_unjudged() -> None:
    record = record_of(daily(8, 6))
    learned = learn(record, NOW, 30, 1, lambda _: None)
    assert not learned.windows
    assert learned.model.items.order_count == len(np.unique(record.purchases.order))
    assert learned.answering[ALL_ITEMS] == OWN_FREQUENCY
    populations = populations_of(learned, 1)
    assert [one.name for one in populations] == [*TASKS, SIMILAR_ITEMS]
    assert {(one.tier, one.grade, one.baseline.metric) for one in populations} == {("rules", "C", NOT_JUDGED)}


def test_the_same_record_gives_the_same_model_and_every_task_is_judged() -> None:
    record = record_of(daily(60, 150))
    one, other = (learn(record, NOW, 20, 3, lambda _: None) for _ in range(2))
    assert one.model.blend.settings() == other.model.blend.settings()
    assert set(one.contests) == {*TASKS, SIMILAR_ITEMS}
    assert len(one.windows) == TUNING_WINDOWS + 1
    assert one.tuned_customers > 0
    for population in populations_of(one, 3):
        assert population.baseline.metric != NOT_JUDGED
