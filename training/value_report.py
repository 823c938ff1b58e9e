"""The model cards of purchase and of customer lifetime value, as documents, and their pictures.

Everything in them comes from held-out rows unless it says otherwise; ``training.value_text`` puts it in
words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import ManifestDraft
from app.domain.history import Array
from app.estimators.base import trained_moment
from app.estimators.forecast import Forecast
from training.evaluation import calibration_table
from training.forecasting import Outlook
from training.plots import calibration_plot
from training.purchase_days import PurchaseDays
from training.purchasing import Learned
from training.ranges import Window, tested_spending
from training.report import drivers_of, iso, population_of
from training.tables import Tables
from training.tables.objectives import ClvObjective
from training.value_metrics import decile_error, level, normalised_gini
from training.value_plots import decile_plot, tracking_plot
from training.variants import Fitted

TRACKING_POINTS: Final = 27

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ValueLearned:
    """One variant of what is learned of value: the fit, today's customers, its sources, the range."""

    fitted: Fitted
    X: Array
    population: Array
    windows: Mapping[str, str | int]
    outlook: Outlook | None
    learned_days: int
    cut: Array
    range: Mapping[str, Any]


def clv_card(
    draft: ManifestDraft,
    learned: Mapping[str, ValueLearned],
    objective: ClvObjective,
    tables: Tables,
    predicted: Mapping[str, Mapping[str, Array]],
) -> Told:
    """Return the card of customer lifetime value.

    ``predicted`` holds what the served code says of today's customers, by variant.
    """
    card = _head(draft, tables)
    card["goal"] |= {
        "margin": objective.margin,
        "discount_rate": objective.discount_rate,
        "interval_level": objective.interval_level,
        "currency": draft.business.currency,
    }
    card["variants"] = [
        {
            **_variant(one, draft),
            "backtests": [_value_origin(one.fitted, k, draft) for k in range(len(one.fitted.tested.stands))],
            "deciles": _deciles(one.fitted),
            "coverage": _coverage(one),
            "totals_today": _totals(one, predicted[name]),
        }
        for name, one in learned.items()
    ]
    card["limits"] = _limits(draft, learned)
    return card


def purchase_card(
    draft: ManifestDraft, learned: Mapping[str, Learned], windows: Mapping[str, Window], tables: Tables
) -> Told:
    """Return the card of purchase."""
    card = _head(draft, tables)
    card["variants"] = [
        {
            **_variant(one, draft),
            "backtests": [_any_origin(one.fitted, k, draft) for k in range(len(one.fitted.tested.stands))],
            "calibration": _calibration(one.fitted),
            "window": asdict(windows[name]),
        }
        for name, one in learned.items()
    ]
    card["limits"] = _limits(draft, learned)
    return card


def _head(draft: ManifestDraft, tables: Tables) -> Told:
    return {
        "capability": draft.capability,
        "business": draft.business.name,
        "simulated": draft.business.simulated,
        "goal": {
            "predicts": draft.label.text.model_dump(by_alias=True),
            "definition": draft.label.definition,
            "horizon_days": draft.label.horizon_days,
        },
        "population": (
            "everybody with a purchase, in three kinds: two order days or more, one order day, and silent "
            f"for more than {draft.settings['gone_after_days']} days; who denied profiling is left out"
        ),
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "rows": dict(tables.counts)},
        "seed": draft.seed,
        "git_commit": draft.git_commit,
        "libraries": draft.libraries,
    }


def _variant(learned: Learned | ValueLearned, draft: ManifestDraft) -> Told:
    """Return what the cards of both capabilities say of a variant."""
    fitted = learned.fitted
    return {
        "name": fitted.name,
        "protocol": fitted.splits.protocol,
        "windows": dict(learned.windows),
        "learned_days": learned.learned_days,
        "chosen": {tier: rung.choice for tier, rung in fitted.ladder.rungs.items()},
        "populations": [population_of(fitted, k, draft) for k in range(len(fitted.chosen))],
        "forecast": _forecast(learned),
        "drivers": drivers_of(fitted),
        "features": list(fitted.data.features.names),
    }


