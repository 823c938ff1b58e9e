"""Tables and verdicts of rank metrics."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recommendations.tables import (
    HEADER,
    at_least,
    difference,
    document,
    missed,
    not_below,
    page,
    table,
)
from training.recommendations.judging import METRICS, Judged


def judged(value: float, size: int = 200, seed: int = 0) -> Judged:
    noise = np.random.default_rng(seed).normal(0, 0.05, size)
    return Judged(dict.fromkeys(METRICS, value + noise), coverage=0.5, novelty=float("nan"))


def test_the_difference_is_paired() -> None:
    found = difference(judged(0.3), judged(0.2))
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_a_table_has_a_cell_for_each_heading_and_no_difference_to_itself() -> None:
    lines = table({"ours": judged(0.3), "theirs": judged(0.2)}).splitlines()
    assert {line.count("|") for line in lines} == {HEADER.splitlines()[0].count("|")}
    assert lines[2].endswith("| 0.500 | – | – |")
    assert lines[3].endswith("| +0.1000 (+0.1000 to +0.1000) |")
    told = document({"ours": judged(0.3), "theirs": judged(0.2)})
    assert told[1]["novelty_at_10"] is None
    assert told[1]["first_minus_this"]["mrr_at_20"]["low"] == pytest.approx(0.1)


def test_a_bound_is_held_or_missed() -> None:
    one = judged(0.3)
    value = one.mean("recall_at_10")
    assert at_least(one, "recall_at_10", value, "x")[0]
    is_held, words = at_least(one, "recall_at_10", value + 1e-3, "x")
    assert not is_held
    assert words.startswith("x: Recall@10 0.")
    assert missed([(is_held, words), (True, "y")]) == [words]
    assert page("T", ["a"], [(is_held, words)]) == f"## T\n\na\n\n* MISSED: {words}\n"


def test_winning_and_tying_hold_and_losing_does_not() -> None:
    lines = {"ours": judged(0.3), "below": judged(0.2), "same": judged(0.3, seed=1), "above": judged(0.4)}
    found = not_below(lines, ("below", "same", "above"), "x")
    assert [is_held for is_held, _ in found] == [True, True, False]
    assert [words.split()[1] for _, words in found] == ["wins", "ties", "loses"]
