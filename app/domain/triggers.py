"""Trigger rules as values: what must hold, since when, what it suggests, in words.

A rule is data in YAML or JSON::

    - id: silent_30d
      when:                                             # all must hold
        - {feature: days_since_sign_of_life, at_least: 30}
        - any:                                          # of these, one is enough
          - {score: churn.risk_level, is: red}
          - {feature: active_subscriptions, is_known: true}
      since: days_since_sign_of_life                    # optional
      suggests: [win_back]
      text: {en: "…", zh-CN: "…"}

Rules: nothing in it is run; every key is known; what a feature or a score is called is not known here, only
how it may be compared. A fault names its place and what was expected and repeats no text but keys and names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeGuard

from app.domain.errors import StructureError

RULE_LIMIT: Final = 100
CONDITION_LIMIT: Final = 20
WORD_LIMIT: Final = 50
TEXT_LIMIT: Final = 200
LOCALES: Final = ("en", "zh-CN")

LIMITS: Final = ("at_least", "above", "at_most", "below")
"""Operators that compare with a number."""
OPERATORS: Final = (*LIMITS, "is", "one_of", "is_known")
SUBJECTS: Final = ("feature", "score")
SUGGESTIONS: Final = (
    "win_back",
    "coupon",
    "call",
    "follow_up",
    "renewal_reminder",
    "service_recovery",
    "personal_service",
    "ask_for_feedback",
    "welcome",
    "leave_alone",
)
"""What a rule may suggest: the closed list, with texts in the catalogues."""

_LARGEST: Final = 1e15
"""A number beyond this is a slip, and NaN is within no bounds."""
_KEYS: Final = ("id", "when", "since", "suggests", "text")
_REQUIRED: Final = ("id", "when", "suggests", "text")
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")

Place = tuple[str | int, ...]
Value = bool | float | str | tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of a document of rules; ``known`` are the words that were expected there."""

    place: Place
    message: str
    found: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: of a feature or a score, by an operator, with a value."""

    subject: Literal["feature", "score"]
    name: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Rule:
    """When it fires, since when, what it suggests and what it says.

    Of ``when`` every member must hold; a member holds where any of its conditions does.
    """

    id: str
    when: tuple[tuple[Condition, ...], ...]
    suggests: tuple[str, ...]
    text: Mapping[str, str]
    since: str | None = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition, in order."""
        return tuple(condition for member in self.when for condition in member)


def read_rules(document: object) -> tuple[Rule, ...]:
    """Return the rules that a plain document describes: lists, mappings, texts, numbers.

    Raises
    ------
    StructureError
        The document is not one; the message names the first place.
    """
    for fault in faults_of(document):
        place = ".".join(str(part) for part in fault.place) or "rules"
        raise StructureError(f"{place}: {fault.message}")
    return tuple(_rule(one) for one in document)  # type: ignore[attr-defined]  # faults_of saw a list


