from __future__ import annotations

import pytest

from tests.unit.training.tables.small import Read, found, rows_of

DAY = "TIMESTAMPTZ '2024-01-0{} 00:00:00+00'"
FIRST, SECOND = DAY.format(1), DAY.format(2)

TABLES = {
    "orders": {"order_id": "'x'", "customer_id": "'a'", "ordered_at": SECOND, "revenue": "10.0"},
    "support_cases": {"case_id": "'x'", "customer_id": "'a'", "opened_at": SECOND},
    "feedback": {"feedback_id": "'x'", "customer_id": "'a'", "submitted_at": SECOND, "kind": "'csat'"},
    "subscriptions": {"subscription_id": "'x'", "customer_id": "'a'", "started_at": SECOND},
    "contacts": {"contact_id": "'x'", "customer_id": "'a'", "contacted_at": SECOND, "channel": "'email'"},
    "customers": {"customer_id": "'a'"},
    "events": {"customer_id": "'a'", "event": "'signed_in'", "timestamp": SECOND},
    "products": {"product_id": "'p'", "category": "'c'"},
    "labels": {"customer_id": "'a'", "capability": "'churn'", "label": "1"},
}


def row(table: str, **columns: str) -> str:
    return "SELECT " + ", ".join(f"{value} AS {name}" for name, value in {**TABLES[table], **columns}.items())


@pytest.mark.parametrize(
    ("table", "columns", "code", "severity"),
    [
        ("orders", {"revenue": "-1.0"}, "negative_revenue", "warning"),
        ("orders", {"revenue": "-1.0", "status": "'completed'"}, "negative_revenue", "warning"),
        ("orders", {"revenue": "-1.0", "status": "'refunded'"}, None, None),
        ("orders", {"revenue": "0.0"}, "zero_revenue", "recommendation"),
        ("orders", {"status": "'cancelled'", "cancelled_at": SECOND}, "not_a_purchase", "recommendation"),
        ("orders", {"status": "'pending'"}, "not_a_purchase", "recommendation"),
        ("orders", {"refund": "4.0", "refunded_at": SECOND}, "refund_netted", "recommendation"),
        ("orders", {"refund": "14.0"}, "refund_above_revenue", "warning"),
        ("orders", {"refund": "-4.0"}, "negative_amount", "error"),
        ("orders", {"status": "'partially_refunded'"}, "refund_unknown", "warning"),
        ("orders", {"discount": "-4.0"}, "negative_amount", "warning"),
        ("orders", {"refund": "4.0"}, "fact_without_time", "warning"),
        ("orders", {"status": "'refunded'"}, "fact_without_time", "warning"),
        ("orders", {"status": "'cancelled'"}, "fact_without_time", "warning"),
        ("orders", {"status": "'refunded'", "revenue": "-1.0"}, None, None),
        ("orders", {"delivered_at": FIRST}, "time_order", "warning"),
        ("support_cases", {"closed_at": FIRST}, "time_order", "warning"),
        ("support_cases", {"reopened_at": FIRST}, "time_order", "warning"),
        ("subscriptions", {"ends_at": FIRST}, "time_order", "warning"),
        ("subscriptions", {"cancelled_at": FIRST}, "time_order", "warning"),
        ("subscriptions", {"amount": "-1"}, "negative_amount", "warning"),
        ("subscriptions", {"recurrence_months": "0"}, "implausible_recurrence", "warning"),
        ("contacts", {"outcome": "1", "outcome_at": FIRST}, "time_order", "warning"),
        ("contacts", {"outcome": "1"}, "fact_without_time", "warning"),
        ("contacts", {"propensity": "0"}, "not_a_probability", "error"),
        ("contacts", {"propensity": "1.5"}, "not_a_probability", "error"),
        ("contacts", {"propensity": "1.0"}, None, None),
        ("contacts", {"cost": "-1"}, "negative_amount", "warning"),
        ("feedback", {"score": "6", "scale_max": "5"}, "score_off_scale", "warning"),
        ("feedback", {"score": "11", "kind": "'nps'"}, "score_off_scale", "warning"),
        ("feedback", {"score": "-1"}, "score_off_scale", "warning"),
        ("feedback", {"score": "5", "scale_max": "5"}, None, None),
        ("feedback", {"text": "repeat('x', 4001)"}, "long_text", "warning"),
        ("customers", {"birth_year": "1850"}, "implausible_year", "warning"),
        ("customers", {"birth_year": "2200"}, "implausible_year", "warning"),
        ("customers", {"country": "'France'"}, "not_iso_3166", "warning"),
        ("customers", {"country": "'FR'"}, None, None),
        ("events", {"duration_seconds": "-1"}, "negative_amount", "warning"),
        ("products", {"price": "-1"}, "negative_amount", "warning"),
        ("labels", {"label": "2"}, "label_not_binary", "error"),
        ("labels", {"label": "2.5", "capability": "'satisfaction'"}, None, None),
    ],
)
def test_each_doubtful_row_is_counted_and_kept(
    read: Read, table: str, columns: dict[str, str], code: str | None, severity: str | None
) -> None:
    needed = {} if table in {"customers", "events"} else {"customers": row("customers")}
    tables = read({**needed, table: row(table, **columns)})
    findings = [f for f in tables.findings if f.table == table and f.code != "constant_column"]
    if code is None:
        assert not findings
    else:
        finding = found(tables, code)
        assert finding is not None
        assert (finding.severity, finding.rows, finding.examples) == (severity, 1, (1,))
    assert tables.counts[table] == 1


