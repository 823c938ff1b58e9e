"""Trigger rules made ready to fire: what they read, each condition once, and which feature dates them.

Rules: a rule speaks of features of the full history; where only a summary was given, its feature of the same
meaning stands in (``TWINS``). A rule may ask about features that this code computes and declared attributes;
what it asks of a block that is not there does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from app.domain.errors import StructureError
from app.domain.triggers import Condition, Rule, read_rules
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX

_SUMMARY: Final = "summary."
TWINS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            name.removeprefix(_SUMMARY): name
            for name in LIBRARY
            if name.startswith(_SUMMARY) and name.removeprefix(_SUMMARY) in LIBRARY
        },
        "order_days": "summary.order_count",
        "order_days_90d": "summary.orders_90d",
        "order_days_365d": "summary.orders_365d",
    }
)
"""The feature of a summary that stands in for one of the full history."""

COUNTING_UP: Final = frozenset(
    {
        *(name for name in LIBRARY if name.removeprefix(_SUMMARY).startswith("days_since_")),
        "tenure_days",
        "days_subscribed",
        "oldest_open_complaint_days",
    }
)
"""Features that rise by one each day, so that a threshold tells the day on which it was crossed."""
COUNTING_DOWN: Final = frozenset({"days_to_renewal"})
"""Features that fall by one each day."""


@dataclass(frozen=True, slots=True)
class Since:
    """What dates a firing: the feature, its threshold, and which way it counts."""

    subject: int
    threshold: float
    is_rising: bool
    is_strict: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """One rule with its conditions as positions among those of all rules."""

    rule: Rule
    members: tuple[tuple[int, ...], ...]
    since: Since | None


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules made ready to fire: what they read, each condition once, and each rule over those.

    ``tests`` hold the position of what is read among ``subjects``, and the condition.
    """

    subjects: tuple[tuple[str, str], ...]
    tests: tuple[tuple[int, Condition], ...]
    compiled: tuple[Compiled, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in their order."""
        return tuple(one.rule for one in self.compiled)


def rules_of(settings: Mapping[str, Any]) -> Rules:
    """Return the rules that an artifact's settings hold under ``rules``, ready to fire.

    Raises
    ------
    StructureError
        They are not rules, or ask about a feature that this code does not compute.
    """
    if "rules" not in settings:
        raise StructureError("the settings hold no rules")
    return compile_rules(read_rules(settings["rules"]))


def compile_rules(rules: tuple[Rule, ...]) -> Rules:
    """Return rules ready to fire.

    Raises
    ------
    StructureError
        A rule asks about a feature that this code does not compute.
    """
    subjects: dict[tuple[str, str], int] = {}
    tests: dict[tuple[int, Condition], int] = {}
    compiled = []
    for rule in rules:
        for one in rule.conditions:
            is_known = one.name in LIBRARY or one.name.startswith(ATTRIBUTE_PREFIX)
            if one.subject == "feature" and not is_known:
                raise StructureError(f"the rule {rule.id} asks about {one.name}, which is no feature here")
        members = tuple(
            tuple(
                tests.setdefault(
                    (subjects.setdefault((one.subject, one.name), len(subjects)), one), len(tests)
                )
                for one in member
            )
            for member in rule.when
        )
        crossed = crossing(rule)
        since = None
        if crossed is not None:
            since = Since(
                subjects["feature", crossed.name],
                float(crossed.value),  # type: ignore[arg-type]  # a limit's value is a number
                crossed.operator in {"at_least", "above"},
                crossed.operator in {"above", "below"},
            )
        compiled.append(Compiled(rule, members, since))
    return Rules(tuple(subjects), tuple(tests), tuple(compiled))


def crossing(rule: Rule) -> Condition | None:
    """Return the condition whose threshold dates a rule's firing; None where there is none.

    It stands alone in ``when`` (not in ``any``), asks about the feature of ``since``, and limits it in the
    direction in which it counts.
    """
    for member in rule.when:
        one = member[0]
        if len(member) > 1 or one.subject != "feature" or one.name != rule.since:
            continue
        is_up = one.operator in {"at_least", "above"} and one.name in COUNTING_UP
        if is_up or (one.operator in {"at_most", "below"} and one.name in COUNTING_DOWN):
            return one
    return None


def features_of(rules: Rules) -> frozenset[str]:
    """Return the features to compute: of the library, declared attributes, and their twins of a summary."""
    names = {name for subject, name in rules.subjects if subject == "feature"}
    return frozenset(names | {TWINS[name] for name in names if name in TWINS})


def blocks_of(rules: Rules) -> frozenset[str]:
    """Return the blocks whose scores the rules ask about."""
    return frozenset(name.partition(".")[0] for subject, name in rules.subjects if subject == "score")
