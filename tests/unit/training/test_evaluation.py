from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from app.artifacts.manifest import Baseline, Interval
from app.domain.history import Array
from app.estimators.base import sigmoid
from tests.unit.training.rows import draw
from training.evaluation import (
    METRICS,
    _Sorted,
    auc,
    band,
    brier,
    calibration_table,
    ece,
    graded,
    interval_of,
    judge,
    log_loss,
    losses,
    metrics_with_intervals,
    resamples,
    top_decile_lift,
    top_share,
)


def answers(rows: int, seed: int = 0, strength: float = 1.0) -> tuple[Array, Array, Array]:
    """Return labels, the probabilities that they were drawn with, and a customer for each row."""
    rng = np.random.default_rng(seed)
    p = sigmoid(strength * rng.normal(size=rows) - 0.5)
    return draw(rng, p), p, np.arange(rows)


@given(
    npst.arrays(np.float64, st.integers(2, 60), elements=st.sampled_from([0.0, 1.0])),
    st.data(),
)
def test_auc_equals_scikit_learn_also_with_ties(y: Array, data: st.DataObject) -> None:
    p = data.draw(npst.arrays(np.float64, len(y), elements=st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])))
    if y.min() == y.max():
        assert np.isnan(auc(y, p))
    else:
        assert auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)


def test_log_loss_and_brier_equal_scikit_learn() -> None:
    y, p, _ = answers(500)
    assert log_loss(y, p) == pytest.approx(sklearn_log_loss(y, p), abs=1e-12)
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-12)


def test_a_wrong_certainty_costs_much_and_not_everything() -> None:
    loss = losses(np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0]))
    assert np.isfinite(loss).all()
    assert loss[:2] == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert loss[2] == pytest.approx(0.0, abs=1e-6)


def test_ece_by_hand() -> None:
    p = np.repeat([0.1, 0.6], 10)
    y = np.r_[np.tile([0.0, 1.0], 5), np.tile([1.0, 1.0], 5)]
    # Ten bins of two rows: five say 0.1 and see 0.5, five say 0.6 and see 1.
    assert ece(y, p) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    assert [bin_.rows for bin_ in calibration_table(y, p)] == [2] * 10


def test_ece_of_answers_that_hold_is_zero() -> None:
    y = np.tile([1.0, 0.0, 0.0, 0.0], 50)
    assert ece(y, np.full(200, 0.25)) == pytest.approx(0.0)


def test_fewer_rows_than_bins_make_fewer_bins() -> None:
    y, p, _ = answers(4)
    assert sum(bin_.rows for bin_ in calibration_table(y, p)) == len(calibration_table(y, p)) == 4


def test_top_decile_lift_by_hand() -> None:
    p = np.linspace(0, 1, 100)
    y = np.zeros(100)
    y[-10:], y[:15] = 1.0, 1.0
    assert top_decile_lift(y, p) == pytest.approx(1.0 / 0.25)


@pytest.mark.parametrize("metric", METRICS)
def test_metrics_without_rows_are_unknown(metric: str) -> None:
    assert np.isnan(METRICS[metric](np.empty(0), np.empty(0)))


@given(st.integers(2, 80), st.integers(0, 1000))
def test_metrics_of_a_sample_are_those_of_its_rows_written_out(rows: int, seed: int) -> None:
    y, p, customer = answers(rows, seed)
    times = next(resamples(customer, seed))
    written = np.repeat(np.arange(rows), times.astype(int))
    quick = _Sorted(y, p).metrics(times)
    for name, metric in METRICS.items():
        assert quick[name] == pytest.approx(metric(y[written], p[written]), abs=1e-12, nan_ok=True), name


def test_a_sample_draws_customers_and_not_rows() -> None:
    customer = np.array([3, 3, 5, 9, 9, 9])
    draws = list(resamples(customer, 1))
    for times in draws:
        assert times[0] == times[1]
        assert times[3] == times[4] == times[5]
        assert times[[0, 2, 3]].sum() == 3
    assert any(times[0] == 0 for times in draws)


