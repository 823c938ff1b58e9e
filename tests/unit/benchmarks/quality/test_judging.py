from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.judging import OURS, Answer, Judged, lines, perfect_ece
from training.evaluation import auc


def a_round(seed: int, size: int = 400) -> Judged:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.6, size)
    y = (rng.random(size) < p).astype(np.float64)
    noisy = np.clip(p + rng.normal(0, 0.2, size), 0.01, 0.99)
    return Judged(
        y,
        {
            OURS: Answer(p, 1.5, "a"),
            "twin": Answer(p.copy(), 0.5),
            "noisy": Answer(noisy),
            "rank": Answer(p * 100, is_probability=False),
        },
        {"first half": np.arange(size) < size // 2},
    )


def test_a_model_with_our_answers_is_neither_ahead_nor_behind() -> None:
    (twin,) = [line for line in lines([a_round(1), a_round(2)]) if line.name == "twin"]
    assert twin.lead == (0.0, 0.0, 0.0)


def test_the_lead_is_the_mean_of_the_rounds_differences_and_lies_in_its_interval() -> None:
    rounds = [a_round(1), a_round(2)]
    (noisy,) = [line for line in lines(rounds) if line.name == "noisy"]
    by_round = [auc(one.y, one.answers[OURS].p) - auc(one.y, one.answers["noisy"].p) for one in rounds]
    assert noisy.lead is not None
    middle, low, high = noisy.lead
    assert middle == pytest.approx(np.mean(by_round))
    assert 0 < low < middle < high


def test_a_score_that_only_ranks_has_no_loss_and_no_calibration() -> None:
    (rank,) = [line for line in lines([a_round(1)]) if line.name == "rank"]
    assert (rank.log_loss, rank.ece) == (None, None)
    assert rank.lead == (0.0, 0.0, 0.0)


def test_cpu_time_is_summed_over_rounds_and_unknown_where_no_round_has_it() -> None:
    found = {line.name: line for line in lines([a_round(1), a_round(2)])}
    assert found[OURS].cpu_seconds == 3.0
    assert found["noisy"].cpu_seconds is None


def test_a_group_holds_only_its_rows() -> None:
    one = a_round(1)
    part = one.only(one.groups["first half"])
    assert len(part.y) == len(part.answers[OURS].p) == 200
    assert part.answers["rank"].is_probability is False


def test_chance_alone_shows_a_calibration_error_that_shrinks_with_rows() -> None:
    rng = np.random.default_rng(0)
    few, many = perfect_ece(rng.uniform(0, 1, 500)), perfect_ece(rng.uniform(0, 1, 20_000))
    assert 0.02 < few < 0.08
    assert many < few / 4
