"""Customer lifetime value of whole businesses: what is written, margin, discount, tiers, odd businesses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from app.domain.errors import TableError
from app.domain.history import Array
from app.serving.golden import check_golden
from app.serving.loading import load_release
from app.serving.probe import probe_model
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests.unit.training.conftest import Valued
from tests.unit.training.purchases import TODAY
from tests.unit.training.shops import (
    OBJECTIVES,
    asked,
    bought,
    orders_of,
    regulars,
    released,
    run_of,
    simulated_shop,
    written,
)
from training.capabilities.churn import train_churn
from training.capabilities.clv import cumulative_cut, train_clv
from training.capabilities.purchase import train_purchase
from training.capabilities.segment import train_segment
from training.run import Run, Trained
from training.train import write

pytestmark = pytest.mark.xdist_group("valued-business")

NUMBERS: Final = ("predicted_low", "predicted_value", "predicted_high")


@pytest.fixture(scope="module")
def release(valued: Valued) -> LoadedRelease:
    return load_release(valued.verified("clv"))


def blocks_of(release: LoadedRelease, run: Run, **ask: Any) -> list[dict[str, Any]]:
    answers = score(release, run.history, np.full(run.history.size, run.as_of), Ask(want=("clv",), **ask))
    return [one["clv"] for one in answers]


def column(blocks: list[dict[str, Any]], name: str) -> Array:
    """Return a number of everybody, NaN where there is none."""
    return np.array([one.get(name) for one in blocks], dtype=np.float64)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A shop of orders alone, large enough for forecasts of everybody."""
    with run_of(written(tmp_path_factory.mktemp("shop"), simulated_shop(300))) as run:
        yield run


def trained_with(run: Run, **objective: Any) -> Trained:
    """Train with another objective; rows and forecasts that do not depend on it are kept."""
    clv = run.business.objectives.clv
    assert clv is not None
    objectives = run.business.objectives.model_copy(update={"clv": clv.model_copy(update=objective)})
    business = run.business.model_copy(update={"objectives": objectives})
    return train_clv(
        Run(business, run.tables, run.history, run.as_of, run.seed, "", {}, run.progress, run.memo)
    )


@pytest.fixture(scope="module")
def plain(shop: Run) -> Trained:
    return trained_with(shop, margin=1.0, discount_rate=0.0)


# ── What is written ───────────────────────────────────────────────────────────────────────────────────
def test_the_artifact_loads_and_answers_its_golden_histories(valued: Valued, release: LoadedRelease) -> None:
    golden = (valued.paths["clv"] / "golden.json").read_bytes()
    assert check_golden(release.artifacts["clv"], golden) >= 5
    told = [one["clv"] for one in json.loads(golden)["answers"]]
    assert any(one["eligible"] and one["predicted_value"] > 0 for one in told)
    assert {one.get("ineligible_reason") for one in told} >= {None, "no_orders"}
    for name, model in release.artifacts["clv"].models.items():
        assert model.forecast is not None
        probe_model(model, name)


def test_the_draft_says_what_it_answers(valued: Valued) -> None:
    draft = valued.trained["clv"].draft
    assert (draft.label.definition, draft.label.horizon_days) == ("net_revenue", 365)
    assert (draft.settings["margin"], draft.settings["discount_rate"]) == (0.4, 0.1)
    assert (draft.settings["currency"], draft.settings["interval_level"]) == ("CNY", 0.8)
    assert draft.settings["season"] in {"year_ago", "recent", "none"}
    for variant in draft.variants:
        assert {"tiers", "range"} <= variant.settings.keys()
        assert len(variant.settings["range"]["levels"]) == len(variant.populations) == 3


def test_everybody_who_bought_has_a_finite_value_within_its_range(
    valued: Valued, release: LoadedRelease
) -> None:
    blocks = [one for one in blocks_of(release, valued.run) if one["eligible"]]
    low, value, high = (column(blocks, name) for name in NUMBERS)
    assert len(blocks) > 200
    assert ((low >= 0) & (low <= value) & (value <= high)).all()
    assert (value > 0).all()
    assert np.isfinite(high).all()
    assert (column(blocks, "max_justified_spend") == low).all()
    assert (high > value).mean() > 0.3


def test_the_historic_value_is_what_was_brought(valued: Valued, release: LoadedRelease) -> None:
    run = valued.run
    orders = run.history.tables["orders"]
    gross = np.add.reduceat(np.append(np.nan_to_num(orders["revenue"]), 0.0), orders.offsets[:-1]) * (
        np.diff(orders.offsets) > 0
    )
    blocks = blocks_of(release, run)
    historic = column(blocks, "historic_value")
    eligible = np.array([one["eligible"] for one in blocks])
    assert (historic[eligible] <= gross[eligible] + 1e-6).all()
    assert np.isclose(historic[eligible], gross[eligible]).mean() > 0.5


