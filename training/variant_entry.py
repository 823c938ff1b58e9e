"""What the manifest says of a fitted variant: who answers for whom, from which files, how well, and drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from app.artifacts.manifest import (
    Elsewhere,
    EstimatorEntry,
    FeatureEntry,
    ForecastEntry,
    Histogram,
    Population,
    Text,
    Tier,
    Variant,
)
from app.domain.history import Array
from app.features.schema import ATTRIBUTE_PREFIX, FeatureSet
from training.variants import Fitted, file_name, published_rung

REFERENCE_STEPS: Final = 200
HISTOGRAM_BINS: Final = 10


def _entry(fitted: Fitted, index: int, tier: Tier) -> EstimatorEntry:
    """Return where the manifest finds a population's rung of a tier."""
    rung, variant = fitted.ladder.rungs[tier], fitted.name
    calibration = rung.calibrations[index]
    if not rung.entries:
        kinds = {"rules": "rates", "statistical": "linear", "ml": "trees"}
        population = fitted.chosen[index].name
        is_rule = tier == "rules"
        return EstimatorEntry(
            kind=kinds[tier],  # type: ignore[arg-type]
            file=f"{variant}.rules.{population}.json" if is_rule else file_name(variant, tier),
            intercept=calibration.intercept,
            slope=calibration.slope,
        )
    composed = rung.entries[index]
    file, quantity = file_name(variant, "forecast"), composed.stand.quantity
    if composed.trees is None:
        return EstimatorEntry(
            kind="btyd",
            file=file,
            intercept=calibration.intercept,
            slope=composed.weight,
            quantity=quantity,
        )
    return EstimatorEntry(
        kind="trees",
        file=file_name(variant, tier),
        intercept=calibration.intercept,
        slope=composed.trees_weight,
        forecast=ForecastEntry(file=file, quantity=quantity, weight=composed.weight),
    )


def _elsewhere(fitted: Fitted, index: int) -> Elsewhere | None:
    """Return the statistical rung that answers for other horizons, where trees answer for the trained one."""
    chosen = fitted.chosen[index]
    verdict = chosen.verdicts.get("statistical")
    rung = fitted.ladder.rungs.get("statistical")
    if chosen.tier != "ml" or rung is None or not rung.entries or verdict is None or verdict.grade == "C":
        return None
    return Elsewhere(
        tier="statistical",
        grade=verdict.grade,
        estimator=_entry(fitted, index, "statistical"),
        baseline=verdict.baseline,
    )


def variant_entry(
    fitted: Fitted,
    reference_X: Array,
    reference_population: Array,
    labels: Mapping[str, Text],
    cut_points: Callable[[Array], dict[str, float]],
) -> Variant:
    """Return the manifest's entry of a variant.

    Parameters
    ----------
    reference_X, reference_population : ndarray, shapes (N, F) and (N,)
        The customers of today, for percentiles, cut points and drift; population -1 is not eligible.
    labels : mapping
        Labels of the declared attributes.
    cut_points : callable
        From the answers of a reference population, shape (n,), to its thresholds.
    """
    populations = []
    final = fitted.splits.final
    for k, one in enumerate(fitted.chosen):
        rung = published_rung(fitted, k)
        own = reference_X[reference_population == k]
        answers = fitted.target.link(rung.margin(own, np.full(len(own), k)))
        steps = np.linspace(0, 1, REFERENCE_STEPS + 1)
        y = fitted.data.y[fitted.tested.rows[one.rows]]
        learned = fitted.data.y[final][fitted.data.population[final] == k]
        populations.append(
            Population(
                name=one.name,
                tier=one.tier,
                grade=one.verdict.grade,
                estimator=_entry(fitted, k, one.tier),
                baseline=one.verdict.baseline,
                metrics=dict(one.metrics),
                counts={
                    "tested_rows": len(y),
                    "tested_positives": int(y.sum()),
                    "trained_rows": len(learned),
                    "trained_positives": int(learned.sum()),
                    "eligible_now": len(own),
                },
                thresholds=cut_points(answers),
                # Interpolation may fall by the last bit, which the service would refuse.
                reference=tuple(np.maximum.accumulate(np.quantile(answers, steps)).tolist())
                if len(own)
                else (),
                elsewhere=_elsewhere(fitted, k),
            )
        )
    eligible = reference_X[reference_population >= 0]
    return Variant(
        name=fitted.name,
        features=feature_entries(fitted.data.features, labels),
        schema_hash=fitted.data.features.schema_hash,
        populations=tuple(populations),
        reference_histograms=histograms(fitted.data.features, eligible),
    )


def feature_entries(features: FeatureSet, labels: Mapping[str, Text]) -> tuple[FeatureEntry, ...]:
    """Return the inputs as the manifest lists them; ``labels`` are those of the declared attributes."""
    return tuple(
        FeatureEntry(
            name=feature.name,
            version=feature.version,
            kind=feature.kind,
            unit=feature.unit,
            low=feature.low if np.isfinite(feature.low) else None,
            high=feature.high if np.isfinite(feature.high) else None,
            table=feature.table,
            vocabulary=features.vocabularies.get(feature.name, ()),
            label=labels.get(feature.name.removeprefix(ATTRIBUTE_PREFIX))
            if feature.name.startswith(ATTRIBUTE_PREFIX)
            else None,
        )
        for feature in features.features
    )


def histograms(features: FeatureSet, X: Array) -> dict[str, Histogram]:
    """Return each input's reference distribution, for drift; words by code."""
    answer = {}
    for j, feature in enumerate(features.features):
        known = X[~np.isnan(X[:, j]), j]
        if not len(known):
            continue
        if feature.kind == "category":
            edges = np.arange(1, len(features.vocabularies[feature.name])) - 0.5
        else:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, HISTOGRAM_BINS + 1)[1:-1]))
        counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
        answer[feature.name] = Histogram(
            edges=tuple(edges.tolist()),
            shares=tuple((counts / len(known)).tolist()),
            missing=1 - len(known) / len(X),
        )
    return answer
