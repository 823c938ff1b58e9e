"""What was really true, in tables: who was alive, what they felt, what would have happened."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from app.domain.history import ARMS, FEEDBACK_KINDS, NAT, Array
from training.sample.basket import (
    FAVOURITES,
    Taste,
)
from training.sample.campaigns import ACTIONS, action_of, effects_at_end
from training.sample.catalogue import CLUSTERS, Catalogue
from training.sample.columns import (
    customer_ids,
    flags,
    numbers,
    product_ids,
    row_ids,
    sequence,
    table,
    times,
    words,
)
from training.sample.feedback import Asked
from training.sample.leaving import dropout_hazard, neutral_log_hazard
from training.sample.people import LANGUAGES
from training.sample.phrases import ASPECTS
from training.sample.season import (
    DAYS,
    at,
)
from training.sample.shopping import purchase_rate
from training.sample.world import World, satisfaction


def customers_truth(world: World, taste: Taste, created_at: Array) -> pa.Table:
    """Return one row per customer; values at the end are missing for those who are gone."""
    people, state = world.people, world.state
    alive = state.alive
    last = DAYS - 1
    effects = effects_at_end(world)

    def at_end(values: Array) -> pa.Array:
        return numbers(np.where(alive, values, np.nan))

    favourites = product_ids(taste.favourites.ravel())
    return table(
        {
            "customer_id": customer_ids(people.first_number + np.arange(people.size)),
            "registered_at": times(created_at),
            "alive_until": times(np.where(alive, NAT, at(np.where(alive, 0, state.gone_on)))),
            "alive_at_end": flags(alive),
            "language": words(people.language, LANGUAGES),
            "purchase_rate_per_day": numbers(people.rate),
            "regular_gaps": flags(people.regular),
            "visit_rate_per_day": numbers(people.visit_rate),
            "spend_level": numbers(people.spend),
            "discount_love": numbers(people.discount_love),
            "taste_cluster": words(people.cluster, CLUSTERS),
            "favourite_products": pa.FixedSizeListArray.from_arrays(favourites, FAVOURITES),
            "satisfied_nature": numbers(people.nature),
            "dropout_hazard_per_day": numbers(np.exp(neutral_log_hazard(people, world.rules))),
            "dropout_hazard_at_end": at_end(dropout_hazard(world, last)),
            "purchase_rate_at_end": at_end(purchase_rate(world, last) / world.days.demand[last]),
            "engagement_at_end": at_end(state.engagement),
            "satisfaction_at_end": at_end(satisfaction(world)),
            **{f"effect_{action}": at_end(effects[action]) for action in ACTIONS},
        }
    )


def months_truth(world: World) -> pa.Table:
    """Return the true state of everybody who was alive on the first of each month."""
    log = world.logs.months.columns()
    by = np.lexsort((log["day"], log["customer"]))
    columns = {
        "customer_id": customer_ids(world.people.first_number + log["customer"][by]),
        "as_of": times(at(log["day"])[by]),
        "engagement": numbers(log["engagement"][by]),
        "dissatisfaction": numbers(log["dissatisfaction"][by]),
        "latent_satisfaction": numbers(log["satisfaction"][by]),
        "subscribed": flags(log["subscribed"][by]),
        "dropout_hazard": numbers(log["dropout_hazard"][by]),
        "purchase_rate": numbers(log["purchase_rate"][by]),
    }
    return table(columns)


def contacts_truth(world: World) -> pa.Table:
    """Return the true chances of an order in each contact's window, without and with treatment."""
    log, chances = world.logs.contacts.columns(), world.logs.probabilities.columns()
    without, treated = np.full((2, len(log["customer"])), np.nan)
    whole_window = chances["complete"]
    without[chances["contact"][whole_window]] = chances["without"][whole_window]
    treated[chances["contact"][whole_window]] = chances["treated"][whole_window]
    by = np.lexsort((log["contacted_at"], log["customer"]))
    customer = log["customer"][by]
    return table(
        {
            "contact_id": row_ids("t", world.people.first_number + customer, sequence(customer)),
            "customer_id": customer_ids(world.people.first_number + customer),
            "action_id": words(action_of(log["campaign"][by]), ACTIONS),
            "arm": words(np.where(log["treated"][by], 0, 1), ARMS),
            "effect_on_log_rate": numbers(log["effect"][by]),
            "probability_without": numbers(without[by]),
            "probability_with": numbers(treated[by]),
            "effect": numbers((treated - without)[by]),
        }
    )


def surveys_truth(asked: Asked, first_number: int, review: int) -> pa.Table:
    """Return everybody who was asked in a survey, with the answer that was or would have been given."""
    given = np.zeros(len(asked.kind), dtype=np.int64)
    given[asked.answered] = sequence(asked.customer[asked.answered])
    rows = np.flatnonzero(asked.kind != review)
    customer, answered = asked.customer[rows], asked.answered[rows]
    return table(
        {
            "customer_id": customer_ids(first_number + customer),
            "asked_at": times(asked.asked_at[rows]),
            "kind": words(asked.kind[rows], FEEDBACK_KINDS),
            "latent_satisfaction": numbers(asked.satisfaction[rows]),
            "score": numbers(asked.score[rows]),
            "answered": flags(answered),
            "feedback_id": row_ids("f", first_number + customer, np.where(answered, given[rows], -1)),
        }
    )


def reviews_truth(asked: Asked, rows: Array, polarity: Array, first_number: int) -> pa.Table:
    """Return what each review says: 1 praises, -1 blames, 0 does not mention an aspect."""
    customer = asked.customer[asked.answered]
    number = np.zeros(len(asked.kind), dtype=np.int64)
    number[asked.answered] = sequence(customer)
    return table(
        {
            "feedback_id": row_ids("f", first_number + asked.customer[rows], number[rows]),
            "customer_id": customer_ids(first_number + asked.customer[rows]),
            "latent_satisfaction": numbers(asked.satisfaction[rows]),
            **{aspect: pa.array(polarity[:, code], pa.int8()) for code, aspect in enumerate(ASPECTS)},
        }
    )


def products_truth(goods: Catalogue) -> pa.Table:
    """Return names in both languages, companions, the last day of sale, and each cluster's taste."""
    retired = goods.last_day < DAYS
    return table(
        {
            "product_id": product_ids(np.arange(goods.size)),
            "name_en": pa.array(goods.name_en, pa.string()),
            "name_zh": pa.array(goods.name_zh, pa.string()),
            "companion_product_id": product_ids(goods.companion),
            "successor_product_id": product_ids(np.where(retired, goods.successor, -1)),
            "sold_until": times(np.where(retired, at(np.where(retired, goods.last_day + 1, 0)), NAT)),
            **{f"taste_{cluster}": numbers(goods.choice[code]) for code, cluster in enumerate(CLUSTERS)},
        }
    )
