"""The library of features, written out: every definition that a model may use, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.history import Array
from app.features import attributes, engagement, orders, rfm, subscription, summary, support, triggers
from app.features.schema import Feature
from app.features.view import View


@dataclass(frozen=True, slots=True)
class Group:
    """Features that are computed together, from one table ("" where they need none)."""

    table: str
    features: tuple[Feature, ...]
    compute: Callable[[View], dict[str, Array]]


GROUPS: Final = (
    Group("orders", rfm.FEATURES, rfm.compute),
    Group("orders", orders.FEATURES, orders.compute),
    Group("order_lines", orders.LINE_FEATURES, orders.compute_lines),
    Group("events", engagement.EVENT_FEATURES, engagement.compute_events),
    Group("contacts", engagement.CONTACT_FEATURES, engagement.compute_contacts),
    Group("support_cases", support.CASE_FEATURES, support.compute_cases),
    Group("feedback", support.FEEDBACK_FEATURES, support.compute_feedback),
    Group("feedback", support.TEXT_FEATURES, support.compute_texts),
    Group("subscriptions", subscription.FEATURES, subscription.compute),
    Group("", attributes.PROFILE_FEATURES, attributes.compute_profile),
    Group("", attributes.SEASON_FEATURES, attributes.compute_season),
    Group("", summary.FEATURES, summary.compute),
    Group("events", triggers.EVENT_FEATURES, triggers.compute_views),
    Group("support_cases", triggers.CASE_FEATURES, triggers.compute_complaints),
    Group("", triggers.LIFE_FEATURES, triggers.compute_life),
)

LIBRARY: Final[Mapping[str, Feature]] = {
    feature.name: feature for group in GROUPS for feature in group.features
}
