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
_EDGES: Final = np.array([7, 30, 60, 90])
_CONTACT_EDGES: Final = np.array([30, 90, 365])
_COUNTED: Final = {
    "product_views_7d": ("product_viewed", 0),
    "product_views_30d": ("product_viewed", 1),
    "cart_additions_30d": ("product_added", 1),
    "checkouts_started_30d": ("checkout_started", 1),
    "features_used_30d": ("feature_used", 1),
    "sign_ins_30d": ("signed_in", 1),
    "emails_opened_90d": ("email_opened", 3),
    "email_clicks_90d": ("email_link_clicked", 3),
}
"""Counts of one kind of event: its name, and the position of the window in ``_EDGES``."""
_KINDS: Final = tuple(dict.fromkeys([*(event for event, _ in _COUNTED.values()), "unsubscribed"]))
_KIND_OF: Final = np.array(
    [_KINDS.index(name) if name in _KINDS else len(_KINDS) for name in (*EVENTS, "other")]
)
"""The position in ``_KINDS`` of each code of an event; the others share the last one."""


def compute_events(view: View) -> dict[str, Array]:
    """Return the features of events, each of shape (N,).

    ``recent_event_share`` is the share of the last 60 days' events that lie in the last 30.
    """
    events = view.rows("events")
    if events is None:
        return {}
    size, owner, age, event = view.size, events.owner, events.age_days, events["event"]
    windows = ragged.Windows(owner, age, _EDGES, size)
    counts = windows.count_by(_KIND_OF[event], len(_KINDS) + 1)
    every = counts.sum(axis=2)
    viewed = (event == EVENTS.index("product_viewed")) & (age < 30)
    return {
        "days_since_last_event": view.today - ragged.last(events.offsets, events.day),
        "events_7d": every[:, 0],
        "events_30d": every[:, 1],
        "events_90d": every[:, 3],
        "recent_event_share": ragged.share(every[:, 1], every[:, 2]),
        "active_days_30d": windows.count(ragged.begins(owner, events.day))[:, 1],
        "products_viewed_30d": ragged.distinct(owner[viewed], events["product"][viewed], size),
        "unsubscribed": np.minimum(counts[:, -1, _KINDS.index("unsubscribed")], 1.0),
        **{name: counts[:, window, _KINDS.index(kind)] for name, (kind, window) in _COUNTED.items()},
    }


def compute_contacts(view: View) -> dict[str, Array]:
    """Return the features of contacts, each of shape (N,); a control arm was not contacted."""
    contacts = view.rows("contacts")
    if contacts is None:
        return {}
    size, reached = view.size, contacts["arm"] != _CONTROL
    owner, day = contacts.owner[reached], contacts.day[reached]
    windows = ragged.Windows(owner, contacts.age_days[reached], _CONTACT_EDGES, size)
    counts, answered = windows.count(), windows.count(_answered(contacts)[reached])
    return {
        "contacts_30d": counts[:, 0],
        "contacts_90d": counts[:, 1],
        "days_since_last_contact": view.today - ragged.last(ragged.offsets_of(owner, size), day),
        "answer_share_365d": ragged.share(answered[:, 2], counts[:, 2]),
    }


def _answered(contacts: Rows) -> Array:
    """Return whether an answer was known by ``as_of``: an outcome without its time is not known yet."""
    answered: Array = (contacts["outcome"] == 1.0) & contacts.known("outcome_at")
    return answered
