"""What must hold within one canonical table: amounts, order of times, ranges, and how full its columns are.

Rows are kept here, whatever is found: features net, ignore or use them as the message says, online and
offline alike.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
from collections.abc import Mapping, Sequence
from typing import Final

from app.domain.history import TEXT, TIME
from training.tables.canonical import CURRENCY, Field
from training.tables.findings import Finding, Severity
from training.tables.mapping import CANONICAL, Workspace
from training.tables.rowchecks import RowCheck, run_checks
from training.tables.sql import quoted

MISSING_SHARE: Final = 0.20
"""An optional column with more gaps than this is reported."""
_WORDS_LIKE_IDS: Final = 0.5
"""A categorical attribute with more distinct words per row than this looks like an id."""


def _order(table_column: str, earlier: str) -> RowCheck:
    return RowCheck(
        "warning",
        table_column,
        "time_order",
        f"{table_column} < {earlier}",
        f"{table_column} is before {earlier}; kept as it is",
        "Check the two columns and their time zones.",
    )


def _negative(column: str, severity: Severity = "warning", why: str = "kept as it is") -> RowCheck:
    return RowCheck(
        severity,
        column,
        "negative_amount",
        f"{column} < 0",
        f"a negative {column}; {why}",
        f"If the sign means something else than giving back, mend {column} in the SQL.",
    )


def _unknown_since(column: str, fact: str, condition: str, since: str) -> RowCheck:
    return RowCheck(
        "warning",
        column,
        "fact_without_time",
        f"({condition}) AND {column} IS NULL",
        f"{fact} without {column}: taken as known since {since}, which lets backtests look ahead",
        f"Add {column} to the SQL.",
    )


_ORDERS: Final = (
    RowCheck(
        "warning",
        "revenue",
        "negative_revenue",
        "revenue < 0 AND status IS DISTINCT FROM 'refunded'",
        "negative revenue without status refunded; kept, and netted as a return on its day unless cancelled",
        "Write 'refunded' AS status for returns, or leave corrections out.",
    ),
    RowCheck(
        "recommendation",
        "revenue",
        "zero_revenue",
        "revenue = 0",
        "orders of value zero; kept, a purchase only where nothing was given back that day",
        "Leave samples and free replacements out if they are no purchases.",
    ),
    RowCheck(
        "recommendation",
        "status",
        "not_a_purchase",
        "status IN ('cancelled', 'pending')",
        "cancelled or pending orders; kept, they count as no purchase",
    ),
    RowCheck(
        "recommendation",
        "refund",
        "refund_netted",
        "refund > 0 OR (status = 'refunded' AND revenue > 0)",
        "refunded orders; what was given back is taken off on the order's day once it is known",
    ),
    RowCheck(
        "warning",
        "refund",
        "refund_unknown",
        "status = 'partially_refunded' AND refund IS NULL",
        "partially refunded orders without an amount; nothing is taken off",
        "Add refund to the SQL.",
    ),
    RowCheck(
        "warning",
        "refund",
        "refund_above_revenue",
        "refund > greatest(revenue, 0) * 1.001 + 0.01",
        "a refund above the order's revenue; kept, the day may be negative",
        "Check whether refunds include tax and shipping while revenue does not.",
    ),
    _negative("refund", "error", "a refund is what was given back, so it is above zero"),
    _negative("discount"),
    _unknown_since(
        "refunded_at", "a refund", "refund > 0 OR (status = 'refunded' AND revenue > 0)", "the order"
    ),
    _unknown_since("cancelled_at", "a cancellation", "status = 'cancelled'", "the order"),
    *(_order(name, "ordered_at") for name in ("refunded_at", "cancelled_at", "shipped_at", "delivered_at")),
)

_CHECKS: Final[Mapping[str, Sequence[RowCheck]]] = {
    "customers": (
        RowCheck(
            "warning",
            "birth_year",
            "implausible_year",
            "birth_year < 1900 OR birth_year > date_part('year', now())",
            "a birth year that cannot be; kept as it is",
            "Write CASE WHEN birth_year BETWEEN 1900 AND … THEN birth_year END.",
        ),
        RowCheck(
            "warning",
            "country",
            "not_iso_3166",
            "NOT regexp_full_match(country, '[A-Z]{2}')",
            "not a country code of two capitals; kept as a word",
            "Translate it to ISO 3166-1 alpha-2, as callers will send it.",
        ),
    ),
    "orders": _ORDERS,
    "order_lines": (
        _negative("quantity", "recommendation", "kept, as a return of that line"),
        _negative("price"),
        _negative("discount"),
        RowCheck(
            "recommendation",
            "price",
            "zero_price",
            "price = 0",
            "lines of price zero; kept",
            "Leave samples and gifts out if they say nothing of the customer's taste.",
        ),
    ),
    "products": (_negative("price"),),
    "events": (_negative("duration_seconds"),),
    "support_cases": (_order("closed_at", "opened_at"), _order("reopened_at", "opened_at")),
    "feedback": (
        RowCheck(
            "warning",
            "score",
            "score_off_scale",
            "score < 0 OR score > scale_max OR (kind = 'nps' AND score > 10)",
            "a score outside its scale: cut to it as an input, left out as a label",
            "Check score and scale_max.",
        ),
        RowCheck(
            "warning",
            "text",
            "long_text",
            "length(text) > 4000",
            "texts of more than 4,000 characters, which the service refuses",
            "Write left(text, 4000) in the SQL.",
        ),
    ),
    "subscriptions": (
        _order("ends_at", "started_at"),
        _order("cancelled_at", "started_at"),
        _negative("amount"),
        RowCheck(
            "warning",
            "recurrence_months",
            "implausible_recurrence",
            "recurrence_months <= 0",
            "a recurrence of no months; kept as it is",
            "Write NULLIF(recurrence_months, 0).",
        ),
    ),
    "contacts": (
        _order("outcome_at", "contacted_at"),
        _unknown_since("outcome_at", "an outcome", "outcome IS NOT NULL", "the contact"),
        _negative("cost"),
        RowCheck(
            "error",
            "propensity",
            "not_a_probability",
            "propensity <= 0 OR propensity > 1",
            "a propensity outside (0, 1]",
            "It is the probability with which this arm was chosen; leave it NULL where it is unknown.",
        ),
    ),
    "labels": (
        RowCheck(
            "error",
            "label",
            "label_not_binary",
            "capability = 'churn' AND label NOT IN (0, 1)",
            "a churn label other than 0 and 1",
            "Write 1 for customers who left and 0 for the others.",
        ),
    ),
}


def check_rows(workspace: Workspace, table: str) -> None:
    """Add what the rows of one canonical table show.

    A check on a column that the SQL does not have finds nothing, except for facts without their time.
    """
    workspace.findings += run_checks(
        workspace.connection, f"{CANONICAL}.{table}", table, _CHECKS.get(table, ())
    )


def check_columns(workspace: Workspace, table: str) -> None:
    """Add which optional columns have gaps, never change, or look like ids."""
    fields = [
        item
        for item in workspace.shape(table).fields
        if item.name in workspace.given[table] and not item.required and item.kind != CURRENCY
    ]
    if not fields:
        return
    parts = ", ".join(
        f"count({name}), count(*) FILTER ({name} IS NULL), approx_count_distinct({name}), "
        f"CAST(min({name}) = max({name}) AS INTEGER)"
        for name in (quoted(item.name) for item in fields)
    )
    answer = workspace.first(f"SELECT {parts} FROM {CANONICAL}.{table}")
    for item, start in zip(fields, range(0, len(answer), 4), strict=True):
        workspace.findings += _column_findings(table, item, *answer[start : start + 4])


def _column_findings(
    table: str, item: Field, filled: int, gaps: int, distinct: int, constant: int
) -> list[Finding]:
    """Return what the counts of one column show; ``constant`` is 1 where one value stands everywhere."""
    rows = filled + gaps
    found = []
    if filled == 0 and rows > 0:
        found.append(
            ("empty_column", gaps, "nothing stands in this column", "Leave it out of the SQL, or fill it.")
        )
    elif gaps > MISSING_SHARE * rows and not item.sparse:
        share = f"{100 * gaps / rows:.0f} % of the values are missing"
        found.append(("missing_values", gaps, share, "Fill it where the source knows better."))
    if filled > 1 and constant and item.kind != TIME and not item.sparse:
        found.append(
            ("constant_column", filled, "one value everywhere says nothing", "Leave it out of the SQL.")
        )
    if table == "customers" and item.kind == TEXT and distinct > max(50, _WORDS_LIKE_IDS * rows):
        found.append(
            (
                "words_like_ids",
                filled,
                "nearly every customer has another word here",
                "Group the words, or leave the column out: a model cannot learn from it.",
            )
        )
    return [
        Finding("recommendation", table, item.name, code, count, message, remedy)
        for code, count, message, remedy in found
    ]
