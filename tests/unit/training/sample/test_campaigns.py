from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array
from tests.unit.training.sample.reading import columns, owner
from training.sample import SimulatedBusiness
from training.sample.season import END

WINDOW = 28 * MICROSECONDS_PER_DAY


def _difference(bought: Array, treated: Array, propensity: Array) -> tuple[float, float]:
    """Return the difference of the arms, weighted by the propensity, and its standard error."""
    parts = []
    for arm, chance in ((treated, propensity), (~treated, 1 - propensity)):
        weight = 1 / chance[arm]
        mean = np.average(bought[arm], weights=weight)
        error = np.sqrt((weight**2 * (bought[arm] - mean) ** 2).sum()) / weight.sum()
        parts.append((mean, error))
    return parts[0][0] - parts[1][0], float(np.hypot(parts[0][1], parts[1][1]))


@pytest.mark.parametrize(
    ("action", "group"),
    [
        ("discount_coupon", "all"),
        ("discount_coupon", "harmed"),
        ("discount_coupon", "helped"),
        ("service_call", "all"),
        ("service_call", "harmed"),
        ("service_call", "helped"),
        ("content_email", "all"),
    ],
)
def test_the_difference_of_the_arms_recovers_the_true_effect(
    business: SimulatedBusiness, action: str, group: str
) -> None:
    contacts, truth = columns(business.tables["contacts"]), columns(business.truth["contacts"])
    shift = truth["effect_on_log_rate"]
    chosen = {"all": shift > -9, "harmed": shift < -0.1, "helped": shift > 0.3}[group]
    rows = (
        (contacts["action_id"] == action)
        & ~np.isnan(truth["effect"])
        & (contacts["outcome_at"] != NAT)
        & chosen
    )
    if rows.sum() < 100:
        pytest.skip("nobody is like that")
    bought = (contacts["outcome"] == "purchased")[rows].astype(float)
    estimate, error = _difference(
        bought, (contacts["arm"] == "treatment")[rows], contacts["propensity"][rows]
    )
    assert abs(estimate - truth["effect"][rows].mean()) < 2.6 * error


def test_coupons_help_lapsing_lovers_of_discounts_and_harm_sleeping_dogs(business: SimulatedBusiness) -> None:
    truth = columns(business.truth["contacts"])
    coupon = truth["action_id"] == "discount_coupon"
    known = coupon & ~np.isnan(truth["effect"])
    assert (truth["effect"][known] < -0.05).sum() > 20
    assert (truth["effect"][known] > 0.05).sum() > 200
    love = columns(business.truth["customers"])["discount_love"]
    love = love[owner(business.truth["contacts"], business.truth["customers"])]
    assert truth["effect_on_log_rate"][known & (love > 0.6)].mean() > 0.3
    assert truth["effect_on_log_rate"][known & (love > 0.6)].min() > 0


def test_arms_are_drawn_with_the_stated_propensity(business: SimulatedBusiness) -> None:
    contacts = columns(business.tables["contacts"])
    treated = contacts["arm"] == "treatment"
    for propensity in np.unique(contacts["propensity"]):
        rows = contacts["propensity"] == propensity
        assert abs(treated[rows].mean() - propensity) < 4 * np.sqrt(0.25 / rows.sum())
    assert set(np.unique(contacts["propensity"])) == {0.5, 0.7}
    assert (contacts["cost"][~treated] == 0).all()
    assert (contacts["cost"][treated] > 0).all()


def test_an_outcome_is_an_order_within_the_window_and_open_ones_are_missing(
    business: SimulatedBusiness,
) -> None:
    contacts, orders = columns(business.tables["contacts"]), columns(business.tables["orders"])
    placed: dict[str, list[int]] = {}
    own = orders["revenue"] > 0
    for who, when in zip(orders["customer_id"][own], orders["ordered_at"][own], strict=True):
        placed.setdefault(who, []).append(when)
    for who, start, outcome, known_at in zip(
        *(contacts[name] for name in ("customer_id", "contacted_at", "outcome", "outcome_at")), strict=True
    ):
        first = min((when for when in placed.get(who, ()) if start < when <= start + WINDOW), default=None)
        if first is not None:
            assert (outcome, known_at) == ("purchased", first)
        elif start + WINDOW <= END:
            assert (outcome, known_at) == ("none", start + WINDOW)
        else:
            assert (outcome, known_at) == (None, NAT)


def test_only_those_who_agreed_are_contacted(business: SimulatedBusiness) -> None:
    consents, contacts = columns(business.tables["consents"]), columns(business.tables["contacts"])
    marketing = consents["purpose"] == "marketing"
    granted = set(consents["customer_id"][marketing & (consents["status"] == "granted")])
    assert set(contacts["customer_id"]) <= granted
    revoked = marketing & (consents["status"] == "revoked")
    end = dict(zip(consents["customer_id"][revoked], consents["status_at"][revoked], strict=True))
    assert end
    assert all(
        when < end.get(who, END)
        for who, when in zip(contacts["customer_id"], contacts["contacted_at"], strict=True)
    )


def test_effects_at_the_end_are_those_of_the_living(business: SimulatedBusiness) -> None:
    truth = columns(business.truth["customers"])
    for action in ("discount_coupon", "service_call", "content_email"):
        effect = truth[f"effect_{action}"]
        assert np.array_equal(np.isnan(effect), ~truth["alive_at_end"])
        assert (np.abs(effect[truth["alive_at_end"]]) < 1).all()
