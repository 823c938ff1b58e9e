"""Who answers against everybody: the differences, and when answers are weighed."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import Array
from tests.unit.training.rows import SEED, WORDS, mixed
from training.satisfaction.responders import LIMITS, ROWS_FLOOR, response_of, supported


def drawn(rows: int, seed: int, shift: float = 0.0) -> Array:
    """Return inputs of :func:`mixed` whose first number lies ``shift`` higher."""
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [
            rng.normal(shift, 1.0, rows),
            np.exp(rng.normal(1.0, 0.5, rows)),
            rng.integers(0, len(WORDS), rows).astype(np.float64),
            (rng.random(rows) < 0.3).astype(np.float64),
        ]
    )


def test_who_answers_like_everybody_is_told_apart_by_nothing_and_counts_alike() -> None:
    found = response_of(mixed(), drawn(1500, 0), drawn(1500, 1), SEED)
    assert found.auc == pytest.approx(0.5, abs=0.04)
    assert found.weight is not None
    assert found.worth > 0.95
    assert found.why == ""
    assert (found.responders, found.base) == (1500, 1500)


def test_weights_have_mean_one_and_turn_the_answers_into_the_base() -> None:
    answered, base = drawn(3000, 2, shift=0.8), drawn(3000, 3)
    found = response_of(mixed(), answered, base, SEED)
    assert found.weight is not None
    assert found.weight.mean() == pytest.approx(1.0, abs=1e-12)
    assert found.weight.min() >= LIMITS[0] / 2
    assert found.auc > 0.6
    before, after = answered[:, 0].mean(), np.average(answered[:, 0], weights=found.weight)
    assert abs(after - base[:, 0].mean()) < abs(before - base[:, 0].mean()) / 3


def test_the_largest_differences_are_told_first_in_spreads_of_the_base() -> None:
    answered, base = drawn(600, 4, shift=0.8), drawn(600, 5)
    found = response_of(mixed(), answered, base, SEED).differences
    assert found[0].feature == "attribute.x0"
    assert found[0].gap == pytest.approx(0.8, abs=0.15)
    assert found[0].gap == pytest.approx((found[0].responders - found[0].base) / base[:, 0].std())
    assert "attribute.colour" not in {one.feature for one in found}


def test_answers_too_unlike_everybody_are_not_weighed_and_it_is_said_why() -> None:
    found = response_of(mixed(), drawn(800, 6, shift=4.0), drawn(800, 7), SEED)
    assert found.weight is None
    assert found.auc > 0.95
    assert "too few of the base" in found.why


@pytest.mark.parametrize(("answered", "base"), [(ROWS_FLOOR - 1, 900), (900, ROWS_FLOOR - 1), (0, 0), (5, 0)])
def test_too_few_rows_tell_nothing(answered: int, base: int) -> None:
    found = response_of(mixed(), drawn(answered, 8), drawn(base, 9), SEED)
    assert (found.weight, found.why) == (None, "too few rows to tell")
    assert np.isnan(found.auc)
    assert np.isnan(found.worth)
    assert found.differences == ()
    assert supported(mixed(), drawn(answered, 8), drawn(base, 9)) == (mixed(), ())


def test_an_input_that_is_not_known_or_all_alike_makes_no_difference() -> None:
    answered, base = drawn(300, 10), drawn(300, 11)
    answered[:, 0], base[:, 1] = np.nan, 3.0
    found = {one.feature: one.gap for one in response_of(mixed(), answered, base, SEED).differences}
    assert "attribute.x0" not in found
    assert found["attribute.x1"] == 0.0


# ── Inputs that tell the moment of a question ─────────────────────────────────────────────────────────
def test_an_input_of_which_the_answers_show_too_little_is_left_out() -> None:
    answered, base = drawn(500, 12), drawn(500, 13)
    base[:300, 1] = 500.0
    features, left_out = supported(mixed(), answered, base)
    assert left_out == ("attribute.x1",)
    assert features.names == ("attribute.x0", "attribute.colour", "attribute.flag")
    assert features.vocabularies == mixed().vocabularies
    base[200:, 1] = answered[200:, 1]
    assert supported(mixed(), answered, base) == (mixed(), ())


def test_words_flags_and_what_is_not_known_stay() -> None:
    answered, base = drawn(100, 14), drawn(100, 15)
    answered[:, 0], base[:, 1] = np.nan, np.nan
    answered[:, 2], base[:, 2] = 0.0, 1.0
    answered[:, 3], base[:, 3] = 0.0, 1.0
    assert supported(mixed(), answered, base) == (mixed(), ())
    assert supported(mixed(), answered[:0], base) == (mixed(), ())
