"""What customers do between orders: events on site and in mail, and how they answer contacts."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import ARMS, EVENTS, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import Rows, View

EVENT_FEATURES: Final = tuple(
    Feature(name, unit, high=high, kind="flag" if unit == "flag" else "number", table="events")
    for name, unit, high in (
        ("days_since_last_event", "days", np.inf),
        ("events_7d", "count", np.inf),
        ("events_30d", "count", np.inf),
        ("events_90d", "count", np.inf),
        ("recent_event_share", "share", 1.0),
        ("active_days_30d", "count", 30.0),
        ("product_views_7d", "count", np.inf),
        ("product_views_30d", "count", np.inf),
        ("products_viewed_30d", "count", np.inf),
        ("cart_additions_30d", "count", np.inf),
        ("checkouts_started_30d", "count", np.inf),
        ("features_used_30d", "count", np.inf),
        ("sign_ins_30d", "count", np.inf),
        ("emails_opened_90d", "count", np.inf),
        ("email_clicks_90d", "count", np.inf),
        ("unsubscribed", "flag", 1.0),
    )
)
CONTACT_FEATURES: Final = (
    Feature("contacts_30d", "count", table="contacts"),
    Feature("contacts_90d", "count", table="contacts"),
    Feature("days_since_last_contact", "days", table="contacts"),
    Feature("answer_share_365d", "share", high=1.0, table="contacts"),
)

_CONTROL: Final = ARMS.index("control")


def compute_events(view: View) -> dict[str, Array]:
    """Return the features of events, each of shape (N,).

    ``recent_event_share`` is the share of the last 60 days' events that lie in the last 30.
    """
    events = view.rows("events")
    if events is None:
        return {}
    size, owner, age, kind = view.size, events.owner, events.age_days, events["event"]
    is_30 = age < 30
    is_view = kind == EVENTS.index("product_viewed")
    in_30 = ragged.count(owner, size, is_30)

    def counted(name: str, days: int) -> Array:
        return ragged.count(owner, size, (kind == EVENTS.index(name)) & (age < days))

    return {
        "days_since_last_event": view.today - ragged.last(events.offsets, events.day),
        "events_7d": ragged.count(owner, size, age < 7),
        "events_30d": in_30,
        "events_90d": ragged.count(owner, size, age < 90),
        "recent_event_share": ragged.share(in_30, ragged.count(owner, size, age < 60)),
        "active_days_30d": ragged.distinct(owner[is_30], events.day[is_30], size),
        "product_views_7d": counted("product_viewed", 7),
        "product_views_30d": counted("product_viewed", 30),
        "products_viewed_30d": ragged.distinct(owner, np.where(is_30 & is_view, events["product"], -1), size),
        "cart_additions_30d": counted("product_added", 30),
        "checkouts_started_30d": counted("checkout_started", 30),
        "features_used_30d": counted("feature_used", 30),
        "sign_ins_30d": counted("signed_in", 30),
        "emails_opened_90d": counted("email_opened", 90),
        "email_clicks_90d": counted("email_link_clicked", 90),
        "unsubscribed": np.minimum(ragged.count(owner, size, kind == EVENTS.index("unsubscribed")), 1.0),
    }


def compute_contacts(view: View) -> dict[str, Array]:
    """Return the features of contacts, each of shape (N,); a control arm was not contacted."""
    contacts = view.rows("contacts")
    if contacts is None:
        return {}
    size, reached = view.size, contacts["arm"] != _CONTROL
    owner, age = contacts.owner[reached], contacts.age_days[reached]
    is_365 = age < 365
    days = ragged.last(ragged.offsets_of(owner, size), contacts.day[reached])
    return {
        "contacts_30d": ragged.count(owner, size, age < 30),
        "contacts_90d": ragged.count(owner, size, age < 90),
        "days_since_last_contact": view.today - days,
        "answer_share_365d": ragged.share(
            ragged.count(owner, size, is_365 & _answered(contacts)[reached]),
            ragged.count(owner, size, is_365),
        ),
    }


def _answered(contacts: Rows) -> Array:
    """Return whether an answer was known by ``as_of``: an outcome without its time is not known yet."""
    return (contacts["outcome"] == 1.0) & contacts.known("outcome_at")
