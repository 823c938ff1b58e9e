"""The document of a playbook: actions, budgets and policy from plain lists and mappings, and back.

Rules: every key is known and every number has bounds; one reading finds every fault; a fault names its place
and what was expected and repeats no text but keys and names; what :func:`as_document` writes is read as the
same playbook. What an expression means is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.domain.actions import (
    ACTION_TYPES,
    BELIEFS,
    ELIGIBILITY,
    EXPIRES_DAYS,
    NONE,
    WINDOW_DAYS,
    Action,
    ActionRule,
    Budget,
    Effect,
    Limit,
    Playbook,
    Policy,
    QuietHours,
)
from app.domain.documents import LONGEST_DAYS, DocumentReader
from app.domain.errors import StructureError
from app.domain.history import CONTACT_CHANNELS
from app.domain.triggers import LOCALES, Fault, Place

ACTION_LIMIT: Final = 200
RULE_LIMIT: Final = 20
EXPRESSION_LIMIT: Final = 500
TEXT_LIMIT: Final = 200
LIMITS_LIMIT: Final = 20
BUDGET_LIMIT: Final = 50
LARGEST: Final = 1e9
LEAST_HOLDOUT, MOST_HOLDOUT = 0.02, 0.10

_CONTENT: Final = re.compile(r"[\w./-]{1,128}")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_PLAYBOOK_KEYS: Final = ("policy", "budgets", "actions")
_POLICY_KEYS: Final = ("epsilon", "holdout", "random_slice", "salt", "limits", "quiet_hours")
_ACTION_KEYS: Final = (
    "id",
    "type",
    "channels",
    "cost",
    "value",
    "margin",
    "effect",
    "content_key",
    "text",
    *ELIGIBILITY,
    "valid_from",
    "valid_until",
    "budget",
    "transactional",
    "due_days",
    "expires_days",
    "repeat_days",
    "window_days",
)
_MISSING: Final = object()


def read_playbook(document: object) -> Playbook:
    """Return the playbook that a plain document describes.

    Raises
    ------
    StructureError
        The document is not one; the message names the first place.
    """
    reader = _Reader()
    playbook = reader.playbook(document)
    for fault in reader.faults:
        place = ".".join(str(part) for part in fault.place) or "playbook"
        raise StructureError(f"{place}: {fault.message}")
    return playbook


def faults_of(document: object) -> Iterator[Fault]:
    """Yield everything that keeps a plain document from being a playbook, in its order."""
    reader = _Reader()
    reader.playbook(document)
    yield from reader.faults


def as_document(playbook: Playbook) -> dict[str, Any]:
    """Return the plain document of a playbook, as :func:`read_playbook` takes it; times in microseconds."""
    policy, quiet = playbook.policy, playbook.policy.quiet_hours
    return {
        "policy": {
            "epsilon": policy.epsilon,
            "holdout": policy.holdout,
            "random_slice": policy.random_slice,
            "salt": policy.salt,
            "limits": [
                _given({"id": one.id, "channel": one.channel, "most": one.most, "days": one.days})
                for one in policy.limits
            ],
            **(
                {}
                if quiet is None
                else {
                    "quiet_hours": {
                        "from": _clock(quiet.begins),
                        "to": _clock(quiet.ends),
                        "channels": list(quiet.channels),
                    }
                }
            ),
        },
        "budgets": [
            {
                "id": one.id,
                "unit": one.unit,
                "amount": one.amount,
                "from": one.begins,
                "until": one.ends,
                "price": one.price,
            }
            for one in playbook.budgets
        ],
        "actions": [_action_document(action) for action in playbook.actions],
    }


def _action_document(action: Action) -> dict[str, Any]:
    effect = action.effect
    return _given(
        {
            "id": action.id,
            "type": action.type,
            "channels": list(action.channels),
            "cost": dict(action.cost),
            "value": action.value,
            "margin": action.margin,
            "effect": {"low": effect.low, "mid": effect.mid, "high": effect.high},
            "content_key": action.content_key,
            "text": dict(action.text),
            **{
                layer: [
                    _given({"id": rule.id, "when": rule.when, "text": dict(rule.text) or None})
                    for rule in action.rules(layer)
                ]
                or None
                for layer in ELIGIBILITY
            },
            "valid_from": action.valid_from,
            "valid_until": action.valid_until,
            "budget": action.budget,
            "transactional": action.is_transactional,
            "due_days": action.due_days,
            "expires_days": action.expires_days,
            "repeat_days": action.repeat_days,
            "window_days": action.window_days,
        }
    )


def _given(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


class _Reader(DocumentReader):
    """Reads the document of a playbook."""

    def playbook(self, document: object) -> Playbook:
        part = self.part(document, (), _PLAYBOOK_KEYS, ("actions",))
        policy = self._policy(part.get("policy", {}), ("policy",))
        budgets = self.each(part.get("budgets", []), ("budgets",), BUDGET_LIMIT, self._budget)
        actions = self.each(part.get("actions", []), ("actions",), ACTION_LIMIT, self._action)
        for key, found in (("budgets", budgets), ("actions", actions)):
            self.unique([one.id for one in found], (key,))
        names = tuple(budget.id for budget in budgets)
        for number, action in enumerate(actions):
            if action.budget is not None and action.budget not in names:
                self.fault(("actions", number, "budget"), "there is no such budget", action.budget, names)
        return Playbook(actions, policy, budgets)

    def _policy(self, document: object, place: Place) -> Policy:
        part = self.part(document, place, _POLICY_KEYS, ())
        holdout = self.number(part, "holdout", place, 0.0, MOST_HOLDOUT, 0.05)
        if 0 < holdout < LEAST_HOLDOUT:
            self.fault(
                (*place, "holdout"),
                f"expected 0, or {LEAST_HOLDOUT:g} to {MOST_HOLDOUT:g}: fewer show nothing",
            )
        salt = part.get("salt", "kith")
        if not (isinstance(salt, str) and 1 <= len(salt) <= 64 and salt.isprintable()):
            self.fault((*place, "salt"), "expected a text of 1 to 64 characters")
        limits = self.each(part.get("limits", []), (*place, "limits"), LIMITS_LIMIT, self._limit)
        self.unique([one.id for one in limits], (*place, "limits"))
        quiet = part.get("quiet_hours")
        return Policy(
            epsilon=self.number(part, "epsilon", place, 0.0, 0.5, 0.05),
            holdout=holdout,
            random_slice=self.number(part, "random_slice", place, 0.0, 0.2, 0.02),
            salt=str(salt),
            limits=limits,
            quiet_hours=None if quiet is None else self._quiet(quiet, (*place, "quiet_hours")),
        )

    def _limit(self, document: object, place: Place) -> Limit:
        part = self.part(document, place, ("id", "channel", "most", "days"), ("id", "most", "days"))
        most = part.get("most", 0)
        if type(most) is not int or not 0 <= most <= 1000:
            self.fault((*place, "most"), "expected a whole number of contacts, 0 to 1000")
        channel = part.get("channel")
        if channel is not None:
            self.word(channel, (*place, "channel"), CONTACT_CHANNELS)
        days = self.number(part, "days", place, 1 / 24, LONGEST_DAYS, 1.0)
        return Limit(self.id(part, place), most, days, channel)

    def _quiet(self, document: object, place: Place) -> QuietHours:
        part = self.part(document, place, ("from", "to", "channels"), ("from", "to", "channels"))
        minutes = []
        for key in ("from", "to"):
            found = _CLOCK.fullmatch(part[key]) if isinstance(part.get(key), str) else None
            if found is None and key in part:
                self.fault((*place, key), 'expected a time of day in quotes, such as "21:00"')
            minutes.append(0 if found is None else int(found[1]) * 60 + int(found[2]))
        return QuietHours(minutes[0], minutes[1], self._channels(part, place))

    def _budget(self, document: object, place: Place) -> Budget:
        keys = ("id", "unit", "amount", "from", "until", "price")
        part = self.part(document, place, keys, ("id", "amount", "from", "until"))
        unit = part.get("unit", "money")
        self.word(unit, (*place, "unit"), ("money", "sends"))
        begins, ends = (self.time(part, key, place) or 0 for key in ("from", "until"))
        if begins >= ends and {"from", "until"} <= part.keys():
            self.fault((*place, "until"), "a budget ends after it begins")
        return Budget(
            self.id(part, place),
            unit,
            self.number(part, "amount", place, 0.0, LARGEST, 0.0),
            begins,
            ends,
            self.number(part, "price", place, 0.0, LARGEST, 0.0),
        )

    def _action(self, document: object, place: Place) -> Action:
        part = self.part(document, place, _ACTION_KEYS, ("id", "type", "channels", "content_key", "text"))
        if part.get("id") == NONE:
            self.fault((*place, "id"), "doing nothing is always there and needs no line")
        kind = part.get("type", ACTION_TYPES[0])
        self.word(kind, (*place, "type"), ACTION_TYPES)
        channels = self._channels(part, place)
        content = part.get("content_key", "-")
        if not (isinstance(content, str) and _CONTENT.fullmatch(content)):
            self.fault((*place, "content_key"), "expected 1 to 128 letters, digits, and . _ / -")
        if ("value" in part) == ("margin" in part):
            self.fault(place, "expected either value (of a success) or margin (of an order's value)")
        begins, ends = (self.time(part, key, place) for key in ("valid_from", "valid_until"))
        if begins is not None and ends is not None and begins >= ends:
            self.fault((*place, "valid_until"), "an offer ends after it begins")
        budget, is_transactional = part.get("budget"), part.get("transactional", False)
        if budget is not None and not isinstance(budget, str):
            self.fault((*place, "budget"), "expected the id of a budget")
        if not isinstance(is_transactional, bool):
            self.fault((*place, "transactional"), "expected true or false")
        layers = {
            layer: self.each(part.get(layer, []), (*place, layer), RULE_LIMIT, self._rule)
            for layer in ELIGIBILITY
        }
        for layer, rules in layers.items():
            self.unique([rule.id for rule in rules], (*place, layer))
        return Action(
            id=self.id(part, place),
            type=kind,
            channels=channels,
            cost=self._cost(part.get("cost", 0.0), (*place, "cost"), channels),
            value=self.number(part, "value", place, 0.0, LARGEST, 0.0) if "value" in part else None,
            margin=self.number(part, "margin", place, 0.0, 1.0, 0.0) if "margin" in part else None,
            effect=self._effect(part.get("effect", _MISSING), (*place, "effect"), kind),
            content_key=content,
            text=self._text(part.get("text"), (*place, "text")) if "text" in part else {},
            valid_from=begins,
            valid_until=ends,
            budget=budget if isinstance(budget, str) else None,
            is_transactional=bool(is_transactional),
            expires_days=self.days(part, "expires_days", place) or EXPIRES_DAYS,
            window_days=self.days(part, "window_days", place) or WINDOW_DAYS,
            eligible=layers["eligible"],
            applicable=layers["applicable"],
            suitable=layers["suitable"],
            due_days=self.days(part, "due_days", place),
            repeat_days=self.days(part, "repeat_days", place),
        )

    def _rule(self, document: object, place: Place) -> ActionRule:
        part = self.part(document, place, ("id", "when", "text"), ("id", "when"))
        when = part.get("when", "-")
        if not (isinstance(when, str) and when.strip() and len(when) <= EXPRESSION_LIMIT):
            self.fault((*place, "when"), f"expected an expression of 1 to {EXPRESSION_LIMIT} characters")
        text = self._text(part["text"], (*place, "text")) if "text" in part else {}
        return ActionRule(self.id(part, place), str(when), text)

    def _cost(self, document: object, place: Place, channels: tuple[str, ...]) -> Mapping[str, float]:
        if not isinstance(document, dict):
            cost = self.amount(document, place, 0.0, LARGEST)
            return dict.fromkeys(channels, cost)
        part = self.part(document, place, channels, channels)
        return {one: self.number(part, one, place, 0.0, LARGEST, 0.0) for one in channels}

    def _effect(self, document: object, place: Place, kind: object) -> Effect:
        if document is _MISSING:
            return Effect(*BELIEFS.get(str(kind), (0.0, 0.0, 0.0)))
        part = self.part(document, place, ("low", "mid", "high"), ("low", "mid", "high"))
        low, mid, high = (self.number(part, key, place, -1.0, 1.0, 0.0) for key in ("low", "mid", "high"))
        if {"low", "mid", "high"} <= part.keys() and not low <= mid <= high:
            self.fault(place, "expected low, mid and high in rising order")
        return Effect(low, mid, high)

    def _text(self, document: object, place: Place) -> Mapping[str, str]:
        part = self.part(document, place, LOCALES, LOCALES)
        for locale in LOCALES:
            text = part.get(locale, "-")
            if not (
                isinstance(text, str) and text.strip() and len(text) <= TEXT_LIMIT and text.isprintable()
            ):
                self.fault((*place, locale), f"expected one line of 1 to {TEXT_LIMIT} characters")
        return {locale: str(part.get(locale)) for locale in LOCALES}

    def _channels(self, part: Mapping[str, Any], place: Place) -> tuple[str, ...]:
        given = part.get("channels", [])
        if not isinstance(given, list) or (not given and "channels" in part):
            self.fault((*place, "channels"), "expected a list of channels, at least one")
            return ()
        for number, channel in enumerate(given):
            self.word(channel, (*place, "channels", number), CONTACT_CHANNELS)
        names = [str(one) for one in given]
        if len(set(names)) < len(names):
            self.fault((*place, "channels"), "a channel stands there twice")
        return tuple(names)
