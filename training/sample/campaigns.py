"""Randomised campaigns: who is contacted, by which chance, and what it truly does.

Every campaign draws a share of the eligible and sends it to the treatment or the control arm with a known
propensity. In the treatment arm the log purchase rate is shifted for 28 days by an effect that depends on the
customer. The truth of each contact is the chance of an order within the window without and with treatment,
along the customer's own path of engagement and visits, as if no order had come since the contact.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import CONTACT_CHANNELS, Array
from training.sample.season import DAYS, at
from training.sample.shopping import purchase_rate
from training.sample.world import World

ACTIONS: Final = ("discount_coupon", "service_call", "content_email")
COUPON, CALL, CONTENT = range(3)
_CYCLE: Final = (COUPON, CONTENT, COUPON, CALL)
_EMAIL, _SMS, _PHONE, _WECHAT = (CONTACT_CHANNELS.index(word) for word in ("email", "sms", "phone", "wechat"))
_COSTS: Final = {_EMAIL: 0.02, _SMS: 0.1, _PHONE: 12.0, _WECHAT: 0.05}


def action_of(campaign: Array | int) -> Array:
    """Return the action of a campaign's number."""
    return np.asarray(np.array(_CYCLE)[np.asarray(campaign) % len(_CYCLE)])


def campaign_days(world: World) -> Array:
    """Return the days on which a campaign begins; the position is the campaign's number."""
    rules = world.rules.campaigns
    return np.arange(rules.first_day, DAYS, rules.every_days)


def true_effect(world: World, day: int, action: int) -> tuple[Array, Array]:
    """Return the shift of the log purchase rate by an action today, and who is a sleeping dog; both (N,)."""
    rules, state, people = world.rules.campaigns, world.state, world.people
    lapse = np.clip((day - state.last_order) * people.rate / 2.0, 0.0, 1.0)
    dogs = state.subscribed & (people.discount_love < 0.35) & (lapse > 0.5)
    if action == COUPON:
        love = rules.coupon_discount_lover * people.discount_love * (0.3 + 0.7 * lapse)
        return rules.coupon + np.where(dogs, rules.coupon_sleeping_dog, love), dogs
    if action == CALL:
        relief = rules.call_dissatisfied * np.minimum(state.dissatisfaction, 1.5)
        return rules.call + relief, np.zeros_like(dogs)
    return np.full(people.size, rules.content), np.zeros_like(dogs)


def contact(world: World, day: int) -> None:
    """Run the campaign that begins today, if one does."""
    rules, state, people = world.rules.campaigns, world.state, world.people
    number, rest = divmod(day - rules.first_day, rules.every_days)
    if number < 0 or rest:
        return
    close_windows(world, complete=True)
    rng = world.streams["campaigns"]
    u, arm, media = rng.random((3, people.size))
    eligible = (
        state.marketing
        & (state.orders > 0)
        & (people.arrival <= day - rules.known_for_days)
        & (state.last_order >= day - rules.ordered_within_days)
        & (u < rules.enrolled_share)
    )
    who = np.flatnonzero(eligible)
    action = int(action_of(number))
    lapsing = (day - state.last_order[who]) > rules.lapsing_days
    propensity = np.where(lapsing & (action == COUPON), rules.propensity_lapsing, rules.propensity)
    treated = arm[who] < propensity
    channel = _channels(action, people.language[who], media[who])
    cost = np.array([_COSTS.get(code, 0.0) for code in range(len(CONTACT_CHANNELS))])[channel]
    effect, dogs = true_effect(world, day, action)
    contacted = at(day, 9.0 + 0.45 * rng.random(len(who)))
    rows = world.logs.contacts.add(
        len(who),
        customer=who,
        contacted_at=contacted,
        campaign=number,
        channel=channel,
        treated=treated,
        propensity=propensity,
        effect=effect[who],
        cost=np.where(treated, cost, 0.0),
    )
    state.contact[who] = rows
    state.window_ends[who] = day + rules.window_days
    state.treated[who] = treated
    state.effect[who] = effect[who]
    state.sleeping_dog[who] = dogs[who]
    state.order_before[who] = state.last_order[who]
    mailed = who[treated & (channel == _EMAIL)]
    tired = np.where(state.sleeping_dog[mailed], rules.unsubscribe_sleeping_dog, rules.unsubscribe)
    _read_mail(world, mailed, tired, day)


def close_windows(world: World, *, complete: bool) -> None:
    """Write down the true chances of the open windows and forget them."""
    state = world.state
    who = np.flatnonzero(state.contact >= 0)
    hazard = state.hazard_without[who]
    world.logs.probabilities.add(
        len(who),
        contact=state.contact[who],
        without=-np.expm1(-hazard),
        treated=-np.expm1(-hazard * np.exp(state.effect[who])),
        complete=complete,
    )
    state.contact[:] = -1
    state.converted[:] = False
    state.hazard_without[:] = 0.0
    state.treated[:] = False
    state.sleeping_dog[:] = False


def send_newsletter(world: World, day: int) -> None:
    """Send the newsletter of every second week; those who are engaged open it."""
    if day % 14 != 3:
        return
    state, people = world.state, world.people
    sent = np.flatnonzero(state.alive & people.newsletter & state.marketing & (people.arrival < day))
    _read_mail(world, sent, np.full(len(sent), world.rules.campaigns.unsubscribe_newsletter), day)


def effects_at_end(world: World) -> dict[str, Array]:
    """Return each action's true effect on the chance of an order in 28 days, taken at the end of the data.

    The rate is held at its value of the last day, without that day's season. 0 for those who are gone.
    """
    day = DAYS - 1
    hazard = purchase_rate(world, day) / world.days.demand[day] * world.rules.campaigns.window_days
    effects = {}
    for number, action in enumerate(ACTIONS):
        shift, _ = true_effect(world, day, number)
        effects[action] = np.exp(-hazard) - np.exp(-hazard * np.exp(shift))
    return effects


def _channels(action: int, language: Array, u: Array) -> Array:
    """Choose the medium: calls by phone, the rest by e-mail, text message or, in Chinese, WeChat."""
    if action == CALL:
        return np.full(len(u), _PHONE)
    short = np.where(language == 1, _WECHAT, _SMS)
    return np.where((action == CONTENT) | (u < 0.45), _EMAIL, short)


def _read_mail(world: World, who: Array, tired: Array, day: int) -> None:
    """Draw who opens an e-mail that was sent today, who clicks, and who wants no more of them."""
    state = world.state
    rng = world.streams["mail"]
    u, click, last = rng.random((3, len(who)))
    hours = rng.uniform(9.6, 23.0, len(who))
    opens = state.alive[who] & (u < 1.0 / (1.0 + np.exp(0.9 - 0.9 * state.engagement[who])))
    world.logs.emails.add(
        int(opens.sum()), customer=who[opens], at=at(day, hours[opens]), clicked=click[opens] < 0.25
    )
    leaves = opens & (last < tired)
    world.logs.unsubscribed.add(int(leaves.sum()), customer=who[leaves], at=at(day, hours[leaves] + 0.05))
    state.marketing[who[leaves]] = False
