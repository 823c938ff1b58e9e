"""What higher rungs stand on: forecasts of any origin, at the level that labels had, and nothing later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.base import sigmoid
from app.estimators.forecast import Quantity
from app.features.library import LIBRARY
from app.features.schema import FeatureSet
from tests.unit.training.purchases import TODAY, december, simulated
from training.forecasting import Outlook, outlook_at
from training.purchase_days import PurchaseDays, cohort_at
from training.standing import INPUTS, REPEAT_VALUE, SUMMARY_INPUTS, Standing, inputs_of

FULL = FeatureSet(tuple(LIBRARY[name] for name in ("order_days_90d", *INPUTS, REPEAT_VALUE)))
SUMMARY = FeatureSet(tuple(LIBRARY[name] for name in SUMMARY_INPUTS))
CUTS = (TODAY - 120, TODAY - 60, TODAY)
HORIZON = 60


def business() -> PurchaseDays:
    return simulated(december, customers=600, until=TODAY + HORIZON)


@cache
def known_at(day: int) -> PurchaseDays:
    return simulated(december, customers=600, until=day)


def inputs_at(day: int) -> Array:
    """Return what features would say of everybody at a day, over ``FULL``."""
    cohort = cohort_at(known_at(day), day)
    known = cohort.known
    repeat = np.where(known.frequency > 0, known.repeat_value, np.nan)
    columns = (known.T - known.recency, known.T, known.frequency + 1, known.value, repeat)
    return np.column_stack([np.zeros(len(known.T)), *columns])


@cache
def outlook(day: int) -> Outlook | None:
    return outlook_at(known_at(day), HORIZON)


@dataclass
class Rows:
    """Everybody's row at each cut, with what came of it, and which times were asked about."""

    quantity: Quantity
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Join the rows of the cuts."""
        X, y, cut = [], [], []
        for day in CUTS:
            cohort = cohort_at(known_at(day), day)
            orders, spend = business().bought(day, day + HORIZON)
            label = (orders == 0).astype(float) if self.quantity == "no_order" else spend
            X.append(inputs_at(day))
            y.append(label[cohort.customers])
            cut.append(np.full(len(cohort.customers), day))
        self.X, self.y, self.cut = np.vstack(X), np.concatenate(y), np.concatenate(cut)

    def standing(self, features: FeatureSet = FULL) -> Standing:
        def everybody(at: int) -> Array:
            self.asked.append(at)
            return inputs_at(at)

        return Standing(features, self.quantity, 90, HORIZON, self.cut, outlook, everybody)


@pytest.fixture(params=["no_order", "spend"])
def rows(request: pytest.FixtureRequest) -> Rows:
    return Rows(request.param)


# ── Which inputs ──────────────────────────────────────────────────────────────────────────────────────
def test_the_inputs_of_a_forecast_are_in_the_library() -> None:
    assert inputs_of("summary", "spend") == inputs_of("summary", "no_order") == SUMMARY_INPUTS
    assert inputs_of("full", "no_order") == INPUTS
    assert inputs_of("full", "spend") == (*INPUTS, REPEAT_VALUE)
    assert {*INPUTS, REPEAT_VALUE, *SUMMARY_INPUTS} <= LIBRARY.keys()
    assert all(LIBRARY[name].summary for name in SUMMARY_INPUTS)


def test_repeat_values_are_read_where_the_value_is_learned_from_repeat_orders() -> None:
    found = outlook(TODAY)
    assert found is not None
    for value_of, last in (("all", "average_order_value"), ("repeat", REPEAT_VALUE)):
        told = replace(found, value_of=value_of)  # type: ignore[arg-type]
        assert Rows("spend").standing().names(told) == (*INPUTS[:3], last)
        assert Rows("no_order").standing().names(told) == INPUTS
        assert Rows("spend").standing(SUMMARY).names(told) == SUMMARY_INPUTS


# ── The forecast of an origin ─────────────────────────────────────────────────────────────────────────
def test_the_forecast_of_an_origin_is_fitted_to_what_features_say(rows: Rows) -> None:
    stand, found = rows.standing().at(TODAY, 90), outlook(TODAY)
    assert stand is not None
    assert found is not None
    forecast = stand.forecast
    assert stand.quantity == rows.quantity
    assert forecast.horizon_days == 90
    assert [FULL.names[column] for column in forecast.columns] == list(forecast.names)
    np.testing.assert_array_equal(forecast.clock, found.seasons[rows.quantity].clock)
    assert (forecast.value is None) == (rows.quantity == "no_order")
    inputs = inputs_at(TODAY)[:, list(forecast.columns)]
    recent = inputs[inputs[:, 0] <= np.median(inputs[:, 0])]
    assert forecast.reference == pytest.approx(np.nanmedian(recent, axis=0).tolist())
    known, expected = forecast.statistics(inputs_at(TODAY)), cohort_at(known_at(TODAY), TODAY).known
    np.testing.assert_array_equal(known.frequency, expected.frequency)
    np.testing.assert_array_equal(known.recency, expected.recency)
    np.testing.assert_array_equal(known.T, expected.T)


def test_without_an_outlook_there_is_nothing_to_stand_on(rows: Rows) -> None:
    standing = replace(rows.standing(), outlook_at=lambda _: None)
    assert standing.at(TODAY, 90) is None
    with pytest.raises(ValueError, match="no forecast at this origin"):
        standing.said(TODAY, np.arange(3), rows.X[:3], rows.y[:3])


def test_the_origin_of_rows_is_the_newest_cut_among_them(rows: Rows) -> None:
    standing = rows.standing()
    for day in CUTS:
        assert standing.origin(np.flatnonzero(rows.cut <= day)) == day


# ── What was said of rows ─────────────────────────────────────────────────────────────────────────────
def test_what_was_said_has_the_level_of_the_labels_at_every_cut(rows: Rows) -> None:
    past = np.flatnonzero(rows.cut < TODAY)
    said, middle = rows.standing().said(TODAY, past, rows.X[past], rows.y[past])
    assert said.shape == middle.shape == past.shape
    for day in CUTS[:2]:
        own = rows.cut[past] == day
        y = rows.y[past][own]
        if rows.quantity == "no_order":
            expected = (y.sum() + 0.5) / (len(y) + 1)
            assert sigmoid(said[own]).mean() == pytest.approx(expected, abs=1e-6)
        else:
            assert np.exp(said[own]).sum() == pytest.approx(y.sum())
        assert len(np.unique(middle[own])) == 1


def test_what_was_said_tells_customers_apart(rows: Rows) -> None:
    past = np.flatnonzero(rows.cut < TODAY)
    said, _ = rows.standing().said(TODAY, past, rows.X[past], rows.y[past])
    ranks = np.argsort(np.argsort(said))
    assert np.corrcoef(ranks, rows.y[past])[0, 1] > 0.3


def test_the_middle_is_what_is_said_of_the_customer_of_reference(rows: Rows) -> None:
    standing = replace(rows.standing(), outlook_at=lambda _: outlook(TODAY))
    stand = standing.at(TODAY - 60, HORIZON)
    assert stand is not None
    own = np.flatnonzero(rows.cut == TODAY - 60)
    usual = rows.X[own].copy()
    usual[0, list(stand.forecast.columns)] = stand.forecast.reference
    said, middle = standing.said(TODAY, own, usual, rows.y[own])
    assert said[0] == pytest.approx(middle[0])


def test_nothing_after_the_origin_is_looked_at(rows: Rows) -> None:
    standing, asked = rows.standing(), []

    def watched(at: int) -> Outlook | None:
        asked.append(at)
        return outlook(at)

    standing = replace(standing, outlook_at=watched)
    own = np.flatnonzero(rows.cut == TODAY - 120)
    standing.said(TODAY - 60, own, rows.X[own], rows.y[own])
    standing.at(TODAY - 60, HORIZON)
    assert set(asked) == {TODAY - 60}
    assert max(rows.asked) <= TODAY - 60


def test_labels_move_the_level_and_never_the_order(rows: Rows) -> None:
    past = np.flatnonzero(rows.cut < TODAY)
    standing = rows.standing()
    said, _ = standing.said(TODAY, past, rows.X[past], rows.y[past])
    turned = rows.y[past][::-1] if rows.quantity == "spend" else 1 - rows.y[past]
    other, _ = standing.said(TODAY, past, rows.X[past], turned)
    for day in CUTS[:2]:
        own = rows.cut[past] == day
        moved = other[own] - said[own]
        assert np.ptp(moved) < 1e-9
