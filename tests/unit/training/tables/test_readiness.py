from __future__ import annotations

# ruff: noqa: S608 - the tables of these tests are written out in SQL
from typing import Any

import pytest

from tests.unit.training.tables.small import Read, rows_of
from training import ladder
from training.tables import ladders
from training.tables.objectives import CAPABILITIES
from training.tables.readiness import CapabilityReadiness, readiness

START = "TIMESTAMPTZ '2025-01-01 12:00:00+00'"


def orders(customers: int, *, per_customer: int = 6, days_between: int = 60, silent: int = 3) -> str:
    """Return SQL for customers who order on some days; one in ``silent`` stops after two orders."""
    return (
        f"SELECT 'o' || c || '-' || i AS order_id, 'c' || c AS customer_id, 20.0 AS revenue, "
        f"{START} + to_days(CAST(i * {days_between} + c % 7 AS INTEGER)) AS ordered_at "
        f"FROM range({customers}) t(c), range({per_customer}) u(i) WHERE i < 2 OR c % {silent} <> 0"
    )


def ready(read: Read, tables: dict[str, str], **said: Any) -> dict[str, CapabilityReadiness]:
    found = read(tables, **said)
    return {one.capability: one for one in readiness(found, found.business)}


def test_every_capability_is_reported_in_order(read: Read) -> None:
    assert tuple(ready(read, {"orders": orders(1)})) == CAPABILITIES


