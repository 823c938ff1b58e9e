"""Channels and hours: told where they make a difference later, silent where they do not or cannot."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.history import Array
from app.estimators.responses import Responses
from tests.unit.training.actions.contacted import contacts_of
from training.actions.responses import (
    DAYPARTS,
    NO_HELP,
    TOO_FEW,
    TOO_SHORT,
    Compared,
    daypart_of,
    learn_responses,
    recent_days_of,
)
from training.actions.rows import no_contacts

SEED = 7


def drawn(
    seed: int, *, by_email: float = 0.0, by_email_if_repeat: float = 0.0, late: float = 0.0
) -> dict[str, Any]:
    """Return 6,000 contacts of two actions that use e-mail differently, answered 10 and 40 % of the time."""
    rng = np.random.default_rng(seed)
    size = 6000
    is_a, orders = rng.random(size) < 0.5, rng.integers(1, 4, size).astype(np.float64)
    is_email, hour = rng.random(size) < np.where(is_a, 0.8, 0.3), rng.integers(9, 21, size)
    repeat = (orders >= 2) * by_email_if_repeat
    p = np.where(is_a, 0.1, 0.4) * (1 + is_email * (by_email + repeat) + (hour >= 18) * late)
    return {
        "contacts": contacts_of(
            (rng.random(size) < p).astype(np.float64),
            customer=rng.integers(0, 3000, size),
            action=np.where(is_a, "a", "b"),
            channel=np.where(is_email, "email", "sms"),
            hour=hour.astype(np.float64),
        ),
        "order_days": orders,
        "silence": rng.integers(0, 100, size).astype(np.float64),
    }


def learned(rows: dict[str, Any]) -> tuple[Responses, Compared, Compared, tuple[str, ...]]:
    return learn_responses(**rows, timezone="UTC", seed=SEED)


def test_a_channel_that_does_better_is_told() -> None:
    found, channels, _, names = learned(drawn(1, by_email=0.6))
    assert channels.silent is None
    assert names == ("email", "sms")
    shares = found.channels(None)
    assert 1.3 < shares["email"][1] / shares["sms"][1] < 1.9
    assert Responses.of_document(found.as_document()) == found


def test_what_a_channel_was_used_for_is_no_difference() -> None:
    # SMS carries the action that is answered four times as often: on the whole it looks far better.
    rows = drawn(20)
    contacts = rows["contacts"]
    by_sms, by_email = (contacts.y[contacts.channel == name].mean() for name in ("sms", "email"))
    assert by_sms > 1.5 * by_email
    found, channels, hours, _ = learned(rows)
    assert (channels.silent, hours.silent) == (NO_HELP, NO_HELP)
    assert found.is_silent


def test_noise_is_seldom_told() -> None:
    told = sum(learned(drawn(seed))[1].silent is None for seed in range(100, 115))
    assert told <= 2


def test_segments_are_told_apart_where_they_differ() -> None:
    found, channels, _, _ = learned(drawn(3, by_email=-0.5, by_email_if_repeat=1.4))
    assert channels.by_segment
    first, repeat = found.channels("first_recent"), found.channels("repeat_recent")
    assert first["email"][1] < first["sms"][1]
    assert repeat["email"][1] > repeat["sms"][1]


def test_the_best_hours_are_told() -> None:
    found, _, hours, _ = learned(drawn(4, late=0.6))
    assert hours.silent is None
    assert found.hour(None) == (18, 21)


def test_one_channel_has_nothing_to_compare() -> None:
    rows = drawn(5)
    contacts = rows["contacts"]
    few = np.r_[np.flatnonzero(contacts.channel == "email"), np.flatnonzero(contacts.channel == "sms")[:199]]
    found, channels, _, _ = learned(
        {
            "contacts": contacts.take(few),
            "order_days": rows["order_days"][few],
            "silence": rows["silence"][few],
        }
    )
    assert channels.silent == TOO_FEW
    assert dict(found.channels(None)) == {}


def test_an_action_with_one_channel_tells_nothing_of_it() -> None:
    rows = drawn(6, by_email=0.6)
    contacts = rows["contacts"]
    by_phone = contacts_of(np.ones(400), action="call", channel="phone")
    both: Array = np.r_[np.arange(contacts.size), np.arange(400)]
    joined = {
        "contacts": type(contacts)(
            *(np.r_[getattr(contacts, name), getattr(by_phone, name)] for name in type(contacts).__slots__)
        ),
        "order_days": rows["order_days"][both],
        "silence": rows["silence"][both],
    }
    found, _, _, _ = learned(joined)
    assert set(found.channels(None)) == {"email", "sms"}


def test_one_time_is_too_short_to_judge_by() -> None:
    rows = drawn(7)
    contacts = rows["contacts"]
    same = contacts_of(
        contacts.y, action=contacts.action, channel=contacts.channel, day=np.zeros(contacts.size)
    )
    _, channels, _, _ = learned({**rows, "contacts": same})
    assert channels.silent == TOO_SHORT


def test_without_contacts_all_is_silent() -> None:
    nothing = np.empty(0)
    found, channels, hours, names = learned(
        {"contacts": no_contacts(), "order_days": nothing, "silence": nothing}
    )
    assert found.is_silent
    assert (channels.silent, hours.silent, names) == (TOO_FEW, TOO_FEW, ())


def test_dayparts_cover_the_day_in_the_business_zone() -> None:
    noon = contacts_of(np.ones(24), day=np.zeros(24), hour=np.arange(24.0))
    for zone in ("UTC", "Asia/Shanghai"):
        found = daypart_of(noon.at, zone)
        assert sorted(np.bincount(found).tolist()) == sorted(end - begin for begin, end in DAYPARTS)
    shifted = daypart_of(noon.at, "Asia/Shanghai")
    assert np.roll(daypart_of(noon.at, "UTC"), -8).tolist() == shifted.tolist()


def test_recent_is_the_median_silence() -> None:
    assert recent_days_of(np.array([10.0, 20.0, 90.0, np.nan])) == 20.0
    assert recent_days_of(np.array([np.nan])) == 0.0
