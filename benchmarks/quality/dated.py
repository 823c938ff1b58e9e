"""Data with dates: models learn from what was known at a cut, and are judged by what came after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np

from app.domain.clock import to_microseconds
from app.domain.history import Array
from app.estimators.populations import BUYERS, FIRST_ORDER, REPEAT
from benchmarks.quality.judging import OURS, Answer, Judged, answers, our_answers
from benchmarks.quality.questions import (
    Round,
    ask,
    business_of,
    churned_after,
    learned_at,
    objective_of,
    some,
)
from training.ladder import Data
from training.purchasing import Learned
from training.tables import Business

LAST_WATCHED: Final = datetime.fromisoformat("2008-05-12T00:00:00-05:00")
"""Watching the policies ended in May 2010. Of those issued within two years before that, only the ones that
had ended by then have an answer; they alone would say that far more surrender than do."""
RETAIL_CUT: Final = datetime.fromisoformat("2011-09-09T00:00:00+01:00")
SUMMARY: Final = f"{OURS}, asked with a summary"


def insurance_rounds() -> list[Judged]:
    """Return the backtests on life insurance, by the date of issue: three later blocks of 15 % each."""
    asked = ask(business_of("life-insurance"))
    rows = some(asked.examples, np.flatnonzero(asked.examples.cut <= to_microseconds(LAST_WATCHED)))
    data = asked.data(rows, rows)
    found = []
    for split in asked.splits(data, rows).backtests:
        one = Round(data.take(split.train), split.inner, data.take(split.test), split.test)
        found.append(Judged(one.judge.y, answers(one)))
    return found


def retail_rounds() -> list[Judged]:
    """Return the one cut of Online Retail II: who bought before it, and not within 91 days after it."""
    return [judged_at(business_of("online-retail"), to_microseconds(RETAIL_CUT))[0]]


def judged_at(business: Business, cut: int) -> tuple[Judged, Array]:
    """Return one cut of a business by inactivity, where everybody who ever bought is asked about.

    Models learn from earlier cuts whose label was complete by ``cut``; ours is what would be published.

    Returns
    -------
    Judged
        With groups for the populations, and for those whom churn would be asked about.
    ndarray of str
        The customers of its rows.
    """
    labels = churned_after(business, cut)
    learned, ids = learned_at(business, cut)
    one = _round(learned["full"], ids, labels)
    found = answers(one)
    found[SUMMARY] = _told_by_summary(learned["summary"], ids, labels, one.judged)
    found |= _rules_of_thumb(one.judge)
    repeat = one.judge.population == BUYERS.index(REPEAT)
    first = one.judge.population == BUYERS.index(FIRST_ORDER)
    limit = objective_of(business).gone_after_days
    groups = {
        "two order days or more": repeat,
        "one order day": first,
        f"not gone yet: silent for {limit} days at most": repeat | first,
    }
    return Judged(one.judge.y, found, groups), ids[one.judged]


def _told_by_summary(learned: Learned, ids: Array, labels: Mapping[str, float], judged: Array) -> Answer:
    """Return what the variant for summaries says of the same customers.

    It can be asked about a few more: who gave everything back on the day of the order has an order on record.
    """
    one = _round(learned, ids, labels)
    said = our_answers(one)[OURS]
    place = {int(customer): k for k, customer in enumerate(one.judged)}
    return replace(said, p=said.p[[place[int(customer)] for customer in judged]])


def _round(learned: Learned, ids: Array, labels: Mapping[str, float]) -> Round:
    """Return what the final fit learned from, and everybody at the newest time with what came of them."""
    fitted = learned.fitted
    who = np.flatnonzero(learned.population >= 0)
    learn = fitted.data.take(fitted.splits.final)
    judge = replace(
        fitted.data,
        X=learned.X[who],
        y=np.array([labels[customer] for customer in ids[who]]),
        population=learned.population[who],
        customer=who,
    )
    return Round(learn, fitted.splits.final_inner, judge, who, fitted)


def _rules_of_thumb(judge: Data) -> dict[str, Answer]:
    """Return two scores that need no model: the silence, and the silence over the customer's own gap.

    Who has no gap of his own gets the usual one, the median of those who have.
    """
    silence, gap = _column(judge, "days_since_last_order"), _column(judge, "average_gap_days")
    usual = np.where(np.isnan(gap), np.nanmedian(gap), gap)
    return {
        "days since the last order": Answer(silence, is_probability=False),
        "days since the last order / own gap": Answer(silence / usual, is_probability=False),
    }


def _column(data: Data, name: str) -> Array:
    column: Array = data.X[:, data.features.names.index(name)]
    return column
