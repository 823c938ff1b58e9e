"""Pair rules beside mlxtend: distances that are told, and a race that both run."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.recommendations import rules
from benchmarks.recommendations.rules import METRICS, Race, RulesQuestion, distances, race, timed
from tests.unit.benchmarks.recommendations.made import purchases

mlxtend = pytest.mark.skipif(
    find_spec("mlxtend") is None,
    reason="mlxtend is a dependency of the benchmarks alone: tools/setup.sh bench",
)


@mlxtend
def test_numbers_are_those_of_mlxtend() -> None:
    found = distances(purchases(10), 1)
    assert found.keys() == set(METRICS)
    assert max(found.values()) <= 1e-12


@mlxtend
def test_rules_that_differ_have_no_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rules.mlxtend_rules
    monkeypatch.setattr(rules, "mlxtend_rules", lambda held, support: found(held, 4 * support))
    assert all(map(math.isnan, distances(purchases(10), 1).values()))


@mlxtend
def test_both_find_the_same_rules_in_a_race() -> None:
    found = race(purchases(10), 0.02, 1)
    assert found.rules == found.their_rules > 0
    assert found.ratio > 0


def test_the_ratio_is_theirs_over_ours() -> None:
    assert Race(1, 1, 1, 1, ours=0.1, theirs=1.5, served=0.2, served_rules=9).ratio == pytest.approx(15)


def test_a_gap_is_relative_above_1_and_infinite_twice_is_none() -> None:
    ours, theirs = np.array([np.inf, 200.0, 0.5]), np.array([np.inf, 100.0, 0.25])
    assert rules._apart(ours, theirs) == 1.0
    assert rules._apart(ours[[0, 2]], theirs[[0, 2]]) == 0.25
    assert rules._apart(np.array([np.inf]), np.array([1.0])) == np.inf


def test_the_package_is_named_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "find_spec", lambda _: None)
    assert RulesQuestion("x").missing()[-1] == "the package mlxtend (tools/setup.sh bench)"


def test_work_is_timed_and_its_answer_kept() -> None:
    seconds, answer = timed(lambda: sum(range(200_000)))
    assert seconds > 0
    assert answer == sum(range(200_000))
