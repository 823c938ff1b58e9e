"""The model card of satisfaction as a document, and its pictures.

Everything in it comes from held-out answers unless it says otherwise; ``training.satisfaction.text`` puts it
in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import ManifestDraft
from app.domain.history import Array
from app.estimators.base import sigmoid
from app.estimators.ordinal import Scale
from app.features.support import TEXT_FEATURES
from training.evaluation import calibration_table
from training.examples import Examples
from training.plots import calibration_plot, gains_plot
from training.report import (
    WANTED_ORIGINS,
    by_origin,
    drivers_of,
    feature_words,
    gains_of,
    iso,
    plain,
    population_of,
    subgroups_of,
    why_only_rules,
)
from training.satisfaction.plots import distribution_plot, scores_plot
from training.satisfaction.quality import (
    beyond,
    coverage_of,
    distribution_of,
    held_out,
    ordinal_quality,
    segment_mean,
)
from training.satisfaction.responders import Response
from training.satisfaction.rows import Given
from training.tables import Tables
from training.tables.objectives import SatisfactionObjective
from training.variants import Fitted, published_rung

Told = dict[str, Any]

POPULATION: Final = {
    "complaint": "everybody on record at a past cut-off; who denied profiling, then or today, is left out",
    "label": "customers with a label; who denied profiling, then or today, is left out",
}
ANSWERED: Final = (
    "everybody may be asked about; learned from those who gave a score; who denied profiling, then or today, "
    "is left out"
)
MOMENTS: Final = (
    "Scores are given at certain moments, after a delivery or after a case; the model is asked at any. It "
    "says what somebody would answer if asked now, and between such moments that was never tested."
)
SILENCE: Final = (
    "Judged on those who answered. Of those who never answer only the record is known: what makes them "
    "silent and does not show in it, their mood first of all, cannot be weighed for."
)
SOURCES: Final = {
    "complaint": "the table support_cases, at past cut-offs",
    "label": "the table labels",
}


APART: Final = 0.05
"""Shares of dissatisfied of everybody that two variants may tell before the card speaks of it."""


@dataclass(frozen=True, slots=True)
class Learned:
    """One variant: the fit, its scale, today's customers, and who answered against who could have."""

    fitted: Fitted
    scale: Scale
    examples: Examples
    X: Array
    response: Response | None


def card_of(
    draft: ManifestDraft,
    learned: Mapping[str, Learned],
    given: Given,
    objective: SatisfactionObjective,
    tables: Tables,
) -> Told:
    """Return the card as a document.

    Parameters
    ----------
    learned : mapping
        Every variant, by name.
    given : Given
        The scores that were learned from; rows of the variants stand in the same order.
    """
    variants = [_variant(one, draft, given, objective) for one in learned.values()]
    return {
        "capability": draft.capability,
        "business": draft.business.name,
        "simulated": draft.business.simulated,
        "goal": {
            "predicts": draft.label.text.model_dump(by_alias=True),
            "definition": draft.label.definition,
            "horizon_days": objective.horizon_days if given.definition == "complaint" else None,
        },
        "label_definition": _definition(draft, given, objective),
        "population": POPULATION.get(given.definition, ANSWERED),
        "answers": _answers(draft, given, learned),
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "rows": dict(tables.counts)},
        "seed": draft.seed,
        "git_commit": draft.git_commit,
        "libraries": draft.libraries,
        "text_model": draft.text_model,
        "variants": variants,
        "limits": _limits(draft, learned, given, variants),
    }


def _definition(draft: ManifestDraft, given: Given, objective: SatisfactionObjective) -> Told:
    """Return what the score is, its scale, and what counts as dissatisfied, in both languages."""
    cut = f"{given.scores[given.cut]:g}"
    words = {"en": f"a score of {cut} or less", "zh-CN": f"{cut} 分及以下"}
    if given.definition == "complaint":
        days = objective.horizon_days
        words = {"en": f"a complaint within {days} days", "zh-CN": f"{days} 天内有投诉"}
    return {
        "definition": given.definition,
        "text": draft.label.text.model_dump(by_alias=True),
        "scores": given.scores.tolist(),
        "dissatisfied": {"at_most": float(given.scores[given.cut]), "text": words},
        "chosen_by": "the business file"
        if objective.definition is not None
        else "the data: the kind with the most scores",
        "cut_chosen_by": "the business file"
        if objective.dissatisfied_at is not None
        else "the usual reading",
    }


