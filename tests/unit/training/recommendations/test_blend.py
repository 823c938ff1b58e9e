"""Weights: fitted to choices, shrunk to defaults, never against a source's meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.blend import ALL_ITEMS, AT, COLD_START, EITHER_SIGN, NEW_ITEMS, SOURCES, ItemModel
from app.estimators.candidates import score_candidates
from tests.items import blend
from tests.unit.estimators.random_items import random_catalogue
from tests.unit.training.recommendations.asked import buyers, window_by
from training.recommendations import blend as fitting
from training.recommendations.blend import (
    DEFAULTS,
    NOT_OF_HISTORY,
    OF_CARTS,
    OPTIONAL,
    RULES,
    SHRINKAGE,
    Requests,
    fit_blend,
    fit_weights,
    margins,
    ndcg,
    requests_of,
    row_of,
    tuning_requests,
)
from training.recommendations.judging import judge
from training.recommendations.windows import TASKS_OF_HISTORY, Window

SIZE = 30
MODEL = ItemModel(random_catalogue(np.random.default_rng(0), SIZE, 8), blend())
FREE = np.array([name in EITHER_SIGN for name in SOURCES])


@lru_cache(maxsize=2)
def simulated(seed: int = 1, count: int = 400) -> tuple[Requests, Array]:
    """Return requests of customers who chose by known weights, and these."""
    rng = np.random.default_rng(seed)
    truth = row_of(DEFAULTS)
    truth[~FREE] = np.where(rng.random((~FREE).sum()) < 0.4, 0.0, rng.uniform(0.3, 1.2, (~FREE).sum()))
    truth[[AT[name] for name in NOT_OF_HISTORY]] = 0.0
    return requests_of(MODEL, window_by(rng, MODEL, truth, count), ALL_ITEMS), truth


def loss(parts: Sequence[Requests], weights: Array) -> float:
    """Return what fitting makes small, in float64 and request by request."""
    total = 0.0
    for part in parts:
        for values, relevant, there in zip(part.values, part.relevant, part.there, strict=True):
            if relevant.any():
                margin = values[there].astype(np.float64) @ weights
                log_share = margin - margin.max() - np.log(np.exp(margin - margin.max()).sum())
                total -= log_share[relevant[there]].mean()
    gap = weights - row_of(DEFAULTS)
    return total + SHRINKAGE * float(gap @ gap)


def test_the_fit_is_where_no_weight_can_be_bettered() -> None:
    part, _ = simulated(count=150)
    weights = fit_weights([part])
    step, at = 1e-4, loss([part], weights)
    for k in range(len(SOURCES)):
        away = np.zeros(len(SOURCES))
        away[k] = step
        slope = (loss([part], weights + away) - loss([part], weights - away)) / (2 * step)
        if weights[k] > 0 or FREE[k]:
            assert abs(slope) < 0.05
        else:
            assert slope > -0.05
            assert weights[k] == 0.0
    assert at < loss([part], row_of(DEFAULTS))


def test_weights_of_the_choices_are_found() -> None:
    part, truth = simulated()
    weights = fit_weights([part], [name for name in SOURCES if name not in NOT_OF_HISTORY])
    by_new = [AT[name] for name in ("links_new", "popularity_new", "trend_new", "season", "group")]
    np.testing.assert_allclose(weights[by_new], truth[by_new], rtol=0, atol=0.35)
    assert loss([part], weights) <= loss([part], truth)
    one = part.values[0][part.there[0]].astype(np.float64)
    found, true = (np.exp(one @ row - (one @ row).max()) for row in (weights, truth))
    assert np.corrcoef(found, true)[0, 1] > 0.9


def test_weights_stay_at_0_where_choices_speak_against_a_source() -> None:
    rng = np.random.default_rng(4)
    truth = row_of({"popularity_new": -2.0, "popularity_bought": -2.0, "links_new": -1.0, "breadth": -3.0})
    part = requests_of(MODEL, window_by(rng, MODEL, truth, 250), ALL_ITEMS)
    weights = fit_weights([part])
    assert (weights[~FREE] >= 0).all()
    assert weights[[AT["popularity_new"], AT["links_new"]]].tolist() == [0.0, 0.0]


def some(part: Requests, rows: slice) -> Requests:
    """Return some of the requests."""
    arrays = {name: getattr(part, name)[rows] for name in ("values", "relevant", "there", "count")}
    return replace(part, **arrays)


def away(*parts: Requests) -> float:
    """Return how far fitted weights are from the defaults."""
    return float(np.linalg.norm(fit_weights(parts) - row_of(DEFAULTS)))


def test_few_customers_change_the_defaults_little_and_none_nothing() -> None:
    part, _ = simulated()
    few = some(part, slice(0, 10))
    assert away(few) < away(*[few] * 4) < away(*[few] * 30)
    alone = [away(some(part, slice(k, k + 1))) for k in range(20)]
    assert np.mean(alone) < away(part) / 2
    assert fit_weights([]).tolist() == row_of(DEFAULTS).tolist()
    silent = replace(part, relevant=np.zeros_like(part.relevant))
    assert fit_weights([silent]).tolist() == row_of(DEFAULTS).tolist()


def test_a_question_that_nobody_was_asked_is_no_obstacle() -> None:
    # Customers who only buy again what they know: nothing new is relevant, so there is no such request.
    people = buyers(np.random.default_rng(5), SIZE, 20)
    window = Window(MODEL.items, np.arange(20), people, tuple(np.unique(one.bought) for one in people))
    known, new = tuning_requests(MODEL, window)
    assert (known.task, new.task) == TASKS_OF_HISTORY
    assert (len(known.count), len(new.count), new.values.shape[:2]) == (20, 0, (0, 0))
    np.testing.assert_allclose(fit_weights([known, new]), fit_weights([known]))
    assert ndcg(new, row_of(DEFAULTS)).shape == (0,)
    assert fit_blend([known, new], [known, new], SOURCES).weights.shape == (len(SOURCES),)
    assert fit_blend([], [new], SOURCES).weights.tolist() == row_of(DEFAULTS).tolist()


def test_sources_that_are_not_there_have_no_weight() -> None:
    part, _ = simulated()
    weights = fit_weights([part], ["links_new", "popularity_new"])
    assert weights[AT["popularity_new"]] > 0
    assert set(np.flatnonzero(weights).tolist()) <= {AT["links_new"], AT["popularity_new"]}


def test_optional_sources_that_do_not_help_later_are_left_out() -> None:
    part, _ = simulated()
    there = [name for name in SOURCES if name not in NOT_OF_HISTORY]
    useless = OPTIONAL[0]
    spoilt = replace(part, values=part.values.copy())
    # In the earlier window the source tells the choice, in the later one it is noise.
    spoilt.values[:, :, AT[useless]] = 6.0 * part.relevant
    noise = replace(part, values=part.values.copy())
    noise.values[:, :, AT[useless]] = np.random.default_rng(6).normal(0, 4, part.relevant.shape)
    fitted = fit_blend([spoilt], [noise], there)
    assert useless in fitted.left_out
    assert fitted.weights[AT[useless]] == 0.0
    assert set(fitted.left_out) <= set(OPTIONAL)
    told = fit_blend([spoilt], [spoilt], there)
    assert useless not in told.left_out
    assert told.weights[AT[useless]] > 0


def test_without_a_later_window_nothing_is_left_out() -> None:
    part, _ = simulated()
    for earlier, later in (([part], []), ([], [part])):
        fitted = fit_blend(earlier, later, SOURCES)
        assert fitted.left_out == ()
        np.testing.assert_allclose(fitted.weights, fit_weights([part]))


def test_requests_hold_the_values_of_every_source_and_what_is_relevant() -> None:
    rng = np.random.default_rng(7)
    window = window_by(rng, MODEL, row_of(DEFAULTS), 12, bought=3)
    for task in (*TASKS_OF_HISTORY, COLD_START):
        part = requests_of(MODEL, window, task)
        questions = list(window.questions(task))
        assert part.values.shape == (*part.there.shape, len(SOURCES))
        assert len(part.count) == len(questions)
        for k, (_, person, allowed, wanted) in enumerate(questions):
            scored = score_candidates(MODEL, person, np.ones(len(SOURCES)), allowed)
            assert part.there[k].sum() == len(scored.product)
            assert part.count[k] == len(wanted)
            np.testing.assert_allclose(part.values[k][part.there[k]], scored.values, rtol=1e-6, atol=1e-6)
            assert scored.product[part.relevant[k][part.there[k]]].tolist() == [
                product for product in wanted.tolist() if product in scored.product
            ]
            assert not part.relevant[k][~part.there[k]].any()


def test_only_the_best_candidates_are_held_and_all_that_is_relevant_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitting, "CANDIDATES", 6)
    window = window_by(np.random.default_rng(8), MODEL, row_of(DEFAULTS), 10, bought=4)
    part = requests_of(MODEL, window, NEW_ITEMS)
    assert part.there.all()
    assert part.values.shape[1] == 6
    for k, (_, person, allowed, wanted) in enumerate(window.questions(NEW_ITEMS)):
        scored = score_candidates(MODEL, person, row_of(DEFAULTS), allowed)
        best = np.sort(scored.margin)[::-1][:6]
        np.testing.assert_allclose(np.sort(margins(part, row_of(DEFAULTS))[k])[::-1], best, rtol=0, atol=1e-4)
        assert part.count[k] == len(wanted)


def test_ndcg_of_requests_is_that_of_the_lists() -> None:
    rng = np.random.default_rng(9)
    window = window_by(rng, MODEL, row_of(DEFAULTS), 25, bought=3)
    for task in TASKS_OF_HISTORY:
        part = requests_of(MODEL, window, task)
        shown, relevant = [], []
        for _, person, allowed, wanted in window.questions(task):
            scored = score_candidates(MODEL, person, row_of(DEFAULTS), allowed)
            shown.append(scored.product[np.argsort(-scored.margin, kind="stable")][:10])
            relevant.append(wanted)
        expected = judge(window, shown, relevant).by_customer["ndcg_at_10"]
        np.testing.assert_allclose(ndcg(part, row_of(DEFAULTS)), expected, rtol=0, atol=1e-9)


def test_defaults_and_rules_are_weights_of_sources() -> None:
    for weights in (DEFAULTS, *RULES.values()):
        assert set(weights) <= set(SOURCES)
        row = row_of(weights)
        assert (row[~FREE] >= 0).all()
        assert row[AT[next(iter(weights))]] == weights[next(iter(weights))]
    assert not (set(NOT_OF_HISTORY) - set(OF_CARTS)) & set(DEFAULTS)
    assert set(OPTIONAL) <= set(SOURCES)
