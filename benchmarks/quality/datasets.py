"""The data sets, by which protocol each is judged, and what must be reached on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.quality.dated import insurance_rounds, retail_rounds
from benchmarks.quality.judging import Judged
from benchmarks.quality.questions import business_of, missing_sources
from benchmarks.quality.simulated import simulated_rounds
from benchmarks.quality.snapshots import snapshot_rounds
from benchmarks.quality.surveys import survey_rounds
from benchmarks.quality.tables import Bound

_NEAR_THE_BEST: Final = (Bound("auc_lead", -0.002), Bound("ece", 0.02))
_FIVE_FOLDS: Final = (
    "Five random folds, stratified, seed 0, rows in the order of the file (scikit-learn's StratifiedKFold); "
    "all models in the same folds."
)
_HELD_BACK: Final = (
    "103,904 passengers; who asked them is not stated. A fifth is held back at random, stratified, seed 0; "
    "all models learn from the same rest."
)


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set: what it is, how models are judged on it, and the bounds that hold for ours.

    ``example`` is the folder under ``examples/`` whose files must be there; None for data that are made here.
    """

    title: str
    about: str
    rounds: Callable[[], list[Judged]]
    bounds: tuple[Bound, ...] = ()
    example: str | None = None

    def missing(self) -> list[str]:
        """Return the files that are not there."""
        return [] if self.example is None else missing_sources(business_of(self.example))


DATASETS: Final[Mapping[str, DataSet]] = {
    "telecom": DataSet(
        "Telecom (IBM Telco customer churn)",
        f"IBM calls these 7,043 customers fictional. {_FIVE_FOLDS}",
        partial(snapshot_rounds, "telecom", "customerID"),
        _NEAR_THE_BEST,
        "telecom",
    ),
    "bank": DataSet(
        "Bank (Churn_Modelling)",
        f"10,000 customers of unknown origin, widely believed to be fabricated. {_FIVE_FOLDS}",
        partial(snapshot_rounds, "bank", "CustomerId"),
        _NEAR_THE_BEST,
        "bank",
    ),
    "ecommerce": DataSet(
        "E-commerce (Kaggle, ankitverma2010)",
        "5,630 customers of an unnamed shop, without the 556 who repeat another in everything but the id. "
        + _FIVE_FOLDS,
        partial(snapshot_rounds, "ecommerce", "CustomerID"),
        _NEAR_THE_BEST,
        "ecommerce",
    ),
    "life-insurance": DataSet(
        "Life insurance (uslapseagent)",
        "Whole-life policies: surrendered within two years of issue? Known at issue: rider, sex, premium "
        "and how often it is paid, smoker, age group, region. Judged on three later blocks of issue "
        "dates; a policy teaches only where its two years had passed before the block begins. Policies "
        "issued after 12 May 2008 are left out: watching ended two years later, and of them only those "
        "that had ended have an answer. Death and other ends within two years count as not surrendered "
        "(competing risks). The share that surrenders falls from a fifth of the policies of 1995 to a "
        "twentieth of those of 2005, which nothing known at issue tells.",
        insurance_rounds,
        (),
        "life-insurance",
    ),
    "online-retail": DataSet(
        "Online Retail II (merged, 2009 to 2011)",
        "Everybody with a purchase before 9 September 2011 (00:00 in London): no purchase in the 91 days "
        "after it? The data end on 9 December. Models learn from earlier cut-offs whose 91 days had "
        "passed by the cut. For this table nobody counts as gone before the question is asked; the last "
        "part of it looks only at those whom the business would ask about.",
        retail_rounds,
        (Bound("auc", 0.80),),
        "online-retail",
    ),
    "airline": DataSet(
        "Airline satisfaction (Kaggle, teejmahal20)",
        f"Dissatisfied? {_HELD_BACK} With the fourteen ratings of the same survey as inputs.",
        partial(survey_rounds, with_ratings=True),
        (Bound("auc", 0.995),),
        "airline",
    ),
    "airline-before": DataSet(
        "Airline satisfaction, before any survey",
        f"Dissatisfied? {_HELD_BACK} Without the ratings: what an airline knows before it asks.",
        partial(survey_rounds, with_ratings=False),
        (Bound("auc", 0.864), Bound("ece", 0.015)),
        "airline",
    ),
    "sample": DataSet(
        "Sample business (simulated)",
        "The simulated retailer of `python -m training sample`: no purchase in the 90 days after 1 April "
        "2026? Everybody who ever bought is asked about, as in the table above. The hidden state says who "
        "has left already and how often the others buy, which no observer can know: a limit, not a rival.",
        simulated_rounds,
    ),
}