def _answers(draft: ManifestDraft, given: Given, learned: Mapping[str, Learned]) -> Told:
    """Return where the scores come from, how many there are, and how many were left out and why."""
    dates = given.at if given.is_dated and len(given.at) else None
    weights = [one.response.weight for one in learned.values() if one.response is not None]
    weight = next((found for found in weights if found is not None), None)
    score = given.scores[given.level]
    return {
        "source": SOURCES.get(given.definition, f"the table feedback, rows of the kind {given.definition}"),
        "scores": len(given.level),
        "customers": len(np.unique(given.customer)),
        "first": None if dates is None else iso(int(dates.min()), draft.business.timezone),
        "last": None if dates is None else iso(int(dates.max()), draft.business.timezone),
        "left_out": {name: int(count) for name, count in given.left_out.items()},
        "mean_score": float(score.mean()),
        "weighted_mean_score": None if weight is None else float(weight @ score / weight.sum()),
        "dissatisfied": float(given.dissatisfied.mean()),
        "by_score": np.bincount(given.level, minlength=len(given.scores)).tolist(),
    }


def _variant(learned: Learned, draft: ManifestDraft, given: Given, objective: SatisfactionObjective) -> Told:
    """Return what the card says of one variant."""
    fitted = learned.fitted
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    held = held_out(fitted, given, objective.interval_level)
    return {
        "name": fitted.name,
        "protocol": fitted.splits.protocol,
        "backtests": [_backtest(fitted, k, draft) for k in range(len(fitted.splits.backtests))],
        "chosen": {tier: rung.choice for tier, rung in fitted.ladder.rungs.items()},
        "populations": [population_of(fitted, k, draft) for k in range(len(fitted.chosen))],
        "ordinal": None if held is None else ordinal_quality(held, draft.seed),
        "coverage": None if held is None else coverage_of(held, objective.interval_level, draft.seed),
        "distribution": [] if held is None else distribution_of(held),
        "segment_mean": _segment_mean(learned, draft.seed),
        "calibration": [asdict(bin_) for bin_ in calibration_table(y, p)] if len(y) else [],
        "gains": gains_of(y, p),
        "today": _today(learned),
        "response": _response(learned.response),
        "drivers": drivers_of(fitted),
        "subgroups": subgroups_of(fitted),
        "features": list(fitted.data.features.names),
    }


def _backtest(fitted: Fitted, number: int, draft: ManifestDraft) -> Told:
    split, own = fitted.splits.backtests[number], fitted.tested.origin == number
    return {
        "origin": None if split.origin is None else iso(split.origin, draft.business.timezone),
        "trained_rows": len(split.train),
        "tested_rows": int(own.sum()),
        "tested_positives": int(fitted.data.y[fitted.tested.rows[own]].sum()),
        **by_origin(fitted, number),
    }


def _segment_mean(learned: Learned, seed: int) -> Told | None:
    """Return how the published answers compare with the rate of the customer's segment."""
    fitted = learned.fitted
    verdict = segment_mean(fitted, learned.examples.columns, fitted.name, seed)
    if verdict is None:
        return None
    return {
        "metric": verdict.baseline.metric,
        "value": verdict.baseline.value,
        "model_value": verdict.baseline.model_value,
        "reduction": verdict.reduction.model_dump(),
        "grade": verdict.grade,
        "reason": verdict.reason,
    }


def _today(learned: Learned) -> Told | None:
    """Return what the model says of everybody who may be asked about today."""
    if not len(learned.X):
        return None
    everybody = np.zeros(len(learned.X), dtype=np.int64)
    margin = published_rung(learned.fitted, 0).margin(learned.X, everybody)
    return {
        "customers": len(margin),
        "mean_score": float(learned.scale.expected(margin).mean()),
        "dissatisfied": float(sigmoid(margin).mean()),
        "beyond": [
            {"feature": name, "label": feature_words(name), "share": share}
            for name, share in beyond(learned.fitted, learned.X)
        ],
    }


def _response(response: Response | None) -> Told | None:
    """Return who answers against who could have."""
    if response is None:
        return None
    return {
        "answers": response.responders,
        "base": response.base,
        "auc": plain(response.auc),
        "worth": plain(response.worth),
        "weighted": response.weight is not None,
        "why_not": response.why or None,
        "left_out": [{"feature": name, "label": feature_words(name)} for name in response.left_out],
        "differences": [
            {"feature": one.feature, "label": feature_words(one.feature)}
            | {"answered": one.responders, "base": one.base, "gap": one.gap}
            for one in response.differences
        ],
    }


