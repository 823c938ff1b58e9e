"""Leaving for good: the daily hazard of dropping out, and what lets engagement fall before it."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from training.sample.parameters import Parameters
from training.sample.people import DISCOUNT_CAMPAIGN, People
from training.sample.world import World


def neutral_log_hazard(people: People, rules: Parameters) -> Array:
    """Return the personal log hazard per day without any experience, visit or membership, shape (N,)."""
    drop = rules.dropout
    return np.asarray(
        drop.base
        + people.frailty
        + drop.discount_acquisition * (people.acquisition == DISCOUNT_CAMPAIGN)
        + drop.satisfied_nature * people.nature
    )


def dropout_hazard(world: World, day: int) -> Array:
    """Return the hazard of leaving on a day, given what the customer has been through, shape (N,).

    The day's probability is ``1 - exp(-hazard)``. It holds for customers who are alive.
    """
    drop, state = world.rules.dropout, world.state
    dogs = state.sleeping_dog & state.treated & (day < state.window_ends)
    log_hazard = (
        neutral_log_hazard(world.people, world.rules)
        + drop.dissatisfaction * state.dissatisfaction
        + drop.open_complaint * (state.open_complaints > 0)
        + drop.subscription * state.subscribed
        + drop.engagement * state.engagement
        + drop.single_order * (state.orders == 1)
        + world.rules.campaigns.sleeping_dog_leaves * dogs
    )
    return np.asarray(np.exp(np.minimum(log_hazard, -1.0)))


def leave(world: World, day: int) -> None:
    """Let customers drop out at the start of a day: nothing of that day or later is theirs."""
    state = world.state
    u = world.streams["dropout"].random(world.people.size)
    gone = state.alive & (u < -np.expm1(-dropout_hazard(world, day)))
    state.alive &= ~gone
    state.gone_on[gone] = day


def feel(world: World) -> None:
    """Let memories fade and engagement drift towards its level, which bad memories lower."""
    rules, state = world.rules, world.state
    state.dissatisfaction *= 0.5 ** (1.0 / rules.experience.memory_half_life_days)
    flow = rules.engagement
    level = flow.satisfied_level * world.people.nature + flow.dissatisfaction * state.dissatisfaction
    noise = world.streams["engagement"].normal(0.0, 1.0, world.people.size)
    state.engagement += flow.reversion * (level - state.engagement)
    state.engagement += flow.deviation * np.sqrt(2.0 * flow.reversion) * noise
