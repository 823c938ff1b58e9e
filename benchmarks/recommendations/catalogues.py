"""Made-up catalogues of any size with full rows, requests to them, and a release that holds one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import lightgbm as lgb
import numpy as np

from app.artifacts.manifest import (
    Baseline,
    BusinessEntry,
    Interval,
    Label,
    Manifest,
    Population,
    Text,
    Variant,
)
from app.domain.history import Array
from app.estimators.blend import ALL_ITEMS, NEW_ITEMS, SIMILAR_ITEMS, SOURCES, TASKS, Blend, ItemModel
from app.estimators.items import ROW_LIMIT, Items, Links, Pairs
from app.estimators.reranking import RANKED_INPUTS
from app.estimators.shopper import Shopper
from app.estimators.trees import read_trees
from app.serving.model_store import StoreStatus
from app.serving.release import LoadedArtifact, LoadedRelease

LINES: Final = 20
LINES_OF_ORDER: Final = 4
CATEGORIES: Final = 50
TREES, LEAVES = 100, 15
WEIGHTS: Final = {
    "bought": 2.2,
    "breadth": -0.6,
    "frequency": 1.0,
    "rebuy": 0.1,
    "links_bought": 0.15,
    "popularity_bought": 0.3,
    "links_new": 1.0,
    "popularity_new": 0.4,
    "trend_new": 0.2,
}
"""About what Online Retail gives: every source that purchases alone speak of."""
AS_OF: Final = datetime(2026, 10, 31, 12, tzinfo=UTC)
_BUSINESS: Final = BusinessEntry(
    name="made-up", currency="EUR", timezone="UTC", consent_defaults={"profiling": "granted"}, simulated=True
)
_DIGEST: Final = "d" * 64


def made_items(size: int, seed: int = 0) -> Items:
    """Return a catalogue of ``size`` products, 200 at least, each with 100 links and 100 pairs."""
    rng = np.random.default_rng(seed)
    width = ROW_LIMIT
    popularity = 1.0 / (1.0 + rng.permutation(size))
    index, with_ = (_others(size, width, rng) for _ in range(2))
    weight = -np.sort(-rng.exponential(size=(size, width)).astype(np.float32) - np.float32(1e-3), axis=1)
    together = -np.sort(-rng.integers(5, 40, (size, width)), axis=1).astype(np.int32)
    return Items(
        ids=tuple(f"P{i:06d}" for i in range(size)),
        names=tuple(f"Product {i}" for i in range(size)),
        category=rng.integers(0, CATEGORIES, size).astype(np.int32),
        categories=tuple(f"category {k}" for k in range(CATEGORIES)),
        price=np.round(rng.lognormal(3.0, 1.0, size), 2) + 0.01,
        active=np.ones(size, dtype=bool),
        orders=rng.integers(50, 5_000, size).astype(np.int32),
        customers=np.full(size, 50, dtype=np.int32),
        order_count=100_000,
        popularity=popularity / popularity.sum(),
        trend=rng.normal(-1.1, 0.2, size),
        groups=(),
        group_lift=np.zeros((0, size), dtype=np.float32),
        month_lift=np.zeros((0, size), dtype=np.float32),
        interval_days=rng.uniform(10.0, 120.0, size),
        interval_gaps=np.full(size, 30, dtype=np.int32),
        links=Links(index, weight, np.full((size, width), 5, dtype=np.int32)),
        pairs=Pairs(with_, together, np.full((size, width), 5, dtype=np.int32)),
    )


def _others(size: int, width: int, rng: np.random.Generator) -> Array:
    """Return for each product different others in no order, int32 of shape (size, width)."""
    steps = rng.integers(1, (size - 1) // width + 1, (size, width))
    ahead = rng.permuted(np.cumsum(steps, axis=1), axis=1)
    answer: Array = ((np.arange(size)[:, None] + ahead) % size).astype(np.int32)
    return answer


def made_model(items: Items) -> ItemModel:
    """Return a model of a catalogue, without trees."""
    row = np.array([WEIGHTS.get(name, 0.0) for name in SOURCES])
    blend = Blend(
        weights=dict.fromkeys(TASKS, row),
        reranked=frozenset(),
        frequency_days=365.0,
        link_days=180.0,
        view_days=7.0,
        cart_weight=1.0,
        rebuy_edges=np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0]),
        rebuy=np.linspace(0.4, 0.1, 9) * np.linspace(0.5, 1.0, 5)[:, None],
        interval_prior=3.0,
        interval_default=60.0,
    )
    return ItemModel(items, blend)


def with_trees(model: ItemModel, seed: int = 0) -> ItemModel:
    """Return the model with ``TREES`` trees that rank its best candidates again."""
    rng = np.random.default_rng(seed)
    X = rng.random((4_000, len(RANKED_INPUTS)))
    grades = (rng.random(len(X)) < X[:, 0] * X[:, 1]).astype(np.int32)
    data = lgb.Dataset(X, label=grades, group=[100] * 40, feature_name=list(RANKED_INPUTS))
    settings = {
        "objective": "lambdarank",
        "num_leaves": LEAVES,
        "num_threads": 1,
        "deterministic": True,
        "seed": seed,
        "verbosity": -1,
    }
    text = lgb.train(settings, data, num_boost_round=TREES).model_to_string().encode()
    blend = replace(model.blend, reranked=frozenset({ALL_ITEMS, NEW_ITEMS}))
    return replace(model, blend=blend, reranker=read_trees(text))


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as positions: what was bought, how many days ago, and in which order; shape (L,) each."""

    product: Array
    days: Array
    order: Array

    @property
    def shopper(self) -> Shopper:
        """The person, anew: sums that were made once are not there."""
        return Shopper(bought=self.product, bought_days=self.days, order=self.order)


