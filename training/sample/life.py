"""The life of a block of customers, day by day, from the opening to the end of the data."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from training.sample.campaigns import campaign_days, close_windows, contact, send_newsletter
from training.sample.experiences import receive
from training.sample.leaving import dropout_hazard, feel, leave
from training.sample.membership import subscribe
from training.sample.season import DAYS
from training.sample.shopping import browse, buy, purchase_rate
from training.sample.world import World, satisfaction

_RECENT_DAYS = 180


def live(world: World) -> None:
    """Run every day in order and leave the record in ``world.logs``.

    A day begins with those who leave, so that whoever acts on a day was there on that day. Contacts come
    before orders, deliveries before complaints, and every hazard reads what happened up to the day before.
    """
    for day in range(DAYS):
        leave(world, day)
        world.state.alive[world.people.arrival == day] = True
        receive(world, day)
        feel(world)
        subscribe(world, day)
        contact(world, day)
        send_newsletter(world, day)
        browse(world, day)
        _remember(world, day)
        buy(world, day)
    begun = int(campaign_days(world)[-1])
    close_windows(world, complete=DAYS - begun >= world.rules.campaigns.window_days)


def _remember(world: World, day: int) -> None:
    """Write down the true state on the first of each month, and whom the quarterly survey asks."""
    state = world.state
    if day in world.days.month_starts:
        who = np.flatnonzero(state.alive)
        world.logs.months.add(
            len(who),
            customer=who,
            day=day,
            engagement=state.engagement[who],
            dissatisfaction=state.dissatisfaction[who],
            satisfaction=satisfaction(world)[who],
            subscribed=state.subscribed[who],
            dropout_hazard=dropout_hazard(world, day)[who],
            purchase_rate=purchase_rate(world, day)[who],
        )
    if day in world.days.survey_days:
        who = _asked(world, day)
        world.logs.asked.add(
            len(who), customer=who, day=day, satisfaction=satisfaction(world)[who], alive=state.alive[who]
        )


def _asked(world: World, day: int) -> Array:
    """Draw whom the quarterly survey asks: some of those who ordered lately, gone or not."""
    u = world.streams["survey sample"].random(world.people.size)
    recent = world.state.last_order >= day - _RECENT_DAYS
    return np.flatnonzero(recent & (u < world.rules.satisfaction.asked_nps))
