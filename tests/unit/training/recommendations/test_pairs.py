"""Pairs of products: exact counts, published formulas, and no habit of a few."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.estimators.items import MIN_CUSTOMERS
from training.recommendations import pairs
from training.recommendations.pairs import PairRules, order_count, pair_rules, top_pairs
from training.recommendations.purchases import Purchases, purchases_of

GROCERIES = Path(__file__).parents[5] / "shared" / "data" / "groceries_arules" / "groceries.parquet"
PRODUCTS = 5
BASKETS = st.lists(
    st.tuples(st.integers(0, 3), st.frozensets(st.integers(0, PRODUCTS - 1), max_size=PRODUCTS)), max_size=14
)
Baskets = list[tuple[int, frozenset[int]]]


def bought(baskets: Baskets, products: int = PRODUCTS) -> Purchases:
    """Return the purchases of baskets: whose each is, and what is in it."""
    rows = [(product, order, customer) for order, (customer, held) in enumerate(baskets) for product in held]
    product, order, customer = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return purchases_of(product, order, products, customer, order)


def found(rules: PairRules) -> dict[tuple[int, int], tuple[int, int]]:
    counts = rules.counts
    pair = zip(counts.antecedent.tolist(), counts.consequent.tolist(), strict=True)
    return dict(zip(pair, zip(counts.orders.tolist(), counts.customers.tolist(), strict=True), strict=True))


@given(BASKETS, st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=40)
def test_orders_and_distinct_customers_are_counted(baskets: Baskets, customers: int, orders: int) -> None:
    expected = {}
    for a, b in permutations(range(PRODUCTS), 2):
        both = [customer for customer, held in baskets if {a, b} <= held]
        if len(both) >= orders and len(set(both)) >= customers:
            expected[a, b] = (len(both), len(set(both)))
    assert found(pair_rules(bought(baskets), customers, orders)) == expected


@given(BASKETS)
@settings(max_examples=25)
def test_blocks_change_nothing(baskets: Baskets) -> None:
    told = bought([(customer + 10 * k, held) for k in range(3) for customer, held in baskets])
    whole, parts = top_pairs(told), top_pairs(told, block=1)
    for name in ("index", "orders", "customers"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_buying_both_at_some_time_is_no_pair() -> None:
    apart = [(customer, frozenset({product})) for customer in range(9) for product in (0, 1)]
    together = [(customer, frozenset({0, 1})) for customer in range(MIN_CUSTOMERS)]
    assert found(pair_rules(bought(apart))) == {}
    counts = found(pair_rules(bought([*apart, *together])))
    assert counts == dict.fromkeys([(0, 1), (1, 0)], (MIN_CUSTOMERS, MIN_CUSTOMERS))


def test_the_habit_of_four_customers_cannot_be_read() -> None:
    habit = [(customer, frozenset({0, 1})) for customer in range(MIN_CUSTOMERS - 1) for _ in range(50)]
    assert found(pair_rules(bought(habit))) == {}
    assert top_pairs(bought(habit)).index.shape == (PRODUCTS, 0)
    told = found(pair_rules(bought([*habit, (99, frozenset({0, 1}))])))
    assert told[0, 1] == (50 * (MIN_CUSTOMERS - 1) + 1, MIN_CUSTOMERS)


def test_rules_have_the_numbers_of_their_definitions() -> None:
    both, a_alone, b_alone, neither = 6, 2, 4, 8
    baskets = [frozenset({0, 1})] * both + [frozenset({0})] * a_alone + [frozenset({1})] * b_alone
    rules = pair_rules(bought(list(enumerate([*baskets, *[frozenset({2})] * neither]))))
    assert (rules.counts.antecedent.tolist(), rules.counts.consequent.tolist()) == ([0, 1], [1, 0])
    assert rules.support == pytest.approx([0.3, 0.3])
    assert rules.confidence == pytest.approx([0.75, 0.6])
    assert rules.lift == pytest.approx([1.5, 1.5])
    assert rules.leverage == pytest.approx([0.1, 0.1])
    assert rules.conviction == pytest.approx([2.0, 1.5])


def test_what_always_stands_together_has_no_finite_conviction() -> None:
    rules = pair_rules(bought([(k, frozenset({0, 1} if k < 6 else {1})) for k in range(9)]))
    assert np.isinf(rules.conviction[0])
    assert rules.conviction[1] == pytest.approx(1.0)


def test_the_most_telling_pairs_are_kept_in_their_order() -> None:
    # 1 stands with 0 more often, but is everywhere; 2 stands with 0 alone.
    baskets = [frozenset({0, 1})] * 12 + [frozenset({0, 2})] * 10 + [frozenset({1})] * 60
    told = bought(list(enumerate(baskets)))
    first = top_pairs(told)
    assert first.index[0].tolist() == [2, 1]
    assert first.orders[0].tolist() == first.customers[0].tolist() == [10, 12]
    assert first.index[3].tolist() == [PRODUCTS, PRODUCTS]
    assert top_pairs(told, limit=1).index[0].tolist() == [2]


def test_what_is_rare_does_not_lead_by_its_lift_alone() -> None:
    # 1: confidence 0.6, lift 1.5; 2: confidence 0.1, lift 10, so that confidence x lift would put it first.
    baskets = [{0, 1}] * 30 + [{0, 2}] * 5 + [{0}] * 15 + [{1}] * 170 + [{3}] * 280
    found = top_pairs(bought([(k, frozenset(held)) for k, held in enumerate(baskets)]))
    assert found.index[0].tolist() == [1, 2]


def test_pairs_lead_to_allowed_products_alone() -> None:
    told = bought([(k, frozenset({0, 1, 2})) for k in range(MIN_CUSTOMERS)])
    allowed = np.array([True, True, False, True, True])
    index = top_pairs(told, allowed).index
    assert index[0].tolist() == [1, PRODUCTS]
    assert index[2].tolist() == [0, 1]


def test_of_a_very_long_order_the_same_products_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "ORDER_LINES_LIMIT", 4)
    told = bought([(k, frozenset(range(12))) for k in range(40)], 12)
    rules, again = pair_rules(told, 1), pair_rules(told, 1)
    assert rules.counts.orders.sum() == 40 * 4 * 3
    assert np.array_equal(rules.counts.orders, again.counts.orders)
    # Which are drawn differs from order to order: every product is in some pair.
    assert set(rules.counts.antecedent.tolist()) == set(range(12))
    assert rules.confidence.max() < 1.0


def test_no_purchases_have_no_pairs() -> None:
    nothing = bought([])
    assert (order_count(nothing), len(pair_rules(nothing).support)) == (0, 0)
    assert top_pairs(nothing).index.shape == (PRODUCTS, 0)


@pytest.mark.skipif(not GROCERIES.is_file(), reason="the baskets of groceries_arules are not there")
def test_rules_equal_those_of_mlxtend_on_groceries() -> None:
    why = "mlxtend is a dependency of the benchmarks alone: tools/setup.sh bench"
    patterns = pytest.importorskip("mlxtend.frequent_patterns", reason=why)
    pandas = pytest.importorskip("pandas", reason=why)
    table = pq.read_table(GROCERIES)
    names, product = np.unique(np.array(table["item"].to_pylist()), return_inverse=True)
    baskets, order = np.unique(table["basket_id"].to_numpy(), return_inverse=True)
    rules = pair_rules(purchases_of(product, order, len(names)))
    held = np.zeros((len(baskets), len(names)), dtype=bool)
    held[order, product] = True
    least = (MIN_CUSTOMERS - 0.5) / len(baskets)
    frequent = patterns.fpgrowth(pandas.DataFrame(held), min_support=least, max_len=2)
    theirs = patterns.association_rules(frequent, metric="support", min_threshold=0.0)
    first, second = (
        np.array([next(iter(one)) for one in theirs[side]]) for side in ("antecedents", "consequents")
    )
    sequence = np.lexsort((second, first))
    assert np.array_equal(rules.counts.antecedent, first[sequence])
    assert np.array_equal(rules.counts.consequent, second[sequence])
    assert len(rules.support) > 9000
    for name in ("support", "confidence", "lift", "leverage", "conviction"):
        expected = theirs[name].to_numpy()[sequence]
        np.testing.assert_allclose(getattr(rules, name), expected, rtol=1e-12, atol=1e-12)