def _forecast(learned: Learned | ValueLearned) -> Told | None:
    """Return what the forecast is made of, and what its clock rests on."""
    stand, outlook = learned.fitted.stand, learned.outlook
    if stand is None or outlook is None:
        return None
    forecast, season = stand.forecast, outlook.seasons[stand.quantity]
    return {
        "model": outlook.kinds[stand.quantity],
        "parameters": _numbers(forecast.transactions),
        "value": None if forecast.value is None else _numbers(forecast.value),
        "value_of": forecast.value_of,
        "value_level": forecast.value_level,
        "windows": outlook.windows,
        "season": {
            "basis": season.basis,
            "ratio": season.ratio,
            "weight": season.weight,
            "origins": season.origins,
            "model_days_in_horizon": float(forecast.days(trained_moment(1))[0]),
        },
    }


def _numbers(parameters: Any) -> dict[str, float]:
    return {field.name: float(getattr(parameters, field.name)) for field in fields(parameters)}


def _origin(fitted: Fitted, number: int, draft: ManifestDraft) -> Told:
    split = fitted.splits.backtests[number]
    return {
        "origin": None if split.origin is None else iso(split.origin, draft.business.timezone),
        "trained_rows": len(split.train),
        "tested_rows": int((fitted.tested.origin == number).sum()),
    }


def _at(fitted: Fitted, number: int) -> tuple[Array, Array, Array]:
    """Return labels, answers and the rule's answers of one origin."""
    rows = fitted.tested.origin == number
    y = fitted.data.y[fitted.tested.rows[rows]]
    return y, fitted.tested_answer()[rows], fitted.tested.p["rules"][rows]


def _value_origin(fitted: Fitted, number: int, draft: ManifestDraft) -> Told:
    y, told, rule = _at(fitted, number)
    return _origin(fitted, number, draft) | {
        "gini": _plain(normalised_gini(y, told)),
        "rule_gini": _plain(normalised_gini(y, rule)),
        "level": _plain(level(y, told)),
        "rule_level": _plain(level(y, rule)),
        "decile_error": _plain(decile_error(y, told)),
        "rule_decile_error": _plain(decile_error(y, rule)),
    }


def _any_origin(fitted: Fitted, number: int, draft: ManifestDraft) -> Told:
    y, told, _ = _at(fitted, number)
    return _origin(fitted, number, draft) | {
        "predicted": _plain(1.0 - float(told.mean())) if len(told) else None,
        "observed": _plain(1.0 - float(y.mean())) if len(y) else None,
    }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _deciles(fitted: Fitted) -> list[dict[str, float]]:
    """Return the mean forecast and outcome in tenths of the held-out rows, the most valuable first."""
    y, told = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    if not len(y):
        return []
    parts = np.array_split(np.argsort(-told, kind="stable"), 10)
    return [
        {"rows": len(part), "predicted": float(told[part].mean()), "actual": float(y[part].mean())}
        for part in parts
        if len(part)
    ]


def _coverage(learned: ValueLearned) -> list[Told]:
    """Return which shares of held-out customers ended above and below their range, by population.

    The ends were set on the same customers, and moved out by how much their origins differ.
    """
    if "spread" not in learned.range:
        return []
    fitted = learned.fitted
    reached = tested_spending(fitted, learned.range["spread"])
    population = fitted.data.population[fitted.tested.rows[reached.rows]]
    answer = []
    for k, chosen in enumerate(fitted.chosen):
        own = reached.take(population == k)
        if len(own.rows):
            low, high = learned.range["levels"][k]
            answer.append(
                {
                    "population": chosen.name,
                    "rows": len(own.rows),
                    "above": float((own.above() > high).mean()),
                    "below": float((own.below() < low).mean()),
                }
            )
    return answer


def _totals(learned: ValueLearned, predicted: Mapping[str, Array]) -> dict[str, float]:
    """Return sums over today's customers."""
    own = learned.population >= 0
    return {
        "customers": int(own.sum()),
        "historic_value": float(np.nansum(predicted["historic_value"][own])),
        "predicted_value": float(np.nansum(predicted["predicted_value"][own])),
        "expected_orders": float(np.nansum(predicted["expected_orders"][own])),
    }


def _calibration(fitted: Fitted) -> list[dict[str, float]]:
    """Return ten equal-count bins of P(any order), predicted and observed."""
    y, told = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    return [asdict(bin_) for bin_ in calibration_table(1.0 - y, 1.0 - told)] if len(y) else []


