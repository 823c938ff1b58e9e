"""A small catalogue with links and pairs, made by hand, and releases around it.

Twelve products of a tea shop. Green tea goes with the cup and the honey, within one order and beyond; black
and oolong tea are a step up from green tea. The cake has no name, the tray no price, the gift box no
category, the old cup is no longer sold, and nothing is known of the coffee but how often it is bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

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
from app.estimators.blend import COLD_START, NEW_ITEMS, SIMILAR_ITEMS, SOURCES, TASKS, Blend, ItemModel
from app.estimators.items import MONTHS, Items, Links, Pairs
from app.serving.release import LoadedArtifact, LoadedRelease

GREEN, BLACK, OOLONG, CUP, POT, TRAY, HONEY, CAKE, BISCUIT, GIFT, OLD_CUP, COFFEE = range(12)
IDS: Final = (
    "tea-green",
    "tea-black",
    "tea-oolong",
    "cup",
    "pot",
    "tray",
    "honey",
    "cake",
    "biscuit",
    "gift",
    "old-cup",
    "coffee",
)
NAMES: Final = (
    "Green tea",
    "Black tea",
    "Oolong tea",
    "Cup",
    "Teapot",
    "Tray",
    "Honey",
    "",
    "Biscuits",
    "Gift box",
    "Old cup",
    "Coffee",
)
CATEGORIES: Final = ("tea", "ware", "food", "coffee")
GROUPS: Final = ("bronze", "gold")
ORDERS: Final = (300, 200, 90, 150, 60, 40, 120, 80, 100, 30, 20, 50)
ORDER_COUNT: Final = 1000
LINKS: Final[Mapping[tuple[int, int], tuple[float, int]]] = {
    (GREEN, BLACK): (0.4, 60),
    (GREEN, OOLONG): (0.3, 30),
    (GREEN, CUP): (0.5, 50),
    (GREEN, HONEY): (0.35, 40),
    (BLACK, BISCUIT): (0.3, 35),
    (BLACK, CAKE): (0.2, 20),
    (CUP, POT): (0.25, 15),
    (CUP, OLD_CUP): (0.2, 6),
    (POT, TRAY): (0.3, 10),
    (HONEY, GIFT): (0.1, 5),
}
PAIRS: Final[Mapping[tuple[int, int], tuple[int, int]]] = {
    (GREEN, CUP): (80, 45),
    (GREEN, HONEY): (50, 30),
    (BLACK, BISCUIT): (40, 25),
    (BLACK, CAKE): (20, 12),
    (CUP, POT): (20, 12),
}
WEIGHTS: Final[Mapping[str, float]] = {
    "bought": 0.2,
    "breadth": -0.1,
    "frequency": 0.8,
    "orders": 0.3,
    "rebuy": 0.5,
    "links_bought": 0.3,
    "popularity_bought": 0.2,
    "links_new": 1.0,
    "popularity_new": 0.6,
    "trend_new": 0.5,
    "ever": 0.1,
    "viewed": 1.2,
    "view_links": 0.5,
    "group": 1.0,
    "season": 1.0,
}
BUSINESS: Final = BusinessEntry(
    name="tea", currency="CNY", timezone="Asia/Shanghai", consent_defaults={"profiling": "granted"}
)


def catalogue(**changes: Any) -> Items:
    """Return the twelve products; ``changes`` replace arrays."""
    size = len(IDS)
    orders = np.array(ORDERS, dtype=np.int32)
    month_lift = np.zeros((MONTHS, size), dtype=np.float32)
    month_lift[11, GIFT] = 3.0
    group_lift = np.zeros((len(GROUPS), size), dtype=np.float32)
    group_lift[1, POT] = 3.0
    interval_days = np.full(size, np.nan)
    interval_days[[GREEN, BLACK, OOLONG]], interval_days[HONEY] = 30.0, 45.0
    index, weight, customers = _rows(LINKS)
    with_, together, by = _rows(PAIRS)
    items = Items(
        ids=IDS,
        names=NAMES,
        category=np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, -1, 1, 3], dtype=np.int32),
        categories=CATEGORIES,
        price=np.array([10.0, 12.0, 18.0, 8.0, 30.0, np.nan, 6.0, 5.0, 4.0, 25.0, 3.0, 9.0]),
        active=np.arange(size) != OLD_CUP,
        orders=orders,
        customers=(orders * 0.8).astype(np.int32),
        order_count=ORDER_COUNT,
        popularity=orders / orders.sum(),
        trend=np.where(np.arange(size) == COFFEE, 0.2, 0.0),
        groups=GROUPS,
        group_lift=group_lift,
        month_lift=month_lift,
        interval_days=interval_days,
        interval_gaps=np.where(np.isnan(interval_days), 0, 50).astype(np.int32),
        links=Links(index, weight.astype(np.float32), customers.astype(np.int32)),
        pairs=Pairs(with_, together.astype(np.int32), by.astype(np.int32)),
    )
    return replace(items, **changes)


def _rows(both: Mapping[tuple[int, int], tuple[float, int]]) -> tuple[Array, Array, Array]:
    """Return the rows of links or pairs that hold each way: index, first and second number, shape (P, K)."""
    size = len(IDS)
    rows: list[list[tuple[float, int, int]]] = [[] for _ in range(size)]
    for (one, other), (first, second) in both.items():
        rows[one].append((first, second, other))
        rows[other].append((first, second, one))
    width = max(map(len, rows))
    index = np.full((size, width), size, dtype=np.int32)
    numbers = np.zeros((2, size, width))
    for k, row in enumerate(rows):
        for place, (first, second, other) in enumerate(sorted(row, key=lambda entry: (-entry[0], entry[2]))):
            index[k, place] = other
            numbers[:, k, place] = first, second
    return index, numbers[0], numbers[1]


def blend(**changes: Any) -> Blend:
    """Return a blend in which every source counts; who is known by nothing gets what is popular."""
    row = np.array([WEIGHTS.get(name, 0.0) for name in SOURCES])
    fitted = Blend(
        weights=dict.fromkeys(TASKS, row),
        reranked=frozenset(),
        frequency_days=60.0,
        link_days=180.0,
        view_days=7.0,
        cart_weight=2.0,
        rebuy_edges=np.array([0.5, 1.0, 2.0]),
        rebuy=np.tile([0.1, 0.3, 0.4, 0.1], (5, 1)),
        interval_prior=2.0,
        interval_default=60.0,
        group_by="loyalty_tier",
    )
    return replace(fitted, **changes)


def model(**changes: Any) -> ItemModel:
    """Return a model of the catalogue; ``changes`` replace its arrays."""
    return ItemModel(catalogue(**changes), blend())


def manifest() -> Manifest:
    """Return the manifest of a ranker, one population for each task."""
    populations = tuple(
        Population(
            name=task,
            tier="rules" if task == COLD_START else "ml",
            grade="B" if task == NEW_ITEMS else "A",
            estimator=None,
            baseline=Baseline(name="popularity", metric="ndcg_at_10", value=0.08, model_value=0.11),
            metrics={"ndcg_at_10": Interval(value=0.11, low=0.1, high=0.12)},
            counts={"customers": 1000},
        )
        for task in (*TASKS, SIMILAR_ITEMS)
    )
    return Manifest(
        capability="recommendations",
        version="20261031-0123abcd",
        business=BUSINESS,
        label=Label(
            definition="purchase",
            horizon_days=30,
            text=Text.model_validate({"en": "bought within 30 days", "zh-CN": "30 天内购买"}),
        ),
        settings=blend().settings(),
        variants=(Variant(name="full", features=(), schema_hash="a" * 64, populations=populations),),
        golden="golden.json",
        trained_as_of="2026-10-31T00:00:00+08:00",
        data_fingerprint="b" * 64,
        seed=7,
        git_commit="unknown",
        libraries={},
        files={},
    )


def artifact(ranker: ItemModel | None = None) -> LoadedArtifact:
    """Return the artifact of a model, by default of the catalogue above."""
    return LoadedArtifact(
        manifest(), MappingProxyType({}), b"{}", b"", item_model=model() if ranker is None else ranker
    )


def release(ranker: ItemModel | None = None, *, is_published: bool = True) -> LoadedRelease:
    """Return a release that holds that artifact alone, or none at all."""
    held = {"recommendations": artifact(ranker)} if is_published else {}
    return LoadedRelease(
        name="20261031T000000Z-0123abcd",
        created_at="2026-10-31T00:00:00Z",
        business=BUSINESS,
        artifacts=MappingProxyType(held),
        digest="d" * 64,
    )