# ── What numbers mean ─────────────────────────────────────────────────────────────────────────────────
def test_the_value_rises_with_the_horizon(shop: Run, plain: Trained) -> None:
    release = released(plain)
    told = [blocks_of(release, shop, horizon_days=days) for days in (1, 7, 30, 365, 3650)]
    known = ~np.isnan(column(told[0], "predicted_value"))
    assert known.sum() > 60
    for shorter, longer in pairwise(told):
        for name in ("predicted_value", "predicted_high", "expected_orders"):
            assert (column(longer, name)[known] >= column(shorter, name)[known]).all(), name
    assert (column(told[-1], "predicted_value")[known] > 2 * column(told[0], "predicted_value")[known]).all()


def test_half_the_margin_is_half_the_value(shop: Run, plain: Trained) -> None:
    half = trained_with(shop, margin=0.5, discount_rate=0.0)
    a, b = blocks_of(released(plain), shop), blocks_of(released(half), shop)
    for name in (*NUMBERS, "max_justified_spend"):
        np.testing.assert_allclose(column(b, name), column(a, name) / 2, rtol=1e-12)
    for name in ("historic_value", "expected_orders", "average_order_value"):
        np.testing.assert_array_equal(column(b, name), column(a, name))
    # Cut points move along: who is A stays A.
    assert [one["value_tier"] for one in a] == [one["value_tier"] for one in b]


def test_a_rate_of_zero_discounts_nothing(shop: Run, plain: Trained) -> None:
    release = released(plain)
    model = release.artifacts["clv"].models["full"]
    assert model.forecast is not None
    for one in blocks_of(release, shop, explain=True):
        if one["eligible"]:
            assert one["predicted_value"] == pytest.approx(np.exp(one["explanation"]["sum"]), rel=1e-9)


def test_waiting_costs_what_the_rate_says(shop: Run, plain: Trained) -> None:
    dear = trained_with(shop, margin=1.0, discount_rate=0.5)
    for days in (30, 90, 365, 3650):
        a, b = (
            column(blocks_of(released(one), shop, horizon_days=days), "predicted_value")
            for one in (plain, dear)
        )
        known = ~np.isnan(a)
        share = b[known] / a[known]
        assert (share < 1.0).all()
        assert (share > 1.5 ** (-days / 365)).all()
    # In a short horizon orders come evenly: what they cost to wait for is that of its middle.
    a, b = (
        column(blocks_of(released(one), shop, horizon_days=30), "predicted_value") for one in (plain, dear)
    )
    np.testing.assert_allclose(b[~np.isnan(a)] / a[~np.isnan(a)], 1.5 ** (-15 / 365), atol=0.004)


def test_tiers_hold_their_shares_of_the_predicted_value(valued: Valued, release: LoadedRelease) -> None:
    blocks = [one for one in blocks_of(release, valued.run) if one["eligible"]]
    value = column(blocks, "predicted_value")
    tier = np.array([one["value_tier"] for one in blocks])
    largest = value.max() / value.sum()
    held = {name: value[tier == name].sum() / value.sum() for name in "ABC"}
    assert 0.80 <= held["A"] < 0.80 + largest
    assert 0.95 <= held["A"] + held["B"] < 0.95 + largest
    assert value[tier == "A"].min() >= value[tier == "B"].max()
    assert value[tier == "B"].min() >= value[tier == "C"].max()
    kinds = {(one["value_tier"], one["value_class"]) for one in blocks}
    assert kinds == {("A", "high"), ("A", "potential"), ("B", "general"), ("C", "general")}


def test_tiers_follow_the_objective(shop: Run) -> None:
    own = trained_with(shop, tier_a=0.5, tier_b=0.3)
    blocks = [one for one in blocks_of(released(own), shop) if one["eligible"]]
    value, tier = column(blocks, "predicted_value"), np.array([one["value_tier"] for one in blocks])
    largest = value.max() / value.sum()
    assert 0.5 <= value[tier == "A"].sum() / value.sum() < 0.5 + largest
    assert 0.8 <= value[tier != "C"].sum() / value.sum() < 0.8 + largest


