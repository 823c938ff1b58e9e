from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import EVENT_LIMIT, MICROSECONDS_PER_DAY, ORDER_LIMIT
from app.domain.rows import build_history
from app.estimators.blend import ItemModel
from app.estimators.shopper import CART_LIMIT, HISTORY_LIMIT, NO_GROUP, VIEW_DAYS
from app.features.view import View, is_bought
from app.serving.shopping import (
    Consents,
    bought_lines,
    consents_of,
    stranger,
    viewed_products,
    visit,
)
from tests.items import BUSINESS, CUP, GREEN, HONEY, IDS, blend, model
from tests.unit.estimators.random_items import random_catalogue

DAY = MICROSECONDS_PER_DAY
NOW = 1_793_500_000_000_000
ZONE = BUSINESS.timezone
MODEL = model()
Rows = dict[str, Any]


def order(name: str, days: float, *products: str, **fields: Any) -> Rows:
    lines = [{"product_id": product, "quantity": 1.0, "price": 5.0} for product in products]
    at = NOW - round(days * DAY)
    return {"order_id": name, "ordered_at": at, "revenue": 10.0, "products": lines, **fields}


def view(days: float, product: str | None, event: str = "product_viewed") -> Rows:
    return {"event": event, "timestamp": NOW - round(days * DAY), "product_id": product}


def seen(person: Rows, cart: tuple[str, ...] = (), *, tracked: bool = True) -> Any:
    return visit(MODEL, person, cart, NOW, ZONE, tracked=tracked)


def products(*orders: Rows) -> list[str]:
    return [line.product for line in bought_lines(orders, NOW)]


def test_only_what_was_bought_by_then_counts() -> None:
    assert products(order("a", 1, "cup"), order("b", 0, "pot"), order("c", -0.001, "tray")) == ["cup", "pot"]


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"status": "completed"}, True),
        ({"status": "pending"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "cancelled", "cancelled_at": NOW + 1}, True),
        ({"cancelled_at": NOW}, False),
        ({"status": "refunded"}, False),
        ({"status": "refunded", "refunded_at": NOW + 1}, True),
        ({"status": "refunded", "refund": 4.0}, True),
        ({"status": "partially_refunded", "refund": 4.0}, True),
        ({"refund": 10.0, "refunded_at": NOW}, False),
        ({"revenue": -10.0, "status": "refunded"}, False),
        ({"revenue": 0.0}, True),
        ({"products": [{"product_id": "cup", "quantity": -1.0, "price": 5.0}]}, False),
        ({"products": [{"product_id": "cup", "quantity": None, "price": 5.0}]}, True),
        ({"products": None}, False),
    ],
)
def test_order_counts_as_bought_by_the_rules_of_training(fields: Rows, counts: bool) -> None:
    assert products({**order("a", 5, "cup"), **fields}) == (["cup"] if counts else [])


STATUSES = st.sampled_from(["completed", "cancelled", "pending", "partially_refunded", None])


@given(
    st.lists(
        st.tuples(st.integers(-3, 9), STATUSES, st.sampled_from([-5.0, 0.0, 7.0]), st.integers(-1, 2)),
        max_size=6,
    ),
    st.none() | st.integers(-3, 9),
)
def test_lines_are_those_that_features_count(
    drawn: list[tuple[int, str | None, float, int]], cancelled: int | None
) -> None:
    orders = [
        {
            "order_id": f"o{k}",
            "ordered_at": NOW - day * DAY + k * 2_000_000,
            "revenue": revenue,
            "status": status,
            "cancelled_at": NOW - cancelled * DAY if cancelled is not None and k == 0 else None,
            "products": [{"product_id": f"p{k}", "quantity": float(quantity), "price": 1.0}],
        }
        for k, (day, status, revenue, quantity) in enumerate(drawn)
    ]
    history = build_history([{"customer_id": "c", "orders": orders}], ZONE)
    seen_by = View(history, np.array([NOW]), {})
    lines, rows, purchases = seen_by.rows("order_lines"), seen_by.rows("orders"), seen_by.purchases
    expected = 0
    if lines is not None and rows is not None and purchases is not None:
        expected = int(is_bought(lines, rows, purchases).sum())
    assert len(bought_lines(orders, NOW)) == expected


def test_older_orders_and_events_than_the_latest_do_not_count() -> None:
    orders = [order(f"o{k:05}", 1 + k / 1e4, f"p{k}") for k in range(ORDER_LIMIT + 2)]
    kept = {line.product for line in bought_lines(orders[::-1], NOW)}
    assert kept == {f"p{k}" for k in range(ORDER_LIMIT)}
    events = [view(1 + k / 1e4, f"p{k}") for k in range(EVENT_LIMIT + 2)]
    assert len(viewed_products(events, NOW)) == EVENT_LIMIT


def test_views_are_lookings_and_puttings_into_the_cart_of_late() -> None:
    events = [
        view(1, "cup"),
        view(2, "pot", "product_added"),
        view(3, "tray", "product_removed"),
        view(4, None),
        view(VIEW_DAYS, "honey"),
        view(VIEW_DAYS + 0.01, "cake"),
        view(-0.01, "gift"),
    ]
    assert [one.product for one in viewed_products(events, NOW)] == ["honey", "pot", "cup"]


