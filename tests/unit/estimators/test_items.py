"""The catalogue: rules of two products by hand, and where a product stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.estimators.items import confidence_of, lift_of, rule_of
from tests.items import BLACK, COFFEE, CUP, GREEN, HONEY, IDS, OLD_CUP, POT, catalogue


def test_numbers_of_a_rule_are_the_published_formulas() -> None:
    rule = rule_of(catalogue(), GREEN, CUP)
    assert rule is not None
    # 1,000 orders, 300 with green tea, 150 with the cup, 80 with both, by 45 customers.
    assert (rule.orders, rule.customers) == (80, 45)
    assert rule.support == pytest.approx(0.08, abs=1e-15)
    assert rule.confidence == pytest.approx(80 / 300, abs=1e-15)
    assert rule.lift == pytest.approx(80 * 1000 / (300 * 150), abs=1e-15)
    assert rule.conviction == pytest.approx((1 - 0.15) / (1 - 80 / 300), abs=1e-15)


def test_a_rule_turned_round_keeps_support_and_lift() -> None:
    items = catalogue()
    one, other = rule_of(items, GREEN, CUP), rule_of(items, CUP, GREEN)
    assert one is not None
    assert other is not None
    assert [one.support, one.lift] == pytest.approx([other.support, other.lift])
    assert other.confidence == pytest.approx(80 / 150)
    assert other.conviction == pytest.approx((1 - 0.3) / (1 - 80 / 150))


def test_conviction_has_no_value_where_every_order_holds_both() -> None:
    orders = catalogue().orders.copy()
    orders[CUP] = 80
    rule = rule_of(catalogue(orders=orders), CUP, GREEN)
    assert rule is not None
    assert (rule.confidence, rule.conviction) == (1.0, None)


def test_products_that_are_no_pair_have_no_rule() -> None:
    items = catalogue()
    assert rule_of(items, GREEN, BLACK) is None
    assert rule_of(items, COFFEE, COFFEE) is None


def test_confidence_and_lift_of_arrays_are_those_of_the_rules() -> None:
    items = catalogue()
    together, own = items.pairs.orders[GREEN], items.orders[[GREEN]]
    other = np.append(items.orders, 1)[items.pairs.index[GREEN]]
    confidence, lift = confidence_of(together, own), lift_of(together, own, other, items.order_count)
    for k, product in enumerate(items.pairs.index[GREEN].tolist()):
        rule = rule_of(items, GREEN, product) if product < items.size else None
        assert rule is not None
        assert (confidence[k], lift[k]) == (pytest.approx(rule.confidence), pytest.approx(rule.lift))


def test_counts_of_large_catalogues_do_not_overflow() -> None:
    many = np.array([2_000_000_000], dtype=np.int32)
    assert lift_of(many, many, many, 2_000_000_000).tolist() == [1.0]


def test_products_stand_where_their_ids_do() -> None:
    items = catalogue()
    assert items.places([IDS[POT], "no-such", IDS[GREEN], IDS[POT]]).tolist() == [POT, -1, GREEN, POT]
    assert items.places([]).shape == (0,)
    assert items.places([]).dtype == np.int64
    assert items.category_place["ware"] == items.category[CUP]


def test_popular_products_are_the_active_ones_ties_by_position() -> None:
    popularity = np.full(len(IDS), 0.05)
    popularity[[HONEY, OLD_CUP]] = 0.2, 0.3
    items = catalogue(popularity=popularity)
    rest = [k for k in range(items.size) if k not in {HONEY, OLD_CUP}]
    assert items.by_popularity.tolist() == [HONEY, *rest]
    assert np.exp(items.log_popularity).tolist() == pytest.approx((popularity * items.size).tolist())
    nothing = replace(items, active=np.zeros(items.size, dtype=bool))
    assert nothing.by_popularity.tolist() == []
