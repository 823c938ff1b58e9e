"""A company's trigger rules: from its YAML file, with every fault named by line and key, beside the defaults.

Rules: a fault says what was expected and, where a name is nearly right, which one was meant; features and
scores are those that the service knows; a rule with the id of a default one takes its place; the defaults are
data too, in ``default_triggers.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from app.domain.errors import BusinessFileError
from app.domain.triggers import (
    LIMITS,
    LOCALES,
    RULE_LIMIT,
    SUGGESTIONS,
    Condition,
    Fault,
    Place,
    Rule,
    faults_of,
    read_rules,
)
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.evidence import known_scores
from app.serving.rules import COUNTING_DOWN, COUNTING_UP, crossing
from training.tables.business import Business
from training.tables.objectives import TriggersObjective
from training.tables.yaml_faults import meant, refuse, text_of
from training.tables.yaml_places import read_document

DEFAULTS: Final = Path(__file__).with_name("default_triggers.yaml")

_NOTHING: Final = {"id": "a", "suggests": [SUGGESTIONS[0]], "text": dict.fromkeys(LOCALES, "-")}
"""A rule that lacks only its conditions."""
_REMEDY: Final = "Mend the named places; docs/triggers.md lists what a rule may say."
_ATTRIBUTE_KINDS: Final[Mapping[str, Literal["number", "flag", "word"]]] = {
    "numeric": "number",
    "boolean": "flag",
    "categorical": "word",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a condition may ask about: its kind, its bounds, and its words where they are a closed list."""

    kind: Literal["number", "flag", "word"]
    low: float = float("-inf")
    high: float = float("inf")
    words: tuple[str, ...] = ()


def rules_for(business: Business) -> tuple[Rule, ...]:
    """Return the trigger rules of a business: the defaults that it keeps, then its own.

    Raises
    ------
    BusinessFileError
        Its file cannot be read or says something that it must not, there are too many rules, or ``without``
        names no default rule.
    """
    objective = business.objectives.triggers or TriggersObjective()
    defaults = {rule.id: rule for rule in default_rules()}
    for name in objective.without:
        if name not in defaults:
            raise BusinessFileError(
                f"objectives.triggers.without: there is no default rule of that name{meant(name, defaults)}",
                remedy=f"The default rules are {', '.join(defaults)}.",
            )
    kept = {name: rule for name, rule in defaults.items() if name not in objective.without}
    rules = kept if objective.defaults else {}
    if objective.file is not None:
        own = read_file(business.path.parent / objective.file, business.attribute_kinds)
        rules = {**rules, **{rule.id: rule for rule in own}}
    if len(rules) > RULE_LIMIT:
        raise BusinessFileError(
            f"objectives.triggers: {len(rules)} rules with the defaults, at most {RULE_LIMIT} are allowed",
            remedy="Leave out rules that nobody acts on.",
        )
    return tuple(rules.values())


@cache
def default_rules() -> tuple[Rule, ...]:
    """Return the rules that hold for every business."""
    return read_rules(read_document(DEFAULTS.read_text("utf-8"), DEFAULTS.name).value)


