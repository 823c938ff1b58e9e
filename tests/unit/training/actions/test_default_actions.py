"""The default playbook: who is offered what without any model, and what the scores make better."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.actions import ACTION_TYPES, ELIGIBILITY, PROMOTIONS
from app.domain.playbook import as_document
from app.serving.action_model import ActionModel
from training.actions.reading import default_playbook

PLAYBOOK = default_playbook()
MODEL = ActionModel.of_settings(
    {
        "playbook": as_document(PLAYBOOK),
        "effects": {},
        "responses": {},
        "response_base_rate": None,
        "response_confirmed": False,
        "typical_order_value": None,
        "tier": "rules",
    },
    {},
)
ANYBODY = {"content_message"}


def offered(**known: Any) -> set[str]:
    """Return the actions whose rules all hold; ``__`` in a keyword stands for the point of a name."""
    holds = MODEL.conditions.holds({name.replace("__", "."): value for name, value in known.items()})
    return {
        action.id
        for action, gates in zip(PLAYBOOK.actions, MODEL.gates, strict=True)
        if all(holds[gate.condition] for gate in gates)
    }


def buyer(silent: float, orders: float, year: float, **more: Any) -> dict[str, Any]:
    return {
        "features__order_days": orders,
        "features__order_days_365d": year,
        "features__days_since_last_order": silent,
        "features__coupon_share": 0.0,
        **more,
    }


def test_a_new_customer_is_welcomed() -> None:
    new = {"features__order_days": 0.0, "features__order_days_365d": 0.0}
    assert offered(**new, features__tenure_days=3.0) == ANYBODY | {"welcome_tutorial", "first_order_coupon"}
    assert offered(**new) == ANYBODY | {"welcome_tutorial", "first_order_coupon"}
    assert offered(**new, features__tenure_days=200.0) == ANYBODY | {"first_order_coupon"}


def test_who_views_on_three_days_without_ordering_gets_a_coupon_and_the_valuable_a_call() -> None:
    viewer = buyer(50.0, 1.0, 1.0, features__viewed_days_without_order=3.0)
    assert offered(**viewer) == ANYBODY | {"viewed_coupon"}
    assert offered(**viewer, segment__value_tier="A") == ANYBODY | {
        "viewed_coupon",
        "viewed_call",
        "vip_care",
    }
    assert offered(**{**viewer, "features__viewed_days_without_order": 2.0}) == ANYBODY


@pytest.mark.parametrize(
    ("silent", "action"), [(179.0, None), (180.0, "wake_up_discount"), (365.0, "win_back_offer")]
)
def test_the_silent_are_woken_up_or_won_back(silent: float, action: str | None) -> None:
    assert offered(**buyer(silent, 1.0, 0.0)) == ANYBODY | ({action} if action else set())


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        ("at_risk", None),
        ("dormant", "wake_up_discount"),
        ("lost", "win_back_offer"),
        ("active", "cross_sell"),
    ],
)
@pytest.mark.parametrize("silent", [40.0, 200.0, 400.0])
def test_a_stage_that_is_known_decides_and_not_the_days(
    stage: str, action: str | None, silent: float
) -> None:
    found = offered(**buyer(silent, 2.0, 1.0), segment__lifecycle_stage=stage)
    assert found == ANYBODY | ({action} if action else set())


def test_the_valuable_get_personal_service() -> None:
    assert "vip_care" in offered(**buyer(5.0, 30.0, 12.0))
    assert "vip_care" not in offered(**buyer(5.0, 30.0, 11.0))
    assert "vip_care" in offered(**buyer(5.0, 2.0, 2.0), segment__value_tier="A")
    assert "vip_care" in offered(**buyer(5.0, 2.0, 2.0), clv__value_class="high")
    assert "vip_care" not in offered(**buyer(5.0, 30.0, 12.0), segment__value_tier="C")


def test_the_active_are_sold_to_thanked_and_asked() -> None:
    assert offered(**buyer(10.0, 8.0, 6.0)) == ANYBODY | {
        "cross_sell",
        "upsell",
        "loyalty_reward",
        "order_survey",
    }
    hunter = offered(**{**buyer(10.0, 8.0, 6.0), "features__coupon_share": 0.9})
    assert "upsell" not in hunter
    assert "order_survey" not in offered(**buyer(10.0, 8.0, 6.0), features__days_since_last_feedback=20.0)
    assert "order_survey" not in offered(**buyer(2.0, 8.0, 6.0))


def test_a_renewal_is_told_of() -> None:
    assert "renewal_reminder" in offered(features__days_to_renewal=30.0)
    assert "renewal_reminder" not in offered(features__days_to_renewal=31.0)
    (reminder,) = (action for action in PLAYBOOK.actions if action.id == "renewal_reminder")
    assert reminder.is_transactional


def test_an_open_complaint_is_answered_and_nothing_is_sold_meanwhile() -> None:
    everything: dict[str, Any] = {
        "features__order_days": 0.0,
        "features__order_days_365d": 20.0,
        "features__days_since_last_order": 10.0,
        "features__viewed_days_without_order": 5.0,
        "segment__lifecycle_stage": "active",
        "segment__name": "champions",
        "segment__value_tier": "A",
    }
    assert {"first_order_coupon", "viewed_coupon", "cross_sell", "loyalty_reward"} <= offered(**everything)
    for days in (0.0, 40.0):
        found = offered(**everything, features__oldest_open_complaint_days=days)
        assert found == {"welcome_tutorial", "complaint_call", "vip_care"}


def test_every_promotion_asks_for_complaints() -> None:
    for action in PLAYBOOK.actions:
        if action.type in PROMOTIONS:
            assert "no_open_complaint" in {rule.id for rule in action.suitable}, action.id


def test_of_whom_nothing_is_known_nothing_personal_is_offered() -> None:
    assert offered() == ANYBODY


def test_every_type_has_an_action_and_every_rule_a_text() -> None:
    assert {action.type for action in PLAYBOOK.actions} == set(ACTION_TYPES)
    for action in PLAYBOOK.actions:
        assert set(action.cost.values()) == {0.0}
        assert action.margin is not None
        for layer in ELIGIBILITY:
            assert all(rule.text.keys() == {"en", "zh-CN"} for rule in action.rules(layer))


def test_the_policy_is_as_documented() -> None:
    policy = PLAYBOOK.policy
    assert (policy.epsilon, policy.holdout, policy.random_slice) == (0.05, 0.05, 0.02)
    assert [(one.channel, one.most, one.days) for one in policy.limits] == [
        ("email", 2, 7.0),
        ("sms", 1, 7.0),
        ("push", 3, 7.0),
        ("phone", 1, 14.0),
        (None, 4, 7.0),
    ]
    assert policy.quiet_hours is not None
    assert (policy.quiet_hours.begins, policy.quiet_hours.ends) == (21 * 60, 8 * 60)
    assert PLAYBOOK.budgets == ()
