"""The questions: a business, a day, a horizon; what was known, what came, and what the service answers.

Kith is trained by the code that trains, on what was known at the cut, and answers through the code that
serves. One purchase is one customer and day; asked about is everybody with a purchase up to the cut.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import ManifestDraft
from app.domain.clock import to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.domain.selection import take
from app.estimators.forecast import Statistics
from app.features.view import bought_between
from app.serving.loading import load_draft
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from training.capabilities.clv import train_clv
from training.capabilities.purchase import train_purchase
from training.purchase_days import PurchaseDays, cohort_at, purchase_days
from training.ranges import next_order
from training.run import Run
from training.tables import Business, load_business, read_tables
from training.train import known_at

SEED: Final = 7
EXAMPLES: Final = Path(__file__).parents[2] / "examples"
HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Bounds:
    """What must be reached; None where nothing is asked."""

    gini: float | None = None
    auc: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    level: tuple[float, float] | None = (0.85, 1.15)
    above: tuple[float, float] | None = (0.07, 0.13)
    window: tuple[float, float] | None = (0.75, 0.85)


@dataclass(frozen=True, slots=True)
class Question:
    """One data set, cut and horizon."""

    title: str
    about: str
    file: Path
    cut: str
    horizon: int
    bounds: Bounds

    def business(self) -> Business:
        """Return the business, asked for this horizon, without margin and discount."""
        business = load_business(self.file)
        objectives = business.objectives.model_copy(
            update={
                "churn": business.objectives.churn.model_copy(update={"horizon_days": self.horizon})
                if business.objectives.churn is not None
                else None,
                "purchase": None,
                "clv": business.objectives.clv.model_copy(
                    update={"horizon_days": self.horizon, "margin": 1.0, "discount_rate": 0.0}
                )
                if business.objectives.clv is not None
                else None,
            }
        )
        return business.model_copy(update={"objectives": objectives})

    def missing(self) -> list[str]:
        """Return the files that are not there."""
        business = load_business(self.file)
        files = [source.file for source in business.sources.values() if source.file]
        return [file for file in files if not (self.file.parent / file).exists()]


@dataclass(frozen=True, slots=True)
class Known:
    """Everybody asked about: what was known at the cut, and what came within the horizon.

    ``wait`` is the days to the next order, infinite without one. All of shape (N,).
    """

    statistics: Statistics
    last_horizon: tuple[Array, Array]
    orders: Array
    spend: Array
    wait: Array


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what was known and came, and the service's own answers."""

    question: Question
    known: Known
    answers: tuple[Mapping[str, Any], ...]
    cpu_seconds: float


def ask(question: Question) -> Asked:
    """Train at the cut, answer for everybody, and look up what came.

    Raises
    ------
    TableError
        The tables cannot be read, or nothing can be learned from them.
    """
    business = question.business()
    cut = to_microseconds(datetime.fromisoformat(question.cut))
    with read_tables(business) as tables:
        tables.refuse_errors()
        later = tables.history()
        all_days = purchase_days(later, known_at(tables), business.consent_defaults)
    with read_tables(business, as_of=cut) as tables:
        tables.refuse_errors()
        run = Run(business, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)
        started = time.process_time()
        release = _release(run)
        cpu = time.process_time() - started
        days = purchase_days(run.history, cut, business.consent_defaults)
        cohort = cohort_at(days, days.today)
        asked = take(run.history, cohort.customers)
        answers = score(release, asked, np.full(asked.size, cut), Ask(want=("clv", "purchase")))
    place = {customer: k for k, customer in enumerate(later.customer_ids)}
    who = np.array([place[customer] for customer in asked.customer_ids])
    until = np.full(later.size, cut + question.horizon * MICROSECONDS_PER_DAY)
    orders, spend = bought_between(later, np.full(later.size, cut), until)
    wait = next_order(all_days, who, np.full(len(who), days.today))
    known = Known(
        cohort.known,
        _last_horizon(days, cohort.customers, question.horizon),
        orders[who],
        spend[who],
        np.where(wait <= question.horizon, wait, np.inf),
    )
    return Asked(question, known, tuple(answers), cpu)


def _last_horizon(days: PurchaseDays, customers: Array, horizon: int) -> tuple[Array, Array]:
    orders, spend = days.bought(days.today - horizon, days.today)
    return orders[customers], spend[customers]


def _release(run: Run) -> LoadedRelease:
    """Return a release of value and purchase as they would be published."""
    artifacts = {}
    for trained in (train_clv(run), train_purchase(run)):
        draft: ManifestDraft = trained.draft
        artifacts[draft.capability] = load_draft(draft, trained.files)
    return LoadedRelease("benchmark", "", run.entry, MappingProxyType(artifacts), "")
