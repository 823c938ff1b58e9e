"""The subscription product: a membership that starts, is cancelled, runs out and is renewed.

A recurring membership has no end until it is cancelled; a yearly one ends on a day that is known at its start
and is renewed as a new row. So no row tells of a later decision. A recurring membership is the one thing that
a customer who has left still ends, some weeks later.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array
from training.sample.people import PLANS
from training.sample.season import at
from training.sample.world import NEVER, World

FEES: Final = {1: 19.0, 3: 49.0, 12: 168.0}
"""Fee of a term in the business's currency, by months."""
_YEAR_DAYS: Final = 365
_FAMILY: Final = PLANS.index("family")


def subscribe(world: World, day: int) -> None:
    """Start, cancel and renew memberships on a day; nobody ends one and starts another on the same day."""
    free = ~world.state.subscribed
    _cancel(world, day)
    _renew(world, day)
    _start(world, day, free)


def fee(months: Array, plan: Array) -> Array:
    """Return the fee of a term; families pay half as much again."""
    base = np.select([months == term for term in FEES], list(FEES.values()))
    return np.asarray(base * np.where(plan == _FAMILY, 1.5, 1.0))


def _start(world: World, day: int, free: Array) -> None:
    state, people, rules = world.state, world.people, world.rules.subscription
    rng = world.streams["memberships"]
    u, term = rng.random((2, people.size))
    arrives = people.arrival == day
    later = rules.start_rate * np.exp(0.4 * state.engagement)
    joins = np.where(arrives, (people.plan >= 1) * rules.start_with_plan, later)
    may = state.alive & free & (arrives | (state.orders >= 2))
    who = np.flatnonzero(may & (u < joins))
    months = np.where(term[who] < 0.62, 1, np.where(term[who] < 0.78, 3, 12))
    _write(world, day, who, months, renewed=False)


def _write(world: World, day: int, who: Array, months: Array, *, renewed: bool) -> None:
    """Write down memberships that begin on a day and make them the current ones."""
    state = world.state
    recurring = months < 12
    ends = np.where(recurring, -NEVER, day + _YEAR_DAYS)
    rows = world.logs.memberships.add(
        len(who), customer=who, day=day, months=months, renewed=renewed, term_ends=ends
    )
    state.subscribed[who] = True
    state.recurring[who] = recurring
    state.term_ends[who] = ends
    state.membership[who] = rows


def _cancel(world: World, day: int) -> None:
    state, rules = world.state, world.rules.subscription
    u = world.streams["cancellations"].random(world.people.size)
    dogs = state.sleeping_dog & state.treated & (day < state.window_ends)
    rate = rules.cancel_rate * np.exp(
        rules.cancel_dissatisfaction * state.dissatisfaction
        + rules.cancel_engagement * state.engagement
        + world.rules.campaigns.sleeping_dog_cancels * dogs
    )
    rate = np.where(state.alive, rate, rules.cancel_rate_when_gone)
    who = np.flatnonzero(state.subscribed & state.recurring & (u < -np.expm1(-rate)))
    hours = world.streams["cancellations"].uniform(9.5, 23.0, len(who))
    world.logs.membership_ends.add(len(who), membership=state.membership[who], cancelled_at=at(day, hours))
    state.subscribed[who] = False


def _renew(world: World, day: int) -> None:
    state, rules = world.state, world.rules.subscription
    u = world.streams["renewals"].random(world.people.size)
    ends = state.subscribed & ~state.recurring & (state.term_ends == day)
    log_odds = rules.renew_log_odds + 0.8 * state.engagement - state.dissatisfaction
    again = ends & state.alive & (u < 1.0 / (1.0 + np.exp(-log_odds)))
    state.subscribed &= ~ends
    who = np.flatnonzero(again)
    _write(world, day, who, np.full(len(who), 12), renewed=True)
