"""A small playbook with everything in it, as a release that decides, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from app.artifacts.manifest import BusinessEntry, Label, Manifest, Text, Variant
from app.capabilities.base import Model
from app.domain.clock import to_microseconds
from app.features.schema import FeatureSet
from app.serving.action_model import ActionModel
from app.serving.release import LoadedArtifact, LoadedRelease

DAY: Final = 86_400_000_000
NOW: Final = to_microseconds(datetime(2026, 6, 15, 12, tzinfo=UTC))
TEXT: Final = {"en": "what it says", "zh-CN": "内容"}
BUSINESS: Final = BusinessEntry(
    name="tiny",
    currency="EUR",
    timezone="UTC",
    consent_defaults={"marketing": "granted"},
    simulated=True,
    attributes={"plan": "categorical"},
)


def action(name: str, **changes: Any) -> dict[str, Any]:
    """Return one action as its owner writes it."""
    given = {
        "id": name,
        "type": "coupon",
        "channels": ["email"],
        "cost": 1.0,
        "value": 100.0,
        "effect": {"low": 0.0, "mid": 0.05, "high": 0.1},
        "content_key": name,
        "text": TEXT,
        **changes,
    }
    return {key: value for key, value in given.items() if value is not None}


def rule(name: str, when: str) -> dict[str, Any]:
    """Return one rule of a layer."""
    return {"id": name, "when": when, "text": {"en": f"{name} holds", "zh-CN": f"{name} 成立"}}


POLICY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "epsilon": 0.0,
        "holdout": 0.0,
        "random_slice": 0.0,
        "limits": [
            {"id": "mail_weekly", "channel": "email", "most": 1, "days": 7},
            {"id": "all_weekly", "most": 3, "days": 7},
        ],
        "quiet_hours": {"from": "21:00", "to": "08:00", "channels": ["sms", "phone"]},
    }
)
ACTIONS: Final = (
    action("coupon", channels=["email", "sms"], cost={"email": 0.1, "sms": 0.5}),
    action(
        "call",
        type="call",
        channels=["phone"],
        cost=12.0,
        effect={"low": 0.1, "mid": 0.2, "high": 0.3},
        eligible=[rule("buyer", "features.order_days >= 2.0")],
        suitable=[rule("no_complaint", '!("features.oldest_open_complaint_days" in known)')],
        due_days=3,
    ),
    action(
        "bill",
        type="reminder",
        transactional=True,
        value=10.0,
        cost=0.1,
        applicable=[rule("renewal", "features.days_to_renewal <= 30.0")],
    ),
    action("margin", channels=["push"], value=None, margin=0.5, cost=0.0, repeat_days=30),
)


def playbook(
    *actions: Mapping[str, Any], budgets: tuple[Mapping[str, Any], ...] = (), **policy: Any
) -> dict[str, Any]:
    """Return the document of a playbook: ``ACTIONS`` if none is given."""
    return {
        "policy": {**POLICY, **policy},
        "budgets": list(budgets),
        "actions": list(actions or ACTIONS),
    }


def settings(document: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the settings of an artifact with a playbook."""
    return {
        "playbook": document,
        "effects": {},
        "responses": {},
        "response_base_rate": None,
        "response_confirmed": False,
        "typical_order_value": 40.0,
        "tier": "rules",
        **changes,
    }


def artifact(document: Mapping[str, Any] | None = None, **changes: Any) -> LoadedArtifact:
    """Return a playbook as an artifact that decides."""
    given = settings(playbook() if document is None else document, **changes)
    features = FeatureSet((), {})
    manifest = Manifest(
        capability="next_best_action",
        business=BUSINESS,
        label=Label(definition="actions", text=Text(en="what to do", zh_cn="行动")),
        settings=given,
        variants=(Variant(name="full", features=(), schema_hash=features.schema_hash, populations=()),),
        golden="golden.json",
        trained_as_of="2026-06-01T00:00:00+00:00",
        data_fingerprint="0" * 64,
        seed=7,
        git_commit="unknown",
        libraries={},
        version="20260601-00000000",
        files={},
    )
    model = Model(features, (), "actions", None)
    return LoadedArtifact(
        manifest,
        MappingProxyType({"full": model}),
        b"{}",
        b"",
        action_model=ActionModel.of_settings(given, BUSINESS.attributes),
    )


def release(document: Mapping[str, Any] | None = None, **changes: Any) -> LoadedRelease:
    """Return a release with a playbook and nothing else."""
    one = artifact(document, **changes)
    return LoadedRelease(
        "tiny-1", "2026-06-01T00:00:00+00:00", BUSINESS, MappingProxyType({"next_best_action": one}), "0" * 64
    )


def person(name: str = "c-1", **tables: Any) -> dict[str, Any]:
    """Return the rows of a customer who bought twice, 40 and 10 days ago, for 60 and 20."""
    orders = [
        {"order_id": f"o-{k}", "ordered_at": NOW - days * DAY, "revenue": revenue}
        for k, (days, revenue) in enumerate([(40, 60.0), (10, 20.0)])
    ]
    given = {"customer_id": name, "customer": {}, "orders": orders, **tables}
    return {key: value for key, value in given.items() if value is not None}
