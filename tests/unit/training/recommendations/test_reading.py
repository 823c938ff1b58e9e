"""What is read of a shop: which orders count, whose, and which products there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from tests.unit.training.tables.small import NOW, business_of, rows_of
from training.recommendations.reading import Shop, read_shop
from training.tables import read_tables

AS_OF = to_microseconds(NOW)
CONSENT = "customer_id, purpose, status, status_at"
EVENT = "customer_id, event, timestamp, product_id"
LINE = "order_id, product_id, quantity, price"
ORDER = "order_id, customer_id, ordered_at, revenue, status, refund, refunded_at, cancelled_at"
NEVER = "NULL::TIMESTAMPTZ"


def at(day: int) -> str:
    """Return a time in June 2026 as SQL; the data are read on the 30th."""
    return f"TIMESTAMPTZ '2026-06-{day:02d} 09:00:00+00'"


def plain(order: str, customer: str, day: int = 1) -> str:
    return f"'{order}', '{customer}', {at(day)}, 10.0, 'completed', NULL::DOUBLE, {NEVER}, {NEVER}"


class Reading(Protocol):
    """Reads a shop from tables given as SQL."""

    def __call__(self, tables: dict[str, str], **said: Any) -> Shop: ...


@pytest.fixture
def shop() -> Reading:
    def read(tables: dict[str, str], **said: Any) -> Shop:
        as_of = said.pop("as_of", AS_OF)
        with read_tables(business_of(tables, **said), now=NOW) as found:
            return read_shop(found, found.history(), as_of)

    return read


def bought(found: Shop) -> list[str]:
    return [found.catalogue.ids[product] for product in found.purchases.product.tolist()]


@pytest.mark.parametrize(
    ("order", "counts"),
    [
        ("10.0, 'completed', NULL::DOUBLE, {never}, {never}", True),
        ("10.0, NULL, NULL::DOUBLE, {never}, {never}", True),
        ("0.0, 'completed', NULL::DOUBLE, {never}, {never}", True),
        ("10.0, 'pending', NULL::DOUBLE, {never}, {never}", False),
        ("-10.0, 'completed', NULL::DOUBLE, {never}, {never}", False),
        ("10.0, 'cancelled', NULL::DOUBLE, {never}, {never}", False),
        ("10.0, 'completed', NULL::DOUBLE, {never}, {early}", False),
        ("10.0, 'cancelled', NULL::DOUBLE, {never}, {late}", True),
        ("10.0, 'refunded', NULL::DOUBLE, {never}, {never}", False),
        ("10.0, 'refunded', NULL::DOUBLE, {late}, {never}", True),
        ("10.0, 'completed', 10.0, {early}, {never}", False),
        ("10.0, 'partially_refunded', 9.0, {early}, {never}", True),
    ],
)
def test_an_order_counts_as_it_was_known(shop: Reading, order: str, counts: bool) -> None:
    said = order.format(never=NEVER, early=at(10), late=at(20))
    tables = {
        "orders": rows_of(ORDER, plain("a", "c1"), f"'b', 'c2', {at(2)}, {said}"),
        "order_lines": rows_of(LINE, "'a', 'p', 1, 1.0", "'b', 'q', 1, 1.0"),
    }
    found = shop(tables, as_of=to_microseconds(datetime(2026, 6, 15, tzinfo=UTC)))
    assert bought(found) == (["p", "q"] if counts else ["p"])


def test_lines_that_sell_nothing_and_later_orders_are_not_bought(shop: Reading) -> None:
    tables = {
        "orders": rows_of(ORDER, plain("a", "c1"), plain("b", "c1", 20)),
        "order_lines": rows_of(
            LINE, "'a', 'p', 0, 1.0", "'a', 'q', -1, 1.0", "'a', 'r', 2, 1.0", "'b', 's', 1, 1"
        ),
    }
    assert bought(shop(tables, as_of=to_microseconds(datetime(2026, 6, 15, tzinfo=UTC)))) == ["r"]


def test_entries_are_positions_and_times(shop: Reading) -> None:
    tables = {
        "orders": rows_of(ORDER, plain("z", "c2"), plain("y", "c1", 3), plain("x", "c1", 2)),
        "order_lines": rows_of(
            LINE, "'y', 'p', 1, 1.0", "'y', 'p', 1, 2.0", "'x', 'q', 1, 1.0", "'z', 'p', 1, 1.0"
        ),
    }
    found = shop(tables).purchases
    assert found.customer.tolist() == [0, 0, 1]
    assert found.product.tolist() == [1, 0, 0]
    assert len(set(found.order.tolist())) == 3
    assert (found.customers, found.products) == (2, 2)
    first = to_microseconds(datetime(2026, 6, 1, 9, tzinfo=UTC))
    assert ((found.at - first) // 86_400_000_000).tolist() == [1, 2, 0]


def test_who_denies_profiling_is_not_read(shop: Reading) -> None:
    tables = {
        "orders": rows_of(ORDER, plain("a", "c1"), plain("b", "c2")),
        "order_lines": rows_of(LINE, "'a', 'p', 1, 1.0", "'b', 'secret', 1, 1.0"),
        "events": rows_of(
            EVENT, f"'c1', 'product_viewed', {at(4)}, 'p'", f"'c2', 'product_viewed', {at(4)}, 'p'"
        ),
        "consents": rows_of(CONSENT, f"'c2', 'profiling', 'denied', {at(3)}"),
    }
    found = shop(tables)
    assert (found.catalogue.ids, bought(found), found.denied) == (("p",), ["p"], 1)
    assert found.views.customer.tolist() == [0]
    assert shop(tables, as_of=to_microseconds(datetime(2026, 6, 2, 12, tzinfo=UTC))).denied == 0


def test_views_need_consent_to_tracking_and_a_known_product(shop: Reading) -> None:
    tables = {
        "orders": rows_of(ORDER, plain("a", "c1"), plain("b", "c2")),
        "order_lines": rows_of(LINE, "'a', 'p', 1, 1.0", "'b', 'q', 1, 1.0"),
        "events": rows_of(
            EVENT,
            f"'c1', 'product_viewed', {at(6)}, 'q'",
            f"'c1', 'product_added', {at(5)}, 'p'",
            f"'c1', 'product_viewed', {at(5)}, 'unknown'",
            f"'c1', 'product_removed', {at(5)}, 'q'",
            f"'c2', 'product_viewed', {at(5)}, 'p'",
        ),
        "consents": rows_of(CONSENT, f"'c2', 'behavioural_tracking', 'revoked', {at(3)}"),
    }
    found = shop(tables)
    assert (found.views.customer.tolist(), found.views.product.tolist()) == ([0, 0], [0, 1])
    assert bought(found) == ["p", "q"]


def test_the_catalogue_is_what_is_listed_and_what_was_bought(shop: Reading) -> None:
    listed = rows_of(
        "product_id, category, name, price, active",
        "'b', 'Tea', 'Green tea', 4.0, true",
        "'a', 'Cups', NULL, NULL, false",
        "'d', 'Cups', 'Cup', -1.0, NULL",
    )
    orders = [f"o{k}" for k in range(5)]
    tables = {
        "products": listed,
        "orders": rows_of(ORDER, *(plain(name, f"c{name}") for name in orders)),
        "order_lines": rows_of(
            LINE,
            *(f"'{name}', 'e', 1, {price}" for name, price in zip(orders, (1, 2, 3, 4, 50), strict=True)),
            "'o1', 'f', 1, 9.0",
        ),
    }
    found = shop(tables).catalogue
    # Five customers bought e, which is not listed; f, which one did, may be made for that one.
    assert found.ids == ("a", "b", "d", "e")
    assert found.names == ("", "Green tea", "Cup", "")
    assert [found.categories[k] if k >= 0 else "" for k in found.category.tolist()] == [
        "Cups",
        "Tea",
        "Cups",
        "",
    ]
    assert found.active.tolist() == [False, True, True, True]
    assert np.nan_to_num(found.price, nan=-1.0).tolist() == [-1.0, 4.0, -1.0, 3.0]


def test_without_lines_there_is_a_catalogue_and_nothing_bought(shop: Reading) -> None:
    found = shop({"products": rows_of("product_id, category", "'a', 'Tea'")})
    assert (found.catalogue.ids, len(found.purchases), len(found.views)) == (("a",), 0, 0)
    nothing = shop({"customers": "SELECT 'c' AS customer_id"})
    assert (nothing.catalogue.size, nothing.purchases.products, nothing.denied) == (0, 0, 0)
