"""Canonical tables of care: support_cases, feedback, subscriptions, contacts, consents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from app.domain.history import (
    ARMS,
    CASE_TYPES,
    CONSENT_STATUSES,
    CONTACT_CHANNELS,
    FEEDBACK_KINDS,
    MICROSECONDS_PER_DAY,
    NAT,
    PRIORITIES,
    PURPOSES,
    Array,
)
from training.sample.campaigns import ACTIONS, action_of
from training.sample.columns import (
    customer_ids,
    flags,
    numbers,
    row_ids,
    sequence,
    table,
    times,
    whole,
    words,
)
from training.sample.feedback import NO_ORDER, REVIEW, SCALE_MAX, Asked
from training.sample.membership import fee
from training.sample.orders import Orders
from training.sample.parameters import Parameters
from training.sample.people import LANGUAGES, People
from training.sample.registration import CONSENT_CHANNELS, ConsentRows
from training.sample.season import END, HOUR, at
from training.sample.streams import Streams
from training.sample.world import NEVER, Logs

OUTCOMES: Final = ("none", "purchased")


def support_cases_table(logs: Logs, gone_at: Array, first_number: int) -> pa.Table:
    """Return the cases; what would have happened after the end of the data is missing."""
    log = logs.cases.columns()
    by = np.lexsort((log["opened_at"], log["customer"]))
    log = {name: column[by] for name, column in log.items()}
    customer, reopened = log["customer"], log["reopened_at"]
    # Somebody who is gone does not come back to a case: the first closing stays the last.
    again = (reopened != NAT) & (reopened < gone_at[customer]) & (reopened <= END)
    closed = np.where(again, log["closed_at"], log["first_closed_at"])
    return table(
        {
            "case_id": row_ids("k", first_number + customer, sequence(customer)),
            "customer_id": customer_ids(first_number + customer),
            "opened_at": times(log["opened_at"]),
            "closed_at": times(np.where(closed > END, NAT, closed)),
            "type": words(log["type"], CASE_TYPES),
            "priority": words(log["priority"], PRIORITIES),
            "reopened_at": times(np.where(again, reopened, NAT)),
        }
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """Review texts of the rows ``row`` of the answers."""

    row: Array
    text: list[str]


def feedback_table(asked: Asked, orders: Orders, texts: Texts, people: People) -> pa.Table:
    """Return what was answered; the silent are only in the truth."""
    first_number = people.first_number
    given = np.flatnonzero(asked.answered)
    customer, kind = asked.customer[given], asked.kind[given]
    number = np.zeros(int(orders.source.max(initial=-1)) + 2, dtype=np.int64)
    number[orders.source] = orders.number
    number[NO_ORDER] = -1
    text = np.full(len(asked.kind), None, dtype=object)
    text[texts.row] = texts.text
    scale = np.select([kind == code for code in SCALE_MAX], list(SCALE_MAX.values()), 0.0)
    return table(
        {
            "feedback_id": row_ids("f", first_number + customer, sequence(customer)),
            "customer_id": customer_ids(first_number + customer),
            "submitted_at": times(asked.answered_at[given]),
            "kind": words(kind, FEEDBACK_KINDS),
            "score": numbers(asked.score[given]),
            "scale_max": numbers(scale),
            "text": pa.array(text[given].tolist(), pa.string()),
            "language": words(people.language[customer], LANGUAGES),
            "order_id": row_ids("o", first_number + customer, number[asked.order[given]]),
        }
    )


def reviewed(asked: Asked) -> Array:
    """Return the rows of the answers that are reviews."""
    return np.flatnonzero(asked.answered & (asked.kind == REVIEW))


def subscriptions_table(logs: Logs, people: People, created_at: Array, streams: Streams) -> pa.Table:
    """Return the memberships; a recurring one has no end, a yearly one an end that was known at its start."""
    log, ends = logs.memberships.columns(), logs.membership_ends.columns()
    cancelled = np.full(len(log["day"]), NAT)
    cancelled[ends["membership"]] = ends["cancelled_at"]
    customer, day = log["customer"], log["day"]
    hours = streams["membership hours"].uniform(10.0, 22.0, len(day))
    at_registration = created_at[customer] + HOUR // 20
    started = np.where(
        log["renewed"], at(day), np.where(people.arrival[customer] == day, at_registration, at(day, hours))
    )
    recurring = log["term_ends"] == -NEVER
    by = np.lexsort((started, customer))
    months = log["months"][by]
    return table(
        {
            "subscription_id": row_ids("s", people.first_number + customer[by], sequence(customer[by])),
            "customer_id": customer_ids(people.first_number + customer[by]),
            "started_at": times(started[by]),
            "ends_at": times(np.where(recurring, NAT, at(np.where(recurring, 0, log["term_ends"])))[by]),
            "cancelled_at": times(cancelled[by]),
            "is_recurring": flags(recurring[by]),
            "recurrence_months": whole(months),
            "amount": numbers(fee(months, people.plan[customer[by]])),
        }
    )


def contacts_table(logs: Logs, rules: Parameters, first_number: int) -> pa.Table:
    """Return the randomised contacts of both arms; the outcome is an order within the window, once known."""
    log, outcome = logs.contacts.columns(), logs.outcomes.columns()
    bought_at = np.full(len(log["customer"]), NAT)
    bought_at[outcome["contact"]] = logs.orders.columns()["ordered_at"][outcome["order"]]
    over = log["contacted_at"] + rules.campaigns.window_days * MICROSECONDS_PER_DAY
    bought = bought_at != NAT
    result = np.where(bought, 1, np.where(over <= END, 0, -1))
    by = np.lexsort((log["contacted_at"], log["customer"]))
    customer, campaign = log["customer"][by], log["campaign"][by]
    campaigns = [f"sim-campaign-{number + 1:02d}" for number in range(int(campaign.max(initial=0)) + 1)]
    return table(
        {
            "contact_id": row_ids("t", first_number + customer, sequence(customer)),
            "customer_id": customer_ids(first_number + customer),
            "contacted_at": times(log["contacted_at"][by]),
            "channel": words(log["channel"][by], CONTACT_CHANNELS),
            "action_id": words(action_of(campaign), ACTIONS),
            "campaign_id": words(campaign, campaigns),
            "arm": words(np.where(log["treated"][by], 0, 1), ARMS),
            "propensity": numbers(log["propensity"][by]),
            "outcome": words(result[by], OUTCOMES),
            "outcome_at": times(np.where(bought, bought_at, np.where(over <= END, over, NAT))[by]),
            "cost": numbers(log["cost"][by]),
        }
    )


def consents_table(rows: ConsentRows, first_number: int) -> pa.Table:
    """Return what customers consented to, and what they took back."""
    return table(
        {
            "customer_id": customer_ids(first_number + rows.customer),
            "purpose": words(rows.purpose, PURPOSES),
            "status": words(rows.status, CONSENT_STATUSES),
            "status_at": times(rows.status_at),
            "channel": words(rows.channel, CONSENT_CHANNELS),
        }
    )
