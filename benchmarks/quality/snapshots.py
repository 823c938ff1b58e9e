"""Snapshots without dates: five random folds, stratified, the same for every model."""

from __future__ import annotations

import duckdb
import numpy as np
from sklearn.model_selection import StratifiedKFold

from app.domain.history import Array
from benchmarks.quality.judging import Judged, answers
from benchmarks.quality.questions import Asked, Round, ask, business_of, some
from training.tables import Business

FOLDS = 5
FOLD_SEED = 0


def snapshot_rounds(example: str, id_column: str) -> list[Judged]:
    """Return the judged folds of one of the snapshot examples.

    Parameters
    ----------
    example : str
        A folder under ``examples/`` whose churn is a label without a date.
    id_column : str
        The customer's id in its file.
    """
    business = business_of(example)
    asked = ask(business)
    order = _file_order(business, id_column, asked)
    y = asked.examples.y[order]
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=FOLD_SEED)
    found = []
    for learn, judge in splitter.split(np.zeros((len(y), 1)), y):
        one = _round(asked, order[learn], order[judge])
        found.append(Judged(one.judge.y, answers(one)))
    return found


def _round(asked: Asked, learn: Array, judge: Array) -> Round:
    """Return one fold; what is an input, and which words it knows, is decided by the rows to learn from."""
    rows = some(asked.examples, learn)
    data = asked.data(rows, rows)
    # The folds within, as training makes them where a label has no dates.
    inner = asked.splits(data, rows).final_inner
    return Round(data, inner, asked.data(rows, some(asked.examples, judge)), judge)


def _file_order(business: Business, id_column: str, asked: Asked) -> Array:
    """Return the rows in the order of the file, so that anybody who reads it makes the same folds."""
    path = business.path.parent / str(business.sources["raw"].file)
    query = f'SELECT CAST("{id_column}" AS VARCHAR) FROM read_csv(?)'  # noqa: S608  a name of this module
    with duckdb.connect() as connection:
        ids = [row[0] for row in connection.execute(query, [str(path)]).fetchall()]
    place = {customer: k for k, customer in enumerate(asked.customer_ids[asked.examples.customer])}
    return np.array([place[customer] for customer in ids if customer in place], dtype=np.int64)