@pytest.mark.parametrize(("gaps", "is_reported"), [(2, False), (3, True)])
def test_gaps_are_reported_above_a_fifth(read: Read, gaps: int, is_reported: bool) -> None:
    rows = [f"'{i}', {'NULL' if i < gaps else 2000 + i}" for i in range(10)]
    finding = found(read({"customers": rows_of("customer_id, birth_year", *rows)}), "missing_values")
    assert (finding is not None) == is_reported
    if finding is not None:
        assert (finding.rows, finding.message) == (3, "30 % of the values are missing")


def test_gaps_are_no_gaps_where_nothing_is_a_fact(read: Read) -> None:
    rows = [f"'{i}', 'a', {FIRST}, 1.0, {SECOND if i == 0 else 'NULL'}" for i in range(10)]
    tables = read({"orders": rows_of("order_id, customer_id, ordered_at, revenue, refunded_at", *rows)})
    assert found(tables, "missing_values") is None


def test_one_coupon_is_no_constant_where_its_absence_says_something(read: Read) -> None:
    rows = [f"'{i}', 'a', {FIRST}, 1.0, {'NULL' if i % 2 else repr('SAVE')}" for i in range(10)]
    tables = read({"orders": rows_of("order_id, customer_id, ordered_at, revenue, coupon", *rows)})
    assert found(tables, "constant_column") is None


def test_empty_and_constant_columns_are_named(read: Read) -> None:
    rows = [f"'{i}', NULL, 'web', {i}" for i in range(5)]
    columns = "customer_id, state, acquisition_channel, birth_year"
    tables = read({"customers": rows_of(columns, *rows)})
    empty, constant = found(tables, "empty_column"), found(tables, "constant_column")
    assert empty is not None
    assert constant is not None
    assert (empty.place, constant.place) == ("customers.state", "customers.acquisition_channel")


def test_words_that_are_ids_are_named(read: Read) -> None:
    rows = [f"'{i}', 'contract {i}', 'plan {i % 3}'" for i in range(200)]
    kinds = {"contract": {"kind": "categorical"}, "plan": {"kind": "categorical"}}
    tables = read({"customers": rows_of("customer_id, contract, plan", *rows)}, attributes=kinds)
    finding = found(tables, "words_like_ids")
    assert finding is not None
    assert finding.place == "customers.contract"