def _limits(
    draft: ManifestDraft, learned: Mapping[str, Learned], given: Given, told: Sequence[Told]
) -> list[str]:
    """Return what a reader must not conclude; ``told`` is what the card says of each variant."""
    limits = [
        "A driver is what the model looks at, not a cause: changing it need not make anybody happier.",
        f"Valid on what was known at {draft.trained_as_of}.",
        *_limits_of_answers(given),
    ]
    if draft.business.simulated:
        limits.insert(0, "Every number here is simulated: it shows how the method works, not how good it is.")
    for one, variant in zip(learned.values(), told, strict=True):
        limits += [f"{variant['name']}: {limit}" for limit in _limits_of(one, variant)]
    shares = [one["today"]["dissatisfied"] for one in told if one["today"] is not None]
    if shares and max(shares) - min(shares) > APART:
        limits.append(
            f"The variants disagree about everybody today: {min(shares):.1%} dissatisfied by one, "
            f"{max(shares):.1%} by another. The answers cannot tell which is right."
        )
    return limits


def _limits_of_answers(given: Given) -> list[str]:
    """Return what the kind of score cannot show."""
    if given.definition == "complaint":
        return [
            "Nobody was asked. No complaint is not satisfaction: most of the dissatisfied leave in silence.",
            "The range of a score of two values says no more than the probability.",
        ]
    if given.definition == "label":
        limits = ["What the labels mean, and whom they were given to, is the business's own knowledge."]
        if not given.is_dated:
            limits.append(
                "The labels have no dates: inputs are those of today, and what happened after a label was "
                "given may be among them."
            )
        return limits
    return [MOMENTS, SILENCE]


def _limits_of(learned: Learned, told: Told) -> list[str]:
    """Return what one variant cannot show."""
    fitted, response = learned.fitted, learned.response
    origins = [split.origin for split in fitted.splits.backtests]
    limits = []
    if any(feature.name in fitted.data.features.positions for feature in TEXT_FEATURES):
        limits.append(
            "texts on record were read by models that learned from no text of the same customer, but from "
            "others' texts of any time, also later than an origin."
        )
    if response is not None and response.weight is not None:
        limits.append("rates of the rule, the gate and the ranges are those of the answers, not weighted.")
    if None in origins or not origins:
        limits.append(f"judged {fitted.splits.protocol}, so change over time was not tested.")
    elif len(origins) < WANTED_ORIGINS:
        limits.append(
            f"backtested at {len(origins)} origin{'s' * (len(origins) > 1)} only; three or more are wanted."
        )
    if not len(fitted.tested.rows):
        limits.append("nothing was held out, so nothing is known of its quality; ranges span the scale.")
    elif len(origins) == 1:
        limits.append("one origin only: coverage is that of the very rows which set the ranges.")
    limits += [why_only_rules(fitted, one) for one in fitted.chosen if one.tier == "rules"]
    if response is not None and response.weight is None:
        limits.append(f"answers were not weighed to stand for everybody: {response.why}.")
    if told["today"] is not None and told["today"]["beyond"]:
        worst = told["today"]["beyond"][0]
        limits.append(
            f"{worst['share']:.0%} of today's customers lie beyond what the answers show of "
            f"{worst['label']}: about them the model says what it says at the edge of what it has seen."
        )
    if told["segment_mean"] is None and len(fitted.tested.rows):
        limits.append("there are no orders, so there is no comparison with the mean of a segment.")
    return limits


def plots_of(learned: Mapping[str, Learned], given: Given, *, simulated: bool) -> dict[str, bytes]:
    """Return the card's pictures by file name, PNG."""
    plots = {}
    for name, one in learned.items():
        fitted, held = one.fitted, held_out(one.fitted, given, 0.5)
        if held is None:
            continue
        y, p = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
        title = f"{name}{' (simulated)' if simulated else ''}"
        plots[f"{name}.calibration.png"] = calibration_plot(y, p, title)
        plots[f"{name}.gains.png"] = gains_plot(y, p, fitted.tested.p["rules"], title, "the dissatisfied")
        if len(given.scores) > 2:
            plots[f"{name}.distribution.png"] = distribution_plot(distribution_of(held), title)
            plots[f"{name}.scores.png"] = scores_plot(held.expected["model"], held.score, title)
    return plots
