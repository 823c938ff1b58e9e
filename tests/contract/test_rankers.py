"""What every ranker of the register keeps to, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pytest

from app.capabilities import RANKERS
from app.capabilities.base import Ranker
from app.capabilities.recommend import COLD_START, NEW_ITEMS, TASKS, TYPES, Ranked, Wish
from app.domain.history import Array
from app.estimators.base import Contributions
from app.estimators.blend import ALL_ITEMS, ItemModel
from app.estimators.items import Links, Pairs
from app.estimators.reranking import RANKED_INPUTS
from app.estimators.shopper import Shopper
from tests.items import model
from tests.unit.estimators.random_items import random_model, random_shopper


@dataclass(frozen=True)
class Stump:
    """Trees of one question, the same for everybody."""

    def margin(self, X: Array) -> Array:
        rank = X[:, RANKED_INPUTS.index("popularity_rank")]
        answer: Array = np.where(rank < 0.4, 0.3, -0.2) + 0.1 * X[:, 0]
        return answer

    def contributions(self, X: Array) -> Contributions:
        return Contributions(np.zeros(len(X)), np.zeros(X.shape))


@dataclass(frozen=True)
class Case:
    """One model of a ranker, and people to ask it for."""

    ranker: Ranker
    name: str
    model: ItemModel
    people: tuple[Shopper, ...]

    @property
    def size(self) -> int:
        return self.model.items.size

    def rank(self, person: Shopper, wish: Wish) -> Ranked:
        ranked: Ranked = self.ranker.rank(self.model, person, wish)
        return ranked

    def similar(self, products: Array, wish: Wish) -> Ranked:
        ranked: Ranked = self.ranker.similar(self.model, products, wish)
        return ranked


def recommendations() -> Iterator[tuple[str, ItemModel]]:
    rng = np.random.default_rng(3)
    yield "tea", model()
    yield "random", random_model(rng, 40)
    yield "one-product", random_model_of_one()
    small = random_model(rng, 9)
    none = np.empty((9, 0), dtype=np.int32)
    without_links = replace(small.items, links=Links(none, none.astype(np.float32), none))
    yield "no-links", replace(small, items=without_links)
    without_pairs = replace(small.items, pairs=Pairs(none, none, none))
    yield "no-pairs", replace(small, items=without_pairs)
    every = frozenset({ALL_ITEMS, NEW_ITEMS})
    large = random_model(rng, 220)
    yield "reranked", replace(large, blend=replace(large.blend, reranked=every), reranker=Stump())


def random_model_of_one() -> ItemModel:
    one = random_model(np.random.default_rng(4), 3)
    items = one.items
    none = np.empty((1, 0), dtype=np.int32)
    columns = {
        name: getattr(items, name)[:1]
        for name in (
            "ids",
            "names",
            "category",
            "price",
            "active",
            "orders",
            "customers",
            "popularity",
            "trend",
            "interval_days",
            "interval_gaps",
        )
    }
    tables = {name: getattr(items, name)[:, :1] for name in ("group_lift", "month_lift")}
    links, pairs = Links(none, none.astype(np.float32), none), Pairs(none, none, none)
    return replace(one, items=replace(items, **columns, **tables, links=links, pairs=pairs))


MODELS: Final[Mapping[str, Callable[[], Iterator[tuple[str, ItemModel]]]]] = {
    "recommendations": recommendations
}


def people(size: int) -> tuple[Shopper, ...]:
    """Return random people, somebody unknown, and somebody with everything in history and cart."""
    rng = np.random.default_rng(5)
    everything = np.arange(size)
    greedy = Shopper(everything, np.full(size, 4.0), everything, everything, np.ones(size), everything)
    return (*(random_shopper(rng, size) for _ in range(8)), Shopper(), greedy)


CASES = [
    Case(RANKERS[ranker], name, one, people(one.items.size))
    for ranker, make in MODELS.items()
    for name, one in make()
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case.ranker.name}-{case.name}")
def case(request: pytest.FixtureRequest) -> Case:
    one: Case = request.param
    return one


def masks(size: int) -> list[Array]:
    rng = np.random.default_rng(6)
    return [
        np.ones(size, dtype=bool),
        rng.random(size) < 0.5,
        np.arange(size) == 0,
        np.zeros(size, dtype=bool),
    ]


def shown(ranked: Ranked) -> list[int]:
    return [pick.product for pick in ranked.picks]


def asked(case: Case) -> Iterator[tuple[Shopper, Wish]]:
    for person in case.people:
        for allowed in masks(case.size):
            yield person, Wish(7, allowed)
            yield person, Wish(3, allowed, diversity=0.5)
            yield person, Wish(4, allowed, max_per_category=1)
            yield person, Wish(4, allowed, frozenset(TYPES[:2]), diversity=1.0)


def test_every_ranker_of_the_register_stands_here() -> None:
    assert MODELS.keys() == RANKERS.keys()
    assert all(ranker.name == name for name, ranker in RANKERS.items())


def test_lists_are_as_long_as_wanted_wherever_that_many_may_be_shown(case: Case) -> None:
    for person in case.people:
        for allowed in masks(case.size):
            for limit in (1, 5, case.size + 3):
                ranked = case.rank(person, Wish(limit, allowed))
                assert len(ranked.picks) == min(limit, int(allowed.sum()))
                spread = case.rank(person, Wish(limit, allowed, diversity=0.4))
                assert len(spread.picks) == len(ranked.picks)


def test_nothing_is_shown_that_may_not_be_and_nothing_twice(case: Case) -> None:
    for person, wish in asked(case):
        found = shown(case.rank(person, wish))
        assert len(set(found)) == len(found) <= wish.limit
        assert wish.allowed[found].all()


def test_scores_are_from_0_to_1_and_fall(case: Case) -> None:
    for person, wish in asked(case):
        ranked = case.rank(person, wish)
        scores = [pick.score for pick in ranked.picks]
        assert all(0 <= score <= 1 for score in scores)
        if scores:
            assert scores[0] == 1.0
        if not wish.diversity:
            assert scores == sorted(scores, reverse=True)
        assert {pick.type for pick in ranked.picks} <= wish.types
        assert ranked.task in TASKS
        assert min(ranked.left_out.values()) >= 0


def test_lists_are_the_same_every_time(case: Case) -> None:
    for person, wish in asked(case):
        again = replace(person)
        assert case.rank(person, wish) == case.rank(again, wish)


def test_the_order_of_lines_is_irrelevant(case: Case) -> None:
    rng = np.random.default_rng(7)
    for person in case.people:
        turned, seen = rng.permutation(len(person.bought)), rng.permutation(len(person.viewed))
        other = replace(
            person,
            bought=person.bought[turned],
            bought_days=person.bought_days[turned],
            order=person.order[turned],
            viewed=person.viewed[seen],
            viewed_days=person.viewed_days[seen],
        )
        wish = Wish(9, np.ones(case.size, dtype=bool))
        one, two = case.rank(person, wish), case.rank(other, wish)
        assert shown(one) == shown(two)
        assert [pick.score for pick in one.picks] == pytest.approx([pick.score for pick in two.picks])
        assert [pick.type for pick in one.picks] == [pick.type for pick in two.picks]


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.model.reranker is None], ids=lambda one: one.name, indirect=True
)
def test_fewer_that_may_be_shown_leave_the_rest_in_their_order(case: Case) -> None:
    # With trees they need not: what they look at are ranks within what may be shown.
    rng = np.random.default_rng(8)
    for person in case.people:
        whole = shown(case.rank(person, Wish(case.size, np.ones(case.size, dtype=bool))))
        for _ in range(3):
            allowed = rng.random(case.size) < 0.6
            part = shown(case.rank(person, Wish(case.size, allowed)))
            assert part == [product for product in whole if allowed[product]]


def test_types_part_the_list(case: Case) -> None:
    everything = np.ones(case.size, dtype=bool)
    for person in case.people:
        kinds = {pick.product: pick.type for pick in case.rank(person, Wish(case.size, everything)).picks}
        for name in TYPES:
            wish = Wish(case.size, everything, frozenset({name}))
            ranked = case.rank(person, wish)
            assert set(shown(ranked)) == {product for product, kind in kinds.items() if kind == name}
            assert ranked.left_out["type"] == case.size - len(ranked.picks)


def test_what_was_bought_can_be_hidden(case: Case) -> None:
    for person in case.people:
        own = np.unique(person.bought)
        if not len(own):
            continue
        allowed = np.ones(case.size, dtype=bool)
        allowed[own] = False
        ranked = case.rank(person, Wish(6, allowed))
        assert ranked.task == NEW_ITEMS
        assert not set(shown(ranked)) & set(own.tolist())
        assert all(pick.type != "repurchase" for pick in ranked.picks)


def test_of_somebody_unknown_the_list_says_so(case: Case) -> None:
    ranked = case.rank(Shopper(), Wish(5, np.ones(case.size, dtype=bool)))
    assert ranked.task == COLD_START
    assert {pick.type for pick in ranked.picks} == {"popular"}
    assert all(not pick.reason.products and not pick.reason.numbers for pick in ranked.picks)


def test_reasons_hold_finite_numbers_and_known_products(case: Case) -> None:
    for person, wish in asked(case):
        for pick in case.rank(person, wish).picks:
            numbers = [number for number in pick.reason.numbers.values() if isinstance(number, int | float)]
            assert np.isfinite(numbers).all()
            assert all(0 <= product < case.size for product in pick.reason.products)
            assert pick.product not in pick.reason.products


def test_what_goes_with_products_has_evidence_and_is_not_they_themselves(case: Case) -> None:
    rng = np.random.default_rng(9)
    for allowed in masks(case.size):
        for count in (1, 2, min(8, case.size), case.size):
            products = np.sort(rng.permutation(case.size)[:count])
            ranked = case.similar(products, Wish(5, allowed))
            found = shown(ranked)
            assert len(set(found)) == len(found) <= 5
            assert allowed[found].all()
            assert not set(found) & set(products.tolist())
            scores = [pick.score for pick in ranked.picks]
            assert scores == sorted(scores, reverse=True)
            assert all(0 < score <= 1 for score in scores)
            for pick in ranked.picks:
                assert set(pick.reason.products) <= set(products.tolist())
                assert int(pick.reason.numbers["customers"] or 0) >= 5
