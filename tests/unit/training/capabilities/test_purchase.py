"""Purchase of whole businesses: what is written, that churn is its rest, and how small a business may be."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest

from app.domain.errors import StructureError, TableError
from app.serving.golden import check_golden
from app.serving.loading import load_release, read_release
from app.serving.probe import probe_model
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests.unit.artifacts.tiny import release_bytes
from tests.unit.training.conftest import Valued
from tests.unit.training.purchases import TODAY
from tests.unit.training.shops import (
    DAY,
    asked,
    bought,
    orders_of,
    regulars,
    released,
    run_of,
    simulated_shop,
    written,
)
from training.__main__ import main
from training.capabilities import TRAINERS
from training.capabilities.churn import train_churn
from training.capabilities.purchase import train_purchase
from training.capabilities.segment import train_segment
from training.run import Run, Trained
from training.train import write

pytestmark = pytest.mark.xdist_group("valued-business")

HORIZONS: Final = (None, 1, 7, 45, 365, 3650)
SMALL: Final = (1, 3, 30, 60, 250)
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def release(valued: Valued) -> LoadedRelease:
    return load_release(valued.verified("churn", "purchase"))


def answers_of(release: LoadedRelease, run: Run, **ask: Any) -> list[Answer]:
    return score(release, run.history, np.full(run.history.size, run.as_of), Ask(**ask))


# ── What is written ───────────────────────────────────────────────────────────────────────────────────
def test_the_artifact_loads_and_answers_its_golden_histories(valued: Valued, release: LoadedRelease) -> None:
    golden = (valued.paths["purchase"] / "golden.json").read_bytes()
    assert check_golden(release.artifacts["purchase"], golden) >= 5
    told = [one["purchase"] for one in json.loads(golden)["answers"]]
    assert any(one["eligible"] and one["expected_at"] for one in told)
    assert {one.get("ineligible_reason") for one in told} >= {None, "no_orders"}


def test_every_estimator_passes_the_probe(release: LoadedRelease) -> None:
    for name, model in release.artifacts["purchase"].models.items():
        assert model.forecast is not None
        probe_model(model, name)


def test_the_draft_says_what_it_answers(valued: Valued) -> None:
    draft = valued.trained["purchase"].draft
    assert (draft.label.definition, draft.label.horizon_days) == ("purchase", 90)
    assert draft.label.text.en == "at least one order within 90 days"
    assert [variant.name for variant in draft.variants] == ["full", "summary"]
    for variant in draft.variants:
        assert [one.name for one in variant.populations] == ["repeat", "first_order", "lapsed"]
        low, middle, high = variant.settings["window_levels"]
        assert 0 < low < middle < high < 1
        assert variant.forecast in valued.trained["purchase"].files
    assert draft.settings["gone_after_days"] == 180
    assert draft.settings["learned_days"] == 90


def test_everybody_who_bought_is_told_and_the_repeat_buyers_when(
    valued: Valued, release: LoadedRelease
) -> None:
    told = [one["purchase"] for one in answers_of(release, valued.run, want=("purchase",))]
    eligible = [one for one in told if one["eligible"]]
    assert len(eligible) > 200
    assert all(0 < one["probability"] < 1 and 0 <= one["p_alive"] <= 1 for one in eligible)
    windows = [one for one in eligible if one["expected_at"] is not None]
    assert len(windows) > 60
    at = datetime.fromisoformat(valued.run.as_of_iso)
    for one in windows:
        dates = [datetime.fromisoformat(one[name]) for name in ("earliest_at", "expected_at", "latest_at")]
        assert at < dates[0] <= dates[1] <= dates[2]
        assert (dates[2] - at).days <= 90
        assert one["no_window_reason"] is None
    silent = [one for one in eligible if one["expected_at"] is None]
    assert {one["no_window_reason"] for one in silent} <= {"fewer_than_two_orders", "an_order_is_unlikely"}


# ── One probability and its rest ──────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("horizon", HORIZONS)
def test_churn_and_purchase_add_up_to_one(
    valued: Valued, release: LoadedRelease, horizon: int | None
) -> None:
    both = 0
    for one in answers_of(release, valued.run, want=("churn", "purchase"), horizon_days=horizon):
        if one["churn"]["eligible"]:
            assert one["purchase"]["eligible"], one
            assert abs(one["churn"]["probability"] + one["purchase"]["probability"] - 1.0) <= 1e-12
            assert one["churn"]["horizon_days"] == one["purchase"]["horizon_days"] == (horizon or 90)
            both += 1
    assert both > 60


def test_the_probability_rises_with_the_horizon(valued: Valued, release: LoadedRelease) -> None:
    told = [
        np.array(
            [
                one["purchase"].get("probability")
                for one in answers_of(release, valued.run, want=("purchase",), horizon_days=horizon)
            ],
            dtype=np.float64,
        )
        for horizon in (1, 7, 45, 365, 3650)
    ]
    known = ~np.isnan(told[0])
    assert known.sum() > 60
    for shorter, longer in pairwise(told):
        assert (longer[known] >= shorter[known] - 1e-12).all()
        assert (longer[known] > shorter[known]).any()


def test_reasons_of_churn_are_those_of_purchase_turned_around(valued: Valued, release: LoadedRelease) -> None:
    compared = 0
    for one in answers_of(release, valued.run, want=("churn", "purchase"), explain=True):
        if one["churn"]["eligible"]:
            mine, other = one["purchase"]["reasons"], one["churn"]["reasons"]
            assert [(r["feature"], -r["impact"]) for r in mine] == [
                (r["feature"], r["impact"]) for r in other
            ]
            sum_ = one["purchase"]["explanation"]["sum"]
            assert 1 / (1 + np.exp(-sum_)) == pytest.approx(one["purchase"]["probability"], abs=1e-9)
            compared += 1
    assert compared > 60


def test_churn_and_purchase_that_were_trained_apart_are_refused(tmp_path: Path) -> None:
    business, models = written(tmp_path / "shop", regulars(30)), tmp_path / "models"
    with run_of(business) as run:
        churn, purchase = write(models, train_churn(run)), write(models, train_purchase(run))
    with run_of(business, as_of=(TODAY - 40) * DAY) as run:
        apart = write(models, train_purchase(run))

    def loaded(*paths: Path) -> LoadedRelease:
        return load_release(read_release(models, release_bytes(None, "2026-01-31T09:30:00Z", *paths)))

    assert loaded(churn, purchase).artifacts.keys() == {"churn", "purchase"}
    with pytest.raises(StructureError, match="not trained together") as refused:
        loaded(churn, apart)
    assert "--only churn,purchase" in str(refused.value)
    assert loaded(apart).artifacts.keys() == {"purchase"}


# ── Small and odd businesses ──────────────────────────────────────────────────────────────────────────
def tiers_of(trained: Trained) -> set[str]:
    return {one.tier for variant in trained.draft.variants for one in variant.populations}


@pytest.mark.parametrize("customers", SMALL)
def test_a_small_business_gets_what_it_is_enough_for(customers: int, tmp_path: Path) -> None:
    with run_of(written(tmp_path, regulars(customers))) as run:
        purchase, churn, segment = train_purchase(run), train_churn(run), train_segment(run)
    write(tmp_path / "models", purchase)
    assert tiers_of(segment) == {"rules"}
    if customers < 50:
        assert tiers_of(purchase) == {"rules"}
        assert {variant.forecast for variant in purchase.draft.variants} == {None}
        limits = purchase.card["limits"]
        assert any(
            "too few customers or repeat orders for a forecast; the rule answers" in one for one in limits
        )
    else:
        assert tiers_of(purchase) <= {"rules", "statistical"}
        assert None not in {variant.forecast for variant in purchase.draft.variants}
    release = released(churn, purchase, segment)
    told = asked(release, [bought("a", [70, 40, 12], run.as_of), bought("b", [12], run.as_of)], run.as_of)
    for one in told:
        assert one["purchase"]["eligible"]
        assert one["churn"]["probability"] + one["purchase"]["probability"] == pytest.approx(1, abs=1e-12)
        assert one["segment"]["eligible"]
    if customers < 50:
        # Nothing is known of when: no probability of another horizon, no window, and both say so.
        assert {one["purchase"]["no_window_reason"] for one in told} == {"too_few_customers_for_a_forecast"}
        [other, _] = asked(release, [bought("a", [70, 40, 12], run.as_of)] * 2, run.as_of, horizon_days=7)
        assert other["purchase"]["ineligible_reason"] == "horizon_not_trained"
        assert other["purchase"]["probability"] is None


rng = np.random.default_rng(0)
REFUSED: Final[dict[str, tuple[pa.Table, str]]] = {
    "one customer, one order": (orders_of(np.zeros(1), np.array([TODAY]), np.full(1, 20.0)), "too short"),
    "nobody came back": (
        orders_of(np.arange(300), TODAY - rng.integers(0, 900, 300), np.full(300, 20.0)),
        "one class only",
    ),
    "all on one day": (
        orders_of(np.arange(200) % 40, np.full(200, TODAY), np.full(200, 20.0)),
        "too short",
    ),
    "nothing was kept": (
        orders_of(np.arange(300) % 50, TODAY - rng.integers(0, 900, 300), np.full(300, -20.0)),
        "nobody can be asked about",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_teaches_nothing_is_refused_with_a_remedy(name: str, tmp_path: Path) -> None:
    orders, message = REFUSED[name]
    with run_of(written(tmp_path, orders)) as run:
        with pytest.raises(TableError, match=message) as refused:
            train_purchase(run)
        assert refused.value.remedy


def test_the_command_ends_with_2_and_publishes_what_could_be_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, _ = REFUSED["all on one day"]
    business, models = written(tmp_path / "shop", orders), tmp_path / "models"
    assert main(["train", "--business", str(business), "--models", str(models), "--no-publish"]) == 2
    told = capsys.readouterr()
    assert "segment" in told.out
    for name in ("churn", "purchase", "clv"):
        assert f"error: {name} is refused: the history is too short" in told.err
    assert "remedy:" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("capability", ["purchase", "clv"])
def test_a_refusal_speaks_of_the_capability_that_is_refused(capability: str, tmp_path: Path) -> None:
    orders, _ = REFUSED["all on one day"]
    with run_of(written(tmp_path, orders, {capability: {"horizon_days": 90}})) as run:
        with pytest.raises(TableError) as refused:
            TRAINERS[capability](run)
        assert f"objectives.{capability}.horizon_days" in refused.value.remedy


def test_thousands_of_orders_of_one_customer_are_ordinary(tmp_path: Path) -> None:
    base = simulated_shop(120)
    many = orders_of(np.full(6000, 500), TODAY - np.arange(6000) % 1000, np.full(6000, 3.0))
    many = many.set_column(0, "order_id", pa.array([f"m{k}" for k in range(6000)]))
    with run_of(written(tmp_path, pa.concat_tables([base, many]))) as run:
        purchase = train_purchase(run)
        answers = answers_of(released(purchase), run, want=("purchase",))
    by_name = {one["customer_id"]: one["purchase"] for one in answers}
    often = by_name.pop("c500")
    assert often["average_days_between_orders"] == 1
    assert often["probability"] >= max(one["probability"] for one in by_name.values() if one["eligible"])
    assert datetime.fromisoformat(often["expected_at"]) <= datetime.fromisoformat(run.as_of_iso) + timedelta(
        days=3
    )
