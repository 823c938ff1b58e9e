"""Artifacts that choose actions: loaded whole or refused; golden questions are answered as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest

from app.artifacts.manifest import ManifestDraft, Population
from app.domain.errors import GoldenAnswerError, KithError, StructureError
from app.serving.golden import check_golden, write_golden
from app.serving.loading import load_draft
from app.serving.release import LoadedArtifact
from tests.unit.artifacts import tiny

Document = dict[str, Any]
TEXT = {"en": "A", "zh-CN": "甲"}
MARKETING = {"purpose": "marketing", "status": "granted", "status_at": tiny.AS_OF - tiny.DAY}


def rule(when: str) -> Document:
    return {"id": "asked", "when": when, "text": TEXT}


def action(name: str, when: str, **more: Any) -> Document:
    return {
        "id": name,
        "type": "coupon",
        "channels": ["email", "sms"],
        "cost": {"email": 0.1, "sms": 0.2},
        "margin": 0.3,
        "content_key": name,
        "text": TEXT,
        "applicable": [rule(when)],
        **more,
    }


def effect(low: float, mid: float, high: float, evidence: str) -> dict[str, Any]:
    """Return what a trial of the one action said."""
    told = {"low": low, "mid": mid, "high": high, "evidence": evidence, "channels": ["email"]}
    return {"thanks": told}


def settings(**changes: Any) -> Document:
    return {
        "playbook": {
            "actions": [
                action("welcome", "features.order_days <= 1.0"),
                action("thanks", "features.order_days >= 2.0"),
            ],
            "policy": {},
        },
        "effects": {
            "thanks": {"low": 0.1, "mid": 0.2, "high": 0.3, "evidence": "experiment", "channels": ["email"]}
        },
        "responses": {},
        "response_base_rate": None,
        "response_confirmed": False,
        "typical_order_value": 50.0,
        "tier": "causal",
        **changes,
    }


def contacted(**changes: Any) -> Population:
    population = tiny.population("contacted", "linear", "first_order.npz")
    return population.model_copy(update=changes)


def draft(*populations: Population, **changes: Any) -> ManifestDraft:
    return tiny.draft(
        capability="next_best_action",
        settings=settings(**changes),
        variants=(tiny.variant("full", tiny.FULL, *populations), tiny.variant("summary", tiny.SUMMARY)),
    )


def loaded(*populations: Population, **changes: Any) -> LoadedArtifact:
    return load_draft(draft(*populations, **changes), tiny.estimators())


def customers() -> list[Document]:
    found = [{**one, "consents": [*one.get("consents", ()), MARKETING]} for one in tiny.customers()]
    return [*found, {**tiny.customers()[0], "customer_id": "no-marketing"}]


@lru_cache(maxsize=1)
def golden() -> bytes:
    kinds = {"contract": "categorical"}
    return write_golden(loaded(), customers(), tiny.AS_OF, kinds)


def changed(change: Callable[[Document], object]) -> bytes:
    document = json.loads(golden())
    change(document)
    return json.dumps(document).encode()


def answers() -> list[Document]:
    found: list[Document] = json.loads(golden())["answers"]
    return found


def test_a_playbook_is_loaded_ready_to_decide() -> None:
    artifact = loaded()
    assert artifact.action_model is not None
    assert [one.action.id for one in artifact.action_model.candidates] == [
        "welcome",
        "welcome",
        "thanks",
        "thanks",
    ]
    assert artifact.action_model.tier == "causal"


def test_a_model_of_who_answers_stands_beside_it() -> None:
    artifact = loaded(contacted(), response_base_rate=0.3)
    (rung,) = artifact.models["full"].rungs
    assert rung.population == "contacted"
    assert artifact.models["summary"].rungs == ()


@pytest.mark.parametrize(
    ("populations", "changes"),
    [
        ((), {"playbook": {"actions": [action("x", "features.order_days >=")], "policy": {}}}),
        ((), {"playbook": {"actions": [action("x", "features.no_such > 1.0")], "policy": {}}}),
        ((), {"playbook": []}),
        ((), {"responses": {"channels": {}}}),
        (
            (),
            {
                "effects": {
                    "thanks": {
                        "low": 0.3,
                        "mid": 0.2,
                        "high": 0.1,
                        "evidence": "experiment",
                        "channels": ["email"],
                    }
                }
            },
        ),
        (
            (),
            {
                "effects": {
                    "thanks": {"low": 0.1, "mid": 0.2, "high": 0.3, "evidence": "hope", "channels": ["email"]}
                }
            },
        ),
        ((), {"tier": "magic"}),
        ((), {"typical_order_value": -1.0}),
        ((contacted(),), {}),
        ((contacted(name="everybody"),), {"response_base_rate": 0.3}),
        ((contacted(estimator=None),), {"response_base_rate": 0.3}),
    ],
)
def test_what_could_not_decide_is_refused(populations: tuple[Population, ...], changes: Document) -> None:
    with pytest.raises(StructureError):
        loaded(*populations, **changes)


@pytest.mark.parametrize("name", list(settings()))
def test_every_setting_is_needed(name: str) -> None:
    without = {key: value for key, value in settings().items() if key != name}
    with pytest.raises(StructureError):
        load_draft(draft().model_copy(update={"settings": without}), tiny.estimators())


def test_an_artifact_answers_its_golden_questions_as_it_did() -> None:
    assert check_golden(loaded(), golden()) == len(customers())


def test_golden_answers_tell_probabilities_profits_and_what_was_left_out() -> None:
    told = {one["customer_id"]: one for one in answers()}
    regular = told["g1"]
    assert sum(one["propensity"] for one in regular["actions"]) == pytest.approx(1.0)
    assert {one["action_id"] for one in regular["actions"]} == {"thanks", "none"}
    assert [one["layer"] for one in regular["suppressed"]] == ["applicable"]
    assert {one["layer"] for one in told["no-marketing"]["suppressed"]} == {"consent"}
    assert all(one["logged"] is False and one["decision_id"] is None for one in told.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"effects": {}},
        {"typical_order_value": 60.0},
        {"tier": "rules"},
        {
            "effects": {
                "thanks": {"low": 0.1, "mid": 0.2, "high": 0.3, "evidence": "pilot", "channels": ["email"]}
            }
        },
        {"playbook": {"actions": settings()["playbook"]["actions"], "policy": {"epsilon": 0.2}}},
        {"playbook": {"actions": settings()["playbook"]["actions"][::-1], "policy": {}}},
    ],
)
def test_other_settings_answer_otherwise(changes: Document) -> None:
    with pytest.raises(GoldenAnswerError):
        check_golden(loaded(**changes), golden())


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["answers"].pop(),
        lambda document: document["answers"][0]["actions"][0].update(propensity=0.5),
        lambda document: document["answers"][0]["suppressed"][0].update(layer="consent"),
        lambda document: document["customers"][0].update(customer_id=3),
        lambda document: document["customers"].append("x"),
        lambda document: document.pop("as_of"),
        lambda document: document.update(customers=[]),
    ],
    ids=["answer", "propensity", "layer", "id", "customer", "time", "nobody"],
)
def test_changed_golden_questions_are_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises(KithError):
        check_golden(loaded(), changed(change))


def test_sentences_belong_to_the_code() -> None:
    def reworded(document: Document) -> None:
        for one in document["answers"]:
            for told in one["suppressed"]:
                told["text"] = "another sentence"
            for told in one["actions"]:
                for reason in told["reasons"]:
                    reason["text"] = "another sentence"

    assert check_golden(loaded(), changed(reworded)) == len(customers())