@pytest.mark.parametrize(
    ("customers", "tier"), [(10, "rules"), (50, "rules"), (200, "statistical"), (600, "ml")]
)
def test_churn_climbs_with_the_customers(read: Read, customers: int, tier: str) -> None:
    churn = ready(read, {"orders": orders(customers)})["churn"]
    assert (churn.unlocked, churn.tier, churn.wanted) == (True, tier, True)
    assert churn.have["customers"] == churn.have["eligible"] == customers
    assert churn.have["positives"] == -(-customers // 3)
    assert bool(churn.missing) == (tier != "ml")


def test_ten_customers_are_told_what_they_lack(read: Read) -> None:
    churn = ready(read, {"orders": orders(10)})["churn"]
    assert churn.missing == (
        "for statistical: customers to ask about 90 days before the end of the data: 200 needed, 10 there",
        "for statistical: customers of the rarer outcome: 25 needed, 4 there",
    )


def test_one_customer_is_no_ground_for_churn_but_for_rules_elsewhere(read: Read) -> None:
    answer = ready(read, {"orders": orders(1)})
    assert not answer["churn"].unlocked
    assert answer["churn"].tier is None
    assert answer["segment"].tier == answer["clv"].tier == answer["next_best_action"].tier == "rules"


def test_history_shorter_than_the_horizon_unlocks_no_churn(read: Read) -> None:
    churn = ready(read, {"orders": orders(600, days_between=10)})["churn"]
    assert not churn.unlocked
    assert "90 days before the end of the data: 1 needed, 0 there" in churn.missing[0]


def test_short_history_stops_below_statistics(read: Read) -> None:
    monthly = {"orders": orders(600, days_between=30, per_customer=4)}
    churn = ready(read, monthly, objectives={"churn": {"horizon_days": 30}})["churn"]
    assert churn.tier == "rules"
    assert churn.missing == ("for statistical: days of orders: 180 needed, 96 there",)


def test_who_has_gone_already_is_not_asked_about(read: Read) -> None:
    old = f"SELECT 'old' || c AS order_id, 'old' || c AS customer_id, 5.0, {START} FROM range(30) t(c)"
    churn = ready(read, {"orders": f"{orders(30, per_customer=8)} UNION ALL {old}"})["churn"]
    assert churn.have["customers"] == 60
    assert churn.have["eligible"] == 20


@pytest.mark.parametrize(("lost", "tier"), [(0, None), (20, "rules"), (60, "statistical"), (300, "ml")])
def test_labels_are_counted_by_outcome(read: Read, lost: int, tier: str | None) -> None:
    labels = (
        f"SELECT 'c' || i AS customer_id, 'churn' AS capability, i < {lost} AS label FROM range(700) t(i)"
    )
    churn = ready(read, {"labels": labels}, objectives={"churn": {"definition": "label"}})["churn"]
    assert churn.tier == tier
    assert churn.have == {"customers": 700, "eligible": 700, "positives": lost}


def test_subscriptions_are_counted_by_who_has_one(read: Read) -> None:
    subscriptions = (
        f"SELECT 's' || i AS subscription_id, 'c' || i AS customer_id, {START} AS started_at, "
        f"CASE WHEN i % 4 = 0 THEN {START} + to_days(200) WHEN i % 4 = 1 THEN {START} + to_days(20) END "
        "AS cancelled_at FROM range(400) t(i)"
    )
    objective = {"churn": {"definition": "subscription_end", "horizon_days": 30}}
    churn = ready(read, {"subscriptions": subscriptions}, objectives=objective)["churn"]
    assert (churn.have["eligible"], churn.have["positives"], churn.tier) == (300, 100, "statistical")


def test_denied_profiling_is_not_counted_as_eligible(read: Read) -> None:
    consents = (
        f"SELECT 'c' || i AS customer_id, 'profiling' AS purpose, 'denied' AS status, "
        f"{START} AS status_at FROM range(10) t(i)"
    )
    churn = ready(read, {"orders": orders(50), "consents": consents})["churn"]
    assert (churn.have["eligible"], churn.have["denied_profiling"]) == (40, 10)


def test_what_is_not_there_is_named_with_what_it_would_add(read: Read) -> None:
    churn = ready(read, {"orders": orders(50)})["churn"]
    places = [signal.partition(":")[0] for signal in churn.more]
    assert "events" in places
    assert "orders.refunded_at" in places
    assert "orders" not in places
    given = ready(
        read,
        {"orders": orders(50), "events": rows_of("customer_id, event, timestamp", f"'c1', 'x', {START}")},
    )
    assert "events" not in [signal.partition(":")[0] for signal in given["churn"].more]


def test_missing_table_locks_and_is_named(read: Read) -> None:
    answer = ready(read, {"customers": "SELECT 'a' AS customer_id"})
    assert answer["churn"].missing == ("for rules: the table orders: 1 needed, 0 there",)
    assert not any(answer[name].unlocked for name in ("churn", "clv", "purchase", "segment", "satisfaction"))
    assert answer["sentiment"].tier == "rules"


def contacts(effect: float, propensity: str = "0.5") -> str:
    return (
        "SELECT 'k' || i AS contact_id, 'c' || i AS customer_id, 'email' AS channel, "
        "'offer' AS action_id, CASE WHEN i % 2 = 0 THEN 'treatment' ELSE 'control' END AS arm, "
        f"(i // 2) % 100 < CASE WHEN i % 2 = 0 THEN 20 + {effect} ELSE 20 END AS outcome, "
        f"{START} AS contacted_at, {START} AS outcome_at, {propensity} AS propensity FROM range(1000) t(i)"
    )


@pytest.mark.parametrize(("effect", "tier"), [(0, "statistical"), (2, "statistical"), (15, "causal")])
def test_causal_needs_an_effect_clear_of_chance(read: Read, effect: int, tier: str) -> None:
    assert ready(read, {"contacts": contacts(effect)})["next_best_action"].tier == tier


def test_an_effect_without_logged_chances_is_not_causal(read: Read) -> None:
    found = ready(read, {"contacts": contacts(15, "NULL::DOUBLE")})["next_best_action"]
    assert found.tier == "statistical"
    assert "propensity" in found.missing[0]


def test_feedback_unlocks_satisfaction_and_sentiment(read: Read) -> None:
    feedback = (
        f"SELECT 'f' || i AS feedback_id, 'c' || i AS customer_id, {START} AS submitted_at, 'csat' AS kind, "
        "1 + i % 5 AS score, 5 AS scale_max, 'good' AS text FROM range(300) t(i)"
    )
    answer = ready(read, {"feedback": feedback})
    assert answer["satisfaction"].have == {"scores": 300, "dissatisfied": 120}
    assert (answer["satisfaction"].tier, answer["sentiment"].tier) == ("statistical", "statistical")


def lines(given: str) -> str:
    return (
        f"SELECT order_id, 'p' || (row_number() OVER () % 9) AS product_id, 1 AS quantity, 2 AS price {given}"
    )


@pytest.mark.parametrize(
    ("customers", "horizon", "tier"),
    [
        (10, 30, "rules"),
        (200, 30, "statistical"),
        (600, 30, "ml"),
        (600, 90, "statistical"),
        (600, 130, "rules"),
    ],
)
def test_recommendations_need_customers_and_several_horizons(
    read: Read, customers: int, horizon: int, tier: str
) -> None:
    placed = orders(customers)
    found = ready(
        read,
        {"orders": placed, "order_lines": lines(f"FROM ({placed})")},
        objectives={"recommendations": {"horizon_days": horizon}},
    )["recommendations"]
    assert (found.unlocked, found.tier) == (True, tier)
    assert found.have["customers_with_lines"] == customers
    assert found.have["products"] == 9
    assert found.have["span_days"] in {305, 306}


def test_what_was_called_off_or_given_back_sells_nothing(read: Read) -> None:
    placed = rows_of(
        "order_id, customer_id, ordered_at, revenue, status",
        f"'a', 'c1', {START}, 5.0, 'completed'",
        f"'b', 'c2', {START}, 5.0, 'cancelled'",
        f"'c', 'c3', {START}, 5.0, 'completed'",
    )
    sold = rows_of(
        "order_id, product_id, quantity, price", "'a', 'p1', 1, 5", "'b', 'p2', 1, 5", "'c', 'p3', -1, 5"
    )
    found = ready(read, {"orders": placed, "order_lines": sold})["recommendations"]
    assert (found.have["customers_with_lines"], found.have["products"]) == (1, 1)
    assert found.missing == ("for rules: products sold: 2 needed, 1 there",)


def test_floors_are_those_of_training() -> None:
    assert ladder.STATISTICAL_FLOOR == (ladders.STATISTICAL_CUSTOMERS, ladders.STATISTICAL_RARER)
    assert ladder.ML_FLOOR == (ladders.ML_CUSTOMERS, ladders.ML_RARER)


def test_report_is_ready_for_json(read: Read) -> None:
    document = ready(read, {"orders": orders(5)})["churn"].as_json()
    assert document["have"]["customers"] == 5
    assert set(document) == {"capability", "wanted", "unlocked", "tier", "have", "missing", "more"}
