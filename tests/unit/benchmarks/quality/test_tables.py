from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.contenders import CONTENDERS
from benchmarks.quality.judging import OURS, Answer, Judged
from benchmarks.quality.tables import Bound, report

BEST = next(iter(CONTENDERS))


def rounds(ours: float, best: float) -> list[Judged]:
    """Return one round in which two models rank with some noise; 0 is perfect."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.01, 0.99, 2_000)
    y = (rng.random(len(p)) < p).astype(np.float64)
    answers = {
        name: Answer(np.clip(p + rng.normal(0, noise, len(p)), 0.01, 0.99), 1.0, "3 leaves")
        for name, noise in ((BEST, best), (OURS, ours))
    }
    return [Judged(y, answers, {"some": p > 0.5})]


@pytest.mark.parametrize(("ours", "best", "missed"), [(0.0, 0.3, 0), (0.3, 0.0, 1)])
def test_the_bound_beside_the_best_is_missed_only_behind_it(ours: float, best: float, missed: int) -> None:
    told = report("T", "about", rounds(ours, best), [Bound("auc_lead", -0.002)])
    assert len(told.missed) == missed
    assert ("MISSED" in told.markdown) == bool(missed)


def test_a_calibration_bound_is_missed_by_probabilities_that_are_off() -> None:
    (one,) = rounds(0.0, 0.0)
    off = Judged(one.y, {**one.answers, OURS: Answer(one.answers[OURS].p / 2, 1.0)})
    assert not report("T", "about", [one], [Bound("ece", 0.05)]).missed
    assert report("T", "about", [off], [Bound("ece", 0.05)]).missed


def test_an_auc_bound_names_the_figure_that_missed_it() -> None:
    (words,) = report("T", "about", rounds(0.5, 0.0), [Bound("auc", 0.95)]).missed
    assert words.startswith("T: AUC 0.")


def test_every_table_has_one_row_for_each_model() -> None:
    told = report("T", "about", rounds(0.1, 0.1), [])
    assert told.markdown.count(f"| {BEST} |") == 2
    assert told.markdown.count(f"| **{OURS}** |") == 2
    assert set(told.document["groups"]) == {"some"}
