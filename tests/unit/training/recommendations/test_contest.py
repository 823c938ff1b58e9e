"""The contest: the same customers, the best simple rule to beat, and what diversity costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.capabilities.recommend import Wish, best, similar
from app.domain.history import MICROSECONDS_PER_DAY
from app.estimators.blend import ALL_ITEMS, CART_ITEMS, COLD_START, NEW_ITEMS, TASKS, ItemModel
from app.estimators.shopper import Shopper
from tests.items import BISCUIT, BLACK, COFFEE, CUP, GREEN, HONEY, blend, catalogue, model
from tests.unit.estimators.random_items import random_catalogue
from tests.unit.training.recommendations.asked import buyers, window_by
from training.recommendations.blend import DEFAULTS, RULES, row_of
from training.recommendations.contest import (
    BLEND,
    DIVERSITY,
    ITEM_KNN,
    OWN_FREQUENCY,
    POPULARITY,
    RULES_OF,
    Contest,
    cost_of_diversity,
    hold_contest,
    hold_similar_contest,
    rule_model,
    with_weights,
)
from training.recommendations.judging import METRIC, METRICS, Judged
from training.recommendations.purchases import purchases_of
from training.recommendations.windows import When, Window, window_of

SIZE = 30
ITEMS = replace(random_catalogue(np.random.default_rng(0), SIZE, 8), active=np.ones(SIZE, dtype=bool))
MODEL = with_weights(
    ItemModel(ITEMS, blend()),
    dict.fromkeys(TASKS, row_of(DEFAULTS)),
)
EVERYTHING = np.ones(SIZE, dtype=bool)


def rule(name: str) -> ItemModel:
    found = rule_model(MODEL, name)
    assert found is not None
    return found


def test_popularity_as_a_rule_is_the_popular_list() -> None:
    for task in TASKS:
        person = Shopper() if task == COLD_START else buyers(np.random.default_rng(1), SIZE, 1)[0]
        found = best(rule(POPULARITY), person, task, EVERYTHING, 8)
        assert found.tolist() == np.argsort(-MODEL.items.popularity, kind="stable")[:8].tolist()


def test_own_frequency_as_a_rule_is_what_was_bought_most_often_then_the_popular() -> None:
    for person in buyers(np.random.default_rng(2), SIZE, 30):
        own = person.own
        mine = own.product[np.lexsort((-MODEL.items.popularity[own.product], -own.orders))].tolist()
        rest = [k for k in np.argsort(-MODEL.items.popularity).tolist() if k not in mine]
        assert best(rule(OWN_FREQUENCY), person, ALL_ITEMS, EVERYTHING, 12).tolist() == (mine + rest)[:12]


def test_item_knn_needs_links_of_its_own() -> None:
    assert rule_model(MODEL, ITEM_KNN) is None
    other = random_catalogue(np.random.default_rng(3), SIZE, 8)
    found = rule_model(MODEL, ITEM_KNN, knn=other)
    assert found is not None
    assert found.items is other
    assert all(row.tolist() == row_of(RULES[ITEM_KNN]).tolist() for row in found.blend.weights.values())


def test_every_rule_of_a_task_is_a_model() -> None:
    assert RULES_OF.keys() == set(TASKS)
    assert all(rule_model(MODEL, name) is not None for names in RULES_OF.values() for name in names)


def test_other_weights_leave_the_rest_of_a_model() -> None:
    row = row_of(RULES[POPULARITY])
    changed = with_weights(MODEL, {NEW_ITEMS: row}, frozenset({ALL_ITEMS}))
    assert changed.blend.weights[NEW_ITEMS] is row
    assert changed.blend.weights[ALL_ITEMS] is MODEL.blend.weights[ALL_ITEMS]
    assert (changed.blend.reranked, MODEL.blend.reranked) == (frozenset({ALL_ITEMS}), frozenset())


def test_the_best_simple_rule_is_to_beat_and_what_follows_the_taste_beats_it() -> None:
    truth = 2 * row_of({**DEFAULTS, "popularity_new": 0.0, "popularity_bought": 0.0})
    window = window_by(np.random.default_rng(4), MODEL, truth, 150, bought=2)
    models = {BLEND: with_weights(MODEL, dict.fromkeys(TASKS, truth))}
    models |= {name: rule(name) for name in RULES_OF[ALL_ITEMS]}
    for task in (ALL_ITEMS, NEW_ITEMS):
        contest = hold_contest(models, window, task, 1)
        means = {name: contest.judged[name].mean(METRIC) for name in RULES_OF[task] if name in models}
        assert contest.rule == max(means, key=lambda name: means[name])
        assert contest.comparisons.keys() == models.keys() - means.keys()
        assert contest.comparisons[BLEND].baseline.name == contest.rule
        assert contest.comparisons[BLEND].grade in {"A", "B"}
        assert contest.beats(BLEND, contest.rule)
        assert not contest.beats(contest.rule, BLEND)
        assert not contest.beats(BLEND, BLEND)
        sizes = {one.size for one in contest.judged.values()}
        assert sizes == {len(list(window.questions(task)))}


def test_what_could_be_chance_does_not_beat() -> None:
    rng = np.random.default_rng(6)
    ours, theirs = (Judged(dict.fromkeys(METRICS, rng.beta(1, 4, 60)), 0.1, 3.0) for _ in range(2))
    contest = Contest(ALL_ITEMS, {"ours": ours, "theirs": theirs}, "theirs", {}, 1)
    assert not contest.beats("ours", "theirs")
    assert not contest.beats("theirs", "ours")


def test_a_window_without_anybody_gives_no_verdict() -> None:
    empty = Window(MODEL.items, np.arange(0), (), ())
    models = {BLEND: MODEL, POPULARITY: rule(POPULARITY)}
    contest = hold_contest(models, empty, NEW_ITEMS, 1)
    assert (contest.rule, contest.comparisons[BLEND].grade) == (POPULARITY, "C")
    assert cost_of_diversity(MODEL, empty) == {}


def test_the_cost_of_diversity_is_told_beside_the_plain_list() -> None:
    window = window_by(np.random.default_rng(5), MODEL, row_of(DEFAULTS), 40, bought=2)
    found = cost_of_diversity(MODEL, window)
    plain = hold_contest({BLEND: MODEL, POPULARITY: rule(POPULARITY)}, window, ALL_ITEMS, 1)
    assert found["plain_ndcg_at_10"] == pytest.approx(plain.judged[BLEND].mean(METRIC))
    assert 0 <= found["ndcg_at_10"] <= 1
    assert (found["strength"], found["customers"]) == (DIVERSITY, 40.0)


def window_with(*baskets: tuple[int, ...], at: int = 10) -> Window:
    """Return a window with orders of a customer each, on its tenth day."""
    rows = [(product, k) for k, basket in enumerate(baskets) for product in basket]
    product, order = np.array(rows).reshape(-1, 2).T
    when = np.full(len(product), at * MICROSECONDS_PER_DAY)
    bought = purchases_of(product, order, catalogue().size, order, when)
    return window_of(model().items, bought, None, When(0, 30.0, 4), seed=1)


def test_what_goes_with_a_product_is_judged_by_the_rest_of_its_order() -> None:
    contest = hold_similar_contest(model(), window_with(*[(GREEN, CUP)] * 40, (COFFEE,)), 1)
    assert {one.size for one in contest.judged.values()} == {40}
    # The cup stands first beside green tea, and green tea beside the cup.
    assert contest.judged[BLEND].mean("mrr_at_20") == contest.judged[BLEND].mean("recall_at_10") == 1.0
    assert similar(model(), np.array([CUP]), Wish(1, np.ones(12, dtype=bool))).picks[0].product == GREEN
    assert contest.judged[POPULARITY].mean("mrr_at_20") < 1.0
    assert contest.rule == POPULARITY


def test_a_cart_is_one_product_of_an_order_of_somebody_unknown() -> None:
    window = window_with((GREEN, CUP, HONEY), (BLACK,), (BLACK, BISCUIT))
    asked = list(window.questions(CART_ITEMS))
    assert len(asked) == 2
    for _, shopper, allowed, rest in asked:
        assert (len(shopper.cart), len(shopper.bought), len(shopper.viewed), shopper.month) == (1, 0, 0, 4)
        assert not allowed[shopper.cart].any()
        assert allowed[rest].all()
    sets = [{*shopper.cart.tolist(), *rest.tolist()} for _, shopper, _, rest in asked]
    assert sets == [{GREEN, CUP, HONEY}, {BLACK, BISCUIT}]


def test_orders_outside_the_window_are_not_asked_about() -> None:
    assert not window_with((GREEN, CUP), at=31).carts
    assert not window_with((GREEN, CUP), at=-1).carts
    contest = hold_similar_contest(model(), window_with((GREEN, CUP), at=31), 1)
    assert contest.judged[BLEND].size == 0
    assert contest.comparisons[BLEND].grade == "C"


def test_products_without_links_give_empty_lists_that_hit_nothing() -> None:
    contest = hold_similar_contest(model(), window_with((COFFEE, GREEN), (COFFEE, CUP)), 3)
    assert contest.judged[BLEND].size == 2
    assert 0 <= contest.judged[BLEND].mean(METRIC) <= 1