def as_document(rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
    """Return the plain document of rules, as :func:`read_rules` takes it."""
    return [
        {
            "id": rule.id,
            "when": [
                _plain(member[0]) if len(member) == 1 else {"any": [_plain(one) for one in member]}
                for member in rule.when
            ],
            **({} if rule.since is None else {"since": rule.since}),
            "suggests": list(rule.suggests),
            "text": dict(rule.text),
        }
        for rule in rules
    ]


def faults_of(document: object) -> Iterator[Fault]:
    """Yield everything that keeps a plain document from being rules, in its order."""
    if not isinstance(document, list):
        yield Fault((), "expected a list of rules")
        return
    if len(document) > RULE_LIMIT:
        yield Fault((), f"expected at most {RULE_LIMIT} rules, found {len(document)}")
        return
    seen: set[str] = set()
    for number, rule in enumerate(document):
        if not isinstance(rule, dict):
            yield Fault((number,), f"expected a rule with {', '.join(_KEYS)}")
            continue
        yield from _rule_faults(rule, (number,))
        name = rule.get("id")
        if isinstance(name, str):
            if name in seen:
                yield Fault((number, "id"), "another rule has this id already")
            seen.add(name)


def _rule_faults(rule: Mapping[Any, Any], place: Place) -> Iterator[Fault]:
    yield from _unknown_keys(rule, place, _KEYS)
    for key in _REQUIRED:
        if key not in rule:
            yield Fault((*place, key), "this key is required")
    if "id" in rule and not (isinstance(rule["id"], str) and _ID.fullmatch(rule["id"])):
        yield Fault((*place, "id"), "expected snake_case: a letter, then letters, digits and _, at most 64")
    if "when" in rule:
        yield from _when_faults(rule["when"], (*place, "when"))
    if "since" in rule and not (isinstance(rule["since"], str) and _NAME.fullmatch(rule["since"])):
        yield Fault((*place, "since"), "expected the name of a feature that counts days")
    if "suggests" in rule:
        yield from _suggestion_faults(rule["suggests"], (*place, "suggests"))
    if "text" in rule:
        yield from _text_faults(rule["text"], (*place, "text"))


def _when_faults(when: object, place: Place) -> Iterator[Fault]:
    if not isinstance(when, list) or not when:
        yield Fault(place, "expected a list of conditions, at least one")
        return
    count = 0
    for number, member in enumerate(when):
        inner = (*place, number)
        if not isinstance(member, dict) or "any" not in member:
            count += 1
            yield from _condition_faults(member, inner)
            continue
        if len(member) > 1:
            yield Fault(inner, "any stands alone; put the other condition beside it")
        if not isinstance(member["any"], list) or not member["any"]:
            yield Fault((*inner, "any"), "expected a list of conditions, at least one")
            continue
        for position, one in enumerate(member["any"]):
            count += 1
            yield from _condition_faults(one, (*inner, "any", position))
    if count > CONDITION_LIMIT:
        yield Fault(place, f"expected at most {CONDITION_LIMIT} conditions, found {count}")


def _condition_faults(one: object, place: Place) -> Iterator[Fault]:
    if not isinstance(one, dict):
        yield Fault(place, "expected a condition such as {feature: order_days, at_least: 2}")
        return
    if "any" in one:
        yield Fault((*place, "any"), "any may not stand within any")
        return
    yield from _unknown_keys(one, place, (*SUBJECTS, *OPERATORS))
    subjects, operators = [s for s in SUBJECTS if s in one], [o for o in OPERATORS if o in one]
    if len(subjects) != 1:
        yield Fault(place, "expected either feature or score, once")
    elif not (isinstance(one[subjects[0]], str) and _NAME.fullmatch(one[subjects[0]])):
        yield Fault((*place, subjects[0]), "expected a name such as order_days or churn.risk_level")
    if len(operators) != 1:
        yield Fault(place, f"expected exactly one of {', '.join(OPERATORS)}")
    else:
        yield from _value_faults(operators[0], one[operators[0]], (*place, operators[0]))


def _value_faults(operator: str, value: object, place: Place) -> Iterator[Fault]:
    if operator in LIMITS and not _is_number(value):
        yield Fault(place, "expected a number")
    elif operator == "is" and not (isinstance(value, bool) or _is_number(value) or _is_word(value)):
        yield Fault(place, "expected a word, a number, true or false")
    elif operator == "is_known" and not isinstance(value, bool):
        yield Fault(place, "expected true or false")
    elif operator == "one_of":
        if not isinstance(value, list) or not 1 <= len(value) <= WORD_LIMIT:
            yield Fault(place, f"expected a list of 1 to {WORD_LIMIT} words or numbers")
        elif not (all(_is_word(one) for one in value) or all(_is_number(one) for one in value)):
            yield Fault(place, "expected words only or numbers only")


def _suggestion_faults(suggests: object, place: Place) -> Iterator[Fault]:
    if not isinstance(suggests, list) or not suggests:
        yield Fault(place, "expected a list of suggestions, at least one")
        return
    for number, word in enumerate(suggests):
        if not isinstance(word, str) or word not in SUGGESTIONS:
            found = word if isinstance(word, str) else ""
            yield Fault((*place, number), "unknown suggestion", found, SUGGESTIONS)
        elif word in suggests[:number]:
            yield Fault((*place, number), "this suggestion stands there already")


def _text_faults(text: object, place: Place) -> Iterator[Fault]:
    if not isinstance(text, dict):
        yield Fault(place, f"expected a sentence for each of {', '.join(LOCALES)}")
        return
    yield from _unknown_keys(text, place, LOCALES)
    for locale in LOCALES:
        if locale not in text:
            yield Fault((*place, locale), "this text is required")
        elif not (
            isinstance(text[locale], str)
            and text[locale].strip()
            and len(text[locale]) <= TEXT_LIMIT
            and text[locale].isprintable()
        ):
            yield Fault((*place, locale), f"expected one line of 1 to {TEXT_LIMIT} characters")


def _unknown_keys(part: Mapping[Any, Any], place: Place, known: tuple[str, ...]) -> Iterator[Fault]:
    for key in part:
        if key not in known:
            yield Fault((*place, str(key)), "unknown key", str(key), known)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_word(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT


def _rule(document: Mapping[str, Any]) -> Rule:
    return Rule(
        id=document["id"],
        when=tuple(
            tuple(_condition(one) for one in member["any"]) if "any" in member else (_condition(member),)
            for member in document["when"]
        ),
        suggests=tuple(document["suggests"]),
        text=MappingProxyType({locale: document["text"][locale] for locale in LOCALES}),
        since=document.get("since"),
    )


def _condition(document: Mapping[str, Any]) -> Condition:
    subject: Literal["feature", "score"] = "feature" if "feature" in document else "score"
    (operator,) = (key for key in OPERATORS if key in document)
    value = document[operator]
    if operator == "one_of":
        value = tuple(one if isinstance(one, str) else float(one) for one in value)
    elif not isinstance(value, bool | str):
        value = float(value)
    return Condition(subject, document[subject], operator, value)


def _plain(condition: Condition) -> dict[str, Any]:
    value = condition.value
    return {
        condition.subject: condition.name,
        condition.operator: list(value) if isinstance(value, tuple) else value,
    }