def test_the_cut_is_the_last_of_those_who_hold_the_share() -> None:
    value = np.array([10.0, 40.0, 30.0, 20.0])
    assert cumulative_cut(value, 0.4) == 40.0
    assert cumulative_cut(value, 0.41) == 30.0
    assert cumulative_cut(value, 0.9) == 20.0
    assert cumulative_cut(value, 0.999) == 10.0
    assert cumulative_cut(np.array([-5.0, np.nan, 3.0]), 0.8) == 3.0
    assert cumulative_cut(np.zeros(3), 0.8) == cumulative_cut(np.empty(0), 0.8) == 0.0


# ── Small and odd businesses ──────────────────────────────────────────────────────────────────────────
def test_without_money_there_is_no_value_and_the_rest_is_trained(tmp_path: Path) -> None:
    orders = simulated_shop(80)
    zero = orders.set_column(3, "revenue", pa.array(np.zeros(orders.num_rows)))
    with run_of(written(tmp_path, zero)) as run:
        with pytest.raises(TableError, match="no order has a value above zero") as refused:
            train_clv(run)
        assert "objectives.clv" in refused.value.remedy
        assert "revenue" in refused.value.remedy
        others = [trainer(run) for trainer in (train_churn, train_purchase, train_segment)]
    for one in others:
        write(tmp_path / "models", one)
    [told] = asked(released(*others), [bought("a", [80, 50, 20], run.as_of, 0.0)], run.as_of)
    assert told["purchase"]["eligible"]
    assert told["churn"]["eligible"]
    assert told["segment"]["eligible"]


@pytest.mark.parametrize("customers", [1, 3, 30, 60])
def test_a_small_business_gets_a_value_by_the_rule_or_by_the_forecast(customers: int, tmp_path: Path) -> None:
    with run_of(written(tmp_path, regulars(customers))) as run:
        trained = train_clv(run)
    write(tmp_path / "models", trained)
    tiers = {one.tier for variant in trained.draft.variants for one in variant.populations}
    assert tiers <= ({"rules"} if customers < 50 else {"rules", "statistical"})
    [one] = asked(released(trained), [bought("a", [70, 40, 12], run.as_of, 30.0)], run.as_of)
    told = one["clv"]
    assert told["eligible"]
    assert told["historic_value"] == 90.0
    assert 0 <= told["predicted_low"] <= told["predicted_value"] <= told["predicted_high"] < 10_000
    assert (told["expected_orders"] is None) == (customers < 50)
    assert told["value_tier"] in {"A", "B", "C"}


def test_returns_beyond_all_purchases_are_historic_and_never_predicted(tmp_path: Path) -> None:
    orders = simulated_shop(120)
    value = pc.if_else(
        pa.array(np.random.default_rng(1).random(orders.num_rows) < 0.3),
        pc.multiply(orders["revenue"], -3.0),
        orders["revenue"],
    )
    with run_of(written(tmp_path, orders.set_column(3, "revenue", value))) as run:
        release = released(train_clv(run))
        blocks = blocks_of(release, run)
    historic, predicted = column(blocks, "historic_value"), column(blocks, "predicted_value")
    known = ~np.isnan(predicted)
    assert (historic[known] < 0).sum() > 20
    assert (predicted[known] >= 0).all()
    owing = known & (historic < 0)
    assert {one["value_class"] for one, k in zip(blocks, owing, strict=True) if k} <= {"general", "potential"}


def test_thousands_of_orders_of_one_customer_do_not_move_the_others(tmp_path: Path) -> None:
    base = simulated_shop(120)
    many = orders_of(np.full(6000, 500), TODAY - np.arange(6000) % 1000, np.full(6000, 3.0))
    many = many.set_column(0, "order_id", pa.array([f"m{k}" for k in range(6000)]))
    predicted = []
    for name, orders in (("without", base), ("with", pa.concat_tables([base, many]))):
        with run_of(written(tmp_path / name, orders)) as run:
            blocks = blocks_of(released(train_clv(run)), run)
            place = {customer: k for k, customer in enumerate(run.history.customer_ids)}
        predicted.append({who: blocks[k].get("predicted_value") for who, k in place.items()})
    without, with_ = predicted
    often = with_["c500"]
    # Six orders of 3 on each day of 1,000: 18 a day, 90 days, discounted.
    assert often == pytest.approx(18 * 90, rel=0.35)
    total = [sum(v or 0.0 for who, v in told.items() if who != "c500") for told in (without, with_)]
    assert total[1] == pytest.approx(total[0], rel=0.35)


def test_objectives_of_the_shop_are_what_these_tests_say() -> None:
    assert OBJECTIVES["clv"] == {"horizon_days": 90}
