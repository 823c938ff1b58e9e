from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from app.domain.history import MICROSECONDS_PER_DAY, Array
from tests.unit.training.sample.reading import before, column, columns, owner, says
from training.sample import SimulatedBusiness
from training.sample.basket import Views
from training.sample.catalogue import CATEGORIES, CLUSTERS, catalogue


def test_only_views_of_the_same_customer_in_the_days_before_count() -> None:
    views = Views(
        customer=np.array([0, 0, 1]),
        time=np.array([100, 120, 119]) * MICROSECONDS_PER_DAY,
        product=np.array([5, 6, 7]),
    )
    when = np.array([121, 119, 118, 121]) * MICROSECONDS_PER_DAY
    product, there = views.recent(np.array([0, 0, 1, 2]), when, np.full(4, 0.99))
    assert there.tolist() == [True, False, False, False]
    assert product[0] == 6


def test_what_was_viewed_is_bought_more_often(business: SimulatedBusiness) -> None:
    lines, orders, events = (business.tables[name] for name in ("order_lines", "orders", "events"))
    view = says(events, "event", "product_viewed")
    viewer = owner(events, business.tables["customers"])[view]
    row = pc.index_in(lines["order_id"], value_set=orders["order_id"].combine_chunks()).to_numpy()
    buyer = owner(orders, business.tables["customers"])[row]
    when = column(orders, "ordered_at")[row]
    viewed, bought = (_number(table["product_id"].to_pylist()) for table in (events.filter(view), lines))

    def share_viewed(start: Array, end: Array) -> float:
        times = column(events, "timestamp")[view]
        return float((before(viewer * 256 + viewed, times, buyer * 256 + bought, start, end) > 0).mean())

    # The visit of the order itself does not count. Taste and habit look alike before and after an order;
    # that a view leads to an order does not.
    day = MICROSECONDS_PER_DAY
    earlier = share_viewed(when - 14 * day, when - day // 24)
    later = share_viewed(when + day // 24, when + 14 * day)
    assert earlier > 1.5 * later


def _number(products: list[str]) -> Array:
    return np.array([int(product[-3:]) for product in products])


def test_no_product_stands_twice_on_an_order_and_none_is_sold_after_its_last_day(
    business: SimulatedBusiness,
) -> None:
    lines, orders = columns(business.tables["order_lines"]), columns(business.tables["orders"])
    pairs = set(zip(lines["order_id"], lines["product_id"], strict=True))
    assert len(pairs) == len(lines["order_id"])
    until = columns(business.truth["products"])
    last = {p: t for p, t in zip(until["product_id"], until["sold_until"], strict=True) if t > 0}
    assert last
    when = dict(zip(orders["order_id"], orders["ordered_at"], strict=True))
    assert all(
        when[order] < last[product]
        for order, product in zip(lines["order_id"], lines["product_id"], strict=True)
        if product in last
    )


def test_clusters_buy_what_they_like(business: SimulatedBusiness) -> None:
    lines, orders = columns(business.tables["order_lines"]), columns(business.tables["orders"])
    truth, goods = columns(business.truth["customers"]), catalogue()
    cluster_of = dict(zip(truth["customer_id"], truth["taste_cluster"], strict=True))
    who = dict(zip(orders["order_id"], orders["customer_id"], strict=True))
    cluster = np.array([CLUSTERS.index(cluster_of[who[order]]) for order in lines["order_id"]])
    category = goods.category[np.array([int(product[-3:]) - 1 for product in lines["product_id"]])]
    counts = np.zeros((len(CLUSTERS), len(CATEGORIES)))
    np.add.at(counts, (cluster, category), 1)
    liked = np.array([np.bincount(goods.category, weights=taste) for taste in goods.choice])
    assert np.array_equal(counts.argmax(axis=1), liked.argmax(axis=1))
