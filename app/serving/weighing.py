"""The candidates of one customer, weighed: what each promises, and what took those away that are gone.

Rules: layers act in the order of ``LAYERS`` and the first that takes a candidate is told; what depends on the
store (contacts, budgets) is judged last, by :func:`settle`, within the transaction that writes the choice; a
rule that cannot be answered, because something is not known, does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from app.capabilities.next_best_action import expected_profit
from app.domain.actions import Budget
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.pacing import ROUNDING
from app.serving.action_model import ActionModel
from app.serving.contact_policy import REPEAT, Sent, not_before
from app.serving.knowledge import Person
from app.store.records import BudgetState

LEAST_INDEX, MOST_INDEX = 0.5, 2.0
"""A belief about everybody is moved by what is known of this customer and channel within these bounds."""
CALLS: Final = "phone"
"""The channel that wakes people: quiet hours hold for it whatever the reason."""
UNKNOWN_VALUE: Final = 1e-9
"""What a unit of effect counts for where nobody knows its worth: enough to rank, above doing nothing."""


class Drop(NamedTuple):
    """What took a candidate away: layer, rule, and the numbers of its sentence."""

    layer: str
    rule_id: str
    values: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the playbook is asked for; None is all of it. ``timezone`` is the customer's."""

    candidates: frozenset[str] | None
    channels: frozenset[str] | None
    timezone: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """The K candidates of one customer, before the store is asked.

    ``drops`` holds what took each candidate away, None where nothing did; ``late`` marks those whose offer
    would end before the quiet hours do. ``profit`` has shape (K, 3), ``worth`` is what candidates are ranked
    by, ``starts`` and ``expires`` are in microseconds.
    """

    now: int
    drops: tuple[Drop | None, ...]
    late: tuple[bool, ...]
    profit: Array
    worth: Array
    starts: tuple[int, ...]
    expires: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the store left of a customer's candidates.

    ``wished`` holds for each budget that was asked for the best that a contact promised, and what it takes.
    """

    drops: tuple[Drop | None, ...]
    wished: Mapping[str, tuple[float, float]]

    @property
    def allowed(self) -> Array:
        """Where nothing took a candidate away, bool of shape (K,)."""
        return np.array([drop is None for drop in self.drops], dtype=bool)


def weigh(model: ActionModel, person: Person, wanted: Wanted, now: int) -> Weighed:
    """Return the candidates of one customer, with all that does not depend on the store."""
    failing = model.conditions.failing(person.variables)
    taken = [_taken(model, position, person, wanted, now, failing) for position in range(len(model.gates))]
    quiet = model.playbook.policy.quiet_hours
    calm = {channel: not_before(quiet, channel, now, wanted.timezone) for channel in model.channels}
    drops, late, starts, expires = [], [], [], []
    for one, position in zip(model.candidates, model.owner.tolist(), strict=True):
        drop = taken[position]
        if drop is None and wanted.channels is not None and one.channel not in wanted.channels:
            drop = Drop("request", "channels")
        is_exempt = one.action.is_transactional and one.channel != CALLS
        start = now if is_exempt else calm[one.channel]
        end = now + round(one.action.expires_days * MICROSECONDS_PER_DAY)
        if one.action.valid_until is not None:
            end = min(end, one.action.valid_until)
        drops.append(drop)
        late.append(start >= end)
        starts.append(start)
        expires.append(end)
    profit, worth = _promised(model, person)
    return Weighed(now, tuple(drops), tuple(late), profit, worth, tuple(starts), tuple(expires))


def _taken(
    model: ActionModel,
    position: int,
    person: Person,
    wanted: Wanted,
    now: int,
    failing: Callable[[int], int | None],
) -> Drop | None:
    """Return what takes an action away by whatever channel, None where nothing does."""
    action = model.playbook.actions[position]
    if wanted.candidates is not None and action.id not in wanted.candidates:
        return Drop("request", "candidates")
    if action.valid_from is not None and now < action.valid_from:
        return Drop("validity", "valid_from")
    if action.valid_until is not None and now >= action.valid_until:
        return Drop("validity", "valid_until")
    if not (person.marketing or action.is_transactional):
        return Drop("consent", "marketing")
    place = failing(position)
    if place is None:
        return None
    gate = model.gates[position][place]
    return Drop(gate.layer, gate.rule.id, {"text": gate.rule.text})


def _promised(model: ActionModel, person: Person) -> tuple[Array, Array]:
    """Return what candidates promise, shape (K, 3), and what they are ranked by, shape (K,).

    Measured effects stand as measured. A belief follows who answers, where a control arm has confirmed that
    this tells of effects. Channels that were not drawn at random move the rank alone, and of beliefs alone.
    Where nobody knows what a success is worth, what costs nothing is ranked by its effect.
    """
    order_value = person.order_value if person.order_value is not None else model.typical_order_value
    value = model.value
    if order_value is not None:
        value = np.where(np.isnan(value), model.margin * order_value, value)
    index = 1.0
    if model.response_confirmed and person.response is not None and model.response_base_rate is not None:
        index = min(max(person.response / model.response_base_rate, LEAST_INDEX), MOST_INDEX)
    effect = model.effect * np.where(model.is_belief, index, 1.0)[:, None]
    ranked = effect[:, 1] * np.where(model.is_belief, _channel_factors(model, person), 1.0)
    worth = ranked * np.where(np.isnan(value), UNKNOWN_VALUE, value) - model.cost
    return expected_profit(effect, value, model.cost), worth


def _channel_factors(model: ActionModel, person: Person) -> Array:
    """Return how much better or worse each candidate's channel does than the action's channels on average."""
    rates = model.responses.channels(model.responses.segment_of(person.variables))
    if not rates:
        return np.ones(len(model.candidates))
    known = np.array([rates[one.channel][1] if one.channel in rates else np.nan for one in model.candidates])
    counted = ~np.isnan(known)
    size = len(model.playbook.actions)
    total = np.bincount(model.owner[counted], known[counted], size)
    mean = total / np.maximum(np.bincount(model.owner[counted], minlength=size), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.clip(known / mean[model.owner], LEAST_INDEX, MOST_INDEX)
    return np.where(np.isnan(factor), 1.0, factor)


def settle(model: ActionModel, weighed: Weighed, sent: Sent, budgets: Mapping[str, BudgetState]) -> Settled:
    """Return what contacts on record and budgets leave of the candidates.

    Parameters
    ----------
    budgets : mapping
        The state of each budget by :func:`budget_key`.
    """
    policy, now = model.playbook.policy, weighed.now
    full = {
        channel: next((limit for limit in policy.limits if sent.over(limit, channel, now)), None)
        for channel in model.channels
    }
    drops: list[Drop | None] = []
    wished: dict[str, tuple[float, float]] = {}
    for k, one in enumerate(model.candidates):
        drop, action = weighed.drops[k], one.action
        if drop is None:
            limit = None if action.is_transactional else full[one.channel]
            if limit is not None:
                values = {"most": limit.most, "days": f"{limit.days:g}", "limit": limit.id}
                drop = Drop("contact_policy", limit.id, values)
            elif sent.repeats(action, now):
                drop = Drop("contact_policy", REPEAT, {"days": f"{action.repeat_days:g}"})
            elif weighed.late[k]:
                drop = Drop("quiet_hours", "quiet_hours")
            elif one.budget is not None:
                net = float(weighed.worth[k])
                key = budget_key(one.budget)
                drop = _priced(one.budget, budgets[key], one.cost, net, now)
                if drop is None or drop.rule_id == "price":
                    wish = (net, charge_of(one.budget, one.cost))
                    wished[key] = max(wish, wished.get(key, wish))
        drops.append(drop)
    return Settled(tuple(drops), wished)


def _priced(budget: Budget, state: BudgetState, cost: float, net: float, now: int) -> Drop | None:
    """Return what a budget says of a contact: sent if what it promises beyond its cost is above λ."""
    if not budget.begins <= now < budget.ends:
        return Drop("budget", "period", {"budget": budget.id})
    if state.spent + charge_of(budget, cost) > budget.amount * (1.0 + ROUNDING):
        return Drop("budget", "spent", {"budget": budget.id})
    price = max(state.price, budget.price)
    if net <= price:
        return Drop("budget", "price", {"budget": budget.id, "price": f"{price:.4g}"})
    return None


def charge_of(budget: Budget, cost: float) -> float:
    """Return what a contact takes from a budget."""
    return 1.0 if budget.unit == "sends" else cost


def budget_key(budget: Budget) -> str:
    """Return what the store knows a budget by: a new period begins with nothing spent."""
    return f"{budget.id}@{budget.begins}"
