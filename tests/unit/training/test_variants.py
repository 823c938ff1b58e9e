from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.base import sigmoid
from tests.unit.training.rows import SEED, data_of, draw, mixed, mixed_rows, random_splits
from training.snapshots import Splits
from training.targets import TESTED_FLOOR
from training.variants import Fitted, fit_variant, published_rung


def fitted_on(X: Array, y: Array, population: Array | None = None, *, words: bool = False) -> Fitted:
    """Fit the variant ``full`` on rows that are judged by a random split."""
    names = ("all",) if population is None else ("repeat", "first_order")
    features = mixed() if words else None
    data = data_of(X, y, population=population, populations=names, features=features)
    return fit_variant("full", data, random_splits(y), SEED, lambda _: None)


@pytest.fixture(scope="module")
def strong() -> Fitted:
    """Rows with a strong signal, few enough that no trees are fitted."""
    X, y, _ = mixed_rows(0, 450)
    return fitted_on(X, y, words=True)


@pytest.fixture(scope="module")
def noise() -> Fitted:
    """Rows whose inputs say nothing of the label, enough for every rung."""
    rng = np.random.default_rng(0)
    return fitted_on(rng.normal(size=(520, 4)), draw(rng, np.full(520, 0.4)))


def test_a_signal_is_published_above_the_rules_with_its_grade(strong: Fitted) -> None:
    [one] = strong.chosen
    assert (one.tier, one.verdict.grade) == ("statistical", "A")
    assert one.verdict.baseline.name.startswith("rate_by_attribute.")
    assert one.metrics["auc"].low > one.rule_metrics["auc"].value
    assert set(strong.files) == {"full.rules.all.json", "full.statistical.npz"}


def test_noise_earns_c_and_nothing_above_the_rules_is_published(noise: Fitted) -> None:
    [one] = noise.chosen
    assert (one.tier, one.verdict.grade) == ("rules", "C")
    assert {tier: verdict.grade for tier, verdict in one.verdicts.items()} == {
        "rules": "C",
        "statistical": "C",
        "ml": "C",
    }
    assert set(noise.files) == {"full.rules.all.json"}


def test_a_model_of_permuted_labels_earns_c(strong: Fitted) -> None:
    y = np.random.default_rng(1).permutation(strong.data.y)
    permuted = fit_variant("full", replace(strong.data, y=y), random_splits(y), SEED, lambda _: None)
    assert [one.tier for one in permuted.chosen] == ["rules"]
    assert {verdict.grade for verdict in permuted.chosen[0].verdicts.values()} == {"C"}


def test_every_tier_is_judged_on_rows_that_it_has_not_seen(strong: Fitted) -> None:
    assert sorted(strong.tested.rows) == list(range(450))
    for split in strong.splits.backtests:
        at = np.isin(strong.tested.rows, split.test)
        learned = strong.data.y[split.train]
        assert strong.tested.base[at] == pytest.approx((learned.sum() + 0.5) / (len(learned) + 1))


def test_each_population_gets_the_tier_that_it_earns() -> None:
    rng = np.random.default_rng(3)
    X, population = rng.normal(size=(480, 3)), np.arange(480) % 2
    y = draw(rng, np.where(population == 0, sigmoid(2.5 * (X[:, 0] + X[:, 1])), 0.5))
    fitted = fitted_on(X, y, population)
    tiers = {one.name: one.tier for one in fitted.chosen}
    assert tiers == {"repeat": "statistical", "first_order": "rules"}
    assert set(fitted.files) == {
        "full.rules.repeat.json",
        "full.rules.first_order.json",
        "full.statistical.npz",
    }
    p = fitted.tested_answer()
    for one in fitted.chosen:
        assert np.array_equal(p[one.rows], fitted.tested.p[one.tier][one.rows])


def test_few_rows_of_the_rarer_outcome_stay_on_the_rules() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(300, 2))
    y = np.zeros(300)
    y[np.argsort(X[:, 0])[-TESTED_FLOOR + 1 :]] = 1.0
    fitted = fitted_on(X, y)
    assert [one.tier for one in fitted.chosen] == ["rules"]
    assert set(fitted.chosen[0].verdicts) == {"rules"}


@pytest.mark.parametrize("rows", [1, 4, 12])
def test_a_handful_of_rows_ends_on_the_rules_without_an_error(rows: int) -> None:
    X = np.arange(rows, dtype=np.float64)[:, None]
    y = (np.arange(rows) % 3 == 0).astype(np.float64)
    fitted = fitted_on(X, y)
    assert [(one.tier, one.verdict.grade) for one in fitted.chosen] == [("rules", "C")]
    assert len(fitted.splits.final) == rows


def test_a_population_that_nobody_belongs_to_is_told_the_rate_of_all() -> None:
    X, y, _ = mixed_rows(5, 300)
    fitted = fitted_on(X, y, np.zeros(300, dtype=np.int64))
    [_, nobody] = fitted.chosen
    assert (nobody.tier, nobody.verdict.grade, nobody.metrics) == ("rules", "C", {})
    p = published_rung(fitted, 1).probability(X[:1], np.ones(1, dtype=np.int64))
    assert p == pytest.approx(y.mean(), abs=0.01)


def test_nothing_to_learn_from_in_the_final_cuts_is_still_an_answer() -> None:
    X, y, _ = mixed_rows(6, 60)
    nothing = Splits((), np.empty(0, dtype=np.int64), (), "by nothing")
    fitted = fit_variant("full", data_of(X, y, features=mixed()), nothing, SEED, lambda _: None)
    assert [one.tier for one in fitted.chosen] == ["rules"]
