"""Scores on held-out rows: distribution, range, the rule, one answer for all, and the mean of a segment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.estimators.base import logit
from tests.unit.training.rows import SEED
from tests.unit.training.scored import (
    FIVE,
    Scored,
    columns_of,
    in_two,
    later,
    learned_of,
    scored,
    shuffled,
)
from training.evaluation import log_loss
from training.satisfaction.ordinal import fit_scale, ranked_probability
from training.satisfaction.quality import (
    Held,
    beyond,
    coverage_of,
    distribution_of,
    held_out,
    ordinal_quality,
    probabilities,
    segment_mean,
)
from training.satisfaction.report import Learned
from training.snapshots import Splits
from training.variants import Fitted

ONE = scored(700)


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learned_of(ONE, later(ONE))


@pytest.fixture(scope="module")
def held(learned: Learned) -> Held:
    found = held_out(learned.fitted, ONE.given, 0.8)
    assert found is not None
    return found


def test_what_is_said_of_an_origin_is_of_the_scale_of_the_others(learned: Learned, held: Held) -> None:
    fitted = learned.fitted
    margin, level = logit(fitted.tested_answer()), ONE.given.level[fitted.tested.rows]
    for number in (0, 1, 2):
        own = fitted.tested.origin == number
        scale = fit_scale(FIVE, 1, margin[~own], level[~own], 0.8)
        low, high = scale.range(margin[own])
        np.testing.assert_array_equal(held.low[own], low)
        np.testing.assert_array_equal(held.high[own], high)
        np.testing.assert_array_equal(held.expected["model"][own], scale.expected(margin[own]))
        np.testing.assert_array_equal(
            held.ranked["model"][own], ranked_probability(scale, margin[own], level[own])
        )
        counts = np.bincount(level[~own], minlength=5)
        assert set(held.usual[own]) == {FIVE[np.argmax(counts)]}
        assert set(held.mean[own]) == {FIVE[level[~own]].mean()}
    assert not held.is_own


def test_the_scores_of_an_origin_do_not_change_its_ranges(learned: Learned, held: Held) -> None:
    rows = learned.fitted.tested.rows[learned.fitted.tested.origin == 2]
    level = ONE.given.level.copy()
    level[rows] = 4 - level[rows]
    other = held_out(learned.fitted, replace(ONE.given, level=level), 0.8)
    assert other is not None
    own = held.origin == 2
    np.testing.assert_array_equal(held.low[own], other.low[own])
    np.testing.assert_array_equal(held.told[own], other.told[own])
    assert (held.low[~own] != other.low[~own]).any()


def test_the_distribution_is_whole_and_its_mean_is_the_expected_score(held: Held) -> None:
    np.testing.assert_allclose(held.told.sum(axis=1), 1.0)
    np.testing.assert_allclose(held.told @ FIVE, held.expected["model"])
    table = distribution_of(held)
    assert [one["score"] for one in table] == FIVE.tolist()
    for name in ("predicted", "observed"):
        assert sum(one[name] for one in table) == pytest.approx(1.0)
    assert all(one["predicted"] == pytest.approx(one["observed"], abs=0.08) for one in table)


def test_probabilities_of_the_scores_fall_to_the_bad_ones_with_the_margin(learned: Learned) -> None:
    found = probabilities(learned.scale, np.array([-8.0, 0.0, 8.0]))
    assert found.argmax(axis=1).tolist() == [4, found[1].argmax(), 0]


def test_what_knows_more_is_nearer_than_the_rule_and_than_one_answer_for_all(held: Held) -> None:
    told = ordinal_quality(held, SEED)
    assert told["rows"] == len(held.level)
    for name, other in (
        ("ranked_probability_score", "shares"),
        ("mean_absolute_error", "most_frequent_score"),
        ("mean_squared_error", "mean_score"),
    ):
        measure = told[name]
        assert measure["model"] < measure["rule"]
        assert measure["model"] < measure[other]
        for against in ("rule", other):
            reduction = measure["reduction"][against]
            assert reduction["low"] <= reduction["value"] <= reduction["high"]
            assert reduction["value"] == pytest.approx(1 - measure["model"] / measure[against])
    assert told["mean_absolute_error"]["model"] == pytest.approx(
        np.abs(held.expected["model"] - held.score).mean()
    )


def test_coverage_is_of_the_rows_of_every_origin(held: Held) -> None:
    told = coverage_of(held, 0.8, SEED)
    assert told["covered"]["low"] <= told["covered"]["value"] <= told["covered"]["high"]
    assert told["covered"]["value"] == pytest.approx(0.8, abs=0.1)
    assert told["below"] + told["above"] + told["covered"]["value"] == pytest.approx(1.0)
    assert [one["origin"] for one in told["origins"]] == [0, 1, 2]
    assert sum(one["rows"] for one in told["origins"]) == told["rows"] == len(held.level)
    pooled = sum(one["rows"] * one["covered"] for one in told["origins"]) / told["rows"]
    assert pooled == pytest.approx(told["covered"]["value"])
    assert (told["level"], told["fitted_on"]) == (0.8, "the other origins")
    assert 0 < told["mean_width"] < 4


def test_wider_ranges_hold_more(learned: Learned) -> None:
    found = [held_out(learned.fitted, ONE.given, level) for level in (0.5, 0.9)]
    narrow, wide = (one.covered.mean() for one in found if one is not None)
    assert narrow < wide


def only(splits: Splits, count: int) -> Splits:
    return replace(splits, backtests=splits.backtests[:count])


def test_one_origin_alone_is_judged_by_its_own_scale_and_that_is_told() -> None:
    one = scored(160)
    fitted = learned_of(one, only(later(one), 1)).fitted
    held = held_out(fitted, one.given, 0.8)
    assert held is not None
    assert held.is_own
    assert held.covered.mean() >= 0.8
    assert coverage_of(held, 0.8, SEED)["fitted_on"] == "the same rows"


def test_nothing_held_out_tells_nothing() -> None:
    one = scored(160)
    fitted = learned_of(one, only(shuffled(one), 0)).fitted
    assert held_out(fitted, one.given, 0.8) is None
    assert segment_mean(fitted, columns_of(one), "full", SEED) is None


def test_two_scores_are_judged_as_a_probability() -> None:
    one = scored(160)
    two = Scored(replace(one.data, level=1 - one.data.y.astype(np.int64)), in_two(one.given), one.truth)
    fitted = learned_of(two, shuffled(two)).fitted
    held = held_out(fitted, two.given, 0.8)
    assert held is not None
    y = fitted.data.y[fitted.tested.rows]
    np.testing.assert_allclose(held.told[:, 0], fitted.tested_answer(), atol=1e-9)
    np.testing.assert_allclose(held.ranked["model"], (fitted.tested_answer() - y) ** 2, atol=1e-9)


# ── The mean of a segment ─────────────────────────────────────────────────────────────────────────────
def test_the_segment_mean_tells_something_and_the_model_more(learned: Learned) -> None:
    fitted = learned.fitted
    verdict = segment_mean(fitted, learned.examples.columns, "full", SEED)
    assert verdict is not None
    y = fitted.data.y[fitted.tested.rows]
    assert verdict.baseline.name == "segment_mean"
    assert verdict.baseline.model_value == pytest.approx(log_loss(y, fitted.tested_answer()))
    assert verdict.baseline.model_value < verdict.baseline.value < log_loss(y, fitted.tested.base)
    assert verdict.reduction.low > 0


def test_a_segment_learns_nothing_from_the_rows_that_are_judged(learned: Learned) -> None:
    fitted = learned.fitted
    before = segment_mean(fitted, learned.examples.columns, "full", SEED)
    newest = np.setdiff1d(
        fitted.tested.rows[fitted.tested.origin == 2],
        np.concatenate([split.train for split in fitted.splits.backtests]),
    )
    y = fitted.data.y.copy()
    y[newest] = 1 - y[newest]
    turned: Fitted = replace(fitted, data=replace(fitted.data, y=y))
    after = segment_mean(turned, learned.examples.columns, "full", SEED)
    assert before is not None
    assert after is not None
    # Had the rates learned from them, the turned labels would be told as well as the old ones.
    assert after.baseline.value > before.baseline.value


def test_without_orders_there_are_no_segments(learned: Learned) -> None:
    assert segment_mean(learned.fitted, columns_of(ONE, with_orders=False), "full", SEED) is None
    assert segment_mean(learned.fitted, {}, "full", SEED) is None
    assert segment_mean(learned.fitted, learned.examples.columns, "summary", SEED) is None


# ── Customers unlike those who answer ─────────────────────────────────────────────────────────────────
def test_customers_beyond_the_answers_are_counted_by_input(learned: Learned) -> None:
    X = learned.fitted.data.X[:100].copy()
    assert beyond(learned.fitted, X) == []
    X[:70, 0], X[:30, 1] = 99.0, -99.0
    X[30:60, 1] = np.nan
    assert [(name, round(share, 1)) for name, share in beyond(learned.fitted, X)] == [
        ("attribute.x0", 0.7),
        ("attribute.x1", 0.3),
    ]
    assert beyond(learned.fitted, X[:0]) == []
