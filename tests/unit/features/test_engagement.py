"""Events and contacts, by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.features.histories import AS_OF, DAY, features_of


def events(*rows: tuple[str, float, str | None]) -> dict[str, Any]:
    given = [
        {"event": name, "timestamp": AS_OF - round(days * DAY), "product_id": product}
        for name, days, product in rows
    ]
    return features_of({"customer_id": "c", "events": given})


@pytest.mark.parametrize(
    ("feature", "name", "days"),
    [
        ("product_views_7d", "product_viewed", 7),
        ("product_views_30d", "product_viewed", 30),
        ("cart_additions_30d", "product_added", 30),
        ("checkouts_started_30d", "checkout_started", 30),
        ("features_used_30d", "feature_used", 30),
        ("sign_ins_30d", "signed_in", 30),
        ("emails_opened_90d", "email_opened", 90),
        ("email_clicks_90d", "email_link_clicked", 90),
    ],
)
def test_each_kind_is_counted_in_its_window(feature: str, name: str, days: int) -> None:
    found = events((name, 0, None), (name, days - 1, None), (name, days, None), ("cart_viewed", 0, None))
    assert found[feature] == 2
    others = {
        key
        for key, value in found.items()
        if value == 2 and "_views_" not in key and not key.startswith("events")
    }
    assert others - {"active_days_30d"} <= {feature}


def test_an_event_of_its_own_name_counts_among_all() -> None:
    assert events(("dark_mode_on", 3, None), ("signed_in", 3, None))["events_7d"] == 2


def test_active_days_are_days_and_not_events() -> None:
    assert events(("signed_in", 3, None), ("signed_in", 3.1, None), ("x", 9, None))["active_days_30d"] == 2


def test_a_view_without_a_product_is_a_view_of_no_product() -> None:
    found = events(("product_viewed", 3, None), ("product_viewed", 3, "a"), ("product_viewed", 4, "a"))
    assert (found["product_views_30d"], found["products_viewed_30d"]) == (3, 1)


def test_unsubscribing_is_never_forgotten() -> None:
    assert events(("unsubscribed", 900, None))["unsubscribed"] == 1.0
    assert events(("signed_in", 900, None))["unsubscribed"] == 0.0


def contact(days: float, **more: Any) -> dict[str, Any]:
    at = AS_OF - round(days * DAY)
    return {"contact_id": f"m{days}", "contacted_at": at, "channel": "email", **more}


def contacts(*rows: dict[str, Any]) -> dict[str, Any]:
    return features_of({"customer_id": "c", "contacts": list(rows)})


def test_a_control_arm_was_not_contacted() -> None:
    found = contacts(contact(2, arm="control"), contact(20, arm="treatment"), contact(40))
    assert (found["contacts_30d"], found["contacts_90d"]) == (1, 2)
    assert found["days_since_last_contact"] == 20


def test_an_answer_counts_from_its_own_time_on() -> None:
    yes = {"outcome": "clicked"}
    assert contacts(contact(5, **yes, outcome_at=AS_OF), contact(6))["answer_share_365d"] == 0.5
    assert contacts(contact(5, **yes, outcome_at=AS_OF + 1), contact(6))["answer_share_365d"] == 0.0
    assert contacts(contact(5, **yes), contact(6))["answer_share_365d"] == 0.0
