"""Satisfaction by a label without a date: a fifth of the passengers held back, the same for every model."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from sklearn.model_selection import train_test_split

from app.features.schema import FeatureSet
from benchmarks.quality.judging import Judged, answers
from benchmarks.quality.questions import SEED, Round, business_of, some
from training.capabilities.satisfaction import Learning
from training.run import Run
from training.satisfaction.rows import given_scores
from training.tables import read_tables
from training.tables.objectives import SatisfactionObjective
from training.train import known_at

HELD_BACK: Final = 0.2
RATING: Final = "attribute.rating_"
"""How the names of the inputs begin that are answers of the survey itself."""


def survey_rounds(*, with_ratings: bool) -> list[Judged]:
    """Return the one judged round of the airline: P(dissatisfied) of a fifth, learned from the rest.

    Parameters
    ----------
    with_ratings : bool
        Whether the fourteen ratings of the same survey are inputs; without them it is what a company knows
        before anybody is asked.
    """
    business = business_of("airline")
    objective = business.objectives.satisfaction or SatisfactionObjective()
    with read_tables(business) as tables:
        tables.refuse_errors()
        run = Run(business, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)
        given = given_scores(run, objective)
        whole = Learning(run, objective, given, run.history, None)
        rows = whole.rows(("full",))["full"]
        learn, judge = train_test_split(
            np.arange(rows.size), test_size=HELD_BACK, random_state=0, stratify=given.level
        )
        part = Learning(run, objective, given.take(learn), run.history, None)
        known, asked = some(rows, learn), some(rows, judge)
        features = part.features("full", known)
        if not with_ratings:
            kept = tuple(one for one in features.features if not one.name.startswith(RATING))
            features = FeatureSet(kept, features.vocabularies)
        data = part.data(features, known)
        inner = part.splits(data, part.given).final_inner
        one = Round(data, inner, replace(whole, given=given.take(judge)).data(features, asked), judge)
        return [Judged(asked.y, answers(one))]