def test_unknown_products_are_told_once_in_order_of_appearance() -> None:
    person = {
        "orders": [order("b", 5, "y", "cup"), order("a", 9, "z", "x")],
        "events": [view(1, "w"), view(2, "y")],
    }
    assert seen(person, ("q", "x", "cup", "q")).unknown == ("q", "x", "z", "y", "w")


def test_all_of_a_long_cart_is_known_though_only_the_latest_counts() -> None:
    size = CART_LIMIT + 20
    one = ItemModel(random_catalogue(np.random.default_rng(1), size), blend())
    cart = [f"p{k}" for k in range(size)]
    found = visit(one, {}, cart, NOW, ZONE, tracked=True)
    assert found.shopper.cart.tolist() == list(range(20, size))
    assert sorted(found.in_cart.tolist()) == list(range(size))
    assert found.cart_over == 20


def test_what_training_saw_is_what_is_served() -> None:
    person = {
        "customer": {"loyalty_tier": "gold"},
        "orders": [order("a", 9.5, "tea-green", "tea-green", "cup"), order("b", 2.25, "tea-green")],
        "events": [view(1.5, "honey")],
    }
    shopper = seen(person).shopper
    assert shopper.bought.tolist() == [CUP, GREEN, GREEN]
    assert shopper.bought_days.tolist() == [9.5, 9.5, 2.25]
    assert shopper.order.tolist() == [0, 0, 1]
    assert (shopper.viewed.tolist(), shopper.viewed_days.tolist()) == ([HONEY], [1.5])
    assert (shopper.group, shopper.month) == (1, 10)


@pytest.mark.parametrize("profile", [None, {}, {"loyalty_tier": None}, {"loyalty_tier": "steel"}])
def test_nobody_is_of_a_group_that_training_did_not_see(profile: Rows | None) -> None:
    assert seen({"customer": profile}).shopper.group == NO_GROUP


def test_month_is_that_of_the_business() -> None:
    end_of_year = 1_798_736_400_000_000  # 2026-12-31T17:00:00Z
    assert stranger(end_of_year, "UTC").shopper.month == 11
    assert stranger(end_of_year, ZONE).shopper.month == 0


def test_latest_of_a_full_cart_count() -> None:
    crowd = model(
        **{
            name: np.tile(value, 20)[:200]
            for name, value in vars(model().items).items()
            if isinstance(value, np.ndarray) and value.shape == (len(IDS),)
        },
        ids=tuple(f"p{k}" for k in range(200)),
    )
    cart = ("p0", "p1", *(f"p{k}" for k in range(2, 150)), "p0", "nothing")
    known = visit(crowd, {}, cart, NOW, ZONE, tracked=True)
    assert known.shopper.cart.tolist() == [0, *range(51, 150)]
    assert (known.repeated, known.cart_over) == (1, 150 - CART_LIMIT)
    assert known.unknown == ("nothing",)
    lately = {"orders": [order(f"o{k}", 1 + k, f"p{k}") for k in range(130)]}
    assert visit(crowd, lately, (), NOW, ZONE, tracked=True).bought_over == 130 - HISTORY_LIMIT


def test_events_are_not_read_where_tracking_is_denied() -> None:
    person = {"events": [view(1, "cup"), view(1, "unknown")]}
    known = seen(person, tracked=False)
    assert not len(known.shopper.viewed)
    assert known.unknown == ()


@pytest.mark.parametrize(
    ("purpose", "status", "expected"),
    [
        ("profiling", "denied", Consents(personalised=False, tracked=True)),
        ("personalisation", "revoked", Consents(personalised=False, tracked=True)),
        ("behavioural_tracking", "denied", Consents(personalised=True, tracked=False)),
        ("marketing", "denied", Consents(personalised=True, tracked=True)),
    ],
)
def test_consents_are_told_apart(purpose: str, status: str, expected: Consents) -> None:
    rows = [{"purpose": purpose, "status": status, "status_at": NOW}]
    assert consents_of({"consents": rows}, NOW, ZONE, {}) == expected
    assert consents_of({"consents": rows}, NOW - 1, ZONE, {}) == Consents(personalised=True, tracked=True)


def test_without_a_statement_the_default_of_the_business_holds() -> None:
    assert consents_of({}, NOW, ZONE, {"personalisation": "denied"}).personalised is False


LINES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.sampled_from([*IDS, "?"])), max_size=12)


@given(LINES, st.randoms(use_true_random=False))
def test_order_and_repetition_of_rows_are_irrelevant(drawn: list[tuple[int, int, str]], chance: Any) -> None:
    def told(rows: list[tuple[int, int, str]]) -> Any:
        person = {
            "orders": [order(f"o{name}-{day}", day, product) for name, day, product in rows],
            "events": [view(day / 2, product) for _, day, product in rows],
        }
        known = seen(person)
        arrays = (*vars(known.shopper).values(), *known.bought)
        return [np.asarray(one).tolist() for one in arrays], known.unknown

    shuffled = drawn + drawn[: len(drawn) // 2]
    chance.shuffle(shuffled)
    assert told(shuffled) == told(drawn)
