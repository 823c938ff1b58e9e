"""Training segments: cut points of today's customers, clusters where there are any, judged by who buys next.

Rules are always published, also with grade C, from the first customer with a purchase on.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Population, Text, Variant
from app.capabilities.segment import read_rules
from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import NAT, Array
from app.features.compute import columns_of
from app.features.library import LIBRARY
from app.features.schema import FeatureSet
from app.features.view import View
from training.churn_rows import seen_by
from training.cluster_inputs import AXES, look_for_clusters
from training.run import Run, Trained
from training.segment_backtest import Backtest, Seen, backtest, inputs_of
from training.segment_plots import cluster_profile, rfm_heat_map
from training.segment_report import Told, card_of
from training.segment_text import markdown
from training.segmenting import Wanted, fit_rules
from training.snapshots import cut_times
from training.tables.objectives import SegmentObjective
from training.variant_entry import feature_entries, histograms

VARIANTS: Final = ("full", "summary")
HORIZON_DAYS: Final = 90


def train_segment(run: Run) -> Trained:
    """Fit and judge the segments of one business.

    Raises
    ------
    TableError
        There are no orders, or nobody who may be profiled has a purchase.
    """
    if not run.tables.has("orders"):
        raise TableError("segments need the table orders", table="orders", remedy="map orders under tables")
    objective = run.business.objectives.segment or SegmentObjective()
    horizon = horizon_of(run, objective)
    cuts = _cuts(run, horizon)
    told = [_fitted(run, variant, objective, horizon, cuts) for variant in VARIANTS]
    draft = ManifestDraft(
        capability="segment",
        business=run.entry,
        label=Label(
            definition="rfm",
            text=Text(
                en="who the customer is by recency, frequency and value, among the others",
                zh_cn="按最近购买、购买频次与消费金额划分的客户分群",
            ),
        ),
        variants=tuple(_entry(one) for one in told),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    plots = {name: content for one in told for name, content in _plots(one, run).items()}
    card = card_of(draft, told, horizon, run.tables)
    return Trained(
        draft=draft,
        files={},
        features={one.name: _features(one) for one in told},
        card=card,
        plots=plots,
        markdown=markdown(card, tuple(sorted(plots))),
    )


def horizon_of(run: Run, objective: SegmentObjective) -> int:
    """Return over how many days segments must tell who buys: as asked for, else churn's, else 90."""
    if objective.horizon_days is not None:
        return objective.horizon_days
    churn = run.business.objectives.churn
    return HORIZON_DAYS if churn is None else churn.horizon_days


def seen_at(run: Run, variant: str, at: int) -> Seen:
    """Return the customers with a purchase at a time who may be profiled, then and today."""
    history, defaults = run.history, run.business.consent_defaults
    when, today = np.full(history.size, at), np.full(history.size, run.as_of)
    allowed = granted(history, "profiling", when, defaults) & granted(history, "profiling", today, defaults)
    needed = frozenset(inputs_of(variant)) | {
        name for name in AXES if name.startswith("summary.") == (variant == "summary")
    }
    columns = columns_of(seen_by(variant, View(history, when, defaults)), needed)
    silence, orders = (columns[name] for name in inputs_of(variant)[:2])
    rows = np.flatnonzero(allowed & (orders > 0) & (silence >= 0))
    return Seen(rows, {name: column[rows] for name, column in columns.items()})


def _cuts(run: Run, horizon_days: int) -> tuple[int, ...]:
    """Return the cut-offs with a complete horizon, newest first."""
    times = run.history.tables["orders"]["ordered_at"]
    if not len(times):
        return ()
    latest = run.as_of if run.tables.latest == NAT else min(run.as_of, run.tables.latest)
    return cut_times(int(times.min()), latest, horizon_days)


def _fitted(
    run: Run, variant: str, objective: SegmentObjective, horizon_days: int, cuts: tuple[int, ...]
) -> Told:
    """Return one variant, fitted to today's customers and judged on those of the past."""
    seen = seen_at(run, variant, run.as_of)
    if not len(seen.customer):
        raise TableError(
            "nobody who may be profiled has a purchase",
            table="orders",
            remedy="bring orders that are neither cancelled, pending nor given back",
        )
    wanted = Wanted(
        share_a=objective.value_a,
        share_b=objective.value_b,
        share_frequent=objective.frequent,
        at_risk_after=objective.at_risk_after,
        dormant_after=objective.dormant_after,
        lost_after=objective.lost_after,
    )
    run.progress(f"{variant}: cut points of {len(seen.customer)} customers, and the search for clusters")
    grouped = look_for_clusters(seen.columns, run.seed)
    settings = {**fit_rules(seen.bought(inputs_of(variant)), wanted), "clusters": grouped.settings}
    run.progress(f"{variant}: buying rates at past cut-offs")
    tested = backtest(run, variant, wanted, horizon_days, cuts, cache(lambda cut: seen_at(run, variant, cut)))
    return Told(variant, settings, grouped, tested, seen)


def _features(told: Told) -> FeatureSet:
    """Return the inputs of a variant: those of the rules, then those of published clusters."""
    axes: Any = () if told.settings["clusters"] is None else told.grouped.inputs
    names = dict.fromkeys([*inputs_of(told.name), *axes])
    return FeatureSet(tuple(LIBRARY[name] for name in names))


def _matrix(told: Told) -> Array:
    return _features(told).matrix(told.seen.columns, len(told.seen.customer))


def _entry(told: Told) -> Variant:
    """Return the manifest's entry of a variant."""
    features, tested = _features(told), told.backtest
    return Variant(
        name=told.name,
        features=feature_entries(features, {}),
        schema_hash=features.schema_hash,
        populations=(
            Population(
                name="all",
                tier="rules",
                grade=tested.verdict.grade,
                estimator=None,
                baseline=tested.verdict.baseline,
                metrics=dict(tested.metrics),
                counts=_counts(tested, len(told.seen.customer)),
            ),
        ),
        reference_histograms=histograms(features, _matrix(told)),
        settings=dict(told.settings),
    )


def _counts(tested: Backtest, eligible: int) -> dict[str, int]:
    return {
        "tested_rows": len(tested.y),
        "tested_positives": int(tested.y.sum()),
        "trained_rows": tested.learned,
        "trained_positives": tested.learned_positives,
        "eligible_now": eligible,
    }


def _plots(told: Told, run: Run) -> dict[str, bytes]:
    """Return the pictures of a variant by file name, PNG."""
    title = f"{told.name}{' (simulated)' if run.business.simulated else ''}"
    rules = read_rules(told.settings, _features(told).positions)
    recency, frequency, _ = rules.scores(_matrix(told))
    plots = {f"{told.name}.rfm.png": rfm_heat_map(recency, frequency, title)}
    clusters = told.settings["clusters"]
    if clusters is not None:
        plots[f"{told.name}.clusters.png"] = cluster_profile(
            np.array(clusters["centroids"]), clusters["names"], clusters["inputs"], title
        )
    return plots
