"""What must hold between rows and tables, where nothing has to go: limits, products, first orders, labels."""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py
from typing import Final

from app.domain.history import EVENT_LIMIT, ORDER_LIMIT
from training.tables.findings import Finding
from training.tables.mapping import CANONICAL, Workspace
from training.tables.sql import quoted

_TWIN_SHARE: Final = 0.2


def check_relations(workspace: Workspace) -> None:
    """Add what the cleaned tables show together."""
    for table, limit in (("orders", ORDER_LIMIT), ("events", EVENT_LIMIT)):
        _check_limit(workspace, table, limit)
    if "products" in workspace.given:
        for table in ("order_lines", "events"):
            _check_products(workspace, table)
    if {"customers", "orders"} <= workspace.given.keys():
        _check_first_orders(workspace)
    if "labels" in workspace.given:
        _check_classes(workspace)
    if {"customers", "labels"} <= workspace.given.keys():
        _check_twins(workspace)


def _check_limit(workspace: Workspace, table: str, limit: int) -> None:
    """Count the rows beyond what features read of one customer."""
    if table not in workspace.given:
        return
    beyond = workspace.count(
        f"SELECT sum(n - {limit}) FROM (SELECT count(*) AS n FROM {CANONICAL}.{table} GROUP BY customer_id) "
        f"WHERE n > {limit}"
    )
    if beyond:
        workspace.findings.append(
            Finding(
                "warning",
                table,
                "customer_id",
                "beyond_limit",
                beyond,
                f"rows beyond a customer's latest {limit:,}; kept, but the older ones do not count",
                "Look for test accounts and for ids that stand for a till or a marketplace.",
            )
        )


def _check_products(workspace: Workspace, table: str) -> None:
    """Count rows that name a product which is not in ``products``."""
    if table not in workspace.given or "product_id" not in workspace.given[table]:
        return
    unknown = workspace.count(
        f"SELECT count(*) FROM {CANONICAL}.{table} AS t WHERE product_id IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {CANONICAL}.products AS p WHERE p.product_id = t.product_id)"
    )
    if unknown:
        workspace.findings.append(
            Finding(
                "warning",
                table,
                "product_id",
                "unknown_product",
                unknown,
                "rows of products that are not in products; kept, without category",
                "Add these products, or leave what is no product (postage, fees) out of the lines.",
            )
        )


def _check_first_orders(workspace: Workspace) -> None:
    """Count customers who ordered before they were created."""
    early = workspace.count(
        f"SELECT count(*) FROM {CANONICAL}.customers JOIN (SELECT customer_id, min(ordered_at) AS first_at "
        f"FROM {CANONICAL}.orders GROUP BY customer_id) USING (customer_id) WHERE first_at < created_at"
    )
    if early:
        workspace.findings.append(
            Finding(
                "warning",
                "customers",
                "created_at",
                "ordered_before_created",
                early,
                "customers who ordered before they were created; kept as they are",
                "Guest orders explain it; so does a created_at that is the day of an import.",
            )
        )


def _check_twins(workspace: Workspace) -> None:
    """Count customers who repeat another one in every attribute, where labels have no dates to split by."""
    names = ", ".join(quoted(name) for name in workspace.business.attributes)
    if not names or "as_of" in workspace.given["labels"]:
        return
    groups = f"SELECT count(*) AS n FROM {CANONICAL}.customers GROUP BY {names}"
    twins, rows = workspace.first(f"SELECT sum(n - 1), sum(n) FROM ({groups})")
    # Where attributes are few and coarse, twins are no surprise.
    if twins and twins < _TWIN_SHARE * rows:
        workspace.findings.append(
            Finding(
                "recommendation",
                "customers",
                "",
                "twins",
                int(twins),
                "customers who repeat another one in every attribute; in a random split one may give away "
                "the other's label",
                "If they are copies under another id, keep one with QUALIFY row_number() OVER (…) = 1.",
            )
        )


def _check_classes(workspace: Workspace) -> None:
    """Refuse churn labels that are all the same, where churn is to be learned from labels."""
    churn = workspace.business.objectives.churn
    if churn is None or churn.definition != "label":
        return
    classes, rows = workspace.first(
        f"SELECT count(DISTINCT label), count(*) FROM {CANONICAL}.labels WHERE capability = 'churn'"
    )
    if classes < 2:
        found = "there is no churn label" if rows == 0 else "every churn label says the same"
        workspace.findings.append(
            Finding(
                "error",
                "labels",
                "label",
                "one_class",
                rows,
                f"{found}; a model needs customers who left and customers who stayed",
                "Check the condition that makes the label in the SQL of labels.",
            )
        )
