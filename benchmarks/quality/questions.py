"""From a business file to rows to learn from and rows to be asked about, by the code that trains.

Nothing here computes an input, a label or a split by itself: what it hands on is what
``python -m training train`` would have learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.domain.errors import BusinessFileError
from app.domain.history import Array
from training.capabilities.churn import _data, _features, _splits
from training.churn_rows import Question, churned, examples_for, take_rows
from training.examples import Examples
from training.ladder import Data
from training.run import Run
from training.snapshots import Fold, Splits
from training.tables import Business, Tables, load_business, read_tables
from training.tables.objectives import ChurnObjective
from training.train import known_at

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
        features = _features(self.question, self.variant, like, self.is_dated)
        return _data(features, self.question, self.variant, rows)

    def splits(self, data: Data, rows: Examples) -> Splits:
        """Return the splits that training would make of these rows."""
        return _splits(self.question, data, rows, self.is_dated)


def business_of(example: str) -> Business:
    """Return one of the businesses under ``examples/``."""
    return load_business(EXAMPLES / example / "business.yaml")


def missing_sources(business: Business) -> list[str]:
    """Return the files that a business reads and that are not there."""
    files = [source.file for source in business.sources.values() if source.file]
    return [file for file in files if not (business.path.parent / file).exists()]


def ask(business: Business, *, as_of: int | None = None, variant: str = "full") -> Asked:
    """Read a business as known at a time, and give what churn would be trained on.

    Parameters
    ----------
    as_of : int, optional
        Microseconds since 1970 in UTC; nothing later is read. By default the latest time in the data.
    variant : str
        ``full`` or ``summary``.

    Raises
    ------
    TableError
        The tables cannot be read, or nothing can be learned from them.
    """
    with read_tables(business, as_of=as_of) as tables:
        question = _question(business, tables)
        return Asked(question, variant, *examples_for(question, variant))


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


def with_everybody(business: Business, gone_after_days: int = 3650) -> Business:
    """Return a business in which nobody counts as gone before the question is asked."""
    churn = objective_of(business).model_copy(update={"gone_after_days": gone_after_days})
    return business.model_copy(update={"objectives": business.objectives.model_copy(update={"churn": churn})})


def some(rows: Examples, chosen: Array) -> Examples:
    """Return some of the rows."""
    return take_rows(rows, chosen)
