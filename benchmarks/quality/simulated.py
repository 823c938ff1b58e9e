"""The simulated business: beside the usual models stands the one that made the data."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.domain.clock import to_microseconds
from app.domain.history import Array
from benchmarks.quality.dated import judged_at
from benchmarks.quality.judging import Answer, Judged
from benchmarks.quality.questions import objective_of
from training.sample import write_sample
from training.tables import load_business

CUT: Final = datetime.fromisoformat("2026-04-01T00:00:00+08:00")
"""The first of the last month whose following 90 days lie in the sample; the truth is told by the month."""
HIDDEN: Final = "the simulator's hidden state"


def simulated_rounds() -> list[Judged]:
    """Return the one cut of a fresh sample business, with what its hidden state says of everybody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sample(folder)
        business = load_business(folder / "business.yaml")
        judged, customers = judged_at(business, to_microseconds(CUT))
        truth = _told_by_truth(folder / "truth" / "months.parquet", objective_of(business).horizon_days)
    p = np.array([truth.get(customer, 1.0) for customer in customers])
    return [Judged(judged.y, {**judged.answers, HIDDEN: Answer(p)}, judged.groups)]


def _told_by_truth(path: Path, horizon_days: int) -> dict[str, float]:
    """Return for everybody alive at the cut the probability of no order within the horizon.

    With the rates of that day kept as they are, purchases and drop-out race as two exponentials; who is not
    in the table has left, and will not order. No observer of the tables can know who has left.
    """
    months = pq.read_table(path)
    months = months.filter(pc.equal(months["as_of"], pa.scalar(CUT, months.schema.field("as_of").type)))
    rate = _numbers(months, "purchase_rate")
    hazard = _numbers(months, "dropout_hazard")
    both = rate + hazard
    p = hazard / both + rate / both * np.exp(-both * horizon_days)
    return dict(zip(months["customer_id"].to_pylist(), p.tolist(), strict=True))


def _numbers(table: pq.Table, name: str) -> Array:
    column: Array = table[name].to_numpy()
    return column
