"""The state of a block of customers on one day, what is due on later days, and the record of what happened.

Nothing in the state looks ahead: each step reads yesterday's state and what falls due today.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.domain.history import NAT, Array
from training.sample.log import Log
from training.sample.parameters import Parameters
from training.sample.people import People
from training.sample.season import Calendar
from training.sample.streams import Streams

NEVER: Final = -1_000_000
"""The day of something that has not happened."""
COMPLETED, REFUNDED, PARTIAL, CANCELLED = 0, 1, 2, 3
"""What becomes of an order, as indexes into the contract's order statuses."""
WEB, APP, STORE = 0, 1, 2
CHANNELS: Final = ("web", "app", "store")
_INT, _FLOAT, _BOOL = np.int64, np.float64, np.bool_


@dataclass(slots=True)
class State:
    """What is true today; every column has shape (N,)."""

    alive: Array
    gone_on: Array
    engagement: Array
    dissatisfaction: Array
    browsing: Array
    open_complaints: Array
    orders: Array
    last_order: Array
    subscribed: Array
    recurring: Array
    term_ends: Array
    membership: Array
    marketing: Array
    contact: Array
    window_ends: Array
    treated: Array
    effect: Array
    sleeping_dog: Array
    converted: Array
    hazard_without: Array
    order_before: Array


@dataclass(slots=True)
class Logs:
    """What happened, in the order in which it did."""

    orders: Log = field(
        default_factory=lambda: Log(
            customer=_INT, day=_INT, ordered_at=_INT, channel=_INT, contact=_INT, fate=_INT, defect=_BOOL,
            promised_at=_INT, shipped_at=_INT, delivered_at=_INT, late_days=_INT, cancelled_at=_INT,
        )
    )  # fmt: skip
    deliveries: Log = field(
        default_factory=lambda: Log(order=_INT, customer=_INT, day=_INT, satisfaction=_FLOAT, alive=_BOOL)
    )
    refunds: Log = field(default_factory=lambda: Log(order=_INT, refunded_at=_INT, fate=_INT, share=_FLOAT))
    cases: Log = field(
        default_factory=lambda: Log(
            customer=_INT, opened_at=_INT, first_closed_at=_INT, reopened_at=_INT, closed_at=_INT, type=_INT,
            priority=_INT,
        )
    )  # fmt: skip
    closings: Log = field(
        default_factory=lambda: Log(customer=_INT, day=_INT, satisfaction=_FLOAT, alive=_BOOL)
    )
    sessions: Log = field(default_factory=lambda: Log(customer=_INT, day=_INT, subscribed=_BOOL))
    emails: Log = field(default_factory=lambda: Log(customer=_INT, at=_INT, clicked=_BOOL))
    unsubscribed: Log = field(default_factory=lambda: Log(customer=_INT, at=_INT))
    memberships: Log = field(
        default_factory=lambda: Log(customer=_INT, day=_INT, months=_INT, renewed=_BOOL, term_ends=_INT)
    )
    membership_ends: Log = field(default_factory=lambda: Log(membership=_INT, cancelled_at=_INT))
    contacts: Log = field(
        default_factory=lambda: Log(
            customer=_INT, contacted_at=_INT, campaign=_INT, channel=_INT, treated=_BOOL, propensity=_FLOAT,
            effect=_FLOAT, cost=_FLOAT,
        )
    )  # fmt: skip
    outcomes: Log = field(default_factory=lambda: Log(contact=_INT, order=_INT))
    probabilities: Log = field(
        default_factory=lambda: Log(contact=_INT, without=_FLOAT, treated=_FLOAT, complete=_BOOL)
    )
    asked: Log = field(default_factory=lambda: Log(customer=_INT, day=_INT, satisfaction=_FLOAT, alive=_BOOL))
    months: Log = field(
        default_factory=lambda: Log(
            customer=_INT, day=_INT, engagement=_FLOAT, dissatisfaction=_FLOAT, satisfaction=_FLOAT,
            subscribed=_BOOL, dropout_hazard=_FLOAT, purchase_rate=_FLOAT,
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parcels:
    """Orders that reach their customers on one day."""

    order: Array
    customer: Array
    late_days: Array
    defect: Array


@dataclass(frozen=True, slots=True)
class Answers:
    """News of support cases on one day: closed, reopened, or (``stops``) a complaint that weighs no more."""

    customer: Array
    stops: Array
    relief: Array
    reopened: bool
    closed: bool


@dataclass(slots=True)
class World:
    """Everything that a step of the simulation reads and changes."""

    people: People
    rules: Parameters
    days: Calendar
    streams: Streams
    state: State
    logs: Logs = field(default_factory=Logs)
    parcels: dict[int, list[Parcels]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[int, list[Answers]] = field(default_factory=lambda: defaultdict(list))


def begin(people: People, rules: Parameters, days: Calendar, streams: Streams) -> World:
    """Return the world on the morning of day 0, before anybody has registered."""
    size = people.size
    state = State(
        alive=np.zeros(size, dtype=bool),
        gone_on=np.full(size, NEVER),
        engagement=rules.engagement.satisfied_level * people.nature
        + streams["engagement"].normal(0.0, rules.engagement.deviation, size),
        dissatisfaction=np.zeros(size),
        browsing=np.zeros(size),
        open_complaints=np.zeros(size),
        orders=np.zeros(size, dtype=np.int64),
        last_order=np.full(size, NEVER),
        subscribed=np.zeros(size, dtype=bool),
        recurring=np.zeros(size, dtype=bool),
        term_ends=np.full(size, -NEVER),
        membership=np.full(size, -1),
        marketing=people.granted["marketing"] == 1,
        contact=np.full(size, -1),
        window_ends=np.full(size, NEVER),
        treated=np.zeros(size, dtype=bool),
        effect=np.zeros(size),
        sleeping_dog=np.zeros(size, dtype=bool),
        converted=np.zeros(size, dtype=bool),
        hazard_without=np.zeros(size),
        order_before=np.full(size, NEVER),
    )
    return World(people=people, rules=rules, days=days, streams=streams, state=state)


def satisfaction(world: World) -> Array:
    """Return the latent satisfaction of today, shape (N,); about 0 on average."""
    rules, state = world.rules.satisfaction, world.state
    return np.asarray(
        rules.level
        + rules.nature * world.people.nature
        + rules.dissatisfaction * state.dissatisfaction
        + rules.open_complaint * (state.open_complaints > 0)
    )


def missing_times(rows: int) -> Array:
    """Return a column of missing times."""
    return np.full(rows, NAT)
