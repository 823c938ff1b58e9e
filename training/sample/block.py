"""One block of customers, from traits to tables. Blocks share nothing: any number of them fits in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from app.domain.history import Array
from training.sample import events as web
from training.sample import sales_tables as sales
from training.sample import service_tables as service
from training.sample import truth
from training.sample.basket import Lines, Taste, fill_baskets
from training.sample.campaigns import COUPON, action_of
from training.sample.catalogue import Catalogue, catalogue
from training.sample.feedback import REVIEW, Asked, survey
from training.sample.life import live
from training.sample.orders import settle
from training.sample.parameters import RULES
from training.sample.people import People, draw_people
from training.sample.registration import FOREVER, consent_rows, registered_at
from training.sample.reviews import Reviews, write_reviews
from training.sample.season import at, calendar
from training.sample.streams import Streams
from training.sample.world import Logs, World, begin

BLOCK_CUSTOMERS = 5_000
"""Customers simulated together; part of what a seed means, so it never changes with the machine."""


@dataclass(frozen=True, slots=True)
class Block:
    """Canonical tables and tables of the truth, by name."""

    tables: dict[str, pa.Table]
    truth: dict[str, pa.Table]


def simulate_block(seed: int, number: int, first: int, size: int) -> Block:
    """Simulate one block of customers.

    Parameters
    ----------
    seed : int
        Of the whole sample.
    number : int
        Which block, from 0.
    first : int
        The number of its first customer, from 1; numbers make the ids.
    size : int
        How many customers it has.
    """
    streams, days, goods = Streams(seed, number), calendar(), catalogue()
    people = draw_people(size, first, RULES, days, streams)
    world = begin(people, RULES, days, streams)
    live(world)
    logs = world.logs
    gone_at = np.where(world.state.alive, FOREVER, at(np.where(world.state.alive, 0, world.state.gone_on)))
    taste = Taste(goods, people, streams)
    visits, views = web.visits(logs.sessions.columns(), taste, goods, streams)
    placed = logs.orders.columns()
    lines = fill_baskets(placed, _with_campaign_coupon(logs), views, taste, days, streams)
    rows = web.join([*visits, *web.purchases(placed, lines, streams), *web.mails(logs)])
    created_at = registered_at(people, rows, placed["customer"], placed["ordered_at"], streams)
    consents, tracked_until = consent_rows(people, logs, created_at, gone_at, streams)
    orders = settle(logs, lines, gone_at, streams)
    asked = survey(logs, gone_at, RULES, streams)
    written = service.reviewed(asked)
    reviews = _reviews(asked, written, world, lines, goods, streams)
    tables = {
        "customers": sales.customers_table(people, created_at),
        "orders": sales.orders_table(orders, lines, logs, first),
        "order_lines": sales.order_lines_table(orders, lines, first),
        "products": sales.products_table(goods),
        "events": sales.events_table(web.tracked(rows, tracked_until), goods, first),
        "support_cases": service.support_cases_table(logs, gone_at, first),
        "feedback": service.feedback_table(asked, orders, service.Texts(written, reviews.text), people),
        "subscriptions": service.subscriptions_table(logs, people, created_at, streams),
        "contacts": service.contacts_table(logs, RULES, first),
        "consents": service.consents_table(consents, first),
    }
    known = {
        "customers": truth.customers_truth(world, taste, created_at),
        "months": truth.months_truth(world),
        "contacts": truth.contacts_truth(world),
        "surveys": truth.surveys_truth(asked, first, REVIEW),
        "reviews": truth.reviews_truth(asked, written, reviews.polarity, first),
        "products": truth.products_truth(goods),
    }
    return Block(tables=tables, truth=known)


def _with_campaign_coupon(logs: Logs) -> Array:
    """Return True for orders of somebody who held the coupon of a running campaign, shape (O,)."""
    contact, contacts = logs.orders.columns()["contact"], logs.contacts.columns()
    holds = np.append(contacts["treated"] & (action_of(contacts["campaign"]) == COUPON), False)
    return np.asarray(holds[contact])


def _reviews(
    asked: Asked, rows: Array, world: World, lines: Lines, goods: Catalogue, streams: Streams
) -> Reviews:
    """Write the reviews of some rows of the answers."""
    people: People = world.people
    placed = world.logs.orders.columns()
    order = asked.order[rows]
    first_line = np.searchsorted(lines.order, order)
    language = people.language[asked.customer[rows]]
    names = (goods.name_en, goods.name_zh)
    product = [
        names[spoken][bought] for spoken, bought in zip(language, lines.product[first_line], strict=True)
    ]
    return write_reviews(
        asked.satisfaction[rows],
        asked.score[rows],
        placed["late_days"][order] > 0,
        placed["defect"][order],
        language,
        product,
        streams["review texts"],
    )