def read_file(path: Path, attributes: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules of a company's file; ``attributes`` are its declared ones and their kinds.

    Raises
    ------
    BusinessFileError
        As :func:`read_text`, or the file cannot be read.
    """
    return read_text(text_of(path, "objectives.triggers.file"), path.name, attributes)


def read_text(text: str, file: str, attributes: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules that a YAML text holds.

    Parameters
    ----------
    file : str
        The name to use in messages.
    attributes : mapping
        The declared attributes of the business, and their kinds: numeric, boolean, categorical.

    Raises
    ------
    BusinessFileError
        The text is not YAML, or not rules; the message names every fault by line and key.
    """
    document = read_document(text, file)
    faults = list(faults_of(document.value))
    if isinstance(document.value, list) and not any(fault.place == () for fault in faults):
        broken = {fault.place[:2] for fault in faults}
        for number, one in enumerate(document.value):
            # What a rule asks for is looked at whatever else is wrong with it: one reading finds every fault.
            if isinstance(one, dict) and "when" in one and (number, "when") not in broken:
                is_dated = "since" in one and (number, "since") not in broken
                asked = {**_NOTHING, "when": one["when"], **({"since": one["since"]} if is_dated else {})}
                (rule,) = read_rules([asked])
                faults += _meaning_faults(rule, (number,), attributes)
    refuse(faults, document, file, _REMEDY)
    return read_rules(document.value)


def subjects(attributes: Mapping[str, str]) -> dict[tuple[str, str], Subject]:
    """Return everything that a condition may ask about, by ``feature`` or ``score`` and name."""
    found: dict[tuple[str, str], Subject] = {}
    for name, feature in LIBRARY.items():
        kind: Literal["number", "flag", "word"] = "word" if feature.kind == "category" else feature.kind
        found["feature", name] = Subject(kind, feature.low, feature.high)
    for name, declared in attributes.items():
        found["feature", ATTRIBUTE_PREFIX + name] = Subject(_ATTRIBUTE_KINDS[declared])
    for name, output in known_scores().items():
        unit = output.unit if output.unit in {"word", "flag"} else "number"
        found["score", name] = Subject(unit, output.low, output.high, output.words)
    return found


def _meaning_faults(rule: Rule, place: Place, attributes: Mapping[str, str]) -> Iterator[Fault]:
    """Yield where a rule asks for what there is not, or compares what cannot be compared."""
    known = subjects(attributes)
    for below, one in _conditions(rule):
        subject = known.get((one.subject, one.name))
        if subject is None:
            yield _unknown(one, (*place, *below), known)
        else:
            yield from _comparison_faults(one, subject, (*place, *below, one.operator))
    if rule.since is None:
        return
    counting = tuple(sorted(COUNTING_UP | COUNTING_DOWN))
    if rule.since not in counting:
        yield Fault((*place, "since"), "expected a feature that counts days", rule.since, counting)
    elif crossing(rule) is None:
        limits = "at_least or above" if rule.since in COUNTING_UP else "at_most or below"
        message = f"expected a condition in when, outside any, that limits {rule.since} by {limits}"
        yield Fault((*place, "since"), message)


def _conditions(rule: Rule) -> Iterator[tuple[Place, Condition]]:
    """Yield each condition with its place below the rule, as the file has it."""
    for number, member in enumerate(rule.when):
        for position, one in enumerate(member):
            yield (("when", number, "any", position) if len(member) > 1 else ("when", number)), one


def _unknown(one: Condition, place: Place, known: Mapping[tuple[str, str], Subject]) -> Fault:
    other = "score" if one.subject == "feature" else "feature"
    if (other, one.name) in known:
        return Fault((*place, one.subject), f"this is a {other}; write {other}: {one.name}")
    names = tuple(name for subject, name in known if subject == one.subject)
    return Fault((*place, one.subject), f"unknown {one.subject}", one.name, names)


def _comparison_faults(one: Condition, subject: Subject, place: Place) -> Iterator[Fault]:
    operator, value = one.operator, one.value
    if operator == "is_known":
        return
    if operator in LIMITS and subject.kind != "number":
        yield Fault(place, f"{one.name} is a {subject.kind}, which has no more or less; use is")
        return
    for single in value if isinstance(value, tuple) else (value,):
        if isinstance(single, str):
            if subject.kind != "word":
                yield Fault(place, f"{one.name} is a {subject.kind}; expected {_expected(subject)}")
            elif subject.words and single not in subject.words:
                yield Fault(place, f"{one.name} has no such word", single, subject.words)
        elif isinstance(single, bool) != (subject.kind == "flag") or subject.kind == "word":
            yield Fault(place, f"{one.name} is a {subject.kind}; expected {_expected(subject)}")
        elif not subject.low <= single <= subject.high:
            yield Fault(place, f"{one.name} lies within {subject.low:g} to {subject.high:g}")


def _expected(subject: Subject) -> str:
    return {"number": "a number", "flag": "true or false", "word": "a word"}[subject.kind]
