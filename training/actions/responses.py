"""Which channel and which hours answers come by: compared within actions, shrunk, told only if that helps.

Rules:

1. Only contacts that reached somebody and whose outcome is known are read: a control arm was not contacted.
2. Channels are compared within the same action, hours within the same action and channel: what is sent by a
   channel differs from what is sent by another. Nobody drew the channel at random, so a difference is an
   observation and no effect.
3. Shares are beta-binomial: a segment's share by channel is drawn to the channel's, that to the overall one,
   as strongly as the shares resemble each other (empirical Bayes, the strength by maximum likelihood).
4. Told is only what two channels with 200 contacts each support, and what makes the later contacts likelier
   than without it: out of time, log loss, bootstrap by customer.

References
----------
Efron & Morris (1975), "Data analysis using Stein's estimator and its generalizations"; Griffiths (1973),
"Maximum likelihood estimation for the beta-binomial distribution".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.domain.clock import from_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.responses import SEGMENTS, Responses, segment_codes
from training.actions.rows import Contacts
from training.actions.shrinking import Cells, Rows, Shrunk
from training.evaluation import Verdict, judge

ENOUGH: Final = 200
"""Contacts with a known outcome that each of two channels, or dayparts, needs."""
CELL: Final = 50
"""Contacts that a channel needs within an action to be compared there."""
LATER: Final = 0.3
"""The share of contacts, the latest, that a difference must prove itself on."""
LATER_ROWS: Final = 100
DAYPARTS: Final = ((0, 6), (6, 9), (9, 12), (12, 15), (15, 18), (18, 21), (21, 24))

TOO_FEW: Final = "too_few"
TOO_SHORT: Final = "too_short"
NO_HELP: Final = "no_help"


@dataclass(frozen=True, slots=True)
class Compared:
    """What one comparison found, of channels or of dayparts: shares by part, and why nothing is told.

    ``counts`` are the contacts that could be compared by part; ``by_segment`` stays empty where segments do
    not differ in it.
    """

    overall: float = 0.0
    shares: Cells = field(default_factory=dict)
    by_segment: Mapping[int, Cells] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    verdict: Verdict | None = None
    silent: str | None = None


def recent_days_of(silence: Array) -> float:
    """Return the limit of recent: the median of days since the last order, 0 where none is known."""
    known = silence[~np.isnan(silence)]
    return float(np.round(np.median(known))) if len(known) else 0.0


def learn_responses(
    contacts: Contacts, order_days: Array, silence: Array, timezone: str, seed: int
) -> tuple[Responses, Compared, Compared, tuple[str, ...]]:
    """Return what is told, the comparison of channels and that of dayparts, and the channels by position.

    Parameters
    ----------
    contacts : Contacts
        Those that reached somebody, with known outcomes.
    order_days, silence : ndarray, shape (R,)
        Days with an order and days since the last one when each was contacted; NaN where unknown.
    """
    recent_days = recent_days_of(silence)
    segment = segment_codes(order_days, silence, recent_days)
    names = tuple(sorted(set(contacts.channel.tolist())))
    channel = np.array([names.index(one) for one in contacts.channel.tolist()], dtype=np.int64)
    _, action = np.unique(contacts.action.astype(str), return_inverse=True)
    by_channel = compare(contacts, Rows(contacts.y, action, channel, segment), seed)
    both = action * max(len(names), 1) + channel
    parts = daypart_of(contacts.at, timezone)
    by_hour = compare(contacts, Rows(contacts.y, both, parts, segment), seed)
    if by_channel.silent and by_hour.silent:
        return Responses(), by_channel, by_hour, names
    told = Responses(
        recent_days,
        {names[part]: share for part, share in by_channel.shares.items()},
        {
            SEGMENTS[one]: {names[part]: share for part, share in cells.items()}
            for one, cells in by_channel.by_segment.items()
        },
        _best(by_hour.shares),
        {SEGMENTS[one]: hours for one, cells in by_hour.by_segment.items() if (hours := _best(cells))},
    )
    return told, by_channel, by_hour, names


def _best(cells: Cells) -> tuple[int, int] | None:
    """Return the daypart in which most contacts are answered."""
    return DAYPARTS[max(cells, key=lambda part: cells[part][1])] if cells else None


def daypart_of(at: Array, timezone: str) -> Array:
    """Return the position in ``DAYPARTS`` of each time, in the business's zone."""
    ends = np.array([end for _, end in DAYPARTS])
    hours = np.array([from_microseconds(int(one), timezone).hour for one in at.tolist()], dtype=np.int64)
    answer: Array = np.searchsorted(ends, hours, side="right")
    return answer


def compare(contacts: Contacts, rows: Rows, seed: int) -> Compared:
    """Return how parts differ within their strata, if that helps to tell later answers."""
    kept = _comparable(rows)
    contacts, rows = contacts.take(kept), rows.take(kept)
    parts, sizes = np.unique(rows.part, return_counts=True)
    counts = dict(zip(parts.tolist(), sizes.tolist(), strict=True))
    if (sizes >= ENOUGH).sum() < 2:
        return Compared(counts=counts, silent=TOO_FEW)
    learn, test = _later(contacts)
    held = rows.take(test)
    if len(learn) < ENOUGH or len(test) < LATER_ROWS or not 0 < held.y.sum() < len(test):
        return Compared(counts=counts, silent=TOO_SHORT)
    size = (int(rows.stratum.max()) + 1, int(rows.part.max()) + 1)
    early, customer = Shrunk.fit(rows.take(learn), *size), contacts.customer[test]
    plain, by_part, by_both = (early.predict(held, depth) for depth in range(3))
    verdict = judge(held.y, by_part, plain, customer, "rate_by_action", seed)
    # Where a part does well in one segment and badly in another, only both together help.
    helps = verdict.grade != "C"
    below = by_part if helps else plain
    told = judge(held.y, by_both, below, customer, "rate_by_part" if helps else "rate_by_action", seed)
    differs = told.grade != "C"
    if not helps:
        if not differs:
            return Compared(counts=counts, verdict=verdict, silent=NO_HELP)
        verdict = told
    final = Shrunk.fit(rows, *size)
    by_segment = final.shares_by_segment() if differs else {}
    return Compared(final.overall, final.shares(), by_segment, counts, verdict)


def _comparable(rows: Rows) -> Array:
    """Return the positions of contacts by parts that the same stratum has two of, with enough contacts."""
    kept = np.zeros(len(rows.part), dtype=bool)
    for stratum in np.unique(rows.stratum).tolist():
        own = np.flatnonzero(rows.stratum == stratum)
        parts, counts = np.unique(rows.part[own], return_counts=True)
        enough = parts[counts >= CELL]
        if len(enough) > 1:
            kept[own[np.isin(rows.part[own], enough)]] = True
    return np.flatnonzero(kept)


def _later(contacts: Contacts) -> tuple[Array, Array]:
    """Return the latest contacts, and those whose outcome was known before them."""
    edge = np.quantile(contacts.at, 1 - LATER, method="lower")
    ends = contacts.at + np.round(contacts.window_days * MICROSECONDS_PER_DAY).astype(np.int64)
    return np.flatnonzero(ends <= edge), np.flatnonzero(contacts.at > edge)
