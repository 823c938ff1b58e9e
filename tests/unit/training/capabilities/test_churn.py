from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from app.domain.errors import PublicationError, TableError
from app.domain.history import MICROSECONDS_PER_DAY
from app.features.compute import columns_of
from app.features.schema import Columns
from app.features.view import View
from tests.unit.training.rows import attributes, labelled_sql, orders_sql, question_over, run_over
from tests.unit.training.tables.small import rows_of
from training.capabilities.churn import label_splits, train_churn
from training.churn_rows import Question, examples_for
from training.examples import Examples
from training.ladder import Data
from training.snapshots import Split, Splits
from training.train import write

DAY: Final = MICROSECONDS_PER_DAY
ONE_SUBSCRIPTION: Final = rows_of(
    "subscription_id, customer_id, started_at", "'s', 'c', TIMESTAMPTZ '2025-01-01 12:00+00'"
)
TWO_ORDERS: Final = rows_of(
    "order_id, customer_id, ordered_at, revenue",
    "'o1', 'a', TIMESTAMPTZ '2025-01-01 12:00+00', 20.0",
    "'o2', 'b', TIMESTAMPTZ '2026-05-01 12:00+00', 20.0",
)


# What is refused


@pytest.mark.parametrize(
    ("tables", "objective", "message"),
    [
        (
            {"subscriptions": ONE_SUBSCRIPTION},
            {},
            "needs the table orders",
        ),
        ({"orders": orders_sql(30, 200, 30)}, {}, "too short"),
        ({"orders": TWO_ORDERS}, {}, "one class only"),
        (
            labelled_sql(40, "(i % 2)", ["1 AS x"]),
            {"definition": "label"},
            "no input to learn from",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_a_remedy(
    tables: dict[str, str], objective: dict[str, Any], message: str
) -> None:
    said: dict[str, Any] = {"attributes": attributes("x")} if "customers" in tables else {}
    with run_over(tables, objectives={"churn": objective}, **said) as run:
        with pytest.raises(TableError, match=message) as refused:
            train_churn(run)
        assert refused.value.remedy


def labelled_run_said() -> dict[str, Any]:
    return {
        "objectives": {"churn": {"definition": "label"}},
        "attributes": {**attributes("x", "copy"), **attributes("colour", kind="categorical")},
    }


COLUMNS: Final = ["hash(i) % 100 AS x", "CASE WHEN hash(i + 1) % 3 = 0 THEN 'red' ELSE 'blue' END AS colour"]


def test_a_column_that_nearly_is_the_label_is_refused_by_name() -> None:
    copy = "CASE WHEN hash(i) % 100 > 60 THEN 900 ELSE 0 END + hash(i + 2) % 100 AS copy"
    with (
        run_over(
            labelled_sql(200, "(hash(i) % 100 > 60)", ["hash(i + 4) % 100 AS x", COLUMNS[1], copy]),
            **labelled_run_said(),
        ) as run,
        pytest.raises(PublicationError, match=r"churn: near label: attribute\.copy alone"),
    ):
        train_churn(run)


def next_order_days(view: View) -> Columns:
    """Compute features, one of which is the days to the next order."""
    columns = dict(columns_of(view))
    if "orders" in view.history.tables:
        table = view.history.tables["orders"]
        owner = np.repeat(np.arange(view.size), np.diff(table.offsets))
        ahead = table["ordered_at"] - view.as_of[owner]
        soonest = np.full(view.size, 400.0)
        np.minimum.at(soonest, owner[ahead > 0], ahead[ahead > 0] / DAY)
        columns["longest_gap_days"] = soonest
    return columns


def test_a_feature_that_looks_past_the_cut_is_refused_by_name() -> None:
    with (
        run_over({"orders": orders_sql(80, 900, 700)}) as run,
        pytest.raises(PublicationError, match="past the cut: longest_gap_days changes"),
    ):
        train_churn(run, features_of=next_order_days)


def half_on_both_sides(question: Question, data: Data, examples: Examples, is_dated: bool) -> Splits:
    """Split as usual, then learn from half of the rows that are tested too."""
    honest = label_splits(question, data, examples, is_dated)
    leaky = tuple(
        Split(one.origin, np.r_[one.train, one.test[::2]], one.test, one.inner) for one in honest.backtests
    )
    return Splits(leaky, honest.final, honest.final_inner, honest.protocol)


def test_rows_on_both_sides_of_a_split_are_refused() -> None:
    with (
        run_over(
            labelled_sql(
                600, "(hash(i + 9) % 4 = 0)", ["hash(i) % 997 AS x", "hash(i + 5) % 991 AS copy", COLUMNS[1]]
            ),
            **labelled_run_said(),
        ) as run,
        pytest.raises(PublicationError, match="shuffled label: a model of shuffled labels reaches AUC"),
    ):
        train_churn(run, split=half_on_both_sides)


# What is trained


@pytest.mark.parametrize(("customers", "count"), [(1, 8), (10, 60), (50, 400)])
def test_few_customers_end_on_the_rules(customers: int, count: int, tmp_path: Path) -> None:
    with run_over({"orders": orders_sql(customers, count, 700)}) as run:
        trained = train_churn(run)
    assert {one.tier for variant in trained.draft.variants for one in variant.populations} == {"rules"}
    assert (write(tmp_path, trained) / "manifest.json").exists()


def test_a_handful_of_labels_ends_on_the_rules() -> None:
    columns = [*COLUMNS, "hash(i + 5) % 7 AS copy"]
    for rows in (10, 50):
        with run_over(labelled_sql(rows, "(hash(i + 9) % 4 = 0)", columns), **labelled_run_said()) as run:
            trained = train_churn(run)
        [one] = trained.draft.variants[0].populations
        assert (one.tier, one.counts["trained_rows"]) == ("rules", rows)


def test_training_repeats_with_the_seed() -> None:
    with run_over({"orders": orders_sql(60, 600, 700)}) as run:
        first, second = train_churn(run), train_churn(run)
    assert first.draft == second.draft
    assert first.files == second.files
    assert first.card == second.card
    assert first.plots == second.plots


def test_cut_points_that_are_given_as_probabilities_stand_as_given() -> None:
    said = {"churn": {"red_probability": 0.6, "yellow_probability": 0.35}}
    with run_over({"orders": orders_sql(60, 600, 700)}, objectives=said) as run:
        trained = train_churn(run)
    for variant in trained.draft.variants:
        for one in variant.populations:
            assert one.thresholds == {"red": 0.6, "yellow": 0.35}


def test_the_draft_says_what_it_answers() -> None:
    with run_over({"orders": orders_sql(60, 600, 700)}, objectives={"churn": {"horizon_days": 60}}) as run:
        trained = train_churn(run)
        fingerprint = run.tables.fingerprint
    draft = trained.draft
    assert (draft.capability, draft.label.definition, draft.label.horizon_days) == ("churn", "inactivity", 60)
    assert draft.label.text.en == "no order within 60 days"
    assert draft.settings == {
        "gone_after_days": 120,
        "learned_days": 60,
        "season": "year_ago",
        "season_origins": 0,
    }
    assert draft.data_fingerprint == fingerprint
    assert [variant.name for variant in draft.variants] == ["full", "summary"]
    assert [one.name for one in draft.variants[0].populations] == ["repeat", "first_order"]
    last = datetime.fromisoformat(trained.card["variants"][0]["windows"]["last_cut_off"])
    assert abs(datetime.fromisoformat(draft.trained_as_of) - last - timedelta(days=60)) < timedelta(seconds=1)


def test_a_label_without_a_horizon_promises_none() -> None:
    columns = [*COLUMNS, "hash(i + 5) % 7 AS copy"]
    said = labelled_run_said()
    with run_over(labelled_sql(40, "(i % 3 = 0)", columns), **said) as run:
        assert train_churn(run).draft.label.horizon_days is None
    said["objectives"]["churn"]["horizon_days"] = 30
    with run_over(labelled_sql(40, "(i % 3 = 0)", columns), **said) as run:
        assert train_churn(run).draft.label.horizon_days == 30


def test_subscriptions_are_asked_about_while_they_run() -> None:
    subscriptions = """
        SELECT 's' || i AS subscription_id, 'c' || (i % 120) AS customer_id,
               TIMESTAMPTZ '2024-06-01 00:00+00' + to_days(CAST(hash(i) % 500 AS INTEGER)) AS started_at,
               CASE WHEN hash(i + 1) % 2 = 0 THEN TIMESTAMPTZ '2024-06-01 00:00+00'
                   + to_days(CAST(hash(i) % 500 + 1 + hash(i + 4) % 300 AS INTEGER)) END AS cancelled_at
        FROM range(240) t(i)"""
    with run_over(
        {"subscriptions": subscriptions}, objectives={"churn": {"definition": "subscription_end"}}
    ) as run:
        examples, _, _ = examples_for(question_over(run), "full")
        assert (examples.columns["active_subscriptions"] > 0).all()
        trained = train_churn(run)
    [variant] = trained.draft.variants
    assert variant.features[0].name == "active_subscriptions"
    assert [one.name for one in variant.populations] == ["all"]
