"""How good a list is: metrics by hand, intervals that hold the truth, grades at their edges."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from app.domain.history import Array
from tests.items import COFFEE, CUP, GREEN, catalogue
from training.recommendations.judging import (
    CUT,
    FEWEST,
    LONGEST,
    METRIC,
    METRICS,
    Judged,
    compare,
    draws,
    interval,
    judge,
    list_metrics,
)
from training.recommendations.windows import Window


def metrics(shown: list[int], relevant: list[int]) -> dict[str, float]:
    found = list_metrics(np.array(shown, dtype=np.int64), np.array(relevant))
    return dict(zip(METRICS, found, strict=True))


def gain(*ranks: int) -> float:
    return sum(1 / log2(rank + 1) for rank in ranks)


def test_metrics_of_one_list_by_hand() -> None:
    found = metrics([7, 3, 9, 1], [3, 1, 5])
    assert found["ndcg_at_10"] == pytest.approx(gain(2, 4) / gain(1, 2, 3))
    assert found["recall_at_10"] == found["recall_at_20"] == pytest.approx(2 / 3)
    assert found["mrr_at_20"] == pytest.approx(1 / 2)
    assert found["hit_rate_at_10"] == 1.0


def test_hits_behind_the_cut_count_for_the_longer_metrics_alone() -> None:
    shown = [*range(100, 114), 1]
    found = metrics(shown, [1, 2])
    assert (found["ndcg_at_10"], found["recall_at_10"], found["hit_rate_at_10"]) == (0.0, 0.0, 0.0)
    assert found["recall_at_20"] == 0.5
    assert found["mrr_at_20"] == pytest.approx(1 / 15)
    beyond = metrics([*range(100, 100 + LONGEST), 1], [1])
    assert set(beyond.values()) == {0.0}


def test_the_best_list_has_an_ndcg_of_1_however_much_is_relevant() -> None:
    for count in (1, 3, CUT, CUT + 5):
        found = metrics(list(range(LONGEST)), list(range(count)))
        assert found["ndcg_at_10"] == pytest.approx(1.0)
        assert found["recall_at_10"] == pytest.approx(min(CUT, count) / count)
    assert metrics([], [1]) == dict.fromkeys(METRICS, 0.0)


def test_metrics_agree_with_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score  # noqa: PLC0415  slow to import

    rng = np.random.default_rng(0)
    for _ in range(20):
        size = 40
        order = rng.permutation(size)
        relevant = np.sort(rng.permutation(size)[: rng.integers(1, 15)])
        truth = np.isin(np.arange(size), relevant).astype(float)
        margin = np.empty(size)
        margin[order] = -np.arange(size)
        expected = ndcg_score(truth[None], margin[None], k=CUT)
        assert metrics(order[:LONGEST].tolist(), relevant.tolist())["ndcg_at_10"] == pytest.approx(expected)


def lists(*shown: list[int]) -> list[Array]:
    return [np.array(one, dtype=np.int64) for one in shown]


def window() -> Window:
    return Window(catalogue(), np.arange(0), (), ())


def test_coverage_and_novelty_are_of_what_stands_in_the_first_ten() -> None:
    judged = judge(window(), lists([GREEN, CUP], [CUP]), lists([CUP], [GREEN]))
    assert judged.size == 2
    assert judged.coverage == pytest.approx(2 / 12)
    assert judged.mean("mrr_at_20") == pytest.approx(0.25)
    # Green tea was bought by 240, more than any other, the cup by 120.
    assert judged.novelty == pytest.approx((0 + 1 + 1) / 3)
    late = judge(window(), lists([*([GREEN] * CUT), COFFEE]), lists([CUP]))
    assert late.coverage == pytest.approx(1 / 12)


def test_nobody_asked_has_no_metrics() -> None:
    judged = judge(window(), [], [])
    assert judged.size == 0
    assert np.isnan(judged.mean(METRIC))
    assert judged.coverage == 0.0
    assert interval(np.empty(0), 1).model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_bootstrap_samples_are_of_all_customers_and_repeat_with_the_seed() -> None:
    counts = draws(30, 7)
    assert set(counts.sum(axis=1).tolist()) == {30}
    assert (counts == draws(30, 7)).all()
    assert (counts != draws(30, 8)).any()


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(120):
        one = interval(rng.beta(1, 3, 80), seed)
        assert one.low <= one.value <= one.high
        held += one.low <= 0.25 <= one.high
    assert 105 <= held <= 119


def judged(values: Array) -> Judged:
    return Judged(dict.fromkeys(METRICS, values), 0.1, 3.0)


@pytest.mark.parametrize(("factor", "grade"), [(1.3, "A"), (1.02, "B"), (1.0, "C"), (0.9, "C")])
def test_the_grade_is_by_the_lower_end_of_the_improvement(factor: float, grade: str) -> None:
    theirs = np.random.default_rng(2).uniform(0.2, 0.4, 400)
    found = compare("popularity", judged(theirs), judged(theirs * factor), 1)
    assert (found.grade, found.baseline.name, found.baseline.metric) == (grade, "popularity", METRIC)
    assert found.improvement.value == pytest.approx(factor - 1)
    assert found.improvement.low == pytest.approx(factor - 1)
    assert found.baseline.model_value == pytest.approx(factor * (found.baseline.value or 0))


def test_a_difference_that_could_be_chance_is_none() -> None:
    rng = np.random.default_rng(3)
    theirs, ours = rng.beta(1, 4, 60), rng.beta(1, 4, 60)
    found = compare("popularity", judged(theirs), judged(ours), 1)
    assert found.grade == "C"
    assert found.improvement.low < 0 < found.improvement.high
    assert "not surely" in found.reason


def test_few_customers_are_not_judged_on() -> None:
    few = np.full(FEWEST - 1, 0.2)
    found = compare("popularity", judged(few), judged(few * 9), 1)
    assert (found.grade, found.improvement.low) == ("C", 0.0)
    assert str(FEWEST) in found.reason
    assert compare("popularity", judged(np.full(FEWEST, 0.2)), judged(np.full(FEWEST, 1.8)), 1).grade == "A"
    nobody = compare("popularity", judged(few[:0]), judged(few[:0]), 1)
    assert (nobody.grade, nobody.baseline.value, nobody.baseline.model_value) == ("C", 0.0, 0.0)


def test_against_a_rule_that_never_hits_numbers_stay_finite() -> None:
    none = np.zeros(50)
    found = compare("popularity", judged(none), judged(none), 1)
    assert (found.grade, found.improvement.value) == ("C", 0.0)
    better = compare("popularity", judged(none), judged(none + 0.1), 1)
    assert np.isfinite([better.improvement.value, better.improvement.low, better.improvement.high]).all()
