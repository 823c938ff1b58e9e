"""From a business file to rows to learn from and rows to be asked about, by the code that trains.

Nothing here computes an input, a label or a split by itself: what it hands on is what
``python -m training train`` would have learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.domain.errors import BusinessFileError
from app.domain.history import Array
from training.capabilities.churn import label_data, label_features, label_splits
from training.churn_rows import Question, churned, examples_for, take_rows
from training.examples import Examples
from training.ladder import Data
from training.purchasing import Learned, learn_purchases
from training.run import Run
from training.snapshots import Fold, Splits
from training.tables import Business, Tables, load_business, read_tables
from training.tables.objectives import ChurnObjective
from training.train import known_at
from training.variants import Fitted

SEED: Final = 7
"""The seed that ``python -m training train`` uses when none is given."""
EXAMPLES: Final = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Round:
    """Rows to learn from, folds of them for choices, and rows to be judged by: the same for every model."""

    learn: Data
    inner: tuple[Fold, ...]
    judge: Data
    judged: Array
    """Which of the caller's rows ``judge`` holds."""
    fitted: Fitted | None = None
    """What training made of the rows to learn from, where it is more than the ladder on them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One variant of one business: labelled examples, and what is known of everybody at the end."""

    question: Question
    variant: str
    examples: Examples
    now: Examples
    is_dated: bool

    @property
    def customer_ids(self) -> Array:
        """The id of each customer, object (str), in the order of customer numbers."""
        ids = np.empty(self.question.run.history.size, dtype=object)
        ids[:] = self.question.run.history.customer_ids
        return ids

    def data(self, like: Examples, rows: Examples) -> Data:
        """Return rows with the inputs that are chosen by the rows ``like``."""
        features = label_features(self.question, like, self.is_dated)
        return label_data(features, self.question, rows)

    def splits(self, data: Data, rows: Examples) -> Splits:
        """Return the splits that training would make of these rows."""
        return label_splits(self.question, data, rows, self.is_dated)


def business_of(example: str) -> Business:
    """Return one of the businesses under ``examples/``."""
    return load_business(EXAMPLES / example / "business.yaml")


def missing_sources(business: Business) -> list[str]:
    """Return the files that a business reads and that are not there."""
    files = [source.file for source in business.sources.values() if source.file]
    return [file for file in files if not (business.path.parent / file).exists()]


def ask(business: Business) -> Asked:
    """Read a business, and give what churn by a label would be trained on.

    Raises
    ------
    TableError
        The tables cannot be read, or nothing can be learned from them.
    """
    with read_tables(business) as tables:
        question = _question(business, tables)
        return Asked(question, "full", *examples_for(question, "full"))


def learned_at(business: Business, cut: int) -> tuple[Mapping[str, Learned], Array]:
    """Return what training learns of purchases at a time, by variant, and every customer's id.

    Raises
    ------
    TableError
        The tables cannot be read, or nothing can be learned from them.
    """
    with read_tables(business, as_of=cut) as tables:
        tables.refuse_errors()
        run = Run(business, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)
        learned = learn_purchases(run, objective_of(business).horizon_days)
        ids = np.empty(run.history.size, dtype=object)
        ids[:] = run.history.customer_ids
        return learned, ids


def churned_after(business: Business, cut: int) -> dict[str, float]:
    """Return the label of every customer at a cut, 0 or 1 by id, as all the tables tell it.

    Raises
    ------
    TableError
        The tables cannot be read.
    """
    with read_tables(business) as tables:
        question = _question(business, tables)
        history = question.run.history
        labels = churned(question, np.full(history.size, cut))
        return dict(zip(history.customer_ids, labels.tolist(), strict=True))


def _question(business: Business, tables: Tables) -> Question:
    tables.refuse_errors()
    run = Run(business, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)
    objective = objective_of(business)
    return Question(
        run, objective, ("repeat", "first_order") if objective.definition == "inactivity" else ("all",)
    )


def objective_of(business: Business) -> ChurnObjective:
    """Return what churn means for a business.

    Raises
    ------
    BusinessFileError
        The file does not want churn.
    """
    if business.objectives.churn is None:
        raise BusinessFileError("the business file has no objective churn", remedy="add it under objectives")
    return business.objectives.churn


def some(rows: Examples, chosen: Array) -> Examples:
    """Return some of the rows."""
    return take_rows(rows, chosen)
