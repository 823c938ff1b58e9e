"""The statistical rung at a time: what is fitted, what chooses, and that nothing later is looked at."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.btyd import expected_order_value
from app.estimators.forecast import QUANTITIES, Statistics
from tests.unit.training.purchases import OPENED, TODAY, december, followed, simulated
from training.forecasting import (
    CUSTOMERS_FLOOR,
    KINDS,
    REPEAT_FLOOR,
    Outlook,
    even,
    fit_value,
    outlook_at,
    value_inputs,
)
from training.purchase_days import PurchaseDays, cohort_at
from training.season import EVEN


@cache
def business(name: str = "even", customers: int = 700) -> PurchaseDays:
    return simulated(december, customers=customers) if name == "december" else simulated(customers=customers)


@cache
def outlook(name: str = "even") -> Outlook:
    found = outlook_at(business(name), 90)
    assert found is not None
    return found


def same(one: object, other: object) -> bool:
    """Return whether two values are equal, arrays and all within."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)  # type: ignore[arg-type]
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)  # type: ignore[attr-defined, index]
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))  # type: ignore[arg-type]
    return one == other


# ── What is fitted ────────────────────────────────────────────────────────────────────────────────────
def test_an_outlook_has_a_clock_for_each_quantity_and_everybody_who_bought() -> None:
    found = outlook()
    assert found.seasons.keys() == set(QUANTITIES)
    assert len(found.cohort.customers) == len(np.unique(business().owner))
    assert found.windows == 2
    assert found.value_of in {"all", "repeat"}


def test_nothing_after_the_time_changes_an_outlook() -> None:
    days = business()
    later = followed(days)
    assert later.day.max() > days.day.max() + 200
    known = later.day <= TODAY
    cut = PurchaseDays(later.owner[known], later.day[known], later.value[known], later.size, TODAY)
    other = outlook_at(cut, 90)
    assert same(outlook(), other)
    assert not same(outlook(), outlook_at(later, 90))


def test_the_value_of_orders_is_recovered() -> None:
    found, known = outlook(), cohort_at(business(), TODAY).known
    assert found.value is not None
    told = expected_order_value(*value_inputs(known, found.value_of), found.value)
    # Averages are gamma(4, 10): 40 of all, and of who ordered often the own one is believed.
    assert told.mean() == pytest.approx(40, rel=0.12)
    often = known.frequency >= 8
    assert np.corrcoef(told[often], known.value[often])[0, 1] > 0.95
    assert 0.8 < found.value_level < 1.25


@pytest.mark.parametrize(
    ("customers", "until"), [(CUSTOMERS_FLOOR - 1, TODAY), (300, OPENED + 3), (0, TODAY)], ids=str
)
def test_too_few_customers_or_repeat_orders_have_no_outlook(customers: int, until: int) -> None:
    days = simulated(customers=max(customers, 1), until=until)
    if not customers:
        nothing = np.empty(0, dtype=np.int64)
        days = PurchaseDays(nothing, nothing, np.empty(0), 5, TODAY)
    known = cohort_at(days, until).known
    assert len(known.T) < CUSTOMERS_FLOOR or (known.frequency > 0).sum() < REPEAT_FLOOR
    assert outlook_at(days, 90) is None


def test_a_short_history_is_fitted_by_the_usual_model_without_a_season() -> None:
    found = outlook_at(simulated(customers=4000, until=OPENED + 60), 90)
    assert found is not None
    assert found.seasons["spend"].basis == "none"
    assert found.windows <= 1


def test_without_money_there_is_no_value() -> None:
    days = business()
    free = PurchaseDays(days.owner, days.day, np.zeros(len(days.day)), days.size, days.today)
    found = outlook_at(free, 90)
    assert found is not None
    assert (found.value, found.value_level) == (None, 1.0)


def test_one_day_for_all_orders_is_no_trouble() -> None:
    owner = np.arange(300)
    days = PurchaseDays(owner, np.full(300, TODAY - 5), np.full(300, 20.0), 300, TODAY)
    assert outlook_at(days, 90) is None
    twice = PurchaseDays(
        np.repeat(owner, 2), np.tile([TODAY - 5, TODAY], 300), np.full(600, 20.0), 300, TODAY
    )
    found = outlook_at(twice, 3650)
    assert found is not None
    assert found.seasons["no_order"].basis == "none"


def test_the_choice_of_a_model_is_one_of_the_three() -> None:
    for found in (outlook(), outlook("december")):
        assert set(found.kinds) == set(QUANTITIES)
        assert set(found.kinds.values()) <= set(KINDS)


def test_an_even_outlook_is_the_same_without_a_season() -> None:
    found = outlook("december")
    flat = even(found)
    assert all(season is EVEN for season in flat.seasons.values())
    assert same(
        (flat.value, flat.value_of, flat.value_level), (found.value, found.value_of, found.value_level)
    )
    assert flat.cohort is found.cohort


# ── Value ─────────────────────────────────────────────────────────────────────────────────────────────
def statistics(**changes: Array) -> Statistics:
    rng = np.random.default_rng(0)
    known = {
        "frequency": rng.integers(0, 6, 60).astype(float),
        "recency": np.zeros(60),
        "T": np.full(60, 100.0),
        "value": rng.gamma(4.0, 10.0, 60),
        "repeat_value": rng.gamma(4.0, 12.0, 60),
    }
    return Statistics(**{**known, **changes})


def test_values_are_learned_from_all_orders_or_from_repeat_orders() -> None:
    known = statistics()
    orders, value = value_inputs(known, "all")
    assert (orders == known.frequency + 1).all()
    assert value is known.value
    orders, value = value_inputs(known, "repeat")
    assert (orders == known.frequency).all()
    assert value is known.repeat_value
    assert fit_value(known, "all") != fit_value(known, "repeat")


def test_fewer_than_ten_who_paid_have_no_value() -> None:
    few = np.zeros(60)
    few[:9] = 20.0
    assert fit_value(statistics(value=few), "all") is None
    few[9] = 25.0
    assert fit_value(statistics(value=few), "all") is not None
    assert fit_value(statistics(frequency=np.zeros(60)), "repeat") is None
