from __future__ import annotations

import pytest

from app.domain.history import CODE, PROFILE_TEXTS, TABLES
from training.tables.canonical import SHAPES, shape_of
from training.tables.columns import FIELDS


@pytest.mark.parametrize("table", TABLES)
def test_every_column_that_features_see_is_read(table: str) -> None:
    names = set(SHAPES[table].names) | ({"ordered_at"} if table == "order_lines" else set())
    assert {FIELDS.get(column, column) for column in TABLES[table].columns} <= names


@pytest.mark.parametrize("table", TABLES)
def test_kinds_are_those_of_the_history(table: str) -> None:
    kinds = {field.name: field.kind for field in SHAPES[table].fields}
    own = {"event", "outcome", "has_coupon"}
    for column, kind in TABLES[table].columns.items():
        if kind != CODE and column not in own and column in kinds:
            assert kinds[column] == kind


def test_shapes_are_those_of_the_contract() -> None:
    assert SHAPES["orders"].required == ("order_id", "customer_id", "ordered_at", "revenue")
    assert SHAPES["order_lines"].required == ("order_id", "product_id", "quantity", "price")
    assert SHAPES["consents"].required == ("customer_id", "purpose", "status", "status_at")
    assert set(SHAPES["customers"].names) == {"customer_id", "created_at", "birth_year", *PROFILE_TEXTS}
    assert [name for name, shape in SHAPES.items() if not shape.has_customer] == ["order_lines", "products"]


def test_only_customers_have_declared_attributes() -> None:
    declared = {"contract": "categorical", "tenure": "numeric"}
    assert shape_of("customers", declared).names[-2:] == ("contract", "tenure")
    assert shape_of("orders", declared) is SHAPES["orders"]
