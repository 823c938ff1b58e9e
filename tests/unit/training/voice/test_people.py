"""What is known of customers is what the service answers of them, and nothing of those who said no."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.capabilities.segment import VALUE_TIERS
from app.estimators.scores import NAMES
from tests.unit.training.conftest import Small
from tests.unit.training.voices import denial, order, tables_of
from training.score import current_release
from training.tables import load_business, read_tables
from training.train import known_at
from training.voice.people import NO_SEGMENT, NO_TIER, expected_now, read_people


@pytest.mark.xdist_group("small-business")
def test_columns_are_the_scores(small: Small) -> None:
    scores = {row["customer_id"]: row for row in pq.read_table(small.scores).to_pylist()}
    with read_tables(load_business(small.business)) as tables:
        people = read_people(current_release(small.models), tables, known_at(tables), lambda _: None)
        ids = tables.customer_ids
    assert 100 < people.is_allowed.sum() < len(ids)
    for k, name in enumerate(ids):
        row = scores[name]
        assert people.is_allowed[k] == row["personalised"]
        for found, column in ((people.predicted, "clv_predicted_value"), (people.churn, "churn_probability")):
            told = row[column] if row["personalised"] else None
            assert found[k] == pytest.approx(np.nan if told is None else told, nan_ok=True)
        if row["personalised"]:
            assert (*NAMES, None)[people.segment[k]] == row["segment_name"]
            assert (*VALUE_TIERS, None)[people.tier[k]] == row["segment_value_tier"]


def test_without_a_release_revenue_and_orders_are_known() -> None:
    orders = [order("a", 10, 5.0), order("a", 100, 7.0), order("a", 500, 9.0), order("b", 20, 3.0)]
    with tables_of(orders=[*orders, order("a", 0)], consents=[denial("b")]) as tables:
        people = read_people(None, tables, known_at(tables), lambda _: None)
    assert people.revenue.tolist() == [22.0, 0.0]
    assert (people.orders_now.tolist(), people.orders_before.tolist()) == ([2, 0], [1, 0])
    assert people.is_allowed.tolist() == [True, False]
    assert np.isnan(people.predicted).all()
    assert np.isnan(people.churn).all()
    assert set(people.segment.tolist()) == {NO_SEGMENT}
    assert set(people.tier.tolist()) == {NO_TIER}
    assert expected_now(people) == pytest.approx(2 / 3)


def test_without_orders_now_and_before_are_alike() -> None:
    with tables_of(orders=[order("a", 10)]) as tables:
        people = read_people(None, tables, known_at(tables), lambda _: None)
    assert expected_now(people) == 0.5
