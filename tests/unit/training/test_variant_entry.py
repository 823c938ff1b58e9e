"""What the manifest says of a fitted variant, and that the service answers from it what was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from app.artifacts.manifest import BusinessEntry, Label, ManifestDraft, Text, Tier, Variant
from app.capabilities.base import margins
from app.domain.history import Array
from app.estimators.base import sigmoid, trained_moment
from app.estimators.forecast import Forecasting
from app.serving.loading import load_draft
from tests.unit.training.rows import (
    SEED,
    data_of,
    draw,
    mixed,
    mixed_rows,
    numbers,
    orders_sql,
    random_splits,
    run_over,
)
from training.evaluation import top_share
from training.purchasing import Learned, learn_purchases
from training.variant_entry import variant_entry
from training.variants import Fitted, fit_variant, published_rung


def fitted_on(X: Array, y: Array, population: Array | None = None, *, words: bool = False) -> Fitted:
    """Fit the variant ``full`` on rows that are judged by a random split."""
    names = ("all",) if population is None else ("repeat", "first_order")
    features = mixed() if words else None
    data = data_of(X, y, population=population, populations=names, features=features)
    return fit_variant("full", data, random_splits(y), SEED, lambda _: None)


def entry_of(fitted: Fitted, X: Array, population: Array) -> Variant:
    def cut_points(answers: Array) -> dict[str, float]:
        return {"red": top_share(answers, 0.1), "yellow": top_share(answers, 0.4)}

    return variant_entry(fitted, X, population, {"x0": Text(en="x", zh_cn="某数")}, cut_points)


def draft_of(entry: Variant) -> ManifestDraft:
    return ManifestDraft(
        capability="churn",
        business=BusinessEntry(name="shop", currency="GBP", timezone="UTC", consent_defaults={}),
        label=Label(definition="label", text=Text(en="left", zh_cn="流失")),
        variants=(entry,),
        golden="golden.json",
        trained_as_of="2026-06-30T12:00:00+00:00",
        data_fingerprint="0" * 64,
        seed=SEED,
        git_commit="",
        libraries={},
    )


@pytest.fixture(scope="module")
def strong() -> Fitted:
    """Rows with a strong signal, few enough that no trees are fitted."""
    X, y, _ = mixed_rows(0, 450)
    return fitted_on(X, y, words=True)


def test_the_entry_says_who_answers_how_and_how_well(strong: Fitted) -> None:
    X = strong.data.X
    population = np.where(np.arange(len(X)) % 5 == 0, -1, 0)
    entry = entry_of(strong, X, population)
    [one] = entry.populations
    own = X[population == 0]
    answers = published_rung(strong, 0).probability(own, np.zeros(len(own), dtype=np.int64))
    assert one.counts == {
        "tested_rows": 450,
        "tested_positives": int(strong.data.y.sum()),
        "trained_rows": 450,
        "trained_positives": int(strong.data.y.sum()),
        "eligible_now": len(own),
    }
    assert (answers >= one.thresholds["red"]).mean() == pytest.approx(0.1, abs=0.01)
    assert (answers >= one.thresholds["yellow"]).mean() == pytest.approx(0.4, abs=0.01)
    assert (np.diff(one.reference) >= 0).all()
    assert (one.reference[0], one.reference[-1]) == (answers.min(), answers.max())
    assert entry.features[0].label == Text(en="x", zh_cn="某数")
    assert entry.schema_hash == strong.data.features.schema_hash


def test_reference_histograms_share_out_the_eligible(strong: Fitted) -> None:
    X = strong.data.X
    entry = entry_of(strong, X, np.where(np.arange(len(X)) < 100, 0, -1))
    for j, feature in enumerate(entry.features):
        histogram = entry.reference_histograms[feature.name]
        assert sum(histogram.shares) == pytest.approx(1.0)
        assert histogram.missing == pytest.approx(np.isnan(X[:100, j]).mean())
        if feature.kind == "category":
            known = X[:100, j][~np.isnan(X[:100, j])]
            assert histogram.shares == pytest.approx([(known == code).mean() for code in range(3)])


def test_nobody_eligible_today_leaves_no_reference(strong: Fitted) -> None:
    entry = entry_of(strong, strong.data.X, np.full(450, -1))
    assert entry.populations[0].reference == ()
    assert entry.populations[0].thresholds == {"red": 1.0, "yellow": 1.0}
    assert entry.reference_histograms == {}


def test_the_service_answers_what_was_judged(strong: Fitted) -> None:
    X = strong.data.X
    entry = entry_of(strong, X, np.zeros(450, dtype=np.int64))
    model = load_draft(draft_of(entry), strong.files).models["full"]
    [rung] = model.rungs
    served = sigmoid(rung.calibration.apply(rung.at(trained_moment(450)).margin(X)))
    ours = published_rung(strong, 0).probability(X, np.zeros(450, dtype=np.int64))
    assert served == pytest.approx(ours, abs=1e-12)


def test_trees_are_written_as_the_service_reads_them() -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(640, 3))
    # High or low makes no difference, far from the middle does: for trees alone.
    y = draw(rng, sigmoid(4 * (np.abs(X[:, 0]) + np.abs(X[:, 1]) - 1.5)))
    fitted = fitted_on(X, y)
    assert [(one.tier, one.verdict.grade) for one in fitted.chosen] == [("ml", "A")]
    model = load_draft(draft_of(entry_of(fitted, X, np.zeros(640, dtype=np.int64))), fitted.files).models[
        "full"
    ]
    assert model.features.names == numbers(3).names
    served = sigmoid(model.rungs[0].calibration.apply(model.rungs[0].at(trained_moment(640)).margin(X)))
    assert served == pytest.approx(
        published_rung(fitted, 0).probability(X, np.zeros(640, dtype=np.int64)), abs=1e-12
    )


# On a forecast


@pytest.fixture(scope="module")
def founded() -> Iterator[Mapping[str, Learned]]:
    """What is learned of purchases of enough customers for trees."""
    with run_over({"orders": orders_sql(620, 6500, 900)}) as run:
        yield learn_purchases(run, 60)


def with_tier(fitted: Fitted, tier: Tier) -> Fitted:
    """Return the same as if every population had earned a tier."""
    chosen = tuple(replace(one, tier=tier) for one in fitted.chosen)
    return replace(fitted, chosen=chosen).with_files()


def purchase_draft(*entries: Variant) -> ManifestDraft:
    label = Label(definition="any_order", horizon_days=60, text=Text(en="order", zh_cn="下单"))
    settings = {"gone_after_days": 365, "window_levels": [0.1, 0.5, 0.9]}
    known = draft_of(entries[0]).model_dump(by_alias=True)
    changed = {"capability": "purchase", "label": label, "settings": settings, "variants": entries}
    return ManifestDraft.model_validate({**known, **changed})


def entry_now(one: Learned, fitted: Fitted) -> Variant:
    return variant_entry(fitted, one.X, one.population, {}, lambda _: {})


@pytest.mark.parametrize("tier", ["statistical", "ml"])
def test_a_rung_on_a_forecast_is_served_as_it_was_judged(founded: Mapping[str, Learned], tier: Tier) -> None:
    for variant, one in founded.items():
        fitted = with_tier(one.fitted, tier)
        entry = entry_now(one, fitted)
        model = load_draft(purchase_draft(entry), fitted.files).models[variant]
        asked = one.population >= 0
        ours = fitted.ladder.rungs[tier].margin(one.X[asked], one.population[asked])
        moment = trained_moment(int(asked.sum()))
        served = margins(model, one.X[asked], one.population[asked], moment)
        np.testing.assert_allclose(served, ours, rtol=1e-9, atol=1e-9)


def test_a_forecast_is_one_file_that_every_population_names(founded: Mapping[str, Learned]) -> None:
    one = founded["full"]
    statistical = with_tier(one.fitted, "statistical")
    assert {name for name in statistical.files if "rules" not in name} == {"full.forecast.json"}
    for k, population in enumerate(entry_now(one, statistical).populations):
        found = population.estimator
        assert found is not None
        assert (found.kind, found.file, found.quantity) == ("btyd", "full.forecast.json", "no_order")
        assert found.slope == statistical.ladder.rungs["statistical"].entries[k].weight
        assert population.elsewhere is None


def test_trees_name_what_they_stand_on_and_who_answers_elsewhere(founded: Mapping[str, Learned]) -> None:
    one = founded["full"]
    fitted = with_tier(one.fitted, "ml")
    assert {name for name in fitted.files if "rules" not in name} == {"full.forecast.json", "full.ml.txt"}
    for k, population in enumerate(entry_now(one, fitted).populations):
        found, composed = population.estimator, fitted.ladder.rungs["ml"].entries[k]
        assert found is not None
        assert found.forecast is not None
        assert (found.kind, found.file, found.quantity) == ("trees", "full.ml.txt", None)
        assert (found.slope, found.forecast.weight) == (composed.trees_weight, composed.weight)
        assert (found.forecast.file, found.forecast.quantity) == ("full.forecast.json", "no_order")
        verdict = fitted.chosen[k].verdicts.get("statistical")
        if verdict is None or verdict.grade == "C":
            assert population.elsewhere is None
        else:
            assert population.elsewhere is not None
            assert (population.elsewhere.tier, population.elsewhere.grade) == ("statistical", verdict.grade)
            assert population.elsewhere.baseline == verdict.baseline
            assert population.elsewhere.estimator.kind == "btyd"


def test_nobody_answers_elsewhere_by_a_forecast_that_is_no_better_than_the_rule(
    founded: Mapping[str, Learned],
) -> None:
    one = founded["full"]
    fitted = with_tier(one.fitted, "ml")
    for grade, is_there in (("C", False), ("B", True)):
        chosen = tuple(
            replace(own, verdicts={**own.verdicts, "statistical": replace(own.verdict, grade=grade)})  # type: ignore[arg-type]
            for own in fitted.chosen
        )
        entry = entry_now(one, replace(fitted, chosen=chosen))
        assert [population.elsewhere is not None for population in entry.populations] == [is_there] * 3


def test_every_rung_on_a_forecast_has_its_total_among_todays_customers(
    founded: Mapping[str, Learned],
) -> None:
    for one in founded.values():
        stand, asked = one.fitted.stand, one.population >= 0
        assert stand is not None
        forecast = Forecasting(stand.forecast, "no_order").at(trained_moment(1))
        total = sigmoid(forecast.margin(one.X[asked])).mean()
        assert {"statistical", "ml"} <= one.fitted.ladder.rungs.keys()
        for tier in ("statistical", "ml"):
            told = one.fitted.ladder.rungs[tier].probability(one.X[asked], one.population[asked])
            assert told.mean() == pytest.approx(total, abs=2e-3)
