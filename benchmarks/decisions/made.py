"""A made-up playbook of 20 actions with three rules each, and customers about whom it is asked.

No two rules are alike, so that none is answered for another; some customers fail some rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import BusinessEntry, Label, Manifest, Text, Variant
from app.capabilities import NEXT_BEST_ACTION
from app.capabilities.base import Model
from app.domain.clock import from_microseconds, to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY
from app.features.schema import FeatureSet
from app.serving.action_model import ActionModel
from app.serving.decide import Prepared, prepare
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys
from app.serving.release import LoadedArtifact, LoadedRelease

ACTIONS: Final = 20
RULES: Final = 3
NOW: Final = to_microseconds(datetime(2026, 11, 2, 10, tzinfo=UTC))
ID_KEY: Final = b"a key of the benchmark, 32 bytes!"
KEYS: Final = Keys(ID_KEY)
_BUSINESS: Final = BusinessEntry(
    name="made-up",
    currency="EUR",
    timezone="Europe/Berlin",
    consent_defaults={"marketing": "granted"},
    simulated=True,
)
_TYPES: Final = ("coupon", "reminder", "tutorial", "loyalty_reward", "win_back")
_CHANNELS: Final = ("email", "sms", "push", "phone")
_TRAINED_AS_OF: Final = "2026-11-01T00:00:00+00:00"
_DIGEST: Final = "0" * 64


def made_release(*, actions: int = ACTIONS, **policy: Any) -> LoadedRelease:
    """Return a release that decides by the made-up playbook and holds nothing else."""
    settings = {
        "playbook": _playbook(actions, policy),
        "effects": {},
        "responses": {},
        "response_base_rate": None,
        "response_confirmed": False,
        "typical_order_value": 40.0,
        "tier": "rules",
    }
    features = FeatureSet((), {})
    manifest = Manifest(
        capability=NEXT_BEST_ACTION,
        version="20261101-00000000",
        business=_BUSINESS,
        label=Label(
            definition="actions",
            text=Text.model_validate({"en": "what to do next", "zh-CN": "下一步行动"}),
        ),
        settings=settings,
        variants=(Variant(name="full", features=(), schema_hash=features.schema_hash, populations=()),),
        golden="golden.json",
        trained_as_of=_TRAINED_AS_OF,
        data_fingerprint=_DIGEST,
        seed=0,
        git_commit="unknown",
        libraries={},
        files={},
    )
    artifact = LoadedArtifact(
        manifest,
        MappingProxyType({"full": Model(features, (), "actions", None)}),
        b"{}",
        b"",
        action_model=ActionModel.of_settings(settings, _BUSINESS.attributes),
    )
    held = MappingProxyType({NEXT_BEST_ACTION: artifact})
    return LoadedRelease("20261101T000000Z-00000000", _TRAINED_AS_OF, _BUSINESS, held, _DIGEST)


def made_people(count: int) -> list[dict[str, Any]]:
    """Return customers with three orders each, of different ages and amounts."""
    generator = np.random.default_rng(0)
    days = np.sort(generator.integers(1, 400, size=(count, 3)), axis=1)
    revenue = np.round(generator.uniform(10, 200, size=(count, 3)), 2)
    return [
        {
            "customer_id": f"C-{number}",
            "customer": {},
            "orders": [
                {
                    "order_id": f"O-{number}-{k}",
                    "ordered_at": NOW - int(days[number, k]) * MICROSECONDS_PER_DAY,
                    "revenue": float(revenue[number, k]),
                }
                for k in range(3)
            ],
        }
        for number in range(count)
    ]


def prepared(release: LoadedRelease, people: Sequence[Mapping[str, Any]], name: str) -> Prepared:
    """Return one question about each customer, ready for the store; request ids begin with a name."""
    asks = [AskAction(f"{name}-{number}", "0" * 32) for number in range(len(people))]
    return prepare(release, people, np.full(len(people), NOW, dtype=np.int64), asks, KEYS)


def body_of(person: Mapping[str, Any], request_id: str, mode: str = "live") -> bytes:
    """Return a request about a customer as a marketing platform sends it."""
    orders = [
        {
            **order,
            "ordered_at": from_microseconds(order["ordered_at"]).isoformat(),
            "currency": _BUSINESS.currency,
            "status": "completed",
        }
        for order in person["orders"]
    ]
    customer = {"customer_id": person["customer_id"], "created_at": "2024-01-01T00:00:00+00:00"}
    body = {"request_id": request_id, "mode": mode, "customer": customer, "orders": orders}
    return json.dumps(body).encode()


def _playbook(actions: int, policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "policy": {
            "epsilon": 0.05,
            "holdout": 0.05,
            "random_slice": 0.02,
            "limits": [
                {"id": "mail_weekly", "channel": "email", "most": 2, "days": 7},
                {"id": "all_weekly", "most": 4, "days": 7},
            ],
            "quiet_hours": {"from": "21:00", "to": "08:00", "channels": ["sms", "phone"]},
            **policy,
        },
        "budgets": [],
        "actions": [_action(k) for k in range(actions)],
    }


def _action(k: int) -> dict[str, Any]:
    return {
        "id": f"action_{k}",
        "type": _TYPES[k % len(_TYPES)],
        "channels": [_CHANNELS[k % len(_CHANNELS)]],
        "cost": 0.1 + 0.05 * k,
        "value": 50.0 + k,
        "effect": {"low": 0.0, "mid": 0.02 + 0.001 * k, "high": 0.05 + 0.001 * k},
        "content_key": f"content/{k}",
        "text": {"en": f"Action {k}", "zh-CN": f"行动 {k}"},
        "eligible": [_rule("buyer", f"features.order_days >= {1 + k * 0.1:.1f}")],
        "applicable": [_rule("recent", f"features.days_since_last_order < {20 + 10 * k}.0")],
        "suitable": [
            _rule(
                "no_complaint",
                '!("features.oldest_open_complaint_days" in known) || '
                f"features.oldest_open_complaint_days > {10 + k}.0",
            )
        ],
    }


def _rule(name: str, when: str) -> dict[str, Any]:
    return {"id": name, "when": when, "text": {"en": f"{name} holds", "zh-CN": f"{name} 成立"}}
