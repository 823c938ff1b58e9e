"""Training customer lifetime value: what everybody who ever bought will spend within the horizon.

The label is the net revenue of the purchase days within the horizon. The rule is a mean by the best simple
feature, the statistical rung the forecast of orders times the value of an order, and the highest rung trees
that adjust it; they are judged out of time. Margin, discounting, ranges and tiers are applied to what wins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text, Variant
from app.capabilities.clv import CLV
from app.domain.errors import TableError
from app.domain.history import Array
from app.estimators.base import trained_moment
from app.estimators.forecast_file import write_forecast
from app.serving.loading import load_draft
from training.purchase_days import purchase_days
from training.purchasing import Ground, buyers_data, ground_of, refuse_leaks, told_settings, windows_of
from training.ranges import range_factors, range_levels, spread_of
from training.run import Run, Trained
from training.snapshots import by_cut
from training.tables.objectives import ClvObjective
from training.value_ladder import RULES, VALUE
from training.value_report import ValueLearned, clv_card, clv_plots
from training.value_text import markdown
from training.variant_entry import variant_entry
from training.variants import Footing, file_name, fit_variant


@dataclass(frozen=True, slots=True)
class _Built:
    """One variant, fitted, with the settings that turn revenue into value."""

    learned: ValueLearned
    settings: dict[str, Any]
    files: dict[str, bytes]
    forecast: str | None


def train_clv(run: Run) -> Trained:
    """Train customer lifetime value for one business.

    Raises
    ------
    TableError
        There are no orders or no money, or nobody has bought early enough.
    PublicationError
        A tripwire caught a leak.
    """
    objective = run.business.objectives.clv or ClvObjective()
    ground = ground_of(run, objective.horizon_days, capability="clv")
    _refuse_without_money(ground)
    built = {name: _build(ground, name, objective) for name in ground.question.variants()}
    draft = _draft(run, objective, ground, built)
    files = {name: content for one in built.values() for name, content in one.files.items()}
    predicted = _predicted(draft, files, built)
    tiers = {name: _tiers(one, predicted[name], objective) for name, one in built.items()}
    draft = draft.model_copy(
        update={
            "variants": tuple(
                variant.model_copy(update={"settings": {**variant.settings, "tiers": tiers[variant.name]}})
                for variant in draft.variants
            )
        }
    )
    days = purchase_days(run.history, run.as_of, run.business.consent_defaults)
    learned = {name: one.learned for name, one in built.items()}
    card = clv_card(draft, learned, objective, run.tables, predicted)
    plots = clv_plots(learned, days, simulated=run.business.simulated)
    return Trained(
        draft,
        files,
        {name: one.fitted.data.features for name, one in learned.items()},
        card,
        markdown(card, tuple(sorted(plots))),
        plots,
    )


def _refuse_without_money(ground: Ground) -> None:
    spend = ground.examples["full"].spend
    if not len(spend) or float(spend.sum()) <= 0:
        raise TableError(
            "no order has a value above zero, so there is no value to predict",
            table="orders",
            column="revenue",
            remedy="map orders.revenue, or leave objectives.clv out: the other objectives need no money",
        )


def _build(ground: Ground, variant: str, objective: ClvObjective) -> _Built:
    """Return one variant, fitted and judged, with its ranges."""
    run, question, examples, now = ground.run, ground.question, ground.examples[variant], ground.now[variant]
    features = ground.features(variant, "spend")
    data = buyers_data(features, variant, examples, examples.spend, RULES)
    any_spend = (data.y > 0).astype(np.float64)
    splits = by_cut(examples.cut, any_spend, data.customer, data.X, question.horizon_days, run.seed)
    refuse_leaks(question, variant, replace(data, y=any_spend), splits, examples)
    standing = ground.standing(variant, features, "spend", objective.horizon_days)
    X = features.matrix(now.columns, now.size)
    footing = Footing(standing, run.as_of, X, now.population)
    fitted = fit_variant(variant, data, splits, run.seed, run.progress, footing, VALUE)
    files = dict(fitted.files)
    settings: dict[str, Any] = {"tiers": {"A": 0.0, "B": 0.0, "historic_A": 0.0}}
    forecast = None
    if fitted.stand is None:
        settings["range"] = {"factors": range_factors(fitted, objective.interval_level)}
    else:
        forecast = file_name(variant, "forecast")
        files[forecast] = write_forecast(fitted.stand.forecast)
        spread = spread_of(fitted.stand.forecast, X[now.population >= 0], run.seed)
        settings["range"] = {
            "spread": list(spread),
            "levels": range_levels(fitted, spread, objective.interval_level),
        }
    learned = ValueLearned(
        fitted,
        X,
        now.population,
        windows_of(question, examples.cut[splits.final]),
        ground.outlook(run.as_of, objective.horizon_days),
        question.horizon_days,
        examples.cut,
        settings["range"],
    )
    return _Built(learned, settings, files, forecast)


def _draft(run: Run, objective: ClvObjective, ground: Ground, built: dict[str, _Built]) -> ManifestDraft:
    variants = []
    for one in built.values():
        entry: Variant = variant_entry(
            one.learned.fitted,
            one.learned.X,
            one.learned.population,
            run.attribute_labels,
            lambda _: {},
        )
        variants.append(entry.model_copy(update={"settings": one.settings, "forecast": one.forecast}))
    days = objective.horizon_days
    return ManifestDraft(
        capability="clv",
        business=run.entry,
        label=Label(
            definition="net_revenue",
            horizon_days=days,
            text=Text(en=f"net revenue of the next {days} days", zh_cn=f"未来 {days} 天的净收入"),
        ),
        settings={
            "gone_after_days": ground.question.objective.gone_after_days,
            "currency": run.business.currency,
            **told_settings(ground.question.horizon_days, built["full"].learned.outlook, "spend"),
            "margin": objective.margin,
            "discount_rate": objective.discount_rate,
            "interval_level": objective.interval_level,
        },
        variants=tuple(variants),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )


def _predicted(
    draft: ManifestDraft, files: dict[str, bytes], built: dict[str, _Built]
) -> dict[str, dict[str, Array]]:
    """Return what the very code that serves says of today's customers, by variant."""
    loaded = load_draft(draft, files)
    return {
        name: dict(CLV.predict(loaded.models[name], one.learned.X, trained_moment(len(one.learned.X))))
        for name, one in built.items()
    }


def _tiers(built: _Built, predicted: dict[str, Array], objective: ClvObjective) -> dict[str, float]:
    """Return the lowest predicted values of A and B, and the historic value from which one is high."""
    own = built.learned.population >= 0
    value, historic = predicted["predicted_value"][own], predicted["historic_value"][own]
    return {
        "A": cumulative_cut(value, objective.tier_a),
        "B": cumulative_cut(value, objective.tier_a + objective.tier_b),
        "historic_A": cumulative_cut(historic, objective.tier_a),
    }


def cumulative_cut(value: Array, share: float) -> float:
    """Return the lowest value of the largest ones that together hold a share of the sum; 0 without any."""
    known = np.sort(np.maximum(value[np.isfinite(value)], 0.0))[::-1]
    if not len(known) or float(known.sum()) <= 0:
        return 0.0
    held = np.cumsum(known) / known.sum()
    return float(known[min(int((held < share - 1e-12).sum()), len(known) - 1)])
