"""Shops of orders alone: written out, read back, trained; and customers to ask a release about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.domain.rows import Row, build_history
from app.serving.loading import load_draft
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests.unit.training.purchases import TODAY, simulated
from training.purchase_days import PurchaseDays
from training.run import Run, Trained
from training.tables import load_business, read_tables
from training.train import SEED, known_at

DAY: Final = MICROSECONDS_PER_DAY
NOON: Final = DAY // 2
Told = Mapping[str, Any]
OBJECTIVES: Final[Told] = {
    "churn": {"definition": "inactivity", "horizon_days": 60},
    "purchase": {},
    "clv": {"horizon_days": 90},
    "segment": {},
}


def orders_of(owner: Array, day: Array, value: Array) -> pa.Table:
    """Return orders at noon in UTC of days since 1970; customers are numbers."""
    return pa.table(
        {
            "order_id": [f"o{k}" for k in range(len(owner))],
            "customer_id": [f"c{k}" for k in owner.tolist()],
            "ordered_at": pa.array(
                np.asarray(day, dtype=np.int64) * DAY + NOON, pa.timestamp("us", tz="UTC")
            ),
            "revenue": np.asarray(value, dtype=np.float64),
        }
    )


def ordered(days: PurchaseDays) -> pa.Table:
    """Return purchase days as orders."""
    return orders_of(days.owner, days.day, days.value)


def regulars(customers: int, seed: int = 0, history: int = 900) -> pa.Table:
    """Return orders of customers who came within the last days, up to ``TODAY``."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(customers):
        first = TODAY - int(rng.integers(20, history))
        gap = float(rng.gamma(3.0, 15.0)) + 5.0
        left = first + rng.exponential(600.0)
        at = first + np.concatenate([[0.0], np.cumsum(rng.exponential(gap, 40))])
        rows += [(k, int(day)) for day in np.unique(at[(at <= min(left, TODAY))].astype(int)).tolist()]
    # Somebody is there to the end: what is known is known up to the last row.
    owner, day = np.array([*rows, (0, TODAY)]).T
    return orders_of(owner, day, rng.gamma(4.0, 10.0, len(owner)))


def simulated_shop(customers: int = 400, seed: int = 0) -> pa.Table:
    """Return three years of orders of customers who come, order at a rate of their own, and leave."""
    return ordered(simulated(customers=customers, seed=seed))


def written(folder: Path, orders: pa.Table, objectives: Told = OBJECTIVES) -> Path:
    """Write a shop into a folder and return its business file, which is JSON and so YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(orders, folder / "raw.parquet")
    business = {
        "name": "shop",
        "currency": "GBP",
        "timezone": "UTC",
        "sources": {"raw": {"file": "raw.parquet"}},
        "tables": {"orders": "SELECT * FROM raw"},
        "objectives": objectives,
    }
    (folder / "business.yaml").write_text(json.dumps(business), "utf-8")
    return folder / "business.yaml"


@contextmanager
def run_of(business: Path, as_of: int | None = None) -> Iterator[Run]:
    """Give a run over a business file."""
    read = load_business(business)
    with read_tables(read, as_of=as_of) as tables:
        tables.refuse_errors()
        yield Run(read, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)


def released(*trained: Trained) -> LoadedRelease:
    """Return what was trained as the service would hold it, without writing it."""
    artifacts = {one.draft.capability: load_draft(one.draft, one.files) for one in trained}
    business = trained[0].draft.business
    return LoadedRelease("shop", "", business, MappingProxyType(artifacts), "")


def asked(release: LoadedRelease, customers: Sequence[Row], as_of: int, **ask: Any) -> list[dict[str, Any]]:
    """Ask a release about customers given as rows, all at one time."""
    history = build_history(customers, release.business.timezone, {})
    return score(release, history, np.full(history.size, as_of), Ask(**ask))


def bought(name: str, days_ago: Sequence[float], as_of: int, revenue: float | Sequence[float] = 20.0) -> Row:
    """Return a customer with an order so many days before a time, each of some revenue."""
    values = [revenue] * len(days_ago) if isinstance(revenue, (int, float)) else list(revenue)
    orders = [
        {
            "order_id": f"{name}-{k}",
            "ordered_at": as_of - round(ago * DAY),
            "revenue": value,
        }
        for k, (ago, value) in enumerate(zip(days_ago, values, strict=True))
    ]
    return {"customer_id": name, "orders": orders}


def all_train(run: Run, trainers: Mapping[str, Callable[[Run], Trained]]) -> dict[str, Trained]:
    """Train capabilities of one run, by name."""
    return {name: trainer(run) for name, trainer in trainers.items()}