def test_intervals_cover_the_truth() -> None:
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.random(150)
        interval = metrics_with_intervals(draw(rng, p), p, np.arange(150), seed)["brier"]
        # Of probabilities that are right and uniform, the expected Brier score is E[p (1 - p)] = 1/6.
        covered += interval.low <= 1 / 6 <= interval.high
    assert covered >= 34


def test_intervals_hold_their_value_and_repeat_with_the_seed() -> None:
    y, p, customer = answers(300)
    first, second = (metrics_with_intervals(y, p, customer, 4) for _ in range(2))
    assert first == second
    assert first != metrics_with_intervals(y, p, customer, 5)
    assert set(first) == set(METRICS)
    assert all(interval.low <= interval.value <= interval.high for interval in first.values())


def test_an_interval_holds_the_value_and_leaves_out_what_no_sample_defines() -> None:
    draws = np.r_[np.linspace(0, 1, 1001), np.nan, np.inf]
    found = interval_of(0.5, draws)
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((0.025, 0.5, 0.975))
    outside = interval_of(2.0, draws)
    assert outside is not None
    assert outside.high == 2.0
    assert interval_of(float("nan"), draws) is None
    assert interval_of(0.5, np.array([np.nan])) is None


def test_rows_of_the_same_customers_do_not_narrow_an_interval() -> None:
    y, p, customer = answers(200)
    once = metrics_with_intervals(y, p, customer, 2)["log_loss"]
    copied = metrics_with_intervals(np.tile(y, 4), np.tile(p, 4), np.tile(customer, 4), 2)["log_loss"]
    as_if_new = metrics_with_intervals(np.tile(y, 4), np.tile(p, 4), np.arange(800), 2)["log_loss"]
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-9)
    assert as_if_new.high - as_if_new.low < 0.7 * (once.high - once.low)


def test_metrics_that_the_rows_do_not_define_are_left_out() -> None:
    found = metrics_with_intervals(np.zeros(20), np.full(20, 0.2), np.arange(20), 0)
    assert set(found) == {"log_loss", "brier", "ece"}
    assert metrics_with_intervals(np.empty(0), np.empty(0), np.empty(0), 0) == {}


def test_grade_a_is_for_clearly_better_than_the_rule() -> None:
    y, p, customer = answers(1500, strength=1.5)
    verdict = judge(y, p, np.full(1500, y.mean()), customer, "base_rate", 0)
    assert verdict.grade == "A"
    assert verdict.reduction.low >= 0.05
    assert verdict.baseline.name == "base_rate"
    assert verdict.baseline.value == pytest.approx(log_loss(y, np.full(1500, y.mean())))
    assert verdict.baseline.model_value == pytest.approx(log_loss(y, p))


def test_grade_b_is_for_better_but_not_clearly() -> None:
    y, p, customer = answers(20_000, strength=1.0)
    rule = sigmoid(np.log(p / (1 - p)) + np.random.default_rng(1).normal(0, 0.4, len(p)))
    verdict = judge(y, p, rule, customer, "rule", 0)
    assert verdict.grade == "B"
    assert 0 < verdict.reduction.low < 0.05


def test_grade_c_is_for_no_better_than_the_rule() -> None:
    y, p, customer = answers(1500)
    noise = sigmoid(np.log(p / (1 - p)) + np.random.default_rng(1).normal(0, 0.5, len(p)))
    assert judge(y, noise, p, customer, "rule", 0).grade == "C"
    assert judge(y, p, p, customer, "rule", 0).grade == "C"


def test_ranking_worse_than_the_rule_earns_c_whatever_the_loss() -> None:
    y, p, customer = answers(4000, strength=1.5)
    boastful = sigmoid(4 * np.log(p / (1 - p)))
    humble = np.clip(np.round(p, 1), 0.05, 0.95)
    verdict = judge(y, humble, boastful, customer, "rule", 0)
    assert verdict.reduction.low > 0.05
    assert auc(y, humble) < auc(y, boastful)
    assert (verdict.grade, verdict.reason) == ("C", "does not rank as well as the rule")


