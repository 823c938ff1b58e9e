from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.history import MICROSECONDS_PER_DAY, Array
from tests.unit.training.rows import SEED
from training.snapshots import (
    TRAINING_CUTS,
    Fold,
    Split,
    alike,
    at_random,
    by_cut,
    by_date,
    cut_times,
    learned_horizon,
    random_folds,
)

DAY: Final = MICROSECONDS_PER_DAY
END: Final = 1_780_000_000_000_000


def rows_at(cuts: tuple[int, ...], customers: int, seed: int) -> tuple[Array, Array, Array]:
    """Return cut, label and customer of rows; not everybody can be asked at every cut, at some nobody."""
    rng = np.random.default_rng(seed)
    cut, customer = np.repeat(cuts, customers), np.tile(np.arange(customers), len(cuts))
    silent = rng.random(len(cuts)) < 0.15
    keep = (rng.random(len(cut)) < 0.7) & ~np.repeat(silent, customers)
    y = (rng.random(len(cut)) < rng.uniform(0.05, 0.6)).astype(np.float64)
    return cut[keep], y[keep], customer[keep]


def apart(fold: Fold, group: Array) -> bool:
    return not np.intersect1d(group[fold[0]], group[fold[1]]).size


@given(st.integers(1, 2000), st.integers(7, 400))
def test_every_cut_leaves_a_whole_horizon_after_it_and_some_history_before_it(
    span: int, horizon: int
) -> None:
    first = END - span * DAY
    cuts = cut_times(first, END, horizon)
    before = min(max(horizon, 30), 90)
    assert bool(cuts) == (span >= horizon + before)
    assert list(cuts) == sorted(cuts, reverse=True)
    for cut in cuts:
        assert cut + horizon * DAY <= END
        assert cut >= first + before * DAY
    if cuts:
        assert cuts[0] == END - horizon * DAY
        assert all(3 * (a - b) == horizon * DAY for a, b in pairwise(cuts))


def no_look_ahead(split: Split, cut: Array, customer: Array, horizon: int) -> None:
    """Nothing that trains, not for the choices either, has a label that ends after it is judged."""
    assert not np.intersect1d(split.train, split.test).size
    if split.origin is None:
        return
    assert (cut[split.test] >= split.origin).all()
    assert (cut[split.train] + horizon <= split.origin).all()
    own = cut[split.train]
    for train, held in split.inner:
        assert not np.intersect1d(train, held).size
        in_time = own[train].max() + horizon <= own[held].min()
        assert in_time or apart((train, held), customer[split.train])


@settings(max_examples=60)
@given(st.integers(60, 1500), st.sampled_from([14, 30, 90, 180]), st.integers(3, 40), st.integers(0, 10**6))
def test_no_training_label_ends_after_the_origin(span: int, horizon: int, customers: int, seed: int) -> None:
    cuts = cut_times(END - span * DAY, END, horizon)
    cut, y, customer = rows_at(cuts, customers, seed)
    splits = by_cut(cut, y, customer, np.arange(len(cut))[:, None] * 1.0, horizon, SEED)
    for split in splits.backtests:
        no_look_ahead(split, cut, customer, horizon * DAY)
        assert min(len(split.train), len(split.test)) > 0
    newest = np.unique(cut)[::-1][:TRAINING_CUTS]
    assert np.isin(cut[splits.final], newest).all()
    for train, held in splits.final_inner:
        own = cut[splits.final]
        in_time = own[train].max() + horizon * DAY <= own[held].min()
        assert in_time or apart((train, held), customer[splits.final])


