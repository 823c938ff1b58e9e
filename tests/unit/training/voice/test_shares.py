"""Shares and means say how sure they are, customer by customer, and hide what is of few."""

from __future__ import annotations

import numpy as np
import pytest

from training.planning.lift import wilson
from training.voice.shares import (
    change_of,
    customers_in,
    hidden_cells,
    hidden_in,
    mean_change,
    mean_of,
    share_of,
    shares_by,
    volume_change,
)


def test_rows_of_different_customers_have_wilsons_interval() -> None:
    told = share_of(np.arange(50) < 10, np.arange(50))
    low, high = wilson(np.array([10.0]), np.array([50.0]))
    assert (told["count"], told["of"], told["customers"], told["share"]) == (10, 50, 50, 0.2)
    assert told["low"] == pytest.approx(low[0], abs=0.002)
    assert told["high"] == pytest.approx(high[0], abs=0.002)


def test_a_customer_who_says_all_twice_is_no_second_witness() -> None:
    is_so, owner = np.arange(50) < 10, np.arange(50)
    once, twice = share_of(is_so, owner), share_of(np.repeat(is_so, 2), np.repeat(owner, 2))
    assert twice["of"] == 2 * once["of"]
    for end in ("share", "low", "high"):
        assert twice[end] == pytest.approx(once[end], abs=0.002)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        # Each of 60 customers has a leaning of their own, 0.3 on average, and writes one to six texts.
        leaning = rng.beta(0.6, 1.4, 60)
        owner = np.repeat(np.arange(60), rng.integers(1, 7, 60))
        told = share_of(rng.random(len(owner)) < leaning[owner], owner)
        hits += told["low"] <= 0.3 <= told["high"]
    assert 0.92 <= hits / 400 <= 0.98


def test_where_all_agree_each_customer_counts_once() -> None:
    told = share_of(np.zeros(40, dtype=bool), np.repeat(np.arange(10), 4))
    assert (told["share"], told["low"]) == (0.0, 0.0)
    assert told["high"] == pytest.approx(wilson(np.array([0.0]), np.array([10.0]))[1][0])


def test_numbers_of_one_to_four_customers_are_hidden() -> None:
    few = share_of(np.ones(9, dtype=bool), np.repeat(np.arange(3), 3))
    assert few == {"is_hidden": True, **dict.fromkeys(("count", "of", "customers", "share", "low", "high"))}
    assert mean_of(np.ones(4), np.arange(4))["mean"] is None
    nobody = share_of(np.empty(0, dtype=bool), np.empty(0, dtype=np.int64))
    assert (nobody["is_hidden"], nobody["of"], nobody["share"]) == (False, 0, None)


def test_a_hidden_number_is_not_given_away_by_its_neighbours() -> None:
    assert hidden_in(np.array([3, 40, 9, 0])).tolist() == [True, False, True, False]
    assert hidden_in(np.array([3, 3, 40])).tolist() == [True, True, False]
    assert not hidden_in(np.array([5, 40, 0])).any()
    group = np.repeat([0, 1, 2], [3, 9, 40])
    told = shares_by(np.ones(52, dtype=bool), np.arange(52), group, 3)
    assert [one["is_hidden"] for one in told] == [True, True, False]


def test_a_cell_is_not_given_away_along_either_axis() -> None:
    counts = np.array([[2, 30, 9], [20, 40, 8], [10, 6, 0]])
    nothing = np.zeros(3, dtype=bool)
    told = hidden_cells(counts, nothing, nothing)
    # The small one, and in each row and column with a hidden cell another one.
    assert told[0, 0]
    assert not told[1, 1]
    assert all(line.sum() != 1 for line in (*told, *told.T))
    assert not hidden_cells(counts + 5, nothing, nothing).any()
    forced = hidden_cells(counts + 5, np.array([True, False, False]), nothing)
    assert forced[0].all()
    assert not told[counts == 0].any()


def test_who_blames_is_a_group_of_its_own() -> None:
    owner, is_now = np.arange(80), np.arange(80) < 40
    few, nobody = np.isin(owner, [0, 1, 50]), np.zeros(80, dtype=bool)
    assert change_of(is_now, few, owner)["now"]["count"] == 2
    hidden = change_of(is_now, few, owner, of_groups=True)
    assert hidden["now"]["is_hidden"]
    assert hidden["before"]["is_hidden"]
    assert hidden["is_clear"] is None
    assert change_of(is_now, nobody, owner, of_groups=True)["now"]["count"] == 0


def test_a_change_is_clear_where_zero_lies_outside() -> None:
    owner, is_now = np.arange(200), np.arange(200) < 100
    much = change_of(is_now, (owner % 100) < np.where(is_now, 60, 30), owner)
    assert much["difference"] == pytest.approx(0.3)
    # Newcombe's interval for 60/100 against 30/100.
    assert (much["low"], much["high"]) == (pytest.approx(0.164, abs=0.003), pytest.approx(0.422, abs=0.003))
    assert much["is_clear"] is True
    little = change_of(is_now, (owner % 100) < np.where(is_now, 32, 30), owner)
    assert little["is_clear"] is False
    assert little["low"] < 0 < little["high"]


def test_nothing_before_is_nothing_to_compare() -> None:
    told = change_of(np.ones(20, dtype=bool), np.ones(20, dtype=bool), np.arange(20))
    assert (told["difference"], told["is_clear"], told["before"]["of"]) == (None, None, 0)


def test_more_cases_for_more_orders_are_not_more() -> None:
    is_now, owner = np.arange(300) < 200, np.arange(300)
    plain, for_orders = volume_change(is_now, owner), volume_change(is_now, owner, 2 / 3)
    assert (plain["now"], plain["before"], plain["is_clear"]) == (200, 100, True)
    assert plain["ratio"] == pytest.approx(2.0)
    assert for_orders["ratio"] == pytest.approx(1.0)
    assert for_orders["is_clear"] is False


def test_a_volume_of_few_or_without_a_before_is_not_compared() -> None:
    assert volume_change(np.arange(20) < 2, np.arange(20))["is_hidden"] is True
    only_now = volume_change(np.ones(20, dtype=bool), np.arange(20))
    assert (only_now["now"], only_now["before"], only_now["ratio"]) == (20, 0, None)


def test_a_mean_has_students_interval() -> None:
    told = mean_of(np.arange(1.0, 11.0), np.arange(10))
    # The quantile is 2.262, the standard deviation 3.0277.
    assert (told["mean"], told["rows"], told["customers"]) == (5.5, 10, 10)
    assert told["low"] == pytest.approx(5.5 - 2.166, abs=0.001)
    assert told["high"] == pytest.approx(5.5 + 2.166, abs=0.001)
    assert mean_of(np.full(9, 3.0), np.arange(9))["low"] is None


def test_means_are_compared() -> None:
    rng = np.random.default_rng(1)
    values, is_now = rng.normal(3.0, 1.0, 400), np.arange(400) < 200
    assert mean_change(is_now, values + is_now, np.arange(400))["is_clear"] is True
    assert mean_change(is_now, values, np.arange(400))["is_clear"] is False
    assert customers_in(np.array([4, 4, 2])) == 2
