"""What customers go through after an order: late or broken parcels, returns, reasons to complain."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from training.sample.cases import COMPLAINT, OTHER, QUESTION, RETURN, TECHNICAL, hear, open_cases
from training.sample.season import at
from training.sample.world import PARTIAL, REFUNDED, Parcels, World, satisfaction

_AFTER_DELIVERY, _FROM_MORNING = 19.6, 9.5
_QUESTION_RATE = 0.0006
_WORST = 2.0


def receive(world: World, day: int) -> None:
    """Let cases end and parcels arrive today; both change how the customer feels from today on."""
    hear(world, day)
    parcels = _arrived(world, day)
    alive = world.state.alive[parcels.customer]
    complains, returns = _unpack(world, day, parcels, alive)
    who, kind = _other_questions(world, day)
    kinds = np.concatenate([np.full(len(complains), COMPLAINT), np.full(len(returns), RETURN), kind])
    hours = np.where(np.arange(len(kinds)) < len(complains) + len(returns), _AFTER_DELIVERY, _FROM_MORNING)
    open_cases(world, day, np.concatenate([complains, returns, who]), kinds, hours)
    world.logs.deliveries.add(
        len(parcels.order),
        order=parcels.order,
        customer=parcels.customer,
        day=day,
        satisfaction=satisfaction(world)[parcels.customer],
        alive=alive,
    )


def _arrived(world: World, day: int) -> Parcels:
    """Take today's parcels from the agenda."""
    found = world.parcels.pop(day, [])
    nothing = np.zeros(0, dtype=np.int64)
    return Parcels(
        order=np.concatenate([nothing, *(part.order for part in found)]),
        customer=np.concatenate([nothing, *(part.customer for part in found)]),
        late_days=np.concatenate([nothing, *(part.late_days for part in found)]),
        defect=np.concatenate([nothing.astype(bool), *(part.defect for part in found)]),
    )


def _unpack(world: World, day: int, parcels: Parcels, alive: Array) -> tuple[Array, Array]:
    """Let late and broken parcels hurt; return who complains and who asks to give something back."""
    rules = world.rules.experience
    draw = world.streams["parcels"].random((3, len(parcels.order)))
    late = parcels.late_days > 0
    weight = np.minimum(rules.late_weight + rules.late_weight_per_day * parcels.late_days, _WORST)
    np.add.at(
        world.state.dissatisfaction, parcels.customer, late * weight + parcels.defect * rules.defect_weight
    )
    chance = late * rules.complaint_if_late + parcels.defect * rules.complaint_if_defect
    complains = alive & (draw[0] < chance)
    returned = alive & (draw[1] < np.where(parcels.defect, rules.return_if_defect, rules.return_otherwise))
    _give_back(world, day, parcels.order[returned])
    asks = returned & (draw[2] < rules.return_through_support)
    return np.unique(parcels.customer[complains]), np.unique(parcels.customer[asks])


def _give_back(world: World, day: int, orders: Array) -> None:
    """Write down the refunds of today's returns; the money comes back some days later."""
    rng, rules = world.streams["refunds"], world.rules.experience
    rows = len(orders)
    if not rows:
        return
    days = rng.uniform(2.0, 12.0, rows)
    partial = rng.random(rows) < rules.partial_refunds
    world.logs.refunds.add(
        rows,
        order=orders,
        refunded_at=at(day, 20.0 + 24.0 * days),
        fate=np.where(partial, PARTIAL, REFUNDED),
        share=np.where(partial, rng.uniform(0.2, 0.6, rows), 1.0),
    )


def _other_questions(world: World, day: int) -> tuple[Array, Array]:
    """Draw the cases that no parcel caused; return who opens one, and of which type."""
    state, rules, size = world.state, world.rules.experience, world.people.size
    rng = world.streams["other cases"]
    complains, asks, kind = rng.random((3, size))
    known = state.alive & (world.people.arrival < day)
    complaint = known & (complains < rules.complaint_rate)
    question = known & ~complaint & (asks < _QUESTION_RATE * np.exp(0.5 * state.engagement))
    who = np.flatnonzero(complaint | question)
    other = np.array([QUESTION, TECHNICAL, OTHER])[np.digitize(kind[who], [0.6, 0.88])]
    return who, np.where(complaint[who], COMPLAINT, other)