def _limits(draft: ManifestDraft, learned: Mapping[str, Learned | ValueLearned]) -> list[str]:
    """Return what a reader must not conclude."""
    limits = [
        "A driver is what the model looks at, not a cause: changing it need not change the customer.",
        "New customers are not forecast: what is told is of those who have bought already.",
        "Returns are netted per customer and day; a return on another day is not forecast.",
    ]
    if draft.business.simulated:
        limits.insert(0, "Every number here is simulated: it shows how the method works, not how good it is.")
    for name, one in learned.items():
        if one.learned_days != draft.label.horizon_days:
            limits.append(
                f"{name}: the history is too short for {draft.label.horizon_days} days; learned and judged "
                f"over {one.learned_days} days, carried further by the forecast."
            )
        if one.outlook is None:
            limits.append(f"{name}: too few customers or repeat orders for a forecast; the rule answers.")
        elif one.fitted.stand is not None:
            limits.append(f"{name}: {_season_limit(one.outlook, one.fitted.stand.quantity)}")
    return limits


def _season_limit(outlook: Outlook, quantity: Any) -> str:
    season = outlook.seasons[quantity]
    if season.basis == "year_ago":
        count = season.origins
        tested = f"{count} past origin{'s' * (count != 1)} could test that a year ago tells this year"
        return f"the season is that of a year ago, believed to {season.weight:.0%}; {tested}."
    if season.basis == "recent":
        return (
            "less than a year and a quarter of history: the season is not known; the level is that of the "
            f"latest complete window, believed to {season.weight:.0%}."
        )
    return "the history is too short to know a season or to correct the level."


def clv_plots(
    learned: Mapping[str, ValueLearned], days: PurchaseDays, *, simulated: bool
) -> dict[str, bytes]:
    """Return the pictures of customer lifetime value: deciles, and orders tracked from the newest origin."""
    plots = {}
    for name, one in learned.items():
        title = f"{name}{' (simulated)' if simulated else ''}"
        deciles = _deciles(one.fitted)
        if deciles:
            plots[f"{name}.deciles.png"] = decile_plot(deciles, title)
        plots |= _tracking(name, one.fitted, days, title)
    return plots


def purchase_plots(
    learned: Mapping[str, Learned], days: PurchaseDays, horizon: int, *, simulated: bool
) -> dict[str, bytes]:
    """Return the pictures of purchase: calibration, and orders tracked from the newest origin."""
    plots = {}
    for name, one in learned.items():
        title = f"{name}, an order within {horizon} days{' (simulated)' if simulated else ''}"
        y, told = one.fitted.data.y[one.fitted.tested.rows], one.fitted.tested_answer()
        if len(y):
            plots[f"{name}.calibration.png"] = calibration_plot(1.0 - y, 1.0 - told, title)
        plots |= _tracking(name, one.fitted, days, f"{name}{' (simulated)' if simulated else ''}")
    return plots


def _tracking(name: str, fitted: Fitted, days: PurchaseDays, title: str) -> dict[str, bytes]:
    """Return the picture of cumulative orders after the newest origin, expected and actual."""
    stands = fitted.tested.stands
    if not stands or stands[0] is None:
        return {}
    rows = fitted.tested.rows[fitted.tested.origin == 0]
    forecast, horizon = stands[0].forecast, stands[0].forecast.horizon_days
    grid = np.linspace(0.0, float(horizon), TRACKING_POINTS)
    expected = expected_by(forecast, fitted.data.X[rows], grid)
    today = days.today - horizon
    is_member = np.zeros(days.size, dtype=bool)
    is_member[fitted.data.customer[rows]] = True
    after = (days.day > today) & is_member[days.owner]
    actual = np.searchsorted(np.sort(days.day[after] - today), grid, side="right").astype(np.float64)
    return {f"{name}.tracking.png": tracking_plot(grid, expected, actual, title)}


def expected_by(forecast: Forecast, X: Array, grid: Array) -> Array:
    """Return the orders that are expected of all customers up to each day of a grid, shape (K,)."""
    known = forecast.statistics(X)
    passed = forecast.between(np.zeros(1), grid)
    total: Array = forecast.orders(known, np.broadcast_to(passed, (len(X), len(grid)))).sum(axis=0)
    return total
