"""What is known of N customers when an action is to be chosen: the variables that the playbook's rules read.

Rules: features, scores and trigger rules are worked out by the very code that scores; of a customer who
denies profiling or personalisation nothing is known but that; a variable that is not known is not there; a
feature of the full history is taken from its twin where only a summary was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.capabilities import TRIGGERS
from app.capabilities.base import Model, margins
from app.domain.consent import granted
from app.domain.history import Array, History
from app.domain.selection import take
from app.domain.triggers import Rule
from app.estimators.base import trained_moment
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.blocks import Answered, Part, scores_of
from app.serving.evidence import known_scores, plain
from app.serving.plan import by_form, plan_of, published, rules_plan, variant_for
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.rules import TWINS
from app.serving.triggers import holding

FEATURES, ATTRIBUTES = "features.", "attributes."
ORDER_VALUE: Final = "average_order_value"


@dataclass(frozen=True, slots=True)
class Consented:
    """What each of N customers allows, bool of shape (N,)."""

    marketing: Array
    personalised: Array


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one customer.

    ``variables`` holds what is known by the name that expressions use. ``order_value`` is that of the average
    order, None where not known; ``response`` the probability of an answer to a contact, if there is a model.
    """

    variables: Mapping[str, Any]
    marketing: bool
    personalised: bool
    order_value: float | None = None
    response: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read of customers: names of variables, and the artifact whose response model is asked."""

    names: frozenset[str]
    artifact: LoadedArtifact

    @property
    def features(self) -> frozenset[str]:
        """The features to compute, with the twins that stand in for them."""
        asked = {name.removeprefix(FEATURES) for name in self.names if name.startswith(FEATURES)}
        asked.add(ORDER_VALUE)
        declared = {name.removeprefix(ATTRIBUTES) for name in self.names if name.startswith(ATTRIBUTES)}
        twins = {TWINS[name] for name in asked if name in TWINS}
        return frozenset(asked | twins | {ATTRIBUTE_PREFIX + name for name in declared})

    @property
    def blocks(self) -> frozenset[str]:
        """The blocks whose scores are read."""
        own = (FEATURES, ATTRIBUTES)
        return frozenset(name.partition(".")[0] for name in self.names if not name.startswith(own))


def people_of(release: LoadedRelease, history: History, as_of: Array, reading: Reading) -> tuple[Person, ...]:
    """Return what is known of each customer.

    Parameters
    ----------
    history : History of N customers
    as_of : ndarray of int64, shape (N,)
        Microseconds since 1970 in UTC.
    """
    allowed = consented(release, history, as_of)
    people: list[Person] = [
        Person({}, marketing, personalised=False) for marketing in allowed.marketing.tolist()
    ]
    (rows,) = allowed.personalised.nonzero()
    for is_summary, part in by_form(history, rows).items():
        cut = history if len(part) == history.size else take(history, part)
        found = _known(release, cut, as_of[part], reading, is_summary=is_summary)
        for i, (variables, value, response) in zip(part.tolist(), found, strict=True):
            marketing = people[i].marketing
            people[i] = Person(variables, marketing, personalised=True, order_value=value, response=response)
    return tuple(people)


def consented(release: LoadedRelease, history: History, as_of: Array) -> Consented:
    """Return what each customer allows."""
    defaults = release.business.consent_defaults
    profiling, personalisation, marketing = (
        granted(history, purpose, as_of, defaults)
        for purpose in ("profiling", "personalisation", "marketing")
    )
    return Consented(marketing, profiling & personalisation)


def _known(
    release: LoadedRelease, history: History, as_of: Array, reading: Reading, *, is_summary: bool
) -> list[tuple[dict[str, Any], float | None, float | None]]:
    """Return the variables, the average order value and the response of each customer of one form."""
    rules = rules_plan(release) if TRIGGERS in reading.blocks and TRIGGERS in release.artifacts else None
    asked = reading.blocks | (frozenset() if rules is None else rules.blocks)
    plans = {
        name: plan_of(release.artifacts[name], variant_for(release.artifacts[name], is_summary=is_summary))
        for name in published(release)
        if name in asked
    }
    model = reading.artifact.models[variant_for(reading.artifact, is_summary=is_summary)]
    needed = reading.features.union(*(plan.needed for plan in plans.values()))
    if model.rungs:
        needed |= frozenset(model.features.names)
    if rules is not None:
        needed |= rules.features
    part = Part(release, history, as_of, needed)
    scores = scores_of({name: Answered(part, plan, None) for name, plan in plans.items()})
    columns = {
        **{name: _feature(part, name) for name in reading.names if name.startswith((FEATURES, ATTRIBUTES))},
        **{name: _score(scores[name], name) for name in reading.names if name in scores},
    }
    known = [_variables(columns, i) for i in range(history.size)]
    if rules is not None:
        mine = {name: column for name, column in scores.items() if name.partition(".")[0] in rules.blocks}
        held = holding(rules.rules, part.columns, mine, history.size)
        for i, variables in enumerate(known):
            variables[TRIGGERS] = _fired(rules.rules.rules, held, i)
    values = [_number(value) for value in _feature(part, FEATURES + ORDER_VALUE)]
    return list(zip(known, values, _responses(part, model), strict=True))


def _variables(columns: Mapping[str, list[Any]], i: int) -> dict[str, Any]:
    """Return what is known of one customer, by name."""
    found = {}
    for name, column in columns.items():
        value = column[i]
        if value is not None and value == value:  # noqa: PLR0124  NaN alone differs from itself
            found[name] = value
    return found


def _fired(rules: tuple[Rule, ...], held: list[Array], i: int) -> list[str]:
    return [rule.id for rule, mask in zip(rules, held, strict=True) if mask[i]]


def _feature(part: Part, name: str) -> list[Any]:
    """Return one feature or attribute of each customer: None or NaN where it is not known."""
    if name.startswith(ATTRIBUTES):
        return _plain_column(part, ATTRIBUTE_PREFIX + name.removeprefix(ATTRIBUTES))
    name = name.removeprefix(FEATURES)
    own = _plain_column(part, name)
    if name not in TWINS:
        return own
    twin = _plain_column(part, TWINS[name])
    return [mine if _number(mine) is not None else other for mine, other in zip(own, twin, strict=True)]


def _plain_column(part: Part, name: str) -> list[Any]:
    column = part.columns.get(name)
    if column is None:
        return [None] * part.history.size
    values = column.tolist()
    feature = LIBRARY.get(name)
    kind = (
        feature.kind
        if feature is not None
        else part.release.business.attributes.get(name.removeprefix(ATTRIBUTE_PREFIX))
    )
    if kind in {"flag", "boolean"}:
        return [None if _number(value) is None else bool(value) for value in values]
    return [plain(value) for value in values]


def _score(column: Array, name: str) -> list[Any]:
    """Return one score of each customer: a word, a flag or a number; None or NaN where it is not known."""
    if known_scores()[name].unit == "flag":
        return [None if _number(value) is None else bool(value) for value in column.tolist()]
    return [plain(value) for value in column.tolist()]


def _responses(part: Part, model: Model) -> list[float | None]:
    """Return the probability of an answer of each customer; None without a model."""
    size = part.history.size
    if not model.rungs:
        return [None] * size
    X = model.features.matrix(part.columns, size)
    margin = margins(model, X, np.zeros(size, dtype=np.int64), trained_moment(size))
    found: list[float | None] = (1.0 / (1.0 + np.exp(-margin))).tolist()
    return found


def _number(value: Any) -> float | None:
    """Return a value as a number; None where it is none or is not known."""
    if isinstance(value, bool | int | float) and value == value:  # noqa: PLR0124  NaN alone
        return float(value)
    return None