def test_a_long_history_is_tested_at_three_origins_a_horizon_apart() -> None:
    cuts = cut_times(END - 900 * DAY, END, 90)
    cut, customer = np.repeat(cuts, 50), np.tile(np.arange(50), len(cuts))
    y = np.tile([0.0, 1.0], len(cut) // 2)
    splits = by_cut(cut, y, customer, np.zeros((len(cut), 1)), 90, SEED)
    origins = [split.origin for split in splits.backtests]
    assert origins == [END - 90 * DAY * k for k in (1, 2, 3)]
    assert splits.protocol == "out of time at 3 origins, 90 days apart"
    for split in splits.backtests:
        assert len(np.unique(cut[split.train])) == TRAINING_CUTS
        assert len(split.inner) == 2
    assert set(cut[splits.final]) == set(cuts[:TRAINING_CUTS])


def test_a_shorter_history_is_tested_at_origins_that_are_closer() -> None:
    cuts = cut_times(END - 350 * DAY, END, 90)
    cut, customer = np.repeat(cuts, 20), np.tile(np.arange(20), len(cuts))
    y = np.tile([0.0, 1.0], len(cut) // 2)
    splits = by_cut(cut, y, customer, np.zeros((len(cut), 1)), 90, SEED)
    assert [split.origin for split in splits.backtests] == list(cuts[:3])
    assert splits.protocol == "out of time at 3 origins, 30 days apart"


def test_one_horizon_of_history_leaves_a_random_split_of_customers() -> None:
    cuts = cut_times(END - 200 * DAY, END, 90)
    cut, customer = np.repeat(cuts, 40), np.tile(np.arange(40), len(cuts))
    y = np.tile([0.0, 0.0, 1.0, 0.0], len(cut) // 4)
    splits = by_cut(cut, y, customer, np.arange(len(cut))[:, None] * 1.0, 90, SEED)
    assert {split.origin for split in splits.backtests} == {None}
    assert splits.protocol == (
        "by a random split into 5 folds (the history is too short for a second origin)"
    )
    assert (cut[splits.final] == cuts[0]).all()
    assert all(apart((split.train, split.test), customer) for split in splits.backtests)


def test_no_row_at_all_is_split_into_nothing() -> None:
    nothing = np.empty(0, dtype=np.int64)
    splits = by_cut(nothing, np.empty(0), nothing, np.empty((0, 1)), 90, SEED)
    assert splits.backtests == ()
    assert len(splits.final) == 0


@settings(max_examples=60)
@given(st.integers(5, 300), st.integers(1, 2000), st.sampled_from([7, 90, 730]), st.integers(0, 10**6))
def test_dated_labels_are_tested_on_later_ones_whose_training_was_complete(
    rows: int, span: int, horizon: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    as_of = END - rng.integers(0, span, rows) * DAY
    y = (rng.random(rows) < 0.4).astype(np.float64)
    customer = np.arange(rows)
    splits = by_date(as_of, y, customer, rng.integers(0, 5, (rows, 2)) * 1.0, horizon, SEED)
    tested = np.concatenate([split.test for split in splits.backtests] or [np.empty(0, np.int64)])
    assert len(tested) == len(np.unique(tested))
    for split in splits.backtests:
        no_look_ahead(split, as_of, customer, horizon * DAY)
        if split.origin is not None:
            assert (as_of[split.test] > split.origin).all()
            assert 0 < y[split.train].sum() < len(split.train)
    assert len(splits.final) == rows


def test_dates_that_are_close_together_fall_back_to_a_random_split() -> None:
    as_of = END - np.arange(100) * DAY
    splits = by_date(as_of, np.tile([0.0, 1.0], 50), np.arange(100), np.arange(100)[:, None] * 1.0, 365, SEED)
    assert {split.origin for split in splits.backtests} == {None}
    assert "too close together" in splits.protocol


@given(st.integers(10, 200), st.integers(1, 40), st.integers(0, 10**6))
def test_rows_that_are_alike_stay_on_one_side(rows: int, kinds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((rows, 1)) < 0.2, np.nan, rng.integers(0, kinds, (rows, 1)).astype(np.float64))
    y = (rng.random(rows) < 0.4).astype(np.float64)
    group = alike(X)
    splits = at_random(y, group, SEED, np.arange(rows), "a test")
    for split in splits.backtests:
        assert apart((split.train, split.test), group)
        assert len(split.test)
        assert 0 < y[split.train].sum() < len(split.train)
        assert all(apart(fold, group[split.train]) for fold in split.inner)
    tested = np.concatenate([split.test for split in splits.backtests] or [np.empty(0, np.int64)])
    assert len(tested) == len(np.unique(tested))


def test_alike_tells_missing_from_known_and_rows_from_one_another() -> None:
    X = np.array([[1.0, np.nan], [1.0, 2.0], [1.0, np.nan], [np.nan, 1.0]])
    group = alike(X)
    assert group[0] == group[2]
    assert len(np.unique(group)) == 3


def test_a_random_split_tests_every_row_once_with_both_classes_shared_out() -> None:
    y = np.r_[np.ones(30), np.zeros(120)]
    splits = at_random(y, np.arange(150), SEED, np.arange(150), "the label has no dates")
    assert splits.protocol == "by a random split into 5 folds (the label has no dates)"
    assert sorted(np.concatenate([split.test for split in splits.backtests])) == list(range(150))
    assert all(y[split.test].sum() == 6 for split in splits.backtests)


def test_too_few_of_a_class_leave_fewer_folds_or_none() -> None:
    rows = np.arange(40)
    assert len(random_folds(np.r_[np.ones(3), np.zeros(37)], rows, 5, SEED)) == 3
    assert random_folds(np.r_[np.ones(1), np.zeros(39)], rows, 5, SEED) == ()
    assert random_folds(np.empty(0), np.empty(0), 5, SEED) == ()
    nothing = at_random(np.r_[np.ones(1), np.zeros(39)], rows, SEED, rows, "a test")
    assert nothing.protocol == "by nothing: too few rows to split (a test)"


def test_one_large_group_leaves_no_empty_fold() -> None:
    y = np.tile([0.0, 1.0], 50)
    group = np.where(np.arange(100) < 96, 0, np.arange(100))
    for train, held in random_folds(y, group, 4, SEED):
        assert len(held)
        assert 0 < y[train].sum() < len(train)


@pytest.mark.parametrize("seed", [1, 2])
def test_splits_repeat_with_the_seed(seed: int) -> None:
    y = np.tile([0.0, 1.0, 0.0], 40)
    splits = [at_random(y, np.arange(120), s, np.arange(120), "a test") for s in (seed, seed, seed + 5)]
    tests = [np.concatenate([split.test for split in one.backtests]).tolist() for one in splits]
    assert tests[0] == tests[1] != tests[2]


def test_the_wanted_horizon_is_learned_where_four_cut_offs_fit() -> None:
    for wanted in (30, 90, 365):
        before = min(max(wanted, 30), 90)
        shortest = before + 2 * wanted
        assert learned_horizon(0, shortest * DAY, wanted) == wanted
        assert len(cut_times(0, shortest * DAY, wanted)) == 4
        assert learned_horizon(0, (shortest - 1) * DAY, wanted) < wanted


@given(st.integers(0, 1500), st.integers(1, 400))
def test_a_shorter_horizon_is_the_longest_that_leaves_six_cut_offs(history: int, wanted: int) -> None:
    days = learned_horizon(0, history * DAY, wanted)
    assert 1 <= days <= wanted
    if days < wanted:
        assert days >= 7
        longer = range(days + 1, wanted)
        assert all(len(cut_times(0, history * DAY, more)) < 6 for more in longer)
        assert days == 7 or len(cut_times(0, history * DAY, days)) >= 6


def test_no_history_at_all_asks_for_the_shortest() -> None:
    assert learned_horizon(0, 0, 90) == 7
    assert learned_horizon(0, 0, 3) == 3
