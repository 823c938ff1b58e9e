"""Limits, repeats and quiet hours of a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions import Action, Effect, Limit, Policy, QuietHours
from app.domain.clock import to_microseconds
from app.serving.contact_policy import Sent, all_contacts, longest_days, not_before, told_contacts
from app.serving.pseudonyms import Keys
from app.store.records import Contacted

DAY = 86_400_000_000
NOW = to_microseconds(datetime(2026, 6, 15, 12, 0, tzinfo=UTC))
WEEKLY = Limit("weekly", 2, 7.0)
MAIL = Limit("mail", 1, 7.0, "email")
KEYS = Keys(b"k" * 32)


def contact(
    days_ago: float, channel: str = "email", action: str = "a", *, transactional: bool = False, key: str = "k"
) -> Contacted:
    return Contacted(NOW - round(days_ago * DAY), channel, action, key, transactional)


def action(repeat_days: float | None = None) -> Action:
    effect = Effect(0, 0, 0)
    return Action(
        "a", "coupon", ("email",), {"email": 0.0}, 1.0, None, effect, "c", {}, repeat_days=repeat_days
    )


@pytest.mark.parametrize(
    ("contacts", "channel", "total", "by_mail"),
    [
        ([], "email", False, False),
        ([contact(1)], "email", False, True),
        ([contact(1)], "sms", False, False),
        ([contact(1), contact(2, "sms")], "push", True, False),
        ([contact(7.1), contact(6.99)], "email", False, True),
        ([contact(1, transactional=True), contact(2)], "push", False, False),
        ([contact(-1), contact(-2)], "email", True, True),  # planned for later: they count as well
    ],
)
def test_limits_count_what_they_must(
    contacts: list[Contacted],
    channel: str,
    total: bool,
    by_mail: bool,
) -> None:
    sent = Sent(tuple(contacts))
    assert sent.over(WEEKLY, channel, NOW) is total
    assert sent.over(MAIL, channel, NOW) is by_mail


@given(st.lists(st.floats(0, 30), max_size=40), st.integers(1, 3), st.sampled_from([1.0, 2.5, 7.0]))
def test_no_span_ever_holds_more_than_the_limit(gaps: list[float], most: int, days: float) -> None:
    limit, now = Limit("any", most, days), NOW
    kept: list[Contacted] = []
    for gap in gaps:
        now += round(gap * DAY / 10)
        planned = now + (DAY // 3 if round(gap * 7) % 3 == 0 else 0)  # moved by quiet hours
        if not Sent(tuple(kept)).over(limit, "email", now):
            kept.append(Contacted(planned, "email", "a", str(len(kept))))
    for one in kept:
        within = [other for other in kept if one.at <= other.at < one.at + round(days * DAY)]
        assert len(within) <= most


def test_repeat_waits_for_its_days() -> None:
    sent = Sent((contact(10), contact(3, action="b")))
    assert sent.repeats(action(repeat_days=11.0), NOW)
    assert not sent.repeats(action(repeat_days=9.0), NOW)
    assert not sent.repeats(action(), NOW)


def test_contacts_that_were_told_and_stored_count_once() -> None:
    rows = [
        {"contact_id": "c1", "contacted_at": NOW - DAY, "channel": "email", "action_id": "a"},
        {"contact_id": "c2", "contacted_at": NOW - DAY, "channel": "email", "arm": "control"},
        {"contact_id": "c3", "contacted_at": NOW + 1, "channel": "email"},
        {"contact_id": "d" * 32, "contacted_at": NOW - DAY, "channel": "sms", "action_id": "bill"},
    ]
    told, names = told_contacts(rows, NOW, KEYS, frozenset({"bill"}))
    assert [(one.channel, one.is_transactional) for one in told] == [("email", False), ("sms", True)]
    platforms = Contacted(NOW - DAY, "email", "a", "e" * 32, contact_key=KEYS.contact("c1"))
    stored = (contact(1, key=KEYS.contact("c1")), contact(1, key="d" * 32), platforms, contact(1, key="new"))
    assert len(all_contacts(told, names, stored).contacts) == 3


def test_contacts_are_read_as_far_back_as_any_rule_asks() -> None:
    assert longest_days(Policy(limits=(WEEKLY,)), [action(repeat_days=90.0)]) == 90.0
    assert longest_days(Policy(), []) == 0.0


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-06-15T12:00+00:00", "UTC", "2026-06-15T12:00+00:00"),
        ("2026-06-15T22:30+00:00", "UTC", "2026-06-16T08:00+00:00"),
        ("2026-06-15T07:59+00:00", "UTC", "2026-06-15T08:00+00:00"),
        ("2026-06-15T08:00+00:00", "UTC", "2026-06-15T08:00+00:00"),
        ("2026-06-15T21:00+00:00", "UTC", "2026-06-16T08:00+00:00"),
        ("2026-06-15T14:00+00:00", "Asia/Shanghai", "2026-06-16T00:00+00:00"),
        ("2026-10-25T01:10+00:00", "Europe/Berlin", "2026-10-25T07:00+00:00"),  # and back
        ("2026-03-29T00:30+00:00", "Europe/Berlin", "2026-03-29T06:00+00:00"),  # clocks go forward that night
    ],
)
def test_quiet_hours_are_the_customers_own(now: str, zone: str, expected: str) -> None:
    quiet = QuietHours(21 * 60, 8 * 60, ("email",))
    at = to_microseconds(datetime.fromisoformat(now))
    assert not_before(quiet, "email", at, zone) == to_microseconds(datetime.fromisoformat(expected))
    assert not_before(quiet, "in_app", at, zone) == at
    assert not_before(None, "email", at, zone) == at


def test_quiet_hours_that_end_in_the_hour_that_comes_twice() -> None:
    quiet = QuietHours(21 * 60, 2 * 60 + 30, ("email",))
    at = to_microseconds(datetime.fromisoformat("2026-10-25T02:10+01:00"))
    end = to_microseconds(datetime.fromisoformat("2026-10-25T02:30+01:00"))
    assert not_before(quiet, "email", at, "Europe/Berlin") == end


def test_quiet_hours_within_a_day() -> None:
    quiet = QuietHours(12 * 60, 14 * 60, ("phone",))
    assert not_before(quiet, "phone", NOW, "UTC") == NOW + DAY // 12
    assert not_before(quiet, "phone", NOW + DAY // 12, "UTC") == NOW + DAY // 12
