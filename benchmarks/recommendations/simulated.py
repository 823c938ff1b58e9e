"""The simulated business, where each customer's taste is known, and whether lists of new products find it.

A cluster of tastes prefers the categories that it chooses at least ``PREFERRED`` times as often as the
average cluster does. Beside the share of a list in these stands how much of the cluster's taste it holds, the
sum of the true chances of its products over that of the best list that there is; and whether the list alone
gives away the cluster, being a likelier choice of it than of any other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from app.capabilities.recommend import best
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.blend import NEW_ITEMS, ItemModel
from app.estimators.items import Items
from app.estimators.shopper import VIEW_DAYS, Shopper
from benchmarks.pages import Answered
from benchmarks.recommendations.contenders import top
from benchmarks.recommendations.tables import SEED, Verdict, missed, page, spread
from training.recommendations.judging import interval
from training.recommendations.learning import learn
from training.recommendations.purchases import between
from training.recommendations.reading import read_shop
from training.recommendations.recipe import Record
from training.run import Run
from training.sample import write_sample
from training.tables import load_business, read_tables
from training.tables.objectives import RecommendationsObjective
from training.train import SEED as TRAINING_SEED
from training.train import known_at

PREFERRED: Final = 2.0
CUSTOMERS: Final = 3_000
LENGTH: Final = 10
TIMES_POPULARITY: Final = 2.0
"""How many times popularity's share in the cluster's categories, at least."""
KITH, POPULARITY, ORACLE = "Kith", "popularity", "the cluster's true taste"
OWN: Final = "what the customer bought, read with the true tastes"
_LISTS: Final = (KITH, POPULARITY, ORACLE)
_HEADER: Final = (
    "| new products by | share in the cluster's categories | taste held, of the best list's | gives away the "
    "cluster |\n| --- | ---: | ---: | ---: |"
)
_NOTHING: Final = np.empty(0, dtype=np.int64)
_NEVER: Final = np.empty(0)


@dataclass(frozen=True, slots=True)
class Truth:
    """The cluster of each customer by id, and what clusters like of P products, in the catalogue's order.

    ``choice`` has shape (clusters, P): the chance of each product; ``preferred`` bool of the same shape.
    """

    cluster: dict[str, int]
    choice: Array
    preferred: Array


@dataclass(frozen=True, slots=True)
class Found:
    """What the lists of N customers hold: three figures by who made the list, each of shape (N,).

    ``told`` says whether a list gives away the cluster, and ``OWN`` there whether the purchases themselves
    do: more than that cannot be known. ``products`` counts the different products that each
    customer had bought.
    """

    share: dict[str, Array]
    held: dict[str, Array]
    told: dict[str, Array]
    products: Array


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """A simulated business of some size."""

    title: str
    customers: int = CUSTOMERS

    def missing(self) -> list[str]:
        """Return nothing: the business is simulated on the spot."""
        return []

    def answered(self) -> Answered:
        """Simulate, train, hold the lists beside the truth; return page, document and missed bounds."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_sample(folder, self.customers, SEED)
            business = load_business(folder / "business.yaml")
            with read_tables(business) as tables:
                tables.refuse_errors()
                run = Run(
                    business,
                    tables,
                    tables.history(),
                    known_at(tables),
                    TRAINING_SEED,
                    "",
                    {},
                    lambda _: None,
                )
                record = record_of(run)
                days = (business.objectives.recommendations or RecommendationsObjective()).horizon_days
                learned = learn(record, run.as_of, days, run.seed, run.progress)
                truth = truth_of(folder, learned.model.items)
            found = recovered(learned.model, record, run.as_of, run.history.customer_ids, truth)
        parts = [_about(found, self.customers, days, learned.tiers[NEW_ITEMS]), _table(found)]
        verdicts = verdicts_of(found)
        return page(self.title, parts, verdicts), _document(found), missed(verdicts)


def record_of(run: Run) -> Record:
    """Return what recommendations are learned from, as training reads it."""
    shop = read_shop(run.tables, run.history, run.as_of)
    return Record(shop.catalogue, shop.purchases, shop.views, run.business.timezone)


def truth_of(folder: Path, items: Items) -> Truth:
    """Return what is true of the customers and products of a sample."""
    people = pq.read_table(folder / "truth" / "customers.parquet", columns=["customer_id", "taste_cluster"])
    goods = pq.read_table(folder / "truth" / "products.parquet")
    names = [name for name in goods.column_names if name.startswith("taste_")]
    place = {product: k for k, product in enumerate(goods["product_id"].to_pylist())}
    rows = [place[product] for product in items.ids]
    choice = np.array([goods[name].to_numpy()[rows] for name in names])
    of_cluster = {name.removeprefix("taste_"): k for k, name in enumerate(names)}
    mass = np.stack([np.bincount(items.category, row, len(items.categories)) for row in choice])
    is_liked = mass >= PREFERRED * mass.mean(axis=0)
    return Truth(
        {
            customer: of_cluster[cluster]
            for customer, cluster in zip(
                people["customer_id"].to_pylist(), people["taste_cluster"].to_pylist(), strict=True
            )
        },
        choice,
        is_liked[:, items.category],
    )


