"""A company's playbook: from its YAML file, with every fault named by line and key, beside the defaults.

Rules: a fault says what was expected and, where a name is nearly right, which one was meant; an action with
the id of a default one takes its place; the file's policy overrides the default one key by key; budgets are
the file's; the defaults are data too, in ``default_actions.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.domain.actions import ELIGIBILITY, Playbook
from app.domain.errors import BusinessFileError
from app.domain.playbook import ACTION_LIMIT, faults_of, read_playbook
from app.domain.triggers import Fault, Place
from app.serving.conditions import explain
from training.tables.business import Business
from training.tables.objectives import NextBestActionObjective
from training.tables.yaml_faults import meant, refuse, text_of
from training.tables.yaml_places import read_document
from training.triggers import default_rules, rules_for

DEFAULTS: Final = Path(__file__).with_name("default_actions.yaml")

_KEY: Final = "objectives.next_best_action"
_REMEDY: Final = "Mend the named places; docs/actions.md lists what an action may say."
_IN_TRIGGERS: Final = re.compile(r"""(["'])([^"']*)\1\s*in\s+triggers\b""")


def playbook_for(business: Business) -> Playbook:
    """Return the playbook of a business: the default actions that it keeps, then its own.

    Raises
    ------
    BusinessFileError
        Its file cannot be read or says something that it must not, there are too many actions, or ``without``
        names no default action.
    """
    objective = business.objectives.next_best_action or NextBestActionObjective()
    defaults = default_playbook()
    names = {action.id: action for action in defaults.actions}
    for name in objective.without:
        if name not in names:
            raise BusinessFileError(
                f"{_KEY}.without: there is no default action of that name{meant(name, names)}",
                remedy=f"The default actions are {', '.join(names)}.",
            )
    kept = {name: action for name, action in names.items() if name not in objective.without}
    actions = kept if objective.defaults else {}
    own = Playbook((), defaults.policy)
    if objective.file is not None:
        triggers = [rule.id for rule in rules_for(business)]
        own = read_file(business.path.parent / objective.file, business.attribute_kinds, triggers)
        actions = {**actions, **{action.id: action for action in own.actions}}
    if len(actions) > ACTION_LIMIT:
        raise BusinessFileError(
            f"{_KEY}: {len(actions)} actions with the defaults, at most {ACTION_LIMIT} are allowed",
            remedy="Leave out actions that nobody carries out.",
        )
    return Playbook(tuple(actions.values()), own.policy, own.budgets)


@cache
def default_playbook() -> Playbook:
    """Return the actions and the policy that hold for every business."""
    return read_playbook(_default_document())


def read_file(path: Path, attributes: Mapping[str, str], triggers: Iterable[str] | None = None) -> Playbook:
    """Return the playbook of a company's file; the parameters are those of :func:`read_text`.

    Raises
    ------
    BusinessFileError
        As :func:`read_text`, or the file cannot be read.
    """
    return read_text(text_of(path, f"{_KEY}.file"), path.name, attributes, triggers)


def read_text(
    text: str, file: str, attributes: Mapping[str, str], triggers: Iterable[str] | None = None
) -> Playbook:
    """Return the playbook that a YAML text holds, its policy laid over the default one.

    Parameters
    ----------
    file : str
        The name to use in messages.
    attributes : mapping
        The declared attributes of the business, and their kinds: numeric, boolean, categorical.
    triggers : iterable of str
        The ids of its trigger rules; those of the default rules if not given.

    Raises
    ------
    BusinessFileError
        The text is not YAML, or no playbook; the message names every fault by line and key.
    """
    document = read_document(text, file)
    given = document.value
    if isinstance(given, dict) and given.get("actions") is None:
        given = {**given, "actions": []}  # A file may change the policy alone.
    faults = list(faults_of(given))
    broken = {fault.place for fault in faults}
    rules = tuple(rule.id for rule in default_rules()) if triggers is None else tuple(triggers)
    for place, when in _expressions(given):
        if place not in broken:
            faults += _meaning_faults(when, place, attributes, rules)
    refuse(faults, document, file, _REMEDY)
    own = given.get("policy") or {}
    kept = {key: value for key, value in own.items() if value is not None or key == "quiet_hours"}
    policy = {**_default_document()["policy"], **kept}
    return read_playbook({**given, "policy": policy})


@cache
def _default_document() -> dict[str, Any]:
    document: dict[str, Any] = read_document(DEFAULTS.read_text("utf-8"), DEFAULTS.name).value
    return document


def _expressions(document: object) -> Iterator[tuple[Place, str]]:
    """Yield each expression with its place, whatever else is wrong with its action."""
    for number, action in _each(document, "actions"):
        for layer in ELIGIBILITY:
            for position, rule in _each(action, layer):
                when = rule.get("when") if isinstance(rule, dict) else None
                if isinstance(when, str):
                    yield ("actions", number, layer, position, "when"), when


def _each(part: object, key: str) -> Iterator[tuple[int, object]]:
    if isinstance(part, dict) and isinstance(part.get(key), list):
        yield from enumerate(part[key])


def _meaning_faults(
    when: str, place: Place, attributes: Mapping[str, str], triggers: tuple[str, ...]
) -> Iterator[Fault]:
    """Yield what an expression asks for and there is not, or compares and cannot be compared."""
    wrong = explain(when, attributes)
    if wrong is not None:
        yield Fault(place, wrong)
        return
    for _, name in _IN_TRIGGERS.findall(when):
        if name not in triggers:
            yield Fault(place, "there is no such trigger rule", name, triggers)
