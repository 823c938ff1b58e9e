"""Surveys and reviews: who is asked, who answers, and what the answer shows of the latent satisfaction.

Satisfied customers answer more often, so the mean of the answers is better than the truth; ``Asked`` keeps
the silent ones too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import FEEDBACK_KINDS, Array
from training.sample.parameters import Parameters
from training.sample.season import END, HOUR, at
from training.sample.streams import Streams
from training.sample.world import Logs

CSAT, NPS, CES, REVIEW = (FEEDBACK_KINDS.index(word) for word in ("csat", "nps", "ces", "review"))
SCALE_MAX: Final = {CSAT: 5.0, NPS: 10.0, CES: 7.0, REVIEW: 5.0}
NO_ORDER: Final = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """Everybody who was asked or could have written a review; ``answered_at`` holds where ``answered``."""

    customer: Array
    kind: Array
    asked_at: Array
    answered_at: Array
    answered: Array
    satisfaction: Array
    score: Array
    order: Array


def survey(logs: Logs, gone_at: Array, rules: Parameters, streams: Streams) -> Asked:
    """Draw all surveys and reviews, sorted by customer and time.

    Parameters
    ----------
    logs : Logs
        Deliveries, closed cases and the quarterly sample, each with the satisfaction of that day.
    gone_at : ndarray of int64, shape (N,)
        From when on a customer does nothing any more, microseconds; beyond the end where alive.
    """
    parts = _invitations(logs, rules, streams["invitations"])
    customer, kind, asked_at, felt, alive, order = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    rng = streams["answers"]
    rows = len(customer)
    truth = rules.satisfaction
    chance = 1.0 / (1.0 + np.exp(-(truth.response_log_odds + truth.response_slope * felt)))
    # Reviews are written unasked; strong feelings of either kind write more of them.
    chance = np.where(kind == REVIEW, truth.review_share * (0.7 + 0.5 * np.abs(felt)), chance)
    answered_at = asked_at + (np.where(kind == REVIEW, 96.0, 60.0) * rng.random(rows) ** 2 * HOUR).astype(
        np.int64
    )
    answered = (rng.random(rows) < chance) & alive & (answered_at < gone_at[customer]) & (answered_at <= END)
    asked = Asked(
        customer=customer,
        kind=kind,
        asked_at=asked_at,
        answered_at=answered_at,
        answered=answered,
        satisfaction=felt,
        score=_scores(kind, felt, rules, rng),
        order=order,
    )
    by = np.lexsort((kind, answered_at, customer))
    return Asked(*(getattr(asked, name)[by] for name in Asked.__slots__))


def _invitations(logs: Logs, rules: Parameters, rng: np.random.Generator) -> list[tuple[Array, ...]]:
    """Draw who is asked: after deliveries, after closed cases, in the quarterly sample."""
    truth = rules.satisfaction
    delivered, closed, asked = logs.deliveries.columns(), logs.closings.columns(), logs.asked.columns()
    u = rng.random(len(delivered["day"]))
    v = rng.random((2, len(closed["day"])))
    after_delivery = u < truth.asked_after_delivery
    return [
        _invite(delivered, after_delivery, CSAT, 21.0),
        _invite(delivered, np.ones_like(after_delivery), REVIEW, 24.0),
        _invite(closed, v[0] < truth.asked_after_case, CSAT, 34.0),
        _invite(closed, v[1] < truth.asked_effort, CES, 34.5),
        _invite(asked, np.ones(len(asked["day"]), dtype=bool), NPS, 10.0),
    ]


def _invite(log: dict[str, Array], chosen: Array, kind: int, hours: float) -> tuple[Array, ...]:
    rows = int(chosen.sum())
    order = log["order"][chosen] if "order" in log else np.full(rows, NO_ORDER)
    when = at(log["day"][chosen], hours)
    return (
        log["customer"][chosen],
        np.full(rows, kind),
        when,
        log["satisfaction"][chosen],
        log["alive"][chosen],
        order,
    )


def _scores(kind: Array, felt: Array, rules: Parameters, rng: np.random.Generator) -> Array:
    """Return the score that an answer has or would have had."""
    truth = rules.satisfaction
    noise = rng.normal(0.0, 1.0, len(kind))
    star = truth.csat_level + truth.csat_slope * felt + truth.csat_noise * noise
    recommend = truth.nps_level + truth.nps_slope * felt + truth.nps_noise * noise
    effort = truth.ces_level + truth.ces_slope * felt + truth.ces_noise * noise
    raw = np.select([kind == NPS, kind == CES], [recommend, effort], star)
    low = np.where(kind == NPS, 0.0, 1.0)
    high = np.select([kind == code for code in SCALE_MAX], list(SCALE_MAX.values()))
    return np.asarray(np.clip(np.rint(raw), low, high))
