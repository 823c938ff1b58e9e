"""A playbook made ready to decide: its candidates as arrays, its rules compiled, what is known of effects.

A candidate is one action by one channel. Effects are what the owner believes, until a randomised trial has
measured them; what contacts taught about channels and hours stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.actions import ELIGIBILITY, EVIDENCE, Action, ActionRule, Budget, Effect, Playbook
from app.domain.errors import StructureError
from app.domain.history import Array
from app.domain.playbook import read_playbook
from app.estimators.responses import Responses
from app.serving.conditions import Conditions, compile_conditions

PILOT: Final = EVIDENCE[1]
TIERS: Final = ("rules", "statistical", "ml", "causal")


@dataclass(frozen=True, slots=True)
class Believed:
    """What an action is expected to do, and what that rests on."""

    effect: Effect
    evidence: str = "rule_prior"


@dataclass(frozen=True, slots=True)
class Gate:
    """One rule of an action with its layer and the position of its condition."""

    layer: str
    rule: ActionRule
    condition: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One action by one channel."""

    action: Action
    channel: str
    cost: float
    budget: Budget | None


@dataclass(frozen=True)
class ActionModel:
    """Everything that a decision needs and that no customer changes.

    Of each of the K candidates there are ``believed``, ``effect`` of shape (K, 3), ``cost``, and ``value``,
    the worth of a success, NaN where ``margin`` of the order value counts instead; ``owner`` is the position
    of its action. ``gates`` are the rules of each action, in the order of the layers. ``response_confirmed``
    says that a control arm has shown larger effects among those who are likelier to answer.
    """

    playbook: Playbook
    conditions: Conditions
    gates: tuple[tuple[Gate, ...], ...]
    believed: tuple[Believed, ...]
    candidates: tuple[Candidate, ...]
    owner: Array
    effect: Array
    cost: Array
    value: Array
    margin: Array
    transactional: Array
    is_belief: Array
    channels: tuple[str, ...]
    responses: Responses
    response_base_rate: float | None
    response_confirmed: bool
    typical_order_value: float | None
    tier: str

    @property
    def reads(self) -> frozenset[str]:
        """The variables that its rules, and what was learned about channels and hours, read."""
        return self.conditions.names | self.responses.names

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any], attributes: Mapping[str, str]) -> ActionModel:
        """Return the model that an artifact's settings hold.

        Parameters
        ----------
        attributes : mapping
            Declared attributes of the business and their kinds: numeric, boolean, categorical.

        Raises
        ------
        StructureError
            The settings hold no playbook, a rule cannot be compiled, or a number is not what it must be.
        """
        try:
            playbook = read_playbook(settings["playbook"])
            candidates, owner = _candidates(playbook)
            believed = tuple(_believed(one, settings["effects"]) for one in candidates)
            responses = Responses.of_document(settings["responses"])
            numbers = {name: settings[name] for name in ("response_base_rate", "typical_order_value")}
            tier, confirmed = settings["tier"], settings["response_confirmed"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StructureError(
                f"the settings hold no playbook that can be used: {type(error).__name__}"
            ) from error
        for name, number in numbers.items():
            if number is not None and not (isinstance(number, float | int) and 0 < number < np.inf):
                raise StructureError(f"the setting {name} is no number above zero")
        if not isinstance(confirmed, bool):
            raise StructureError("the setting response_confirmed is neither true nor false")
        if tier not in TIERS:
            raise StructureError(f"the tier is none of {', '.join(TIERS)}")
        conditions, gates = _compiled(playbook, attributes)
        return cls(
            playbook=playbook,
            conditions=conditions,
            gates=gates,
            believed=believed,
            candidates=candidates,
            owner=owner,
            effect=np.array([[one.effect.low, one.effect.mid, one.effect.high] for one in believed]).reshape(
                -1, 3
            ),
            cost=np.array([one.cost for one in candidates]),
            value=np.array([np.nan if one.action.value is None else one.action.value for one in candidates]),
            margin=np.array(
                [np.nan if one.action.margin is None else one.action.margin for one in candidates]
            ),
            transactional=np.array([one.action.is_transactional for one in candidates], dtype=bool),
            is_belief=np.array([one.evidence == EVIDENCE[0] for one in believed], dtype=bool),
            channels=tuple(dict.fromkeys(one.channel for one in candidates)),
            responses=responses,
            response_base_rate=numbers["response_base_rate"],
            response_confirmed=confirmed,
            typical_order_value=numbers["typical_order_value"],
            tier=tier,
        )


def _believed(one: Candidate, effects: Mapping[str, Any]) -> Believed:
    """Return the measured effect of an action by channels that were tried, else what its owner believes."""
    action = one.action
    measured = effects.get(action.id)
    if measured is None or one.channel not in measured["channels"]:
        return Believed(action.effect)
    low, mid, high = (float(measured[name]) for name in ("low", "mid", "high"))
    if not -1 <= low <= mid <= high <= 1 or measured["evidence"] not in EVIDENCE:
        raise StructureError(f"the measured effect of {action.id} is none")
    trial = Effect(low, mid, high)
    if measured["evidence"] == PILOT:
        trial = weighed_together(action.effect, trial)
    return Believed(trial, measured["evidence"])


def weighed_together(belief: Effect, trial: Effect) -> Effect:
    """Return a belief and a trial that is not clear of chance as one: each counts by its precision.

    Both are read as normal with the same level of interval; a belief or trial without a range stands alone.
    """
    if belief.low == belief.high or trial.low == trial.high:
        return belief if belief.low == belief.high else trial
    widths = np.array([belief.high - belief.low, trial.high - trial.low])
    weights = widths**-2.0 / (widths**-2.0).sum()
    mid = float(weights @ [belief.mid, trial.mid])
    half = float((widths**-2.0).sum() ** -0.5) / 2
    return Effect(max(mid - half, -1.0), mid, min(mid + half, 1.0))


def _compiled(
    playbook: Playbook, attributes: Mapping[str, str]
) -> tuple[Conditions, tuple[tuple[Gate, ...], ...]]:
    """Return the rules of each action, and their conditions, each of which stands there once."""
    places: dict[str, int] = {}
    gates = tuple(
        tuple(
            Gate(layer, rule, places.setdefault(rule.when, len(places)))
            for layer in ELIGIBILITY
            for rule in action.rules(layer)
        )
        for action in playbook.actions
    )
    groups = [[gate.condition for gate in of_action] for of_action in gates]
    return compile_conditions(tuple(places), attributes, groups), gates


def _candidates(playbook: Playbook) -> tuple[tuple[Candidate, ...], Array]:
    budgets = {budget.id: budget for budget in playbook.budgets}
    found, owner = [], []
    for position, action in enumerate(playbook.actions):
        for channel in action.channels:
            budget = None if action.budget is None else budgets[action.budget]
            found.append(Candidate(action, channel, action.cost[channel], budget))
            owner.append(position)
    return tuple(found), np.array(owner, dtype=np.int64)