def shoppers_of(record: Record, at: int) -> Iterator[tuple[int, Shopper]]:
    """Yield each customer with a purchase, and what a request at a time would say of him."""
    purchases, views = record.purchases, record.views
    recent = None if views is None else between(views, at - round(VIEW_DAYS * MICROSECONDS_PER_DAY), at)
    starts = np.flatnonzero(np.diff(purchases.customer, prepend=-1))
    for rows in np.split(np.arange(len(purchases)), starts[1:]):
        customer = int(purchases.customer[rows[0]])
        seen = (
            slice(0) if recent is None else slice(*np.searchsorted(recent.customer, [customer, customer + 1]))
        )
        yield (
            customer,
            Shopper(
                bought=purchases.product[rows],
                bought_days=(at - purchases.at[rows]) / MICROSECONDS_PER_DAY,
                order=purchases.order[rows],
                viewed=_NOTHING if recent is None else recent.product[seen],
                viewed_days=_NEVER if recent is None else (at - recent.at[seen]) / MICROSECONDS_PER_DAY,
            ),
        )


def recovered(
    model: ItemModel, record: Record, at: int, customer_ids: tuple[str, ...], truth: Truth
) -> Found:
    """Return what lists of new products hold for everybody who has bought something."""
    share: dict[str, list[float]] = {name: [] for name in _LISTS}
    held: dict[str, list[float]] = {name: [] for name in _LISTS}
    told: dict[str, list[float]] = {name: [] for name in (*_LISTS, OWN)}
    products = []
    chances = np.log(truth.choice)
    for customer, shopper in shoppers_of(record, at):
        cluster = truth.cluster[customer_ids[customer]]
        choice, preferred = truth.choice[cluster], truth.preferred[cluster]
        allowed = model.items.active.copy()
        allowed[shopper.bought] = False
        lists = {
            KITH: best(model, shopper, NEW_ITEMS, allowed, LENGTH),
            POPULARITY: top(model.items.popularity, allowed, LENGTH),
            ORACLE: top(choice, allowed, LENGTH),
        }
        products.append(len(shopper.own.product))
        for name, shown in lists.items():
            share[name].append(float(preferred[shown].mean()))
            held[name].append(float(choice[shown].sum() / choice[lists[ORACLE]].sum()))
        for name, shown in {**lists, OWN: shopper.bought}.items():
            told[name].append(float(chances[:, shown].sum(axis=1).argmax() == cluster))
    return Found(_arrays(share), _arrays(held), _arrays(told), np.array(products, dtype=np.int64))


def _arrays(lists: dict[str, list[float]]) -> dict[str, Array]:
    return {name: np.array(one) for name, one in lists.items()}


def verdicts_of(found: Found) -> list[Verdict]:
    """Return whether lists find the taste: clearly better than popularity, by each figure."""
    answer: list[Verdict] = []
    for what, one in (
        ("share in the cluster's categories", found.share),
        ("taste held", found.held),
        ("lists that give away the cluster", found.told),
    ):
        apart = interval(one[KITH] - one[POPULARITY], SEED)
        answer.append((apart.low > 0, f"{what}: above popularity's by {spread(apart, 3)}"))
    times = float(found.share[KITH].mean() / found.share[POPULARITY].mean())
    told = f"share in the cluster's categories: {times:.1f} times popularity's, at least {TIMES_POPULARITY:g}"
    return [*answer, (times >= TIMES_POPULARITY, told)]


def _about(found: Found, customers: int, days: int, tier: str) -> str:
    return (
        f"{customers:,} simulated customers, windows of {days} days, new products answered by the tier "
        f"{tier}. The first {LENGTH} new products of {len(found.products):,} customers with a purchase, "
        "beside their true cluster of tastes, whose categories are those that it chooses at least "
        f"{PREFERRED:g} times as often as the average cluster does. They hold 20 or 40 products, and what "
        "was bought is not shown: even the best list is not wholly of them."
    )


def _table(found: Found) -> str:
    everybody = np.ones(len(found.products), dtype=bool)
    lines = [_line(found, name, name, everybody) for name in _LISTS]
    lines.append(f"| {OWN} | – | – | {spread(interval(found.told[OWN], SEED), 3)} |")
    for label, low, high in (("1 or 2", 1, 2), ("3 to 9", 3, 9), ("10 or more", 10, 1 << 30)):
        rows = (found.products >= low) & (found.products <= high)
        if rows.any():
            lines.append(
                _line(found, KITH, f"{KITH}, {int(rows.sum()):,} customers with {label} products", rows)
            )
    return "\n".join((_HEADER, *lines))


def _line(found: Found, name: str, label: str, rows: Array) -> str:
    cells = [spread(interval(one[name][rows], SEED), 3) for one in (found.share, found.held, found.told)]
    return f"| {label} | {' | '.join(cells)} |"


def _document(found: Found) -> dict[str, Any]:
    return {
        name: {
            "share": interval(found.share[name], SEED).model_dump(),
            "taste_held": interval(found.held[name], SEED).model_dump(),
            "gives_away_the_cluster": interval(found.told[name], SEED).model_dump(),
        }
        for name in _LISTS
    }
