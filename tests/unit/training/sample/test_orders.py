from __future__ import annotations

import numpy as np

from app.domain.history import NAT
from tests.unit.training.sample.reading import columns
from training.sample import SimulatedBusiness
from training.sample.season import END, HOUR


def test_revenue_is_the_sum_of_the_lines_after_discount_to_the_cent(business: SimulatedBusiness) -> None:
    orders, lines = columns(business.tables["orders"]), columns(business.tables["order_lines"])
    row = {key: number for number, key in enumerate(orders["order_id"])}
    at = np.array([row[key] for key in lines["order_id"]])
    cents = np.rint(100 * (lines["price"] * lines["quantity"] - lines["discount"]))
    sold = orders["revenue"] > 0
    total = np.bincount(at, weights=cents, minlength=len(sold))
    assert np.array_equal(total[sold], np.rint(100 * orders["revenue"][sold]))
    discount = np.bincount(at, weights=np.rint(100 * lines["discount"]), minlength=len(sold))
    assert np.array_equal(discount[sold], np.rint(100 * orders["discount"][sold]))


def test_statuses_have_the_shares_and_the_facts_that_they_claim(business: SimulatedBusiness) -> None:
    orders = columns(business.tables["orders"])
    status, size = orders["status"], len(orders["status"])
    sold = orders["revenue"] > 0
    refunded = np.isin(status, ["refunded", "partially_refunded"]) & sold
    assert 0.03 < refunded.sum() / size < 0.06
    assert 0.02 < (status == "cancelled").sum() / size < 0.04
    assert np.array_equal(refunded, ~np.isnan(orders["refund"]))
    assert np.array_equal(refunded, (orders["refunded_at"] != NAT) & sold)
    assert np.array_equal(status == "cancelled", orders["cancelled_at"] != NAT)
    whole = (status == "refunded") & sold
    assert np.allclose(orders["refund"][whole], orders["revenue"][whole])
    part = status == "partially_refunded"
    assert ((orders["refund"][part] > 0) & (orders["refund"][part] < orders["revenue"][part])).all()


def test_only_fresh_orders_are_pending_and_they_are_not_shipped(business: SimulatedBusiness) -> None:
    orders = columns(business.tables["orders"])
    pending = orders["status"] == "pending"
    assert pending.any()
    assert orders["ordered_at"][pending].min() > END - 37 * HOUR
    assert (orders["shipped_at"][pending] == NAT).all()


def test_returns_without_their_order_are_negative_refunded_and_follow_an_order(
    business: SimulatedBusiness,
) -> None:
    orders = columns(business.tables["orders"])
    returns = orders["revenue"] < 0
    assert 0.002 < returns.mean() < 0.02
    assert (orders["status"][returns] == "refunded").all()
    first: dict[str, int] = {}
    for who, when in zip(orders["customer_id"][~returns], orders["ordered_at"][~returns], strict=True):
        first[who] = min(when, first.get(who, when))
    assert all(
        first[who] < when
        for who, when in zip(orders["customer_id"][returns], orders["ordered_at"][returns], strict=True)
    )


def test_parcels_are_later_in_the_peak_than_in_spring(business: SimulatedBusiness) -> None:
    orders = columns(business.tables["orders"])
    arrived = orders["delivered_at"] != NAT
    late = orders["delivered_at"] > orders["promised_at"]
    month = (orders["ordered_at"] + 8 * HOUR).astype("datetime64[us]").astype("datetime64[M]").astype(
        int
    ) % 12 + 1
    assert late[arrived & (month == 12)].mean() > 1.4 * late[arrived & np.isin(month, [4, 5])].mean()
    assert 0.07 < late[arrived].mean() < 0.18


def test_orders_peak_before_christmas_and_dip_at_chinese_new_year(business: SimulatedBusiness) -> None:
    when = columns(business.tables["orders"])["ordered_at"] + 8 * HOUR
    days = when.astype("datetime64[us]").astype("datetime64[D]")

    def per_day(first: str, last: str) -> float:
        inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        return float(inside.sum() / ((np.datetime64(last) - np.datetime64(first)).astype(int) + 1))

    assert per_day("2024-11-10", "2024-12-20") > 1.25 * per_day("2024-09-01", "2024-10-20")
    assert per_day("2026-02-12", "2026-02-26") < 0.65 * per_day("2026-03-15", "2026-05-15")
