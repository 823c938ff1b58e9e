"""The card of next best action: every silence has a reason in both languages, every number a place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from app.artifacts.manifest import Interval
from app.domain.actions import Action, Effect, Playbook, Policy
from app.estimators.responses import Responses
from app.features.schema import FeatureSet
from tests.unit.artifacts import tiny
from tests.unit.training.actions.contacted import contacts_of, trial
from training.actions import answering, effects, responses
from training.actions.answering import Answering
from training.actions.effects import measure
from training.actions.report import Learned, card_of, reason
from training.actions.responses import Compared
from training.actions.rows import Read
from training.actions.text import markdown

CODES = sorted(
    {
        getattr(module, name)
        for module, names in (
            (effects, "NO_CONTROL NO_PROPENSITY PROPENSITY_RANGE ARM_SIZES OUTCOMES_MISSING"),
            (effects, "ANSWERS_UNTIMED TOO_FEW TOO_RARE"),
            (responses, "TOO_FEW TOO_SHORT NO_HELP"),
            (answering, "TOO_FEW TOO_SHORT NOT_BETTER NO_LARGER_EFFECT"),
        )
        for name in names.split()
    }
)
BELIEF = Effect(0.0, 0.02, 0.05)


def action(name: str) -> Action:
    return Action(
        name, "coupon", ("email",), {"email": 0.1}, None, 0.3, BELIEF, name, {"en": "A", "zh-CN": "甲"}
    )


def told(*, is_silent: bool) -> Learned:
    """Return what contacts taught: much, or nothing."""
    contacts = trial(1, 3000, 0.2, 0.1)
    nothing = FeatureSet((), {})
    if is_silent:
        empty = Answering(0, 0, nothing, silent=answering.TOO_FEW)
        silent = Compared(silent=responses.TOO_FEW)
        return Learned(
            Read(contacts_of(np.ones(300))),
            measure(contacts_of(np.ones(300))),
            Responses(),
            silent,
            (),
            silent,
            empty,
            None,
        )
    shares = {0: (0.1, 0.2, 0.3), 1: (0.2, 0.3, 0.4)}
    interval = Interval(value=0.7, low=0.6, high=0.8)
    return Learned(
        Read(contacts, 5, 6),
        measure(contacts),
        Responses(30.0, {"email": shares[0], "sms": shares[1]}, {"no_order": {"email": shares[0]}}, (9, 12)),
        Compared(0.25, shares, {0: {0: shares[0]}}, {0: 300, 1: 400}),
        ("email", "sms"),
        Compared(0.25, {2: shares[0]}, {}, {2: 700}),
        Answering(700, 70, nothing, "out of time", metrics={"auc": interval}, larger=BELIEF),
        186.5,
    )


def card(learned: Learned, *ids: str) -> dict[str, Any]:
    draft = tiny.draft(capability="next_best_action", settings={"tier": "causal"})
    playbook = Playbook(tuple(action(name) for name in ids), Policy())
    return card_of(draft, playbook, learned, {"contacts": 3000})


@pytest.mark.parametrize("code", CODES)
def test_every_silence_has_a_reason_in_both_languages(code: str) -> None:
    found = reason(code)
    assert found is not None
    assert set(found) == {"en", "zh-CN"}
    assert all(found.values())


def test_measured_and_believed_stand_side_by_side() -> None:
    found = card(told(is_silent=False), "coupon", "other")
    first, second = found["actions"]
    assert first["evidence"] == "experiment"
    assert first["believed"] == {"low": 0.0, "mid": 0.02, "high": 0.05}
    assert first["measured"]["effect"]["low"] > 0
    assert (second["evidence"], second["measured"]) == ("rule_prior", None)
    assert found["not_in_playbook"] == []


def test_actions_that_the_playbook_does_not_have_are_told() -> None:
    found = card(told(is_silent=False), "other")
    assert [one["action_id"] for one in found["not_in_playbook"]] == ["coupon"]
    assert "`coupon`" in markdown(found, ())


@pytest.mark.parametrize("is_silent", [True, False])
def test_the_card_is_json_and_its_words_say_the_same(is_silent: bool) -> None:
    found = card(told(is_silent=is_silent), "coupon")
    json.dumps(found, allow_nan=False)
    text = markdown(found, ("actions.effects.png",))
    assert ("no control arm" in text) is is_silent
    assert ("186.50" in text) is not is_silent
    assert ("09-12" in text) is not is_silent
    assert "![actions.effects.png](actions.effects.png)" in text
