"""Scores on a scale with known truth, learned and judged, as the card of satisfaction takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import BusinessEntry, Label, ManifestDraft, Text
from app.capabilities.segment import INPUTS
from app.domain.history import Array
from app.estimators.base import logit
from tests.unit.training.rows import SEED, data_of, mixed, mixed_rows
from training.examples import Examples
from training.ladder import Data
from training.satisfaction.ordinal import Ordinal, fit_scale
from training.satisfaction.report import Learned
from training.satisfaction.responders import Difference, Response
from training.satisfaction.rows import Given
from training.snapshots import Splits, alike, at_random, by_date
from training.targets import PROBABILITY
from training.variant_entry import variant_entry
from training.variants import fit_variant

DAY: Final = 86_400_000_000
START: Final = 20_000 * DAY
EDGES: Final = (-2.0, -0.5, 0.8, 2.2)
"""Where the five scores part on the latent scale; two of five are dissatisfied."""
FIVE: Final = np.arange(1.0, 6.0)
TABLES: Final[Any] = SimpleNamespace(counts={"customers": 300, "feedback": 500})


@dataclass(frozen=True)
class Scored:
    """Rows whose score falls with a known margin: as the trainer holds them, and the true log-odds."""

    data: Data
    given: Given
    truth: Array


def scored(rows: int, seed: int = 0, *, dated: bool = True) -> Scored:
    """Return rows, two or so to a customer, one an hour."""
    X, _, truth = mixed_rows(seed, rows)
    rng = np.random.default_rng(seed + 1)
    level = np.searchsorted(EDGES, -truth + rng.logistic(size=rows))
    customer = rng.integers(0, rows * 2 // 3, rows)
    data = data_of(X, (level <= 1).astype(np.float64), customer=customer, features=mixed())
    at = START + np.arange(rows) * DAY // 24 if dated else np.full(rows, np.iinfo(np.int64).min)
    given = Given("csat", customer, at, level, FIVE, 1, {"without_a_score": 3, "outside_the_scale": 0})
    return Scored(replace(data, level=level), given, truth + EDGES[1])


def in_two(given: Given) -> Given:
    """Return the same as two scores: dissatisfied or not."""
    return replace(
        given, level=(given.level > given.cut).astype(np.int64), scores=np.array([0.0, 1.0]), cut=0
    )


def later(one: Scored) -> Splits:
    """Return later rows to judge by."""
    data = one.data
    return by_date(one.given.at, data.y, data.customer, data.X, 0, SEED)


def shuffled(one: Scored) -> Splits:
    """Return random folds."""
    return at_random(one.data.y, alike(one.data.X), SEED, np.arange(len(one.data.y)), "a test")


def columns_of(one: Scored, *, with_orders: bool = True) -> dict[str, Array]:
    """Return the columns of segments: who is silent for longer is less satisfied; a tenth have no order."""
    rng, size = np.random.default_rng(9), len(one.truth)
    silence = np.round(30 * np.exp(0.4 * one.truth + rng.normal(0, 0.5, size)), 3)
    orders = rng.integers(1, 9, size).astype(np.float64)
    columns = dict(
        zip(INPUTS, (silence, orders, orders * 20.0, silence + 40 * orders, np.full(size, 40.0)), strict=True)
    )
    nobody = np.arange(size) % 10 == 0 if with_orders else np.ones(size, dtype=bool)
    for name, column in columns.items():
        column[nobody] = 0.0 if name == "order_days" else np.nan
    return columns


def learned_of(
    one: Scored, splits: Splits, *, response: Response | None = None, columns: dict[str, Array] | None = None
) -> Learned:
    """Return a variant, fitted and judged."""
    given = one.given
    target = replace(PROBABILITY, climb=Ordinal(len(given.scores), given.cut).climb)
    fitted = fit_variant("full", one.data, splits, SEED, lambda _: None, None, target)
    tested = fitted.tested
    if len(tested.rows):
        margin, level = logit(fitted.tested_answer()), given.level[tested.rows]
    else:
        rung = fitted.ladder.rungs[fitted.chosen[0].tier]
        margin, level = rung.margin(one.data.X, one.data.population), given.level
    scale = fit_scale(given.scores, given.cut, margin, level, 0.8)
    examples = Examples(
        columns_of(one) if columns is None else columns,
        one.data.y,
        one.data.population,
        given.at,
        one.data.customer,
    )
    return Learned(fitted, scale, examples, one.data.X[:60], response)


def response_of(rows: int, *, weighted: bool = True) -> Response:
    """Return who answered, told by hand."""
    weight = np.linspace(0.5, 1.5, rows) if weighted else None
    why = "" if weighted else "too few of the base answer"
    differences = (Difference("attribute.x0", 1.5, 0.5, 0.9),)
    return Response(rows, 200, 0.7, differences, 0.8, weight, why, ("days_since_last_order",))


def draft_of(learned: Learned, given: Given, *, simulated: bool = True) -> ManifestDraft:
    """Return the manifest that a variant is written with, as far as a card reads it."""
    entry = variant_entry(
        learned.fitted, learned.X, np.zeros(len(learned.X), dtype=np.int64), {}, lambda _: {}
    )
    return ManifestDraft(
        capability="satisfaction",
        business=BusinessEntry(
            name="shop", currency="GBP", timezone="UTC", consent_defaults={}, simulated=simulated
        ),
        label=Label(definition=given.definition, text=Text(en="the score", zh_cn="评分")),
        settings={"interval_level": 0.8},
        variants=(entry,),
        golden="golden.json",
        trained_as_of="2026-06-30T12:00:00+00:00",
        data_fingerprint="0" * 64,
        seed=SEED,
        git_commit="unknown",
        libraries={},
    )