def test_a_rank_that_is_worse_by_chance_alone_is_not_held_against_a_tier() -> None:
    y, p, customer = answers(400, strength=1.5)
    boastful = sigmoid(4 * np.log(p / (1 - p)))
    humble = sigmoid(np.log(p / (1 - p)) + np.random.default_rng(5).normal(0, 0.15, len(p)))
    assert auc(y, humble) < auc(y, boastful)
    verdict = judge(y, humble, boastful, customer, "rule", 0)
    assert verdict.reduction.low > 0.05
    assert verdict.grade == "A"


@pytest.mark.parametrize(
    ("low", "lead", "grade"),
    [
        (0.05, 0.0, "A"),
        (0.049, 0.1, "B"),
        (0.0, 0.1, "C"),
        (-0.1, 0.1, "C"),
        (0.3, -1e-9, "C"),
        (0.01, -0.1, "C"),
    ],
)
def test_grades_by_the_lower_end_and_the_rank(low: float, lead: float, grade: str) -> None:
    baseline = Baseline(name="rule", metric="loss", value=1.0, model_value=0.5)
    verdict = graded(Interval(value=0.5, low=low, high=0.9), baseline, lead, "log-loss")
    assert verdict.grade == grade
    assert ("rank" in verdict.reason) == (lead < 0)


@pytest.mark.parametrize("y", [np.zeros(30), np.ones(30), np.empty(0)])
def test_rows_of_one_class_earn_c_and_say_so(y: Array) -> None:
    p = np.full(len(y), 0.4)
    verdict = judge(y, p, p, np.arange(len(y)), "rule", 0)
    assert (verdict.grade, verdict.reason) == ("C", "one class only on the held-out rows")


def test_a_verdict_repeats_with_the_seed() -> None:
    y, p, customer = answers(200)
    rule = np.full(200, 0.4)
    assert judge(y, p, rule, customer, "rule", 3) == judge(y, p, rule, customer, "rule", 3)


def test_band_by_hand() -> None:
    y = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    found = band("red", y, np.array([True, True, True, *[False] * 5]), 60.0, 5.0)
    assert (found.share, found.precision, found.recall) == pytest.approx((3 / 8, 2 / 3, 2 / 3))
    assert found.net_benefit == pytest.approx(1000 * (2 * 60 - 5) / 8)


def test_an_empty_band_is_worth_nothing() -> None:
    found = band("red", np.zeros(4), np.zeros(4, dtype=bool), 60.0, 5.0)
    assert (found.share, found.precision, found.recall, found.net_benefit) == (0.0, 0.0, 0.0, 0.0)


@given(st.integers(1, 400), st.floats(0.01, 0.99), st.integers(0, 99))
def test_the_top_share_is_as_wide_as_it_was_asked_for(rows: int, share: float, seed: int) -> None:
    p = np.random.default_rng(seed).permutation(np.linspace(0.01, 0.99, rows))
    assert abs((p >= top_share(p, share)).mean() - share) <= 0.5 / rows + 1e-12


@given(npst.arrays(np.float64, st.integers(1, 50), elements=st.sampled_from([0.1, 0.3, 0.6])))
def test_answers_that_are_alike_are_in_a_band_together(p: Array) -> None:
    red, yellow = top_share(p, 0.1), top_share(p, 0.4)
    assert yellow <= red
    for share, cut in ((0.1, red), (0.4, yellow)):
        reached = [(p >= value).mean() for value in np.unique(p)] + [0.0]
        assert abs((p >= cut).mean() - share) == pytest.approx(min(abs(one - share) for one in reached))


def test_nobody_is_in_the_top_where_all_are_alike() -> None:
    p = np.full(50, 0.3)
    assert not (p + 1e-12 >= top_share(p, 0.1)).any()
    assert top_share(np.empty(0), 0.1) == 1.0


def test_metrics_raise_no_warning_on_one_row() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = metrics_with_intervals(np.array([1.0]), np.array([0.7]), np.array([0]), 0)
    assert found["log_loss"].value == pytest.approx(-np.log(0.7))
