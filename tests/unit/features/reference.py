"""Every feature a second time: one customer, plain Python, lists and loops, no NumPy, no shared code.

What the library computes in columns is held to this. A customer is a nested mapping as
:func:`app.domain.rows.build_history` takes it, times as int microseconds; None means "not known".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
Value = float | str | None

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
DAYS_PER_MONTH = 365.2425 / 12


def day_of(time: int, zone: str) -> int:
    """Return the calendar day; no zone of these tests turns clocks back over midnight."""
    return ((EPOCH + timedelta(microseconds=time)).astimezone(ZoneInfo(zone)).date() - EPOCH.date()).days


IDS = {"ordered_at": "order_id", "submitted_at": "feedback_id"}
"""What decides the order of rows with the same time, where a feature asks for the last one."""


def visible(
    rows: Sequence[Row] | None, field: str, as_of: int, latest: int | None = None
) -> list[Row] | None:
    """Return the rows up to ``as_of``, oldest first, of those the latest few; None where none were given."""
    if rows is None:
        return None
    kept = [row for row in rows if row[field] <= as_of]
    kept.sort(key=lambda row: (row[field], row[IDS[field]] if field in IDS else ""))
    return kept if latest is None else kept[max(len(kept) - latest, 0) :]


def happened(row: Row, field: str, as_of: int) -> bool:
    return row.get(field) is not None and row[field] <= as_of


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


class Customer:
    """One customer as known at a time."""

    def __init__(self, raw: Row, as_of: int, zone: str, defaults: Mapping[str, str] | None = None) -> None:
        self.raw, self.as_of, self.zone = raw, as_of, zone
        self.defaults = {"behavioural_tracking": "granted", **(defaults or {})}
        self.today = day_of(as_of, zone)

    def age(self, time: int) -> int:
        return self.today - day_of(time, self.zone)

    def within(self, rows: Sequence[Row], field: str, days: int) -> list[Row]:
        return [row for row in rows if self.age(row[field]) < days]

    def since(self, rows: Sequence[Row], field: str) -> int | None:
        return min((self.age(row[field]) for row in rows), default=None)

    # ── Orders ────────────────────────────────────────────────────────────────────────────────────────
    def orders(self) -> list[Row] | None:
        return visible(self.raw.get("orders"), "ordered_at", self.as_of, 2000)

    def is_cancelled(self, order: Row) -> bool:
        if order.get("cancelled_at") is not None:
            return bool(order["cancelled_at"] <= self.as_of)
        return order.get("status") == "cancelled"

    def counts(self, order: Row) -> bool:
        return not self.is_cancelled(order) and order.get("status") != "pending"

    def refund(self, order: Row) -> float:
        if order.get("refunded_at") is not None and order["refunded_at"] > self.as_of:
            return 0.0
        if order.get("refund") is not None:
            return float(order["refund"])
        return max(float(order["revenue"]), 0.0) if order.get("status") == "refunded" else 0.0

    def net(self, order: Row) -> float:
        return float(order["revenue"] - self.refund(order))

    def purchase_days(self) -> dict[int, float]:
        """Return the net value of each purchase day."""
        days: dict[int, list[Row]] = {}
        for order in self.orders() or []:
            if self.counts(order):
                days.setdefault(day_of(order["ordered_at"], self.zone), []).append(order)
        values = {}
        for day, orders in days.items():
            value = math.fsum(self.net(order) for order in orders)
            is_reduced = any(order["revenue"] < 0 or self.refund(order) > 0 for order in orders)
            if value > 1e-6 or (abs(value) <= 1e-6 and not is_reduced):
                values[day] = value
        return dict(sorted(values.items()))

    def rfm(self) -> dict[str, Value]:
        if self.orders() is None:
            return {}
        days = self.purchase_days()
        ages = [self.today - day for day in days]
        counted = [order for order in self.orders() or [] if self.counts(order)]

        def spent(within: float, least: float = -math.inf) -> float:
            return math.fsum(
                max(self.net(order), least) for order in counted if self.age(order["ordered_at"]) < within
            )

        def recent(within: int) -> int:
            return sum(age < within for age in ages)

        return {
            "days_since_last_order": min(ages, default=None),
            "days_since_first_order": max(ages, default=None),
            "order_days": len(days),
            "order_days_30d": recent(30),
            "order_days_90d": recent(90),
            "order_days_365d": recent(365),
            "recent_order_share": ratio(recent(90), recent(180)),
            "order_days_year_ago": sum(276 <= age <= 365 for age in ages),
            "revenue_total": spent(math.inf),
            "revenue_90d": spent(90),
            "revenue_365d": spent(365),
            "recent_revenue_share": ratio(spent(90, 0.0), spent(180, 0.0)),
            "average_order_value": mean(list(days.values())),
            "last_order_value": days[max(days)] if days else None,
            "largest_order_value": max(days.values(), default=None),
            "average_repeat_order_value": mean(list(days.values())[1:]),
        }

    def rhythm(self) -> dict[str, Value]:
        if self.orders() is None:
            return {}
        days = list(self.purchase_days())
        gaps = [later - earlier for earlier, later in pairwise(days)]
        average = mean(gaps)
        if average is None:
            return {}
        silence = self.today - days[-1]
        spread = math.sqrt(sum((gap - average) ** 2 for gap in gaps) / len(gaps))
        return {
            "average_gap_days": average,
            "last_gap_days": gaps[-1],
            "longest_gap_days": max(gaps),
            "gap_variation": spread / average if len(gaps) >= 2 else None,
            "gap_trend": gaps[-1] / average,
            "silence_ratio": silence / average,
            "silence_to_longest_gap": silence / max(gaps),
        }

    def money(self) -> dict[str, Value]:
        rows = self.orders()
        if rows is None:
            return {}
        counted = [order for order in rows if self.counts(order)]
        sold = [order for order in counted if order["revenue"] >= 0]
        placed = [order for order in rows if order["revenue"] >= 0]
        gross = math.fsum(order["revenue"] for order in sold)
        discount = math.fsum(max(order.get("discount") or 0.0, 0.0) for order in sold)
        returned = math.fsum(self.refund(order) + max(-order["revenue"], 0.0) for order in counted)
        return {
            "discount_share": ratio(discount, gross + discount),
            "coupon_share": ratio(sum(bool(order.get("coupon")) for order in sold), len(sold)),
            "return_share": ratio(returned, gross),
            "cancelled_share": ratio(sum(self.is_cancelled(order) for order in placed), len(placed)),
        }

    def delivery(self) -> dict[str, Value]:
        times, verdicts = [], []
        for order in self.orders() or []:
            if not self.counts(order):
                continue
            promised = order.get("promised_at")
            if happened(order, "delivered_at", self.as_of):
                times.append(max(order["delivered_at"] - order["ordered_at"], 0) / DAY)
                if promised is not None:
                    verdicts.append(order["delivered_at"] > promised)
            elif happened(order, "promised_at", self.as_of) and happened(order, "shipped_at", self.as_of):
                verdicts.append(True)
        return {
            "late_delivery_share": ratio(sum(verdicts), len(verdicts)),
            "average_delivery_days": mean(times),
            "last_delivery_late": float(verdicts[-1]) if verdicts else None,
        }

    def lines(self) -> dict[str, Value]:
        known = visible(self.raw.get("orders"), "ordered_at", self.as_of) or []
        if not any(order.get("products") for order in known):
            return {}
        sold = [order for order in self.orders() or [] if self.counts(order) and order["revenue"] >= 0]
        seconds = {order["ordered_at"] // 1_000_000 for order in sold}
        bought = [
            line["product_id"]
            for order in known
            if order["ordered_at"] // 1_000_000 in seconds
            for line in order.get("products") or []
            if line["quantity"] > 0
        ]
        return {
            "distinct_products": len(set(bought)),
            "lines_per_order_day": ratio(len(bought), len(self.purchase_days())),
            "repeat_product_share": 1 - len(set(bought)) / len(bought) if bought else None,
        }

    # ── What else they do ─────────────────────────────────────────────────────────────────────────────
    def consents_to(self, purpose: str) -> bool:
        said = [
            row
            for row in self.raw.get("consents") or []
            if row["purpose"] == purpose and row["status_at"] <= self.as_of
        ]
        if not said:
            return self.defaults[purpose] == "granted"
        latest = max(row["status_at"] for row in said)
        return all(row["status"] == "granted" for row in said if row["status_at"] == latest)

    def events(self) -> dict[str, Value]:
        rows = visible(self.raw.get("events"), "timestamp", self.as_of, 5000)
        if rows is None or not self.consents_to("behavioural_tracking"):
            return {}

        def count(days: int, name: str | None = None) -> int:
            return sum(name in (None, row["event"]) for row in self.within(rows, "timestamp", days))

        month = self.within(rows, "timestamp", 30)
        views = [row for row in month if row["event"] == "product_viewed"]
        return {
            "days_since_last_event": self.since(rows, "timestamp"),
            "events_7d": count(7),
            "events_30d": count(30),
            "events_90d": count(90),
            "recent_event_share": ratio(count(30), count(60)),
            "active_days_30d": len({day_of(row["timestamp"], self.zone) for row in month}),
            "product_views_7d": count(7, "product_viewed"),
            "product_views_30d": count(30, "product_viewed"),
            "products_viewed_30d": len({row.get("product_id") for row in views} - {None}),
            "cart_additions_30d": count(30, "product_added"),
            "checkouts_started_30d": count(30, "checkout_started"),
            "features_used_30d": count(30, "feature_used"),
            "sign_ins_30d": count(30, "signed_in"),
            "emails_opened_90d": count(90, "email_opened"),
            "email_clicks_90d": count(90, "email_link_clicked"),
            "unsubscribed": float(any(row["event"] == "unsubscribed" for row in rows)),
        }

    def contacts(self) -> dict[str, Value]:
        rows = visible(self.raw.get("contacts"), "contacted_at", self.as_of)
        if rows is None:
            return {}
        reached = [row for row in rows if row.get("arm") != "control"]
        year = self.within(reached, "contacted_at", 365)
        answered = [
            row
            for row in year
            if row.get("outcome") in ("clicked", True) and happened(row, "outcome_at", self.as_of)
        ]
        return {
            "contacts_30d": len(self.within(reached, "contacted_at", 30)),
            "contacts_90d": len(self.within(reached, "contacted_at", 90)),
            "days_since_last_contact": self.since(reached, "contacted_at"),
            "answer_share_365d": ratio(len(answered), len(year)),
        }

    def cases(self) -> dict[str, Value]:
        rows = visible(self.raw.get("support_cases"), "opened_at", self.as_of)
        if rows is None:
            return {}
        year = self.within(rows, "opened_at", 365)
        closed = [row for row in rows if happened(row, "closed_at", self.as_of)]

        def is_open(row: Row) -> bool:
            if not happened(row, "closed_at", self.as_of):
                return True
            return happened(row, "reopened_at", self.as_of) and row["reopened_at"] > row["closed_at"]

        return {
            "cases_90d": len(self.within(rows, "opened_at", 90)),
            "cases_365d": len(year),
            "complaints_365d": sum(row.get("type") == "complaint" for row in year),
            "open_cases": sum(is_open(row) for row in rows),
            "reopened_cases_365d": sum(happened(row, "reopened_at", self.as_of) for row in year),
            "days_since_last_case": self.since(rows, "opened_at"),
            "average_resolution_days": mean(
                [max(row["closed_at"] - row["opened_at"], 0) / DAY for row in closed]
            ),
        }

    def feedback(self) -> dict[str, Value]:
        rows = visible(self.raw.get("feedback"), "submitted_at", self.as_of)
        if rows is None:
            return {}
        scores = []
        for row in rows:
            best = row.get("scale_max") or (10.0 if row["kind"] == "nps" else None)
            if row.get("score") is not None and best is not None:
                scores.append(min(max(row["score"] / best, 0.0), 1.0))
        return {
            "feedback_365d": len(self.within(rows, "submitted_at", 365)),
            "days_since_last_feedback": self.since(rows, "submitted_at"),
            "last_feedback_score": scores[-1] if scores else None,
            "average_feedback_score": mean(scores),
        }

    def subscriptions(self) -> dict[str, Value]:
        rows = visible(self.raw.get("subscriptions"), "started_at", self.as_of)
        if rows is None:
            return {}

        def runs(row: Row) -> bool:
            if row.get("ends_at") is not None:
                return bool(row["ends_at"] > self.as_of)
            return not happened(row, "cancelled_at", self.as_of)

        def days_left(row: Row) -> float | None:
            if row.get("is_recurring") and not happened(row, "cancelled_at", self.as_of):
                if row.get("recurrence_months") is None:
                    return None
                period = row["recurrence_months"] * DAYS_PER_MONTH
                return float(period - math.fmod(self.age(row["started_at"]), period))
            return None if row.get("ends_at") is None else float(-self.age(row["ends_at"]))

        running = [row for row in rows if runs(row)]
        left = [days for days in map(days_left, running) if days is not None]
        renewing = [row["is_recurring"] for row in running if row.get("is_recurring") is not None]
        months = [row["recurrence_months"] for row in running if row.get("recurrence_months") is not None]
        amounts = [row["amount"] for row in running if row.get("amount") is not None]
        cancelled = [row for row in rows if happened(row, "cancelled_at", self.as_of)]
        return {
            "active_subscriptions": len(running),
            "days_subscribed": max((self.age(row["started_at"]) for row in running), default=None),
            "days_to_renewal": min(left, default=None),
            "has_recurring_subscription": float(any(renewing)) if renewing else None,
            "recurrence_months": max(months, default=None),
            "subscription_amount": math.fsum(amounts) if amounts or not running else None,
            "subscriptions_cancelled": len(cancelled),
            "subscriptions_ended": len([row for row in rows if row not in running and row not in cancelled]),
        }

    def record(self) -> dict[str, Value]:
        profile = self.raw.get("customer") or {}
        created = profile.get("created_at")
        turn = 2 * math.pi * (self.today % 365.2425) / 365.2425
        words = ("acquisition_channel", "country", "company_industry", "loyalty_tier", "company_size")
        return {
            "tenure_days": None if created is None or created > self.as_of else self.age(created),
            **{name: profile.get(name) for name in words},
            "season_cosine": math.cos(turn),
            "season_sine": math.sin(turn),
        }

    def summary(self) -> dict[str, Value]:
        given = self.raw.get("summary") or {}
        first, last, count = (given.get(name) for name in ("first_order_at", "last_order_at", "order_count"))
        if first is None or last is None or not first <= last <= self.as_of:
            return {}
        silence, span = self.age(last), self.age(first) - self.age(last)
        gap = span / (count - 1) if count is not None and count > 1 and span > 0 else None
        revenue, refund = given.get("revenue"), given.get("refund")
        net = None if revenue is None else revenue - (refund or 0.0)
        told = {
            name: given.get(name) for name in ("orders_90d", "orders_365d", "revenue_90d", "revenue_365d")
        }
        return {
            "summary.days_since_last_order": silence,
            "summary.days_since_first_order": self.age(first),
            "summary.order_count": count,
            "summary.average_gap_days": gap,
            "summary.silence_ratio": silence / gap if gap else None,
            "summary.revenue_total": net,
            "summary.average_order_value": ratio(net, count) if net is not None and count else None,
            "summary.return_share": ratio(refund, revenue) if refund is not None and revenue else None,
            **{f"summary.{name}": value for name, value in told.items()},
        }

    # ── What only trigger rules ask about ─────────────────────────────────────────────────────────────
    def last_order_day(self) -> tuple[bool, int | None]:
        """Return whether it is told if they ordered, and the day of the last order that stands."""
        rows, last = self.orders(), (self.raw.get("summary") or {}).get("last_order_at")
        days = [
            day_of(row["ordered_at"], self.zone)
            for row in rows or []
            if row["revenue"] >= 0 and not self.is_cancelled(row)
        ]
        if last is not None and last <= self.as_of:
            return True, max([*days, day_of(last, self.zone)])
        return rows is not None, max(days, default=None)

    def for_rules(self) -> dict[str, Value]:
        is_told, last = self.last_order_day()
        events = visible(self.raw.get("events"), "timestamp", self.as_of, 5000)
        if not self.consents_to("behavioural_tracking"):
            events = None
        seen = {day_of(row["timestamp"], self.zone) for row in events or []}
        signs = seen if last is None else seen | {last}
        views = {
            day_of(row["timestamp"], self.zone)
            for row in self.within(events or [], "timestamp", 14)
            if row["event"] == "product_viewed"
        }
        open_days = []
        for row in visible(self.raw.get("support_cases"), "opened_at", self.as_of) or []:
            since = row["opened_at"]
            if happened(row, "closed_at", self.as_of):
                reopened = row.get("reopened_at")
                if reopened is None or not row["closed_at"] < reopened <= self.as_of:
                    continue
                since = reopened
            if row.get("type") == "complaint":
                open_days.append(self.age(since))
        return {
            "days_since_sign_of_life": self.today - max(signs) if signs else None,
            "viewed_days_without_order": len({day for day in views if last is None or day > last})
            if is_told and events is not None
            else None,
            "oldest_open_complaint_days": max(open_days, default=None),
        }

    def features(self) -> dict[str, Value]:
        """Return all that is known; what is not in it is not known."""
        parts: tuple[Callable[[], dict[str, Value]], ...] = (
            self.rfm, self.rhythm, self.money, self.delivery, self.lines, self.events, self.contacts,
            self.cases, self.feedback, self.subscriptions, self.record, self.summary, self.for_rules,
        )  # fmt: skip
        return {name: value for part in parts for name, value in part().items()}
