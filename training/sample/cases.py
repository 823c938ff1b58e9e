"""Support cases: how long they stay open, whether they are reopened, and what an answer changes.

``closed_at`` is the last closing: a reopened case has opened_at < reopened_at < closed_at, as a CRM that
keeps one closing time shows it. A customer who is gone reopens nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import CASE_TYPES, MICROSECONDS_PER_DAY, NAT, PRIORITIES, Array
from training.sample.season import DAYS, HOUR, at
from training.sample.world import Answers, World, satisfaction

COMPLAINT, QUESTION, RETURN, TECHNICAL, OTHER = (
    CASE_TYPES.index(word) for word in ("complaint", "question", "return", "technical", "other")
)
_LOW, _NORMAL, _HIGH, _URGENT = (PRIORITIES.index(word) for word in ("low", "normal", "high", "urgent"))
_MEDIAN_HOURS: Final = np.array([40.0, 7.0, 60.0, 26.0, 18.0])
_NEVER_CLOSED: Final = np.array([0.12, 0.02, 0.03, 0.05, 0.05])
_REOPENED: Final = np.array([0.12, 0.03, 0.05, 0.08, 0.03])
_LATEST_HOUR: Final = 23.4
_PRIORITY_FROM: Final = [0.12, 0.85, 1.1]
"""From which urgency on a case is normal, high, urgent."""


def open_cases(world: World, day: int, who: Array, kind: Array, earliest_hour: Array) -> None:
    """Open cases today and put what becomes of them on the agenda.

    Parameters
    ----------
    world : World
        Changed: the log of cases, open complaints, dissatisfaction, the agenda.
    day : int
        Today.
    who, kind : ndarray of int64, shape (C,)
        The customers, and the types as indexes into ``CASE_TYPES``.
    earliest_hour : ndarray, shape (C,)
        The hour of the day before which the case cannot have been opened.
    """
    rows = len(who)
    if not rows:
        return
    rng, rules, state = world.streams["cases"], world.rules.experience, world.state
    draw = rng.random((4, rows))
    opened = at(day, earliest_hour + draw[0] * (_LATEST_HOUR - earliest_hour))
    hours = np.maximum(_MEDIAN_HOURS[kind] * np.exp(rng.normal(0.0, 1.0, rows)), 0.2)
    first_closed = opened + (hours * HOUR).astype(np.int64)
    reopened = first_closed + ((4.0 + 76.0 * draw[1]) * HOUR).astype(np.int64)
    never = rng.random(rows) < _NEVER_CLOSED[kind]
    again = (draw[2] < _REOPENED[kind]) & ~never
    closed = np.where(again, reopened + (0.8 * hours * HOUR).astype(np.int64), first_closed)
    complaint = kind == COMPLAINT
    urgency = draw[3] + 0.25 * complaint
    world.logs.cases.add(
        rows,
        customer=who,
        opened_at=opened,
        first_closed_at=np.where(never, NAT, first_closed),
        reopened_at=np.where(again, reopened, NAT),
        closed_at=np.where(never, NAT, closed),
        type=kind,
        priority=np.array([_LOW, _NORMAL, _HIGH, _URGENT])[np.digitize(urgency, _PRIORITY_FROM)],
    )
    np.add.at(state.open_complaints, who, complaint)
    np.add.at(state.dissatisfaction, who, complaint * rules.complaint_weight)
    relief = complaint & ~never & (closed - opened < rules.quick_answer_hours * HOUR)
    ends = np.where(never, DAYS, _day_of(closed))
    forgotten = day + rules.open_complaint_days
    _remind(world, ends, who, stops=complaint & (ends <= forgotten), relief=relief, closed=True)
    _remind(world, np.where(again, _day_of(reopened), DAYS), who, reopened=True)
    lasting = who[complaint & (ends > forgotten)]
    _remind(world, np.full(len(lasting), forgotten), lasting, stops=np.ones(len(lasting), dtype=bool))


def hear(world: World, day: int) -> None:
    """Apply what becomes of cases today: a quick answer relieves, a reopened case annoys."""
    state, rules = world.state, world.rules.experience
    for item in world.answers.pop(day, []):
        alive = state.alive[item.customer]
        np.add.at(state.open_complaints, item.customer, -1.0 * item.stops)
        np.add.at(state.dissatisfaction, item.customer, -rules.quick_answer_relief * item.relief)
        np.add.at(state.dissatisfaction, item.customer, rules.reopened_weight * (alive & item.reopened))
        np.maximum(state.dissatisfaction, 0.0, out=state.dissatisfaction)
        if item.closed:
            felt = satisfaction(world)[item.customer]
            world.logs.closings.add(
                len(alive), customer=item.customer, day=day, satisfaction=felt, alive=alive
            )


def _day_of(times: Array) -> Array:
    """Return the simulated day of each time."""
    return (times - at(0)) // MICROSECONDS_PER_DAY


def _remind(
    world: World,
    when: Array,
    who: Array,
    *,
    stops: Array | None = None,
    relief: Array | None = None,
    reopened: bool = False,
    closed: bool = False,
) -> None:
    """Put news on the agenda of the days on which they happen; days after the end are dropped."""
    nothing = np.zeros(len(who), dtype=bool)
    stops = nothing if stops is None else stops
    relief = nothing if relief is None else relief
    for day in sorted(set(when[when < DAYS].tolist())):
        rows = when == day
        item = Answers(who[rows], stops[rows], relief[rows], reopened=reopened, closed=closed)
        world.answers[day].append(item)
