"""Visits and orders of a day: visits come from engagement, orders from the personal rate and from visits."""

from __future__ import annotations

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array
from training.sample.season import DAYS, HOUR, at
from training.sample.world import APP, CANCELLED, COMPLETED, STORE, WEB, Parcels, World

_LATEST_HOUR = 23.2
_PROMISED_DAYS = 4
_EXTRA_DAYS_REMOTE = 2


def browse(world: World, day: int) -> None:
    """Draw who visits the shop without a purchase in mind; recent visits raise the purchase rate."""
    rules, state, people = world.rules.engagement, world.state, world.people
    rate = people.visit_rate * np.exp(rules.visits * state.engagement) * np.sqrt(world.days.demand[day])
    u = world.streams["visits"].random(people.size)
    visits = state.alive & (u < -np.expm1(-rate))
    state.browsing = state.browsing * 0.5 ** (1.0 / rules.browsing_half_life_days) + visits
    who = np.flatnonzero(visits)
    world.logs.sessions.add(len(who), customer=who, day=day, subscribed=state.subscribed[who])


def purchase_rate(world: World, day: int, last_order: Array | None = None) -> Array:
    """Return the rate of orders on a day without any campaign, shape (N,); 0 for those who are gone.

    ``last_order`` holds the days from which gaps are counted, those of the last orders if not given.
    """
    rules, state, people = world.rules.purchase, world.state, world.people
    waited = (day - (state.last_order if last_order is None else last_order)) * people.rate
    rate = people.rate * np.where(people.regular, 4.0 * waited / (1.0 + 2.0 * waited), 1.0)
    rate = np.where(state.orders == 0, rules.first_order_rate, rate)
    sale = rules.sale_for_discount_lovers * world.days.sale[day] * people.discount_love
    browsing = 1.0 + rules.browsing * np.minimum(state.browsing, 2.0)
    lift = world.days.demand[day] * np.exp(rules.engagement * state.engagement) * browsing * (1.0 + sale)
    return np.where(state.alive, rate * lift, 0.0)


def buy(world: World, day: int) -> None:
    """Draw who orders on a day; a running campaign window shifts the log rate by the true effect."""
    state, people, rules = world.state, world.people, world.rules.purchase
    without = purchase_rate(world, day)
    in_window = (day < state.window_ends) & (state.contact >= 0)
    if in_window.any():
        state.hazard_without += np.where(in_window, purchase_rate(world, day, state.order_before), 0.0)
    rate = without * np.exp(np.where(in_window & state.treated, state.effect, 0.0))
    chance = -np.expm1(-rate)
    chance[state.alive & (people.arrival == day)] = rules.first_order_on_arrival
    draw = world.streams["purchases"].random((3, people.size))
    buys = state.alive & (draw[0] < chance)
    first = np.flatnonzero(buys)
    if not len(first):
        return
    who = np.concatenate([first, first[draw[1][first] < rules.second_order_same_day]])
    orders = _place(world, day, who, len(first))
    converts = np.flatnonzero(buys & in_window & ~state.converted)
    state.converted[converts] = True
    rows = orders[np.searchsorted(first, converts)]
    world.logs.outcomes.add(len(converts), contact=state.contact[converts], order=rows)
    state.last_order[first] = day
    state.orders[first] += 1


def _place(world: World, day: int, who: Array, firsts: int) -> Array:
    """Write down the orders of a day with their deliveries; return their row numbers.

    The first ``firsts`` customers are all different; the others order once more, later on that day.
    """
    rng, state, people = world.streams["orders"], world.state, world.people
    rows = len(who)
    hours = np.minimum(10.0 + 13.0 * rng.beta(2.2, 1.6, rows), _LATEST_HOUR)
    wait = rng.uniform(0.3, 0.5, rows - firsts)
    hours[firsts:] = hours[np.searchsorted(who[:firsts], who[firsts:])] + wait
    ordered_at = at(day, hours) + rng.integers(0, 1_000_000, rows)
    in_store = rng.random(rows) < people.store_share[who]
    channel = np.where(in_store, STORE, np.where(rng.random(rows) < 0.55, APP, WEB))
    cancelled = (rng.random(rows) < world.rules.purchase.cancelled_share) & ~in_store
    promised, shipped, delivered, late = _deliver(world, day, who, ordered_at)
    arrives = ~in_store & ~cancelled
    in_window = (day < state.window_ends[who]) & (state.contact[who] >= 0)
    defect = rng.random(rows) < world.rules.experience.defect_share
    orders = world.logs.orders.add(
        rows,
        customer=who,
        day=day,
        ordered_at=ordered_at,
        channel=channel,
        contact=np.where(in_window, state.contact[who], -1),
        fate=np.where(cancelled, CANCELLED, COMPLETED),
        defect=defect,
        promised_at=np.where(in_store, NAT, promised),
        shipped_at=np.where(arrives, shipped, NAT),
        delivered_at=np.where(arrives, delivered, NAT),
        late_days=np.where(arrives, late, 0),
        cancelled_at=np.where(cancelled, ordered_at + (rng.uniform(0.3, 3.0, rows) * HOUR).astype(int), NAT),
    )
    arrives_on = np.where(in_store, day + 1, _day_of(delivered))
    parcels = Parcels(order=orders, customer=who, late_days=np.where(in_store, 0, late), defect=defect)
    _expect(world, np.where(cancelled, DAYS, arrives_on), parcels)
    return orders


def _deliver(world: World, day: int, who: Array, ordered_at: Array) -> tuple[Array, Array, Array, Array]:
    """Draw when parcels are promised, shipped and delivered, and how many days late they are."""
    rng, rules = world.streams["delivery"], world.rules.experience
    rows = len(who)
    remote = world.people.remote[who]
    shipped = ordered_at + (rng.uniform(3.0, 28.0, rows) * HOUR).astype(np.int64)
    promised_day = day + _PROMISED_DAYS + _EXTRA_DAYS_REMOTE * remote
    log_odds = rules.late_log_odds + rules.late_remote * remote + world.days.strain[day]
    is_late = rng.random(rows) < 1.0 / (1.0 + np.exp(-log_odds))
    late = np.where(is_late, 1 + np.minimum(rng.exponential(2.5, rows).astype(np.int64), 20), 0)
    # Two days after the order is the earliest: by then every parcel has left the warehouse.
    on_time = day + 2 + (rng.random(rows) * (promised_day - day - 1)).astype(np.int64)
    delivered_day = np.where(is_late, promised_day + late, on_time)
    delivered = at(delivered_day, rng.uniform(9.0, 19.4, rows))
    return at(promised_day, 20.0), shipped, delivered, late


def _day_of(times: Array) -> Array:
    """Return the simulated day of each time."""
    return (times - at(0)) // MICROSECONDS_PER_DAY


def _expect(world: World, arrives_on: Array, parcels: Parcels) -> None:
    """Put parcels on the agenda of the days on which they arrive; days after the end are dropped."""
    for day in sorted(set(arrives_on[arrives_on < DAYS].tolist())):
        rows = arrives_on == day
        world.parcels[day].append(
            Parcels(
                order=parcels.order[rows],
                customer=parcels.customer[rows],
                late_days=parcels.late_days[rows],
                defect=parcels.defect[rows],
            )
        )
