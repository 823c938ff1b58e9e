"""The true drivers of leaving, seen from outside: tables on one side, the truth on the other."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array
from tests.unit.training.sample.reading import before, column, columns, owner, says
from training.sample import SimulatedBusiness
from training.sample.season import DAYS, END, HOUR, at

NEXT_DAYS = 30


class Months:
    """Every customer alive on the first of a month, and whether the customer left within 30 days."""

    def __init__(self, business: SimulatedBusiness) -> None:
        self.business = business
        self.customers = business.truth["customers"]
        truth, months = columns(self.customers), columns(business.truth["months"])
        inside = months["as_of"] <= at(DAYS - NEXT_DAYS)
        self.state = {name: values[inside] for name, values in months.items()}
        self.who = owner(business.truth["months"], self.customers)[inside]
        self.as_of = self.state["as_of"]
        self.truth = {name: values[self.who] for name, values in truth.items()}
        until = self.truth["alive_until"]
        self.leaves = (until != NAT) & (until < self.as_of + NEXT_DAYS * MICROSECONDS_PER_DAY)

    def count(self, table: str, time: str, days: int, where: Array | None = None) -> Array:
        """Return how many rows each had in the days before."""
        rows = self.business.tables[table]
        when = column(rows, time)
        chosen = when != NAT if where is None else (when != NAT) & where
        who = owner(rows, self.customers)[chosen]
        return before(who, when[chosen], self.who, self.as_of - days * MICROSECONDS_PER_DAY, self.as_of)

    def ratio(self, exposed: Array, other: Array) -> float:
        """Return how many times more often the exposed leave than the others."""
        assert min(self.leaves[exposed].sum(), self.leaves[other].sum()) >= 20
        return float(self.leaves[exposed].mean() / self.leaves[other].mean())


@pytest.fixture(scope="module")
def months(business: SimulatedBusiness) -> Months:
    return Months(business)


def test_late_parcels_make_people_leave(months: Months, business: SimulatedBusiness) -> None:
    orders = columns(business.tables["orders"])
    arrived = orders["delivered_at"] != NAT
    late = arrived & (orders["delivered_at"] > orders["promised_at"])
    some = months.count("orders", "delivered_at", 45, arrived) > 0
    any_late = months.count("orders", "delivered_at", 45, late) > 0
    assert months.ratio(any_late, some & ~any_late) > 1.4


def test_complaints_make_people_leave_and_open_ones_most(months: Months, business: SimulatedBusiness) -> None:
    cases = columns(business.tables["support_cases"])
    complaint = cases["type"] == "complaint"
    complained = months.count("support_cases", "opened_at", 45, complaint) > 0
    assert months.ratio(complained, ~complained) > 1.7
    still_open = complaint & (cases["closed_at"] == NAT)
    hanging = months.count("support_cases", "opened_at", 45, still_open) > 0
    assert months.ratio(hanging, complained & ~hanging) > 1.3


def test_members_stay(months: Months) -> None:
    member = months.state["subscribed"]
    assert months.ratio(member, ~member) < 0.6


def test_those_who_came_by_a_discount_leave_sooner(months: Months, business: SimulatedBusiness) -> None:
    hunter = says(business.tables["customers"], "acquisition_channel", "discount_campaign")[months.who]
    assert months.ratio(hunter, ~hunter) > 1.4


def test_visits_fall_before_people_leave(months: Months, business: SimulatedBusiness) -> None:
    visit = says(business.tables["events"], "event", "session_started")
    usual = months.count("events", "timestamp", 90, visit)
    recent = months.count("events", "timestamp", 21, visit)
    regular = usual >= 8
    fallen, risen = regular & (recent < 0.06 * usual), regular & (recent > 0.25 * usual)
    # Visits are few, so that they show engagement with much noise; engagement itself decides.
    assert months.state["engagement"][fallen].mean() < months.state["engagement"][risen].mean() - 0.3
    assert months.ratio(fallen, risen) > 1.2
    low, high = np.quantile(months.state["engagement"], [0.25, 0.75])
    assert months.ratio(months.state["engagement"] < low, months.state["engagement"] > high) > 3


def test_customers_with_a_single_order_leave_more_often(months: Months) -> None:
    orders = months.count("orders", "ordered_at", DAYS)
    assert months.ratio(orders == 1, orders > 1) > 1.2


def test_the_hazard_of_the_truth_is_the_share_that_leaves(months: Months) -> None:
    hazard = months.state["dropout_hazard"]
    group = np.digitize(hazard, np.quantile(hazard, [0.25, 0.5, 0.75]))
    days = 7
    until = months.truth["alive_until"]
    leaves = (until != NAT) & (until < months.as_of + days * MICROSECONDS_PER_DAY)
    expected = 1.0 - np.exp(-days * hazard)
    shares = np.array([leaves[group == one].mean() for one in range(4)])
    # One day's hazard is held for seven, while engagement goes back to its level: near, not equal.
    near = shares / np.array([expected[group == one].mean() for one in range(4)])
    assert near.min() > 0.6
    assert near.max() < 1.7
    assert (np.diff(shares) > 0).all()
    assert shares[3] > 6 * shares[0]


def test_who_has_left_does_nothing_any_more(business: SimulatedBusiness) -> None:
    truth = business.truth["customers"]
    until = columns(truth)["alive_until"]
    until = np.where(until == NAT, END + 1, until)
    for name, time in (
        ("orders", "ordered_at"),
        ("events", "timestamp"),
        ("support_cases", "opened_at"),
        ("support_cases", "reopened_at"),
        ("feedback", "submitted_at"),
        ("subscriptions", "started_at"),
        ("consents", "status_at"),
    ):
        table = business.tables[name]
        when = column(table, time)
        assert (when < until[owner(table, truth)]).all(), (name, time)


def test_the_business_does_not_know_who_has_left(business: SimulatedBusiness) -> None:
    truth, contacts = columns(business.truth["customers"]), business.tables["contacts"]
    until = truth["alive_until"][owner(contacts, business.truth["customers"])]
    assert ((until != NAT) & (columns(contacts)["contacted_at"] > until)).mean() > 0.1


def test_a_fair_share_of_the_active_buys_nothing_in_the_next_90_days(business: SimulatedBusiness) -> None:
    orders, customers = columns(business.tables["orders"]), business.tables["customers"]
    who = owner(business.tables["orders"], customers)
    bought = (orders["revenue"] > 0) & ~np.isin(orders["status"], ["cancelled", "pending"])
    for back in (90, 180, 270, 365):
        cut = at(DAYS - back)
        active, again = np.zeros((2, customers.num_rows), dtype=bool)
        when = orders["ordered_at"]
        active[who[bought & (when <= cut) & (when > cut - 180 * MICROSECONDS_PER_DAY)]] = True
        again[who[bought & (when > cut) & (when <= cut + 90 * MICROSECONDS_PER_DAY)]] = True
        assert active.sum() > 1000
        assert 0.25 < 1 - again[active].mean() < 0.55


def test_purchase_rates_show_in_the_orders(business: SimulatedBusiness) -> None:
    truth, orders = columns(business.truth["customers"]), columns(business.tables["orders"])
    who = owner(business.tables["orders"], business.truth["customers"])
    count = np.bincount(who[orders["revenue"] > 0], minlength=len(truth["alive_until"]))
    end = np.where(truth["alive_until"] == NAT, END, truth["alive_until"])
    days = (end - truth["registered_at"]) / (24 * HOUR)
    long = (days > 200) & (count > 0)
    assert (
        np.corrcoef(np.log(truth["purchase_rate_per_day"][long]), np.log(count[long] / days[long]))[0, 1]
        > 0.75
    )
    assert 0.8 < (count[long] / days[long]).mean() / truth["purchase_rate_per_day"][long].mean() < 1.6
