"""Cases, memberships, consents and events: what the columns promise in the README of a sample."""

from __future__ import annotations

import numpy as np

from app.domain.history import NAT
from tests.unit.training.sample.reading import before, column, columns, owner, says
from training.sample import SimulatedBusiness
from training.sample.season import END


def test_cases_are_closed_left_open_and_reopened(business: SimulatedBusiness) -> None:
    cases = columns(business.tables["support_cases"])
    closed, reopened = cases["closed_at"] != NAT, cases["reopened_at"] != NAT
    assert 0.8 < closed.mean() < 0.97
    assert 0.02 < reopened.mean() < 0.15
    both = closed & reopened
    assert (cases["reopened_at"][both] < cases["closed_at"][both]).all()


def test_a_recurring_membership_has_no_end_and_a_yearly_one_a_known_end(business: SimulatedBusiness) -> None:
    rows = columns(business.tables["subscriptions"])
    recurring = rows["is_recurring"]
    assert np.array_equal(recurring, rows["ends_at"] == NAT)
    assert np.array_equal(recurring, rows["recurrence_months"] < 12)
    assert (rows["cancelled_at"][~recurring] == NAT).all()
    assert 0.3 < (rows["cancelled_at"][recurring] != NAT).mean() < 0.95


def test_nobody_has_two_memberships_at_once_and_yearly_ones_are_renewed(business: SimulatedBusiness) -> None:
    rows = columns(business.tables["subscriptions"])
    end = np.where(rows["is_recurring"], rows["cancelled_at"], rows["ends_at"])
    end = np.where(end == NAT, END, end)
    same = rows["customer_id"][1:] == rows["customer_id"][:-1]
    assert same.any()
    assert (rows["started_at"][1:][same] >= end[:-1][same]).all()
    renewed = same & ~rows["is_recurring"][:-1] & (rows["started_at"][1:] == rows["ends_at"][:-1])
    assert renewed.sum() > 20


def test_who_denies_tracking_leaves_no_visits(business: SimulatedBusiness) -> None:
    consents, events, customers = (business.tables[name] for name in ("consents", "events", "customers"))
    against = says(consents, "purpose", "behavioural_tracking") & ~says(consents, "status", "granted")
    end = np.full(customers.num_rows, END + 1)
    end[owner(consents, customers)[against]] = column(consents, "status_at")[against]
    assert 0.02 < (end <= END).mean() < 0.1
    on_site = ~says(events, "channel", "email")
    assert (column(events, "timestamp")[on_site] < end[owner(events, customers)[on_site]]).all()


def test_a_few_deny_profiling_and_some_later(business: SimulatedBusiness) -> None:
    consents = columns(business.tables["consents"])
    profiling = consents["purpose"] == "profiling"
    size = business.tables["customers"].num_rows
    assert 0.015 < (profiling & (consents["status"] == "denied")).sum() / size < 0.05
    assert (profiling & (consents["status"] == "revoked")).sum() > 5


def test_an_online_order_follows_a_visit_with_a_checkout(business: SimulatedBusiness) -> None:
    orders, events, customers = (business.tables[name] for name in ("orders", "events", "customers"))
    seen = says(events, "event", "checkout_started")
    when = column(orders, "ordered_at")
    checked = before(
        owner(events, customers)[seen],
        column(events, "timestamp")[seen],
        owner(orders, customers),
        when - 120_000_000,
        when,
    )
    online = ~says(orders, "channel", "store")
    assert (checked > 0)[online].mean() > 0.93
    assert (checked > 0)[~online].mean() < 0.05


def test_events_repeat_no_row(business: SimulatedBusiness) -> None:
    table = business.tables["events"]
    assert table.group_by(table.column_names).aggregate([]).num_rows == table.num_rows


def test_rows_are_sorted_by_customer_and_time(business: SimulatedBusiness) -> None:
    customers = business.tables["customers"]
    for name, time in (("events", "timestamp"), ("orders", "ordered_at"), ("feedback", "submitted_at")):
        table = business.tables[name]
        who, when = owner(table, customers), column(table, time)
        assert (np.diff(who) >= 0).all(), name
        assert (np.diff(when)[np.diff(who) == 0] >= 0).all(), name
