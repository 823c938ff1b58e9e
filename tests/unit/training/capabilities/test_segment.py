"""Segments of whole businesses: what is fitted, how it is judged, and what the service answers from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pytest

from app.capabilities.base import Answers, Model, Rung
from app.capabilities.segment import SEGMENT, SUMMARY_INPUTS
from app.domain.clock import to_microseconds
from app.domain.errors import TableError
from app.estimators.base import Calibration, trained_moment
from tests.unit.training.rows import orders_sql, run_over
from tests.unit.training.segments import kinds_sql, regulars_sql
from tests.unit.training.tables.small import rows_of
from training.capabilities.segment import horizon_of, seen_at, train_segment
from training.run import Run, Trained
from training.segment_backtest import inputs_of
from training.tables.objectives import SegmentObjective

COLUMNS: Final = "order_id, customer_id, ordered_at, revenue"


def ordered(customer: str, day: str, revenue: float, number: int = 0) -> str:
    return f"'{customer}{day}{number}', '{customer}', TIMESTAMPTZ '{day} 12:00+00', CAST({revenue} AS DOUBLE)"


def answers_of(run: Run, trained: Trained, variant: str = "full") -> Answers:
    """Answer for the customers of a run as the service does."""
    entry = trained.draft.variant(variant)
    assert entry is not None
    features = entry.feature_set()
    model = Model(features, (Rung("all", None, Calibration()),), "rfm", None, entry.settings)
    SEGMENT.check(model)
    seen = seen_at(run, variant, run.as_of)
    X = features.matrix(seen.columns, len(seen.customer))
    return SEGMENT.predict(model, X, trained_moment(len(X)))


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────
def test_without_orders_there_are_no_segments() -> None:
    customers = rows_of("customer_id, created_at", "'a', TIMESTAMPTZ '2026-01-01 12:00+00'")
    with (
        run_over({"customers": customers}) as run,
        pytest.raises(TableError, match="table orders") as refused,
    ):
        train_segment(run)
    assert refused.value.remedy


def test_where_nobody_kept_anything_there_are_no_segments() -> None:
    orders = rows_of(f"{COLUMNS}, status", f"{ordered('a', '2026-01-01', 5)}, 'cancelled'")
    with run_over({"orders": orders}) as run, pytest.raises(TableError, match="has a purchase"):
        train_segment(run)


# ── Small businesses ──────────────────────────────────────────────────────────────────────────────────
def test_the_first_customer_is_a_new_one() -> None:
    with run_over({"orders": rows_of(COLUMNS, ordered("a", "2026-06-01", 20))}) as run:
        trained = train_segment(run)
        for variant in ("full", "summary"):
            answers = answers_of(run, trained, variant)
            assert answers["name"].tolist() == ["new_customers"]
            assert answers["lifecycle_stage"].tolist() == ["new"]
            assert answers["cluster.name"].tolist() == [None]
    [full, _] = trained.draft.variants
    assert (full.populations[0].tier, full.populations[0].grade) == ("rules", "C")
    assert full.populations[0].estimator is None
    assert full.populations[0].metrics == {}
    assert "the history is too short to judge" in trained.markdown
    assert "too few; clusters are looked for from 200 on" in trained.markdown


@pytest.mark.parametrize("customers", [2, 3, 50])
def test_few_customers_are_enough(customers: int) -> None:
    with run_over({"orders": orders_sql(customers, customers * 5, 400)}) as run:
        trained = train_segment(run)
        answers = answers_of(run, trained)
        assert None not in answers["name"].tolist()
        assert None not in answers["value_tier"].tolist()
        assert answers["eligible"].all()


def test_all_orders_on_one_day() -> None:
    rows = [ordered(f"c{k}", "2026-05-05", 10.0 + k) for k in range(6)]
    with run_over({"orders": rows_of(COLUMNS, *rows)}) as run:
        answers = answers_of(run, train_segment(run))
        assert set(answers["rfm.recency"].tolist()) == {5.0}
        assert set(answers["name"].tolist()) == {"new_customers"}
        assert answers["rfm.monetary"].tolist() == [1, 2, 3, 3, 4, 5]


def test_negative_value_is_tier_c_and_thousands_of_orders_are_ordinary() -> None:
    back = [ordered("back", "2026-01-05", 50), ordered("back", "2026-03-05", -90)]
    many = f"""
        SELECT 'm' || i AS order_id, 'many' AS customer_id,
               TIMESTAMPTZ '2020-01-01 00:00+00' + to_days(CAST(i % 2300 AS INTEGER)) AS ordered_at,
               CAST(3.0 AS DOUBLE) AS revenue FROM range(5000) t(i)
        UNION ALL {rows_of(COLUMNS, *back)}"""  # noqa: S608 - numbers of the test
    with run_over({"orders": many}) as run:
        seen = seen_at(run, "full", run.as_of)
        found = dict(zip(seen.columns["revenue_total"].tolist(), range(2), strict=True))
        answers = answers_of(run, train_segment(run))
        assert min(found) < 0
        assert answers["value_tier"][found[min(found)]] == "C"
        assert answers["value_tier"][found[max(found)]] == "A"


def test_without_money_the_rest_is_told() -> None:
    orders = f"SELECT * REPLACE (0.0 AS revenue) FROM ({orders_sql(60, 300, 400)})"  # noqa: S608
    with run_over({"orders": orders}) as run:
        trained = train_segment(run)
        answers = answers_of(run, trained)
        assert set(answers["value_tier"].tolist()) == {None}
        assert np.isnan(answers["rfm.monetary"]).all()
        assert None not in answers["name"].tolist()
        assert "full: no money is known" in trained.markdown


def test_who_denies_profiling_then_or_today_is_not_learned_from() -> None:
    orders = rows_of(
        COLUMNS,
        *(ordered(name, "2025-11-01", price) for name, price in zip("abc", (20, 30, 40), strict=True)),
    )
    said = "customer_id, purpose, status, status_at"
    consents = rows_of(
        said,
        "'b', 'profiling', 'denied', TIMESTAMPTZ '2026-06-02 12:00+00'",
        "'c', 'profiling', 'denied', TIMESTAMPTZ '2025-12-01 12:00+00'",
        "'c', 'profiling', 'granted', TIMESTAMPTZ '2026-03-01 12:00+00'",
    )
    with run_over({"orders": orders, "consents": consents}) as run:
        assert seen_at(run, "full", run.as_of).columns["revenue_total"].tolist() == [20.0, 40.0]
        winter = to_microseconds(datetime(2026, 1, 1, tzinfo=UTC))
        assert seen_at(run, "full", winter).columns["revenue_total"].tolist() == [20.0]


# ── A business with a history ─────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def shop() -> Any:
    with run_over({"orders": regulars_sql()}) as run:
        yield run, train_segment(run)


def test_segments_tell_out_of_time_who_buys(shop: tuple[Run, Trained]) -> None:
    _, trained = shop
    for variant in trained.draft.variants:
        [population] = variant.populations
        assert (population.name, population.tier) == ("all", "rules")
        assert population.grade == "A"
        assert population.baseline.name == "base_rate"
        assert population.baseline.model_value < population.baseline.value
        assert population.metrics["auc"].low > 0.6
        assert population.counts["tested_rows"] > population.counts["tested_positives"] > 0


def test_the_variants_begin_with_the_inputs_of_the_rules(shop: tuple[Run, Trained]) -> None:
    _, trained = shop
    full, summary = trained.draft.variants
    assert (full.name, summary.name) == ("full", "summary")
    assert tuple(entry.name for entry in summary.features) == SUMMARY_INPUTS
    assert full.reference_histograms.keys() == {entry.name for entry in full.features}
    assert trained.draft.label.horizon_days is None
    assert trained.files == {}


def test_scores_are_fifths_of_today(shop: tuple[Run, Trained]) -> None:
    run, trained = shop
    answers = answers_of(run, trained)
    share = np.bincount(answers["rfm.monetary"].astype(int), minlength=6)[1:] / len(answers["name"])
    np.testing.assert_allclose(share, 0.2, atol=0.02)


def test_the_card_adds_up(shop: tuple[Run, Trained]) -> None:
    run, trained = shop
    for variant in trained.card["variants"]:
        rows = variant["segments"]
        assert sum(one["customers"] for one in rows) == variant["customers"]
        assert sum(one["revenue_share"] for one in rows) == pytest.approx(1.0)
        assert sum(one["tested_rows"] for one in rows) == variant["judged"]["rows"]
        for words in variant["shares"].values():
            assert sum(one["customers"] for one in words) == variant["customers"]
        rates = {one["name"]: one["buying_rate"] for one in rows if one["buying_rate"]}
        assert rates["champions"]["low"] > rates["lost"]["high"]
    assert {name.split(".", 1)[1] for name in trained.plots} == {"rfm.png"}
    assert trained.markdown.count("## Variant") == 2
    assert all(f"![{name}]({name})" in trained.markdown for name in trained.plots)
    assert len(answers_of(run, trained)["name"]) == trained.card["variants"][0]["customers"]


def test_clusters_that_are_real_are_published_and_answer() -> None:
    with run_over({"orders": kinds_sql()}) as run:
        trained = train_segment(run)
        for variant in ("full", "summary"):
            answers = answers_of(run, trained, variant)
            seen = seen_at(run, variant, run.as_of)
            entry = trained.draft.variant(variant)
            assert entry is not None
            clusters = entry.settings["clusters"]
            assert len(clusters["names"]) == 2
            is_often = seen.columns[inputs_of(variant)[1]] > 10
            # The many are the first, and each kind is a cluster of its own.
            assert answers["cluster.id"].tolist() == np.where(is_often, 2.0, 1.0).tolist()
            assert set(answers["cluster.runner_up"].tolist()) == set(clusters["names"])
            assert f"{variant}.clusters.png" in trained.plots
    assert "2 clusters are stable and apart" in trained.markdown


def test_the_same_run_trains_the_same(shop: tuple[Run, Trained]) -> None:
    run, trained = shop
    again = train_segment(run)
    assert again.draft == trained.draft
    assert again.plots == trained.plots
    assert again.markdown == trained.markdown


@pytest.mark.parametrize(
    ("objectives", "days"),
    [
        ({}, 90),
        ({"churn": {"horizon_days": 45}}, 45),
        ({"churn": {"horizon_days": 45}, "segment": {"horizon_days": 30}}, 30),
    ],
)
def test_the_horizon_is_the_own_else_that_of_churn(objectives: dict[str, Any], days: int) -> None:
    orders = rows_of(COLUMNS, ordered("a", "2026-06-01", 20))
    with run_over({"orders": orders}, objectives=objectives) as run:
        objective = run.business.objectives.segment or SegmentObjective()
        assert horizon_of(run, objective) == days
        assert train_segment(run).card["goal"]["horizon_days"] == days


def test_the_business_chooses_its_tiers() -> None:
    said = {"segment": {"value_a": 0.5, "frequent": 0.5, "at_risk_after": 1.0}}
    with run_over({"orders": orders_sql(80, 800, 500)}, objectives=said) as run:
        full = train_segment(run).draft.variants[0].settings
        assert full["stages"]["active"] == 1.0
    with run_over({"orders": orders_sql(80, 800, 500)}) as run:
        usual = train_segment(run).draft.variants[0].settings
        assert full["value_a_from"] > usual["value_a_from"]
        assert full["frequent_from"] < usual["frequent_from"]