def made_requests(items: Items, count: int, seed: int = 1) -> list[Asked]:
    """Return requests of ``LINES`` lines, ``LINES_OF_ORDER`` in an order, of products as they are popular."""
    rng = np.random.default_rng(seed)
    order = np.arange(LINES) // LINES_OF_ORDER
    answer = []
    for _ in range(count):
        product = rng.choice(items.size, LINES, replace=False, p=items.popularity)
        days = np.sort(rng.integers(1, 365, LINES // LINES_OF_ORDER))[order].astype(np.float64)
        answer.append(Asked(product, days, order))
    return answer


def body_of(items: Items, asked: Asked, number: int) -> bytes:
    """Return a request as a shop sends it."""
    orders = [
        {
            "order_id": f"O-{number}-{k}",
            "ordered_at": (AS_OF - timedelta(days=float(asked.days[asked.order == k][0]))).isoformat(),
            "revenue": 100.0,
            "currency": _BUSINESS.currency,
            "status": "completed",
            "products": [
                {"product_id": items.ids[i], "quantity": 1, "price": round(float(items.price[i]), 2)}
                for i in asked.product[asked.order == k].tolist()
            ],
        }
        for k in np.unique(asked.order).tolist()
    ]
    body = {
        "as_of": AS_OF.isoformat(),
        "customer": {"customer_id": f"C-{number}", "created_at": "2024-01-01T00:00:00+00:00"},
        "orders": orders,
    }
    return json.dumps(body).encode()


@dataclass
class HeldStore:
    """A store that holds one release."""

    current: LoadedRelease | None
    refused_count: int = 0

    def status(self) -> StoreStatus:
        """Return what answers."""
        return StoreStatus("made-up", AS_OF, {}, None)

    async def refresh(self) -> bool:
        """Look for nothing."""
        return False


def store_of(model: ItemModel) -> HeldStore:
    """Return a store whose release recommends from a model."""
    population = Population(
        name=ALL_ITEMS,
        tier="statistical",
        grade="B",
        estimator=None,
        baseline=Baseline(name="popularity", metric="ndcg_at_10", value=0.1, model_value=0.2),
        metrics={"ndcg_at_10": Interval(value=0.2, low=0.2, high=0.2)},
        counts={"tested_rows": 1_000},
    )
    manifest = Manifest(
        capability="recommendations",
        version="20261031-0123abcd",
        business=_BUSINESS,
        label=Label(
            definition="purchase",
            horizon_days=30,
            text=Text.model_validate({"en": "bought within 30 days", "zh-CN": "30 天内购买"}),
        ),
        settings=model.blend.settings(),
        variants=(
            Variant(
                name="full",
                features=(),
                schema_hash=_DIGEST,
                populations=tuple(
                    population.model_copy(update={"name": task}) for task in (*TASKS, SIMILAR_ITEMS)
                ),
            ),
        ),
        golden="golden.json",
        trained_as_of=AS_OF.isoformat(),
        data_fingerprint=_DIGEST,
        seed=0,
        git_commit="unknown",
        libraries={},
        files={},
    )
    artifact = LoadedArtifact(manifest, MappingProxyType({}), b"{}", b"", item_model=model)
    held = {"recommendations": artifact}
    return HeldStore(
        LoadedRelease(
            "20261031T000000Z-0123abcd", AS_OF.isoformat(), _BUSINESS, MappingProxyType(held), _DIGEST
        )
    )
